"""Where attempts are written down: the store with what they share, and the word for a lane that is another's by now."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.failpoints import Point, reach
from gateway.outcomes import Outcomes
from gateway.retry import RetryPolicy
from gateway.store.port import Store
from gateway.store.rows import Settlement, Work

__all__ = ["Desk", "LaneLostError"]

AGAIN = (0.1, 1.0, 5.0)
"""Seconds after which what came of a call is written again, where the store was away."""


class LaneLostError(Exception):
    """Another worker has the lane: this one stops, and writes nothing."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What attempts are made with."""

    store: Store
    clock: Clock
    policy: RetryPolicy
    chance: Callable[[], float]
    outcomes: Outcomes

    async def settle(self, work: Work, settlement: Settlement) -> None:
        """Write what came of it, and tell who waits for it here; raises `LaneLostError`."""
        if not await self._written(work, settlement):
            raise LaneLostError
        reach(Point.SETTLED)
        self.outcomes.tell(settlement, work.steps)

    async def _written(self, work: Work, settlement: Settlement) -> bool:
        """Write it; a store that is away for a moment is asked again, for an answer that was read is not read twice.

        What was written without our hearing of it is told as a lost lane the second time.
        """
        for seconds in AGAIN:
            with contextlib.suppress(StoreError):
                return await self.store.settle(work, settlement)
            await self.clock.sleep(seconds)
        return await self.store.settle(work, settlement)
