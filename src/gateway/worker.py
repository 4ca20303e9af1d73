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
from collections.abc import Callable
from datetime import datetime, timedelta

from gateway import outbox
from gateway.attempt import Desk, LaneLostError, Run
from gateway.clock import Clock, wait_for_change
from gateway.connections import Connection, Connections
from gateway.errors import StoreError
from gateway.failpoints import Point, reach
from gateway.log import logger
from gateway.proof import look_for_proof, prove
from gateway.retry import RetryPolicy
from gateway.store.port import Store
from gateway.store.rows import StepRow, StepState, Work

__all__ = ["Worker", "prove"]

_log = logger(__name__)

LEASE = 60.0
"""Seconds that a lane is held; a call that takes longer has it renewed."""
PER_CONNECTION = 16
"""Steps in flight on one connection; more would only wait in its transport."""
IDLE = 5.0
"""Seconds after which the store is asked again, when nothing woke the loop."""
BUSY = 0.25
"""The same while something is due that this loop may not take: an event, or a connection that has to rest."""
DRAIN = 30.0
"""Seconds that calls under way have when the gateway is closed; then they are what a crash leaves behind."""


class Worker:
    """Runs the steps of all connections of this process."""

    def __init__(
        self,
        store: Store,
        connections: Connections,
        clock: Clock,
        *,
        policy: RetryPolicy | None = None,
        chance: Callable[[], float] = random.random,
        limit: int = 64,
    ) -> None:
        self._store = store
        self._connections = connections
        self._clock = clock
        self._desk = Desk(store, clock, policy or RetryPolicy(), chance)
        self._limit = limit
        self._busy: Counter[str] = Counter()
        self._rests: dict[str, datetime] = {}
        self._works: dict[asyncio.Task[None], Work] = {}
        self._freed = asyncio.Event()
        self._at_work = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled; steps under way then have a while to end."""
        renewing = asyncio.create_task(self._keep_renewing(), name="gateway leases")
        try:
            while True:
                await self._round()
        finally:
            await self._drain()
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    # ── the loop ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _round(self) -> None:
        try:
            version = self._store.version
            self._freed.clear()
            if not await self._claim():
                await wait_for_change(self._clock, self._seconds(), self._news(version))
        except StoreError as error:
            # a store that is away comes back, and what it keeps is still there
            _log.error("outbox_unreachable", error=error.slug)
            await self._clock.sleep(IDLE)

    async def _claim(self) -> int:
        """Start what is due; returns how much that was."""
        free = self._limit - len(self._works)
        if free <= 0:
            return 0
        now = self._clock.now()
        self._rests = {name: until for name, until in self._rests.items() if until > now}
        stopped = {connection.name for connection in self._connections if connection.stopped}
        full = {name for name, count in self._busy.items() if count >= PER_CONNECTION}
        works = await self._store.claim(now, LEASE, min(free, PER_CONNECTION), stopped | full | self._rests.keys())
        for work in works:
            self._busy[work.message.connection] += 1
            task = asyncio.create_task(self._guarded(work), name=f"gateway step of {work.message.id}")
            self._works[task] = work
            self._at_work.set()
            task.add_done_callback(self._ended)
        return len(works)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._busy[self._works.pop(task).message.connection] -= 1
        self._freed.set()
        if not self._works:
            self._at_work.clear()

    def _seconds(self) -> float:
        """Say how long there is nothing to do: until something falls due, or a connection has rested."""
        now = self._clock.now()
        due = self._store.next_due(now)
        times = [time for time in (due, *self._rests.values()) if time is not None]
        seconds = min(((time - now).total_seconds() for time in times if time > now), default=IDLE)
        return min(seconds, BUSY if due is not None and due <= now else IDLE)

    async def _news(self, version: int) -> None:
        """Wait until something was written, or a step ended and made room."""
        news = [asyncio.ensure_future(self._store.changed(version)), asyncio.ensure_future(self._freed.wait())]
        try:
            done, _ = await asyncio.wait(news, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in news:
                task.cancel()
            await asyncio.gather(*news, return_exceptions=True)

    async def _keep_renewing(self) -> None:
        """Hold the lanes of long calls: another worker would take a step for left behind."""
        while await self._at_work.wait():
            await self._clock.sleep(LEASE / 3)
            if works := list(self._works.values()):
                with contextlib.suppress(StoreError):
                    await self._store.renew(works, self._clock.now() + timedelta(seconds=LEASE))

    async def _drain(self) -> None:
        """Wait for calls under way; those that do not end are left as a crash would leave them."""
        if not self._works:
            return
        _, left = await asyncio.wait(self._works, timeout=DRAIN)
        for task in left:
            _log.error("step_left_behind", message_id=self._works[task].message.id)
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

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

    async def _work(self, work: Work) -> None:
        reach(Point.CLAIMED)
        now = self._clock.now()
        step = next(step for step in work.steps if step.state is not StepState.ACCEPTED)
        connection = self._connections.find(work.message.connection)
        if connection is None:
            _log.warning("connection_missing", message_id=work.message.id, connection=work.message.connection)
            await self._store.release(work, now + timedelta(seconds=LEASE))
        elif step.state is StepState.UNKNOWN:
            settled = await look_for_proof(self._store, work, step, connection, now)
            await self._desk.settle(work, settled)
        elif _is_too_late(work, step, now):
            _log.info("step_expired", message_id=work.message.id, step=step.index)
            await self._desk.settle(work, outbox.expired(work.message, step, connection, now))
        else:
            await self._run(work, step, connection)

    async def _run(self, work: Work, step: StepRow, connection: Connection) -> None:
        wait = await Run(self._desk, work, step, connection).go()
        if wait is not None and wait.whole:
            # its other lanes would only be told the same
            self._rests[connection.name] = wait.until


def _is_too_late(work: Work, step: StepRow, now: datetime) -> bool:
    """Tell whether the time of a step is over; not of one that may be with the vendor already."""
    expires = work.message.expires_at
    certain = step.state is StepState.WAITING and not step.doubt
    return certain and expires is not None and expires <= now
