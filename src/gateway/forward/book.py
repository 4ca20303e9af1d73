"""Gathers what deliveries came to while a commit is under way, and writes it together with the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from gateway.store.records.forwarding import Settled

__all__ = ["Book"]

MOST = 64
"""Outcomes in one transaction."""


class Book:
    """Writes outcomes, several in one commit; each caller goes on when its own is written, or has failed."""

    def __init__(self, write: Callable[[Sequence[Settled]], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: list[tuple[Settled, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, settled: Settled) -> None:
        """Write an outcome; raises what the writing raised."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((settled, future))
        if self._writing is None:
            self._writing = asyncio.create_task(self._work(), name="gateway deliveries' book")
        await asyncio.shield(future)

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._one(batch)
        finally:
            self._writing = None

    async def _one(self, batch: Sequence[tuple[Settled, asyncio.Future[None]]]) -> None:
        try:
            await self._write([settled for settled, _ in batch])
        except Exception as error:  # noqa: BLE001 - a border: every caller waits for an answer
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        else:
            for _, future in batch:
                if not future.done():
                    future.set_result(None)
