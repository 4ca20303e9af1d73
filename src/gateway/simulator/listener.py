"""The socket under the simulator: uvicorn in the caller's event loop, quick to start and to end, and quiet."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import uvicorn

from gateway.errors import ConfigurationError

__all__ = ["LoopServer", "open_port", "url_of"]

_WILDCARDS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised, not bound by default
_LONGEST_SHUTDOWN = 2.0
_SHUTDOWN_STEP = 0.002


class LoopServer(uvicorn.Server):
    """uvicorn without its own signal handlers, log lines and polling."""

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
        self.ready: asyncio.Event = asyncio.Event()
        self._end = asyncio.Event()

    def end(self) -> None:
        """Stop serving."""
        self.should_exit = True
        self._end.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        self.ready.set()
        await self._end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close everything as soon as it is answered; uvicorn's own way takes a tenth of a second at least."""
        for listener in self.servers:
            listener.close()
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


def open_port(host: str, port: int) -> socket.socket:
    """Bind a port, so that its number is known before anything is served; raises `ConfigurationError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    plug = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        plug.bind((host, port))
    except OSError as error:
        plug.close()
        raise ConfigurationError(
            f"cannot listen on {host} port {port}: {error.strerror}", hint="choose another port, or 0 for a free one"
        ) from error
    plug.settimeout(0)
    return plug


def url_of(host: str, port: int) -> str:
    """Give the URL under which a bound address is reached from this machine."""
    name = _WILDCARDS.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
