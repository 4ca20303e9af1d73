"""Who waits for what became of a message, and how they learn of it.

What this process settles is told to those who wait for that very message, and to nobody else. What another process
settles, or a webhook's proof, shows only as a change of the store: for that they look again, all together and not more
often than every `LOOK` seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TypeAlias

from gateway.errors import StoreError
from gateway.ids import MessageId
from gateway.store.port import Store
from gateway.store.rows import MessageRow, Settlement, StepRow

__all__ = ["Outcomes", "Seen"]

Seen: TypeAlias = tuple[MessageRow, tuple[StepRow, ...]]
"""A row and its steps, as they are kept now."""

FOREVER = 86_400.0
"""Seconds that somebody waits who names no end; then one looks."""
LOOK = 0.05
"""Seconds between two looks at the store for messages that others may have settled."""


class Outcomes:
    """Those who wait, by message."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[MessageId, list[asyncio.Future[Seen | None]]] = {}
        self._watch: asyncio.Task[None] | None = None

    def tell(self, settlement: Settlement, steps: Sequence[StepRow]) -> None:
        """Tell what became of a message; `steps` are all of its steps, as they were before."""
        if waiting := self._waiting.get(settlement.message.id):
            place = settlement.step.index
            seen = (settlement.message, (*steps[:place], settlement.step, *steps[place + 1 :]))
            _wake(waiting, seen)

    async def change(self, message: MessageId, version: int, seconds: float = FOREVER) -> Seen | None:
        """Wait until something became of a message since a version of the store, for at most so many seconds.

        Gives what that was, where this process did it, and None where one has to look.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Seen | None] = loop.create_future()
        waiting = self._waiting.setdefault(message, [])
        waiting.append(future)
        # while it was looked at something was written: perhaps the very thing
        soon = self._store.version != version
        timer = loop.call_later(min(seconds, LOOK) if soon else seconds, _wake, [future], None)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look(version), name="gateway outcomes")
        try:
            return await future
        finally:
            timer.cancel()
            waiting.remove(future)
            if not waiting:
                del self._waiting[message]

    async def close(self) -> None:
        """Send all who wait to look once more; they will find the store closed."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        self._wake_all()

    async def _look(self, version: int) -> None:
        """Wake those who waited before a write, as long as anybody waits."""
        try:
            while self._waiting:
                await self._store.changed(version)
                version = self._store.version
                before = [future for waiting in self._waiting.values() for future in waiting]
                await asyncio.sleep(LOOK)
                _wake(before, None)
        except StoreError:
            # whoever waits is told so by the store itself
            self._wake_all()

    def _wake_all(self) -> None:
        for waiting in list(self._waiting.values()):
            _wake(waiting, None)


def _wake(waiting: Sequence[asyncio.Future[Seen | None]], seen: Seen | None) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(seen)
