"""A port of this machine with uvicorn on it: bound in our words, quiet, and leaving signals to whoever runs it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence

import uvicorn

from gateway.errors import ConfigurationError

__all__ = ["Listener", "accept_no_more", "listening", "open_port", "url_of"]

_WILDCARDS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound by default

_ROUNDS_TO_ACCEPT = 3
"""Rounds of the event loop until a connection that has come is known to its protocol: accept, task, callback."""


class Listener(uvicorn.Server):
    """uvicorn that leaves signals to the program around it, and says when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready: asyncio.Event = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what has come, within the configured time; then no connection is left open, however late it came."""
        await accept_no_more(self.servers)
        try:
            await super().shutdown(sockets)
        finally:
            await self.cut()

    async def cut(self) -> None:
        """Close the connections that did not end in time: uvicorn leaves them to the end of the process."""
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)  # a closed transport lets its socket go in the next round


async def accept_no_more(servers: Sequence[asyncio.Server]) -> None:
    """Close ports so that every connection that was accepted has its protocol, and can be asked to end.

    Python 3.11 forgets a connection whose server is closed while it is accepted: the client waits, the socket leaks.
    """
    loop = asyncio.get_running_loop()
    for server in servers:
        for plug in server.sockets:
            with contextlib.suppress(NotImplementedError):  # Windows' loop has no readers
                loop.remove_reader(plug)
    for _ in range(_ROUNDS_TO_ACCEPT):
        await asyncio.sleep(0)
    for server in servers:
        server.close()


@contextlib.asynccontextmanager
async def listening(config: uvicorn.Config, plug: socket.socket) -> AsyncIterator[None]:
    """Serve on a bound port while the block runs, and answer what has come before it is closed."""
    server = Listener(config)
    task = asyncio.create_task(server.serve(sockets=[plug]))
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        yield
    finally:
        ready.cancel()
        server.should_exit = True
        await task


def open_port(host: str, port: int) -> socket.socket:
    """Bind a port (0 picks a free one), so that its number is known before anything is served.

    Raises `ConfigurationError` when the port is taken or the host is not this machine's.
    """
    # named as TCP, for only then asyncio switches Nagle's algorithm off for connections: small pieces of a stream would
    # wait for acknowledgements that the other side holds back
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    plug = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # there the option would let two programs have the port
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        plug.bind((host, port))
    except OSError as error:
        plug.close()
        why = error.strerror or type(error).__name__
        hint = "choose another port, or 0 for a free one"
        raise ConfigurationError(f"cannot listen on {host} port {port}: {why}", hint=hint) from None
    plug.settimeout(0)
    return plug


def url_of(host: str, port: int) -> str:
    """Give the URL under which a bound address is reached from this machine, without a slash at the end."""
    name = _WILDCARDS.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
