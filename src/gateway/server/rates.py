"""How often one key may call, and how many streams one tenant may have open; both counted in this process.

Calls are counted as a generic cell rate (GCRA): so many a second, and some more at once after a pause.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from dataclasses import dataclass

from gateway.server.problems import Fault

__all__ = ["Allowance", "Rates", "Streams"]

MOST = 100_000
"""Keys that are remembered; the one that called longest ago is forgotten first."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key has left."""

    limit: int
    remaining: int
    reset: float
    """Seconds until all of it is there again."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say so."""
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(math.ceil(self.reset)),
        }


class Rates:
    """The calls of each key."""

    def __init__(self, rate: float, burst: int) -> None:
        self._interval = 1 / rate
        self._burst = burst
        self._arrivals: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str, now: float) -> Allowance:
        """Count one call at a time in seconds of a clock that never goes back; raises `Fault` for one too many."""
        arrival = max(self._arrivals.get(key, now), now)
        room = self._burst * self._interval
        if arrival + self._interval - now > room:
            left = Allowance(self._burst, 0, arrival - now)
            raise Fault(
                429,
                "too_many_requests",
                f"this key makes more than {1 / self._interval:g} calls a second",
                hint="slow down, or spread the calls over several keys",
                retry_after=arrival + self._interval - now - room,
                headers=left.headers,
            )
        self._arrivals[key] = arrival + self._interval
        self._arrivals.move_to_end(key)
        if len(self._arrivals) > MOST:
            self._arrivals.popitem(last=False)
        spent = arrival + self._interval - now
        return Allowance(self._burst, int((room - spent) / self._interval + 1e-9), spent)


class Streams:
    """The event streams that are open."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    def enter(self, tenant: str) -> bool:
        """Count one more; False, and none counted, for one too many."""
        if self._open[tenant] >= self._most:
            return False
        self._open[tenant] += 1
        return True

    def leave(self, tenant: str) -> None:
        """Count one less."""
        self._open[tenant] -= 1
        if self._open[tenant] <= 0:
            del self._open[tenant]
