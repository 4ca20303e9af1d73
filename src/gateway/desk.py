"""Where attempts are written down: the store with what they share, and the word for a lane that is another's by now."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.failpoints import Point, reach
from gateway.outcomes import Outcomes
from gateway.retry import RetryPolicy
from gateway.store.port import Store
from gateway.store.rows import MessageState, Settled, Settlement, Work

__all__ = ["Desk", "Lanes", "LaneLostError"]

AGAIN = (0.1, 1.0, 5.0)
"""Seconds after which what came of a call is written again, where the store was away."""


class LaneLostError(Exception):
    """Another worker has the lane: this one stops, and writes nothing."""


class Lanes(Protocol):
    """Who takes lanes, and decides whether one that was settled is kept for what is next in it."""

    def keeps(self, work: Work) -> float | None:
        """Say for how many seconds, or None to give it back."""

    async def take(self, work: Work) -> None:
        """Carry out what was next."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What attempts are made with."""

    store: Store
    clock: Clock
    policy: RetryPolicy
    chance: Callable[[], float]
    outcomes: Outcomes
    lanes: Lanes

    async def settle(self, work: Work, settlement: Settlement) -> None:
        """Write what came of it, tell who waits for it here, and see to what is next; raises `LaneLostError`."""
        settled = await self._settled(work, settlement)
        if not settled.written:
            raise LaneLostError
        reach(Point.SETTLED)
        self.outcomes.tell(settlement, work.steps)
        if settled.next is not None:
            await self.lanes.take(settled.next)

    async def _settled(self, work: Work, settlement: Settlement) -> Settled:
        """Write it; a store that is away for a moment is asked again, for an answer that was read is not read twice.

        What was written without our hearing of it is told as a lost lane the second time.
        """
        for seconds in AGAIN:
            with contextlib.suppress(StoreError):
                return await self._write(work, settlement)
            await self.clock.sleep(seconds)
        return await self._write(work, settlement)

    async def _write(self, work: Work, settlement: Settlement) -> Settled:
        now = self.clock.now()
        # between the steps of a message its lane is free for a moment, for who would take back the rest of it
        is_over = settlement.message.state is not MessageState.QUEUED and settlement.next_at <= now
        if not is_over or (lease := self.lanes.keeps(work)) is None:
            return Settled(await self.store.settle(work, settlement))
        return await self.store.settle_and_claim(work, settlement, now, lease)
