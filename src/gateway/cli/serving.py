"""An ASGI application on a port of this machine, inside a command that does other things as well."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn

from gateway.errors import ConfigurationError
from gateway.ingress import ASGIApp

__all__ = ["serving", "until_interrupted"]


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to the command, and says when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve while the block runs; gives the base URL, without a slash at the end. Port 0 picks a free one.

    Raises `ConfigurationError` when the port is taken.
    """
    plug = _bound(host, port)
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[plug]))
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        yield _url(host, plug.getsockname()[1])
    finally:
        ready.cancel()
        server.should_exit = True
        await task


def _bound(host: str, port: int) -> socket.socket:
    """Bind first, so that the number is known and a taken port is said in our words."""
    plug = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there the option would let two programs have the port
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        plug.bind((host, port))
    except OSError as error:
        plug.close()
        why = error.strerror or type(error).__name__
        hint = "choose another port, or 0 for a free one"
        raise ConfigurationError(f"cannot listen on {host} port {port}: {why}", hint=hint) from None
    return plug


def _url(host: str, port: int) -> str:
    name = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - recognised only
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


async def until_interrupted() -> None:
    """Wait for Ctrl-C or SIGTERM, which from here on mean that all is well and it is time to go."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask(*_: Any) -> None:
        loop.call_soon_threadsafe(stop.set)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        await stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
