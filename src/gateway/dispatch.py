"""Hands events to handlers: at least once, in order per chat.

A handler that fails is tried again, then the event is parked and shown; it is never swallowed. So is one with which the
process ends, again and again. A handler that did its work is not called again because another one failed. A report
about a message whose send is still under way waits for it, so that its handler sees which message it is about.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from gateway import early
from gateway.calling import call
from gateway.clock import Clock, wait_for_change
from gateway.errors import Conflict, NotFound, StoreError
from gateway.events import Event
from gateway.failpoints import Point, reach
from gateway.ids import EventId
from gateway.log import logger
from gateway.store.port import Store
from gateway.store.rows import EventOutcome, EventRow, RunRow
from gateway.store.rules import ENDED

__all__ = ["Dispatcher", "Handler"]

_log = logger(__name__)

EventT = TypeVar("EventT", bound=Event)

Handler = Callable[[Any], Awaitable[None] | None]
"""Takes one event; a plain function runs in a thread, a coroutine function in the loop."""

TRIES = 5
"""Times that a failing handler is called, or an event taken that its process did not outlive, before it is parked."""
FIRST_DELAY = 0.2
"""Seconds before the second try; doubled each time."""
LEASE = 300.0
"""Seconds that a chat waits for a handler that does not return, before another process may call it."""
SOON = 5.0
"""Seconds in which a report that waits for a send is looked at with every write."""
JOIN_AGAIN = 0.5
"""Seconds between two looks after that: what takes so long was not answered, and writes are many."""
IDLE = 5.0
"""Seconds after which the store is asked again, when nothing woke the loop."""
BUSY = 0.25
"""The same while something is due that this loop cannot do: a send, or a chat that another process has."""
DRAIN = 30.0
"""Seconds that handlers under way have when the gateway is closed."""
QUIET = 30.0
"""Seconds that an event on its last try has the process for itself, and that others before it have to end."""


@dataclass(frozen=True, slots=True)
class _Registration:
    event: type[Event]
    connection: str | None
    handler: Handler
    name: str
    """Under which its runs are written down: the same in every process that registers the same handlers."""

    def wants(self, event: Event) -> bool:
        return isinstance(event, self.event) and self.connection in (None, event.connection)


class Dispatcher:
    """Runs the handlers of this process; as many chats at once as `limit` says."""

    def __init__(self, store: Store, clock: Clock, *, limit: int = 64) -> None:
        self._store = store
        self._clock = clock
        self._limit = limit
        self._handlers: list[_Registration] = []
        self._names: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: set[EventId] = set()
        self._early: set[asyncio.Task[None]] = set()
        self._careful = False
        """Whether events are due with which the process may end: they are handed over one at a time."""
        self._began = clock.now()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._added = asyncio.Event()
        # threads of our own: handlers that do not return may not keep others of this program from a thread
        self._threads = ThreadPoolExecutor(limit, thread_name_prefix="gateway handler")

    def add(self, event: type[EventT], handler: Callable[[EventT], Any], connection: str | None = None) -> None:
        """Register a handler for a type of event, and its subtypes."""
        name = _name_of(handler)
        self._names[name] += 1
        if self._names[name] > 1:
            name = f"{name}#{self._names[name]}"
        self._handlers.append(_Registration(event, connection, handler, name))
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._added.set)

    async def run(self) -> None:
        """Work until cancelled; a handler under way is then waited for, for a while.

        A process without handlers leaves events to those that have some.
        """
        self._loop = asyncio.get_running_loop()
        try:
            while not self._handlers:
                await self._added.wait()
            while True:
                await self._round()
        finally:
            await self._drain()

    async def replay(self, event: EventId) -> None:
        """Hand an event over again; see `Gateway.replay`."""
        row = await self._store.event(event)
        if row is None:
            raise NotFound(f"there is no event {event}", hint="use the id of an event")
        if row.outcome is EventOutcome.PENDING:
            raise Conflict(f"{event} was not handed over yet", hint="it will be; look at it again later")
        if row.outcome is EventOutcome.PARKED:
            await self._store.settle_event(replace(row, outcome=EventOutcome.PENDING, tries=0, retry_at=None))
            return
        wanting = self._wanting(row.event)
        if not wanting:
            raise Conflict(
                f"no handler of this process takes a {row.event.type} event", hint="replay it where one does"
            )
        runs, failed = await self._run_handlers(row.event, wanting)
        await self._store.settle_event(row, runs)
        if failed is not None:
            raise failed

    # ── the loop ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _round(self) -> None:
        try:
            version = self._store.version
            if not await self._claim():
                await self._rest(version)
        except StoreError as error:
            # a store that is away comes back, and what it keeps is still there
            _log.error("events_unreachable", error=error.slug)
            await self._clock.sleep(IDLE)

    async def _rest(self, version: int) -> None:
        """Wait until an event may be due: at its time, or with a write that made it so."""
        now = self._clock.now()
        end = now + timedelta(seconds=IDLE)
        told = getattr(self._store, "told", False)
        while now < end:
            due = self._store.next_due(now, lanes=False) or end
            seconds = (min(due, end) - now).total_seconds()
            changed = self._store.changed(version)
            if not await wait_for_change(self._clock, seconds if seconds > 0 else BUSY, changed):
                return
            version, now = self._store.version, self._clock.now()
            due = self._store.next_due(now, lanes=False) or end
            # of what other processes write not every store says what is due
            if due <= now or not told:
                return

    async def _claim(self) -> bool:
        """Start what is due; tells whether there may be more."""
        if self._careful:
            return await self._claim_alone()
        free = self._limit - len(self._tasks) + len(self._early)
        rows = await self._taken(free) if free > 0 else []
        for row in rows:
            # its lease ran out, and its handler is still at work here: calling it again would help nobody
            if row.id in self._under_way:
                continue
            if _on_its_last_try(row):
                self._careful = True
                await self._give_back(row)
            else:
                self._start(row)
        return self._careful or (bool(rows) and len(rows) == free)

    async def _claim_alone(self) -> bool:
        """Hand one event over while nothing else is under way: should the process end with it, it was this one.

        What was only under way beside it, as often as the process ended, is handed over in its turn.
        """
        if others := self._tasks - self._early:
            await asyncio.wait(others, timeout=QUIET)
        rows = [row for row in await self._taken(1) if row.id not in self._under_way]
        self._careful = any(map(_on_its_last_try, rows))
        tasks = [self._start(row) for row in rows]
        if self._careful:
            await asyncio.wait(tasks, timeout=QUIET)
        return True

    async def _taken(self, limit: int) -> list[EventRow]:
        """Claim events; what is being claimed while the gateway is closed goes back."""
        claiming = asyncio.ensure_future(self._store.claim_events(self._clock.now(), LEASE, limit))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            with contextlib.suppress(StoreError):
                for row in await claiming:
                    if row.id not in self._under_way:
                        await self._give_back(row)
            raise

    async def _give_back(self, row: EventRow) -> None:
        """Let an event be taken again at once, with no try counted."""
        try:
            await self._store.settle_event(row)
        except StoreError as error:
            _log.error("event_not_settled", event_id=row.id, error=error.slug)

    def _start(self, row: EventRow) -> asyncio.Task[None]:
        self._under_way.add(row.id)
        task = asyncio.create_task(self._hand_over(row), name=f"gateway handlers of {row.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _drain(self) -> None:
        """Wait for handlers under way; those that do not return are given up, and called again by the next process."""
        for task in self._early:
            task.cancel()
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=DRAIN)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    # ── one event ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _hand_over(self, row: EventRow) -> None:
        """Give one event to all handlers that still have to get it, and write down what became of that."""
        try:
            reach(Point.TAKEN)
            try:
                row, runs = await self._outcome(row)
            except asyncio.CancelledError:
                # the gateway is closed before this was handed over: the next process need not wait for the lease
                await self._give_back(row)
                raise
            finally:
                # once it is written that it failed it may be due, and be claimed before this task has ended
                self._under_way.discard(row.id)
            reach(Point.HANDLED)
            await self._settle(row, runs)
            reach(Point.NOTED)
        except StoreError as error:
            # handed over or not, it is not written: it comes again when its lease ends
            _log.error("event_not_settled", event_id=row.id, error=error.slug)

    async def _outcome(self, row: EventRow) -> tuple[EventRow, list[RunRow]]:
        if row.error == ENDED and await self._is_early(row.event):
            # it was waiting for a send when the process ended, and no handler had it: that was no try
            return replace(row, tries=0, error=None), []
        if row.tries >= TRIES:
            _log.error("event_parked", event_id=row.id, type=row.event.type, error="not_returned", tries=row.tries)
            return replace(row, outcome=EventOutcome.PARKED, retry_at=None), []
        try:
            row = replace(row, event=await self._joined(row))
            done = await self._done(row)
            wanting = [registration for registration in self._wanting(row.event) if registration.name not in done]
            runs, failed = await self._run_handlers(row.event, wanting)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - a border: an event that cannot be handed over is parked and shown
            return self._failed(row, error), []
        return self._failed(row, failed) if failed else _succeeded(row), runs

    def _wanting(self, event: Event) -> list[_Registration]:
        return [registration for registration in self._handlers if registration.wants(event)]

    async def _done(self, row: EventRow) -> set[str]:
        """Name the handlers that did their work already, when others did not."""
        if row.error is None:
            return set()
        last = {run.handler: run for run in await self._store.runs(row.id)}
        return {name for name, run in last.items() if run.error is None}

    async def _run_handlers(
        self, event: Event, registrations: Iterable[_Registration]
    ) -> tuple[list[RunRow], BaseException | None]:
        """Call handlers one after the other; gives what became of each, and the first error."""
        task = asyncio.current_task()
        runs: list[RunRow] = []
        failed: BaseException | None = None
        for registration in registrations:
            started = self._clock.now()
            problem: str | None = None
            try:
                await call(registration.handler, event, self._threads)
            except BaseException as error:  # a border: a handler may raise anything
                if _is_over(task, error):
                    raise
                cancelled = isinstance(error, asyncio.CancelledError)
                failed = failed or (RuntimeError("something in the handler was cancelled") if cancelled else error)
                problem = type(error).__name__
            ended = self._clock.now()
            run = RunRow(event=event.id, handler=registration.name, started_at=started, ended_at=ended, error=problem)
            runs.append(run)
        return runs, failed

    async def _settle(self, row: EventRow, runs: Sequence[RunRow]) -> None:
        """Write what became of an event; a store that is away for a moment is asked again."""
        for pause in (0.1, 1.0, 5.0):
            with contextlib.suppress(StoreError):
                await self._store.settle_event(row, runs)
                return
            await self._clock.sleep(pause)
        await self._store.settle_event(row, runs)

    def _failed(self, row: EventRow, error: BaseException) -> EventRow:
        tries = row.tries + 1
        parked = tries >= TRIES
        _log.error(
            "event_parked" if parked else "handler_failed",
            event_id=row.id,
            type=row.event.type,
            error=type(error).__name__,
            tries=tries,
        )
        return replace(
            row,
            tries=tries,
            error=f"{type(error).__name__} in a handler",
            outcome=EventOutcome.PARKED if parked else EventOutcome.PENDING,
            retry_at=None if parked else self._clock.now() + timedelta(seconds=FIRST_DELAY * 2 ** (tries - 1)),
        )

    # ── early reports ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _is_early(self, event: Event) -> bool:
        """Tell whether it is still to be waited for what an event is about."""
        now = self._clock.now()
        looked = await early.joined(event, self._store, now, seen=now, began=self._began, wait=early.JOIN_WAIT)
        return looked.seconds > 0

    async def _joined(self, row: EventRow) -> Event:
        """Find out which message an event is about; a report that came before the answer to its send waits for it.

        One that a handler has failed with has waited.
        """
        task, seen = asyncio.current_task(), self._clock.now()
        wait = 0.0 if row.tries and row.error != ENDED else early.JOIN_WAIT
        assert task is not None  # noqa: S101 - this is a coroutine
        try:
            while True:
                version, now = self._store.version, self._clock.now()
                looked = await early.joined(row.event, self._store, now, seen=seen, began=self._began, wait=wait)
                if looked.seconds <= 0:
                    return looked.event
                self._early.add(task)
                if (now - seen).total_seconds() < SOON:
                    await wait_for_change(self._clock, looked.seconds, self._store.changed(version))
                else:
                    await self._clock.sleep(min(looked.seconds, JOIN_AGAIN))
        finally:
            self._early.discard(task)


def _succeeded(row: EventRow) -> EventRow:
    return replace(row, outcome=EventOutcome.DONE, error=None)


def _on_its_last_try(row: EventRow) -> bool:
    """Tell whether an event would be parked, should the process end once more; what raises is not in doubt."""
    return row.tries == TRIES - 1 and row.error == ENDED


def _is_over(task: asyncio.Task[Any] | None, error: BaseException) -> bool:
    """Tell whether what came out of a handler is no failure of it: its task, its loop or its program is being ended."""
    match error:
        case asyncio.CancelledError():
            return task is not None and task.cancelling() > 0
        case GeneratorExit():
            # thrown in by whoever throws the coroutine away, who is not this task, and raised by nobody else for long
            with contextlib.suppress(RuntimeError):
                return asyncio.current_task() is not task
            return True
        case KeyboardInterrupt():
            return True
    return False


def _name_of(handler: Callable[..., Any]) -> str:
    """Name a handler as a person would find it: module and qualified name, of the class where it is an object."""
    found: Any = handler
    while isinstance(found, partial):
        found = found.func
    if not hasattr(found, "__qualname__"):
        found = type(found)
    return f"{found.__module__ or 'builtins'}.{found.__qualname__}"
