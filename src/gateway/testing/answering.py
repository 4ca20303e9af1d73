"""A port of this machine that answers as a test says: bytes in, bytes out, without HTTP between."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

from gateway.listening import accept_no_more

__all__ = ["answering"]


@contextlib.asynccontextmanager
async def answering(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Call `serve` for each connection while the block runs; gives the port, on 127.0.0.1.

    A connection is closed when `serve` returns, when the other side hangs up in the middle, and when the block ends.
    """
    at_work: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        at_work.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await serve(reader, writer)
        finally:
            at_work.discard(task)
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await accept_no_more([server])
        for task in [*at_work]:
            task.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)
