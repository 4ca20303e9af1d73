"""An ASGI application on a free port, for as long as a block runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from gateway.simulator.listener import LoopServer, open_port, url_of


@contextlib.asynccontextmanager
async def served(app: Any, port: int = 0) -> AsyncIterator[str]:
    """Serve it; gives its URL."""
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
