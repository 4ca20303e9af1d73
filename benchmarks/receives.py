"""Receive: a signed webhook, verified, parsed, deduplicated and on the disk before it is answered, against an echo."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.measure import Row, Size, compare, here
from benchmarks.processes import serving
from benchmarks.webhooks import deliver, requests

__all__ = ["receive_sqlite"]

CONNECTIONS = 50


async def receive_sqlite(size: Size) -> AsyncIterator[Row]:
    """Receive on SQLite."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(here())
        echo = stack.enter_context(serving("receiver", "echo"))
        ours = stack.enter_context(serving("receiver", "gateway", f"sqlite:///{folder / 'receive.db'}"))

        async def run(port: int) -> float:
            return await deliver(port, requests(size.webhooks), CONNECTIONS)

        yield await compare(
            "receive-sqlite",
            f"durable receive on SQLite, {CONNECTIONS} connections, against a Starlette echo",
            lambda: run(echo),
            lambda: run(ours),
            rounds=size.rounds,
            target=0.45,
        )
