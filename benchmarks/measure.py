"""Rounds, ratios, and the rows that they make."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

__all__ = ["FULL", "TINY", "Row", "Run", "Size", "calm", "compare", "here", "there", "workers"]

Run: TypeAlias = Callable[[], Awaitable[float]]
"""One round of something; gives what it managed in a second."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much work the benchmarks do."""

    rounds: int
    sends: int
    """Sends of one round."""
    writes: int
    """Messages of one round that are enqueued or executed."""
    webhooks: int
    """Webhooks of one round."""
    forwards: int
    """Events of one round that are forwarded."""
    blocked: int
    """Messages behind a head that may not go."""
    small: int
    """Messages of the small backlog."""
    large: int
    """Messages of the large one."""


FULL = Size(rounds=5, sends=200, writes=800, webhooks=1000, forwards=300, blocked=20_000, small=20_000, large=200_000)
TINY = Size(rounds=1, sends=16, writes=40, webhooks=50, forwards=20, blocked=50, small=200, large=400)
"""Only to see that every benchmark runs; what it measures means nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one benchmark came to."""

    name: str
    what: str
    base: float
    """What the plain thing managed in a second; median."""
    ours: float
    """What we managed; median."""
    ratio: float
    """Ours to base, round by round; median."""
    lowest: float
    """The worst round's ratio."""
    highest: float
    """The best round's ratio."""
    target: float | None
    """What the ratio is to be at least; None for a row that is only shown."""

    @property
    def verdict(self) -> str:
        """Say whether the target is met."""
        if self.target is None:
            return "shown"
        return "met" if self.ratio >= self.target else "missed"


async def compare(name: str, what: str, base: Run, ours: Run, *, rounds: int, target: float | None) -> Row:
    """Run both once to warm up, then in turns, and make the row of it."""
    await base()
    await ours()
    pairs: list[tuple[float, float]] = []
    for number in range(rounds):
        if number % 2:
            second = await _settled(ours)
            pairs.append((await _settled(base), second))
        else:
            first = await _settled(base)
            pairs.append((first, await _settled(ours)))
    ratios = [second / first for first, second in pairs]
    return Row(
        name=name,
        what=what,
        base=median(first for first, _ in pairs),
        ours=median(second for _, second in pairs),
        ratio=median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        target=target,
    )


async def _settled(run: Run) -> float:
    """Run a round that does not pay for the garbage of the one before."""
    gc.collect()
    return await run()


async def workers(number: int, count: int, work: Callable[[int], Awaitable[object]]) -> float:
    """Do something `count` times, `number` at a time; gives how often in a second."""
    numbers = iter(range(count))

    async def one() -> None:
        for index in numbers:
            await work(index)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(number)))
    return count / (time.perf_counter() - began)


# ── garbage ───────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def calm() -> Iterator[None]:
    """Look for garbage as a service would: what is there at the start not again, and the rest less often."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


# ── cores ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@contextmanager
def _on(cores: list[int]) -> Iterator[None]:
    if len(_CORES) < 2 or not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def here() -> AbstractContextManager[None]:
    """Keep this process on its first core, where the system can do that."""
    return _on(_CORES[:1])


def there() -> AbstractContextManager[None]:
    """Start processes on the last core: they inherit it."""
    return _on(_CORES[-1:])
