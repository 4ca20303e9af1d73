"""The world's clock: real time, or virtual time that only moves when somebody moves it.

Everything that happens later goes through `later` or `sleep`; nothing in the simulator asks the machine for the time.
It fits where the gateway takes a clock, so that a whole journey can run in virtual time.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

__all__ = ["Mode", "SimClock", "Timer"]

Mode: TypeAlias = Literal["real", "virtual"]
"""`real` runs with the machine's clock; `virtual` stands still until it is advanced."""

_VIRTUAL_START = datetime(2026, 1, 1, 12, tzinfo=UTC)
_STEPS_TO_SETTLE = 8
_MOST_SECONDS = 10 * 366 * 86_400


@dataclass(order=True, slots=True)
class Timer:
    """Something that is due; `cancel` takes it back."""

    due: float
    number: int
    action: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        """Take it back; nothing happens if it ran already."""
        self.action = None


class SimClock:
    """Tells the time, waits, and runs what is due, in order of time and then of asking.

    A virtual clock runs what is due now by itself, one after the other, and waits after each for the webhook attempts
    and requests that it set off, so that two runs see one order.
    """

    def __init__(
        self,
        mode: Mode = "real",
        *,
        start: datetime | None = None,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        if start is not None and start.tzinfo is None:
            raise ValueError("the clock's start needs a time zone")
        begin = start or (datetime.now(UTC) if mode == "real" else _VIRTUAL_START)
        self._start = begin.astimezone(UTC)
        self._mode: Mode = mode
        self._failed = failed
        self._base = 0.0
        self._since: float | None = time.monotonic() if mode == "real" else None
        self._timers: list[Timer] = []
        self._numbers = itertools.count()
        self._handle: asyncio.Handle | None = None
        self._pump: asyncio.Task[int] | None = None
        self._moving = asyncio.Lock()
        self._advancing = False
        self._active = 0
        self._idle = asyncio.Event()
        self._closed = False

    # ── the time ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def mode(self) -> Mode:
        """Real or virtual."""
        return self._mode

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._base if self._since is None else self._base + time.monotonic() - self._since

    @property
    def pending(self) -> int:
        """How many things are due later."""
        return sum(timer.action is not None for timer in self._timers)

    @property
    def next_in(self) -> float | None:
        """Seconds until the next thing is due, None where nothing is."""
        due = min((timer.due for timer in self._timers if timer.action is not None), default=None)
        return None if due is None else max(0.0, due - self.elapsed)

    def now(self) -> datetime:
        """Tell the time, aware, in UTC."""
        return self._start + timedelta(seconds=self.elapsed)

    # ── what is due ───────────────────────────────────────────────────────────────────────────────────────────────

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do something after a while; zero or less is as soon as possible, never at once."""
        timer = Timer(self.elapsed + max(seconds, 0.0), next(self._numbers), action)
        if not self._closed:
            heapq.heappush(self._timers, timer)
            self._arm()
        return timer

    async def sleep(self, seconds: float) -> None:
        """Wait by this clock; zero or less only lets others run."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        bell: asyncio.Future[None] = loop.create_future()
        rung = False

        def ring() -> None:
            nonlocal rung
            if not bell.done():
                rung = True
                # whoever wakes is at work until its next step is done: an advance waits for that
                self._begin()
                bell.set_result(None)

        timer = self.later(seconds, ring)
        try:
            await bell
        finally:
            timer.cancel()
            if rung:
                loop.call_soon(self._end)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold up an advance while something with real input and output is under way."""
        self._begin()
        try:
            yield
        finally:
            self._end()

    # ── moving it ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def advance(self, seconds: float, *, grace: float = 0.0) -> int:
        """Move the time, running what comes due in order; tells how many things ran.

        Works in both modes. `grace` is real seconds to wait after each of them, for an application in the same time
        that answers over the network. Raises `ValueError` for a negative time or more than ten years.
        """
        if not 0 <= seconds <= _MOST_SECONDS:
            raise ValueError("the clock moves forward only, and at most ten years at once")
        async with self._moving:
            self._stop()
            self._advancing = True
            target = self._base + seconds
            try:
                return await self._run_until(target, grace)
            finally:
                self._advancing = False
                self._go()

    def switch(self, mode: Mode) -> None:
        """Make it real or virtual from now on; the time does not jump."""
        self._mode = mode
        if not self._advancing:
            self._stop()
            self._go()

    def clear(self) -> None:
        """Forget everything that is due later."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    async def close(self) -> None:
        """Stop for good; nothing runs any more."""
        self._closed = True
        self.clear()
        if self._handle:
            self._handle.cancel()
        if self._pump and not self._pump.done():
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)

    # ── how ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _run_until(self, target: float, grace: float) -> int:
        ran = 0
        await self._settle(0)
        while self._timers and self._timers[0].due <= target:
            timer = heapq.heappop(self._timers)
            if timer.action is not None:
                self._base = max(self._base, timer.due)
                self._run(timer)
                ran += 1
                await self._settle(grace)
        self._base = max(self._base, target)
        return ran

    async def _settle(self, grace: float) -> None:
        """Let those who were woken take their steps, and wait for the work that they began."""
        while True:
            for _ in range(_STEPS_TO_SETTLE):
                await asyncio.sleep(0)
            if self._active:
                self._idle.clear()
                await self._idle.wait()
                continue
            if not grace:
                return
            await asyncio.sleep(grace)
            grace = 0

    def _run(self, timer: Timer) -> None:
        action, timer.action = timer.action, None
        if action is None:
            return
        try:
            action()
        except Exception as error:  # a border: one twin's fault may not stop the time of all
            if self._failed is None:
                raise
            self._failed(error)

    def _stop(self) -> None:
        self._base, self._since = self.elapsed, None
        if self._handle:
            self._handle.cancel()
            self._handle = None

    def _go(self) -> None:
        if self._mode == "real" and self._since is None:
            self._since = time.monotonic()
        self._arm()

    def _arm(self) -> None:
        """Have the loop come back when the next thing is due; without a loop it waits for `advance`."""
        if self._advancing or self._closed or not self._timers:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        wait = self._timers[0].due - self.elapsed
        if self._handle:
            self._handle.cancel()
            self._handle = None
        if self._mode == "real":
            self._handle = loop.call_later(max(wait, 0), self._fire)
        elif wait <= 0:
            self._handle = loop.call_soon(self._start_pump)

    def _fire(self) -> None:
        self._handle = None
        while not self._advancing and self._timers and self._timers[0].due <= self.elapsed:
            self._run(heapq.heappop(self._timers))
        self._arm()

    def _start_pump(self) -> None:
        self._handle = None
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self.advance(0))

    def _begin(self) -> None:
        self._active += 1

    def _end(self) -> None:
        self._active -= 1
        if self._active == 0:
            self._idle.set()
