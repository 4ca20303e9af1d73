"""The socket under the simulator: uvicorn in the caller's event loop, quick to start and to end, and quiet."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvicorn

from gateway.listening import Listener, accept_no_more, open_port, url_of

__all__ = ["LoopServer", "served"]

_LONGEST_SHUTDOWN = 2.0
_SHUTDOWN_STEP = 0.002


class LoopServer(Listener):
    """A listener without log lines and polling."""

    def __init__(self, app: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                # one protocol on every machine: what a client sees of a reset must not depend on what is installed
                http="h11",
                ws="none",
                lifespan="off",
                loop="none",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
            )
        )
        self._end = asyncio.Event()

    def end(self) -> None:
        """Stop serving."""
        self.should_exit = True
        self._end.set()

    async def main_loop(self) -> None:
        await self._end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close everything as soon as it is answered; uvicorn's own way takes a tenth of a second at least."""
        await accept_no_more(self.servers)
        for plug in sockets or []:
            plug.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        deadline = time.monotonic() + _LONGEST_SHUTDOWN
        while (state.connections or state.tasks) and time.monotonic() < deadline:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(_SHUTDOWN_STEP)
        for task in state.tasks:
            task.cancel()
        await self.cut()


@contextlib.asynccontextmanager
async def served(app: Callable[[Any, Any, Any], Awaitable[None]], *, port: int = 0) -> AsyncIterator[str]:
    """Serve an ASGI application on this machine while the block runs; gives its base URL, without a slash at the end.

    Raises `ConfigurationError` when the port is taken.
    """
    plug = open_port("127.0.0.1", port)
    number = plug.getsockname()[1]
    server = LoopServer(app)
    serving = asyncio.create_task(server.serve(sockets=[plug]))
    await server.ready.wait()
    try:
        yield url_of("127.0.0.1", number)
    finally:
        server.end()
        await serving
