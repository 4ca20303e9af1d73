"""A pooler in transaction mode, as PgBouncer is: each transaction of a client runs on another connection to the server.

What a client leaves behind on a connection (a prepared statement, a lock of the session, `listen`) is not there the
next time; to show that, turns are taken strictly, which a real pooler does only when it is busy.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import struct
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

__all__ = ["Pooler", "pooler"]

NAME = ".s.PGSQL.5432"
"""What PostgreSQL calls the socket in its folder."""
PROTOCOL = 196_608
"""The number that a client begins with; others ask for encryption, or for a query to be cancelled."""
CONNECTIONS = 2
"""To the server, for each client."""
READY, IDLE, TERMINATE = b"Z", b"I", b"X"


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read one message: its kind, and all of it."""
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!I", head[1:])
    return head[:1], head + await reader.readexactly(length - 4)


@dataclass(slots=True)
class _Client:
    """One client, and its connections to the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    servers: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)
    free: bool = True
    """No transaction is under way."""

    async def greet(self, folder: Path) -> bool:
        """Log in on all connections; the client sees one greeting."""
        head = await self.reader.readexactly(8)
        length, number = struct.unpack("!II", head)
        if number != PROTOCOL:
            return False
        start = head + await self.reader.readexactly(length - 8)
        for place in range(CONNECTIONS):
            reader, writer = await asyncio.open_unix_connection(str(folder / NAME))
            self.servers.append((reader, writer))
            writer.write(start)
            kind = b""
            while kind != READY:
                kind, message = await _message(reader)
                if place == 0:
                    self.writer.write(message)
        return True

    async def answer(self, reader: asyncio.StreamReader) -> None:
        """Pass on what one connection answers."""
        while True:
            kind, message = await _message(reader)
            if kind == READY:
                self.free = message[5:6] == IDLE
            self.writer.write(message)


@dataclass(slots=True)
class Pooler:
    """Where it listens, and how much it has done."""

    folder: Path
    _server: Path
    transactions: int = 0

    def url(self, url: str) -> str:
        """Give a URL of the server as one that goes through here."""
        return url.replace(quote(str(self._server), safe=""), quote(str(self.folder), safe=""))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it or the server hangs up."""
        client = _Client(reader, writer)
        answering: list[asyncio.Task[None]] = []
        try:
            if not await client.greet(self._server):
                return
            answering = [asyncio.create_task(client.answer(server)) for server, _ in client.servers]
            passing = asyncio.create_task(self._pass_on(client))
            answering.append(passing)
            await asyncio.wait(answering, return_when=asyncio.FIRST_COMPLETED)
        except (OSError, asyncio.IncompleteReadError):
            pass  # somebody hung up
        finally:
            for task in answering:
                task.cancel()
            await asyncio.gather(*answering, return_exceptions=True)
            for end in (writer, *(server for _, server in client.servers)):
                end.close()

    async def _pass_on(self, client: _Client) -> None:
        turn = 0
        while True:
            kind, message = await _message(client.reader)
            if kind == TERMINATE:
                return
            if client.free:
                turn, client.free = turn + 1, False
                self.transactions += 1
            client.servers[turn % CONNECTIONS][1].write(message)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Lend a folder whose name is short: a socket's path may have about a hundred characters."""
    folder = Path(tempfile.mkdtemp(prefix="gwpool"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def pooler(server: Path) -> AsyncIterator[Pooler]:
    """Stand before the server whose socket is in a folder."""
    with _folder() as folder:
        made = Pooler(folder, server)
        clients: set[asyncio.Task[None]] = set()

        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(made.serve(reader, writer))
            clients.add(task)
            task.add_done_callback(clients.discard)

        listening = await asyncio.start_unix_server(serve, str(folder / NAME))
        try:
            yield made
        finally:
            listening.close()
            for task in [*clients]:
                task.cancel()
            await asyncio.gather(*clients, return_exceptions=True)
