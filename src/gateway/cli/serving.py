"""An ASGI application on a port of this machine, inside a command that does other things as well."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from typing import Any

import uvicorn

from gateway.ingress import ASGIApp
from gateway.listening import listening, open_port, url_of

__all__ = ["serving", "until_interrupted"]


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve while the block runs; gives the base URL, without a slash at the end. Port 0 picks a free one.

    Raises `ConfigurationError` when the port is taken.
    """
    plug = open_port(host, port)
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2
    )
    async with listening(config, plug):
        yield url_of(host, plug.getsockname()[1])


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
