"""Hints between processes: something was written, look again. Only hints: who misses one asks by itself, later.

They have a connection of their own, for the server sends them one transaction after the other: sent from inside the
transactions that write, they would make those wait for each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable

from gateway.log import logger
from gateway.store.postgresql.driver import Connection, connect, failing, find
from gateway.store.postgresql.place import Place

__all__ = ["Hints"]

_log = logger(__name__)

CHANNEL = "messaging_gateway"
GATHER = 0.01
"""Seconds in which hints are gathered into one."""
POLL = 1.0
"""Seconds after which who cannot listen looks by itself."""
AGAIN = 2.0
"""Seconds until a lost connection is made anew."""


class Hints:
    """Tells other processes of writes, and is told of theirs."""

    def __init__(self, place: Place, heard: Callable[[], None]) -> None:
        self._place = place
        self._heard = heard
        self._me = secrets.token_hex(8)
        self._news = asyncio.Event()
        self._begun = asyncio.Event()
        run = self._poll() if place.pooled else self._listen()
        self._task = asyncio.create_task(run, name="gateway store hints")

    async def begin(self) -> None:
        """Wait until it listens, or could not: what is written from then on is heard, or looked for."""
        await self._begun.wait()

    def tell(self) -> None:
        """Let the others know, soon."""
        self._news.set()

    async def close(self) -> None:
        """Stop."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _poll(self) -> None:
        """Behind a pooler nobody can listen: a connection is lent for one transaction only."""
        self._begun.set()
        while True:
            await asyncio.sleep(POLL)
            self._heard()

    async def _listen(self) -> None:
        while True:
            try:
                await self._session()
            except Exception as error:  # noqa: BLE001 - a border: without hints every process is late, and none says why
                _log.warning("store_hints_lost", error=type(error).__name__, code=getattr(error, "code", None))
                self._begun.set()
                self._heard()  # what was said meanwhile was not heard
                await asyncio.sleep(AGAIN)

    async def _session(self) -> None:
        connection = await connect(self._place)
        try:
            with failing():
                await connection.add_listener(CHANNEL, self._on_hint)
                if self._begun.is_set():
                    self._heard()
                self._begun.set()
                await self._pass_on(connection)
        finally:
            connection.terminate()

    async def _pass_on(self, connection: Connection) -> None:
        """Send a hint for all that was written in a moment; asks now and then whether the connection still stands."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5 * POLL):
                    await self._news.wait()
            if self._news.is_set():
                await asyncio.sleep(GATHER)
                self._news.clear()
                await find(connection, "send_hint", CHANNEL, self._me)
            else:
                await find(connection, "ask_back")

    def _on_hint(self, connection: Connection, pid: int, channel: str, sender: str) -> None:
        if sender != self._me:
            self._heard()
