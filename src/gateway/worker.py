"""The loop of the way out: claim a lane, run the step at its head, settle what it came to.

Every attempt is written before its call leaves and completed after its answer. What is not certain is never repeated
blindly: the step waits for proof, and stays visible when there is none. A step that has to wait for a limit gives its
lane back; nothing here sleeps with a lane in its hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway import outbox
from gateway.attempt import Run
from gateway.clock import Clock, wait_for_change
from gateway.connections import Connection, Connections
from gateway.desk import Desk, LaneLostError
from gateway.errors import StoreError
from gateway.failpoints import Point, reach
from gateway.late import end_late
from gateway.log import logger
from gateway.outcomes import Outcomes
from gateway.proof import Hear, look_for_proof, prove
from gateway.retry import RetryPolicy
from gateway.store.port import Store
from gateway.store.rows import StepRow, StepState, Work
from gateway.traces import UNTRACED, Traces, trace_of

__all__ = ["AT_ONCE", "Worker", "prove"]

_log = logger(__name__)

LEASE = 60.0
"""Seconds that a lane is held; a call that takes longer has it renewed."""
AT_ONCE = 128
"""Steps in flight on all connections of a worker: eight busy ones have all that they can carry."""
PER_CONNECTION = 16
"""Steps in flight on one connection; more would only wait in its transport."""
IDLE = 5.0
"""Seconds after which the store is asked again, when nothing woke the loop."""
BUSY = 0.25
"""The same while something is due that this loop may not take: another process is at it."""
GLANCE = 0.01
"""Seconds between two looks at what this process writes by other ways than a send."""
LOOK = 1.0
"""Seconds for which nothing is taken of a connection that is not here; then twice as long, and so on up to a lease."""
DRAIN = 30.0
"""Seconds that calls under way have when the gateway is closed; then they are what a crash leaves behind."""
_NEVER = datetime.max.replace(tzinfo=UTC)


class Worker:
    """Runs the steps of all connections of this process."""

    def __init__(
        self,
        store: Store,
        connections: Connections,
        clock: Clock,
        outcomes: Outcomes,
        *,
        policy: RetryPolicy | None = None,
        chance: Callable[[], float] = random.random,
        limit: int = AT_ONCE,
        hear: Hear | None = None,
    ) -> None:
        self._store = store
        self._connections = connections
        self._clock = clock
        self._began = clock.now()
        self._desk = Desk(store, clock, policy or RetryPolicy(), chance, outcomes, self)
        self.traces: Traces = UNTRACED
        """Follows attempts; the engine is told by whoever wants that."""
        self._limit = limit
        self._hear = hear
        self._busy: Counter[str] = Counter()
        self._rests: dict[str, datetime] = {}
        self._missing: dict[str, tuple[datetime, float]] = {}
        """Connections that are not here: when to look again, and how long the pause before that was."""
        self._looks: dict[str, datetime] = {}
        """When connections by which nothing leaves are looked at again for what is too late."""
        self._works: dict[asyncio.Task[None], Work] = {}
        self._news = asyncio.Event()
        """Something fell due, or a step ended and made room for what was left behind."""
        self._sleeps_until = _NEVER
        self._left_behind = False
        self._left: frozenset[str] | None = None
        """Connections that the last claim left alone; None where there was more to take than there was room for."""
        self._context = copy_context()
        """What a lane that is kept goes on in: not in the trace of what went before."""
        self._takes = False
        self._claiming: asyncio.Task[bool] | None = None
        """The last claim of the loop, on a store that does not answer at once."""
        self._at_work = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled; steps under way then have a while to end."""
        beside = [
            asyncio.create_task(self._keep_renewing(), name="gateway leases"),
            asyncio.create_task(self._watch(), name="gateway worker's news"),
        ]
        for task in beside:
            task.add_done_callback(lambda _: self._news.set())
        self._takes = True
        try:
            while True:
                _raise_what_ended(beside)
                await self._round()
        finally:
            self._takes = False
            await self._drain()
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def take_up(self) -> None:
        """Take what was just written without waiting for the loop's next round; nothing where there is no loop.

        A store that answers at once is asked here and now. Another one is left to the loop, which is woken: it takes
        what many have written in one go, and nobody can cancel it half way.
        """
        taken = False
        if self._takes and self._at_once:
            # a border: the message is kept, and what is wrong with taking it is the loop's to meet and to tell
            with contextlib.suppress(Exception):
                taken = await self._claim()
        if not taken:
            self._news.set()

    def rests_until(self, connection: str) -> datetime | None:
        """Tell until when nothing is taken of a connection that was told to wait as a whole; None where it was not."""
        return self._rests.get(connection)

    # ── the loop ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _round(self) -> None:
        try:
            self._news.clear()
            if await self._claimed():
                await self._end_late()
                await self._rest()
        except StoreError as error:
            # a store that is away comes back, and what it keeps is still there
            _log.error("outbox_unreachable", error=error.slug)
            await self._clock.sleep(IDLE)

    async def _end_late(self) -> None:
        """End what is too late where nothing leaves; elsewhere that is seen when it is its turn."""
        now = self._clock.now()
        still = {each.name: each for each in self._connections if each.stopped or each.name in self._rests}
        self._looks = {name: until for name, until in self._looks.items() if name in still}
        for name, connection in still.items():
            if self._looks.get(name, now) <= now:
                self._looks[name] = await end_late(self._store, connection, now)

    @property
    def _at_once(self) -> bool:
        return getattr(self._store, "at_once", False)

    async def _claimed(self) -> bool:
        """Claim, and never half: who ends while the store's answer is on its way would hold lanes for nothing."""
        if self._at_once:
            return await self._claim()
        self._claiming = asyncio.create_task(self._claim(), name="gateway claim")
        return await asyncio.shield(self._claiming)

    async def _claim(self) -> bool:
        """Start what is due, or give it back where the worker ends; tells whether that was all there is for now."""
        now = self._clock.now()
        most = min(self._limit - len(self._works), PER_CONNECTION)
        skipped = self._skipped(now)
        self._left_behind = most <= 0 or bool(skipped)
        self._left = None
        if most <= 0:
            return True
        works = await self._store.claim(now, LEASE, most, skipped)
        if not self._takes:
            await asyncio.gather(*(self._store.release(work, now) for work in works))
            return True
        for work in works:
            self._start(work)
        if len(works) == most:
            return False
        self._left = frozenset(skipped)
        return True

    def _start(self, work: Work, context: Context | None = None) -> None:
        self._busy[work.message.connection] += 1
        task = asyncio.create_task(self._guarded(work), name=f"gateway step of {work.message.id}", context=context)
        self._works[task] = work
        self._at_work.set()
        task.add_done_callback(self._ended)

    def keeps(self, work: Work) -> float | None:
        """Say how long a lane is held for what is next in it; None while others wait for a turn, or nothing may go.

        Connections take turns, and so do the chats of one; while there is room for all that is due, nobody waits.
        """
        name = work.message.connection
        if not self._takes or self._left is None or name in self._left or self._busy[name] >= PER_CONNECTION:
            return None
        connection = self._connections.find(name)
        may_go = connection is not None and not connection.stopped and name not in self._connections.away
        return LEASE if may_go and name not in self._rests else None

    async def take(self, work: Work) -> None:
        """Carry out what is next in a lane that was kept; one that is taken while the worker ends is given back."""
        if self._takes:
            self._start(work, self._context.copy())
        else:
            await self._store.release(work, self._clock.now())

    def _skipped(self, now: datetime) -> set[str]:
        """Name the connections that nothing is taken from: they have stopped, rest, or have as much as they carry."""
        skipped = {name for name, count in self._busy.items() if count >= PER_CONNECTION}
        skipped |= {connection.name for connection in self._connections if connection.stopped}
        skipped |= self._connections.away.keys()
        if self._missing:
            here = {name for name in self._missing if self._connections.find(name) is not None}
            self._missing = {name: look for name, look in self._missing.items() if name not in here}
            skipped |= {name for name, (until, _) in self._missing.items() if until > now}
        if self._rests:
            self._rests = {name: until for name, until in self._rests.items() if until > now}
            skipped |= self._rests.keys()
        return skipped

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._busy[self._works.pop(task).message.connection] -= 1
        if self._left_behind or self._is_due():
            self._news.set()
        if not self._works:
            self._at_work.clear()

    async def _rest(self) -> None:
        """Wait until there may be something to do."""
        now = self._clock.now()
        seconds = self._seconds(now)
        self._sleeps_until = now + timedelta(seconds=seconds)
        try:
            await wait_for_change(self._clock, seconds, self._news.wait())
        finally:
            self._sleeps_until = _NEVER

    def _seconds(self, now: datetime) -> float:
        """Say how long there is nothing to do: until something falls due, or a connection has rested."""
        due = self._store.next_due(now, events=False)
        missing = (until for until, _ in self._missing.values())
        times = (due, *self._rests.values(), *missing, *self._looks.values())
        coming = [time for time in times if time is not None and time > now]
        seconds = (min(coming) - now).total_seconds() if coming else IDLE
        return min(seconds, BUSY if due is not None and due <= now else IDLE)

    async def _watch(self) -> None:
        """Wake the loop when something was written that it may take before it would wake by itself."""
        version, told = -1, getattr(self._store, "told", False)
        while True:
            try:
                await self._store.changed(version)
                version = self._store.version
                # of what other processes write not every store says what is due
                if not told or self._is_due():
                    self._news.set()
                else:
                    # each send writes three times, and says itself what there is to do: see `take_up` and `_ended`
                    await asyncio.sleep(GLANCE)
            except StoreError:
                await self._clock.sleep(IDLE)

    def _is_due(self) -> bool:
        """Tell whether something falls due before the loop would wake by itself, as far as this process knows."""
        due = self._store.next_due(self._clock.now(), events=False)
        return due is not None and due < self._sleeps_until

    async def _keep_renewing(self) -> None:
        """Hold the lanes of long calls: another worker would take a step for left behind."""
        while await self._at_work.wait():
            await self._clock.sleep(LEASE / 3)
            if works := list(self._works.values()):
                with contextlib.suppress(StoreError):
                    await self._store.renew(works, self._clock.now() + timedelta(seconds=LEASE))

    async def _drain(self) -> None:
        """Wait for a claim and calls under way; what does not end is left as a crash would leave it."""
        under_way: set[asyncio.Task[Any]] = {*self._works, *filter(None, [self._claiming])}
        if not under_way:
            return
        _, left = await asyncio.wait(under_way, timeout=DRAIN)
        for task in left:
            if (work := self._works.get(task)) is not None:
                _log.error("step_left_behind", message_id=work.message.id)
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    # ── one lane ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _guarded(self, work: Work) -> None:
        """Keep one bad row from stopping the loop: a border."""
        try:
            await self._work(work)
        except LaneLostError:
            _log.warning("lane_lost", message_id=work.message.id)
        except StoreError as error:
            # not written: the lane comes back when its lease ends, with what the marker says
            _log.error("step_not_settled", message_id=work.message.id, error=error.slug)
        except Exception as error:  # noqa: BLE001 - a border: whatever a row brings, the others go on
            _log.error("work_failed", message_id=work.message.id, error=type(error).__name__)
            with contextlib.suppress(StoreError):
                await self._store.release(work, self._clock.now() + timedelta(seconds=LEASE))

    def _put_off(self, work: Work, now: datetime) -> None:
        """Take nothing of a connection for a while that is not here."""
        name = work.message.connection
        until, pause = self._missing.get(name, (now, LOOK / 2))
        if until <= now:
            pause = min(2 * pause, LEASE)
            self._missing[name] = (now + timedelta(seconds=pause), pause)
            _log.warning("connection_missing", message_id=work.message.id, connection=name, seconds=pause)

    async def _work(self, work: Work) -> None:
        reach(Point.CLAIMED)
        now = self._clock.now()
        step = next(step for step in work.steps if step.state is not StepState.ACCEPTED)
        connection = self._connections.find(work.message.connection)
        if connection is None:
            self._put_off(work, now)
            # another process may have it, or this one in a moment: what waits is not made to wait for longer
            await self._store.release(work, now)
        elif step.state is StepState.UNKNOWN:
            began, hear = self._began, self._hear
            settled = await look_for_proof(self._store, work, step, connection, now, began=began, hear=hear)
            if settled is not None:
                await self._desk.settle(work, settled)
        elif (ends := outbox.ends_at(work.message, step)) is not None and ends <= now:
            _log.info("step_expired", message_id=work.message.id, step=step.index)
            await self._desk.settle(work, outbox.expired(work.message, step, connection, now))
        else:
            await self._run(work, step, connection)

    async def _run(self, work: Work, step: StepRow, connection: Connection) -> None:
        provider, message = connection.provider.name, work.message
        with self.traces.attempt(
            trace_of(message.request), connection=connection.name, provider=provider, message=message.id
        ):
            wait = await Run(self._desk, work, step, connection).go()
        if wait is not None and wait.whole:
            # its other lanes would only be told the same
            self._rests[connection.name] = wait.until


def _raise_what_ended(beside: Sequence[asyncio.Task[None]]) -> None:
    """Raise what one of the tasks beside the loop died of: without it the loop would seem to work."""
    for task in beside:
        if task.done() and not task.cancelled():
            task.result()
