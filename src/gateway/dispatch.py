"""Hands events to handlers: at least once, in order per chat.

A handler that fails is tried again, then the event is parked and shown; it is never swallowed. A report about a
message whose send is still under way waits for it, so that its handler sees which message it is about.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from gateway.clock import Clock
from gateway.events import DeliveryUpdated, Event
from gateway.inbox import join
from gateway.log import logger
from gateway.store.port import Store
from gateway.store.rows import EventOutcome, EventRow

__all__ = ["Dispatcher", "Handler"]

_log = logger(__name__)

EventT = TypeVar("EventT", bound=Event)

Handler = Callable[[Any], Awaitable[None] | None]
"""Takes one event; a plain function runs in a thread, a coroutine function in the loop."""

TRIES = 5
"""Times that a failing handler is called before its event is parked."""
FIRST_DELAY = 0.2
"""Seconds before the second try; doubled each time."""
LEASE = 300.0
"""Seconds that a chat waits for a handler that does not return, before another process may call it."""
JOIN_WAIT = 30.0
"""Seconds that a report waits for the send that it may be about."""
IDLE = 5.0


@dataclass(frozen=True, slots=True)
class _Registration:
    event: type[Event]
    connection: str | None
    handler: Handler

    def wants(self, event: Event) -> bool:
        return isinstance(event, self.event) and self.connection in (None, event.connection)


class Dispatcher:
    """Runs the handlers of this process."""

    def __init__(self, store: Store, clock: Clock, *, limit: int = 64) -> None:
        self._store = store
        self._clock = clock
        self._limit = limit
        self._handlers: list[_Registration] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, event: type[EventT], handler: Callable[[EventT], Any], connection: str | None = None) -> None:
        """Register a handler for a type of event, and its subtypes."""
        self._handlers.append(_Registration(event, connection, handler))

    async def run(self) -> None:
        """Work until cancelled; a handler under way is then waited for."""
        try:
            while True:
                version = self._store.version
                if not await self._claim():
                    await self._wait(version)
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=LEASE)

    async def _claim(self) -> int:
        free = self._limit - len(self._tasks)
        rows = await self._store.claim_events(self._clock.now(), LEASE, free) if free > 0 else []
        for row in rows:
            task = asyncio.create_task(self._hand_over(row))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(rows)

    async def _wait(self, version: int) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._seconds()):
                await self._store.changed(version)

    def _seconds(self) -> float:
        now = self._clock.now()
        due = self._store.next_due(now)
        return IDLE if due is None else min(max((due - now).total_seconds(), 0.01), IDLE)

    async def _hand_over(self, row: EventRow) -> None:
        event = await join(row.event, self._store)
        if await self._is_early(event):
            again = self._clock.now() + timedelta(milliseconds=20)
            await self._store.settle_event(replace(row, retry_at=again))
            return
        row = replace(row, event=event)
        try:
            for registration in self._handlers:
                if registration.wants(event):
                    await _call(registration.handler, event)
        except Exception as error:  # noqa: BLE001 - a border: a handler may raise anything
            await self._store.settle_event(self._failed(row, error))
        else:
            await self._store.settle_event(replace(row, outcome=EventOutcome.DONE, error=None))

    async def _is_early(self, event: Event) -> bool:
        """Tell whether a report may be about a send of this chat whose answer is not read yet."""
        if not isinstance(event, DeliveryUpdated) or event.message_id or not event.chat_id:
            return False
        waited = (self._clock.now() - event.received_at).total_seconds()
        return waited < JOIN_WAIT and await self._store.started(event.chat_id)

    def _failed(self, row: EventRow, error: Exception) -> EventRow:
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


async def _call(handler: Handler, event: Event) -> None:
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__):
        result: Any = handler(event)
    else:
        # a plain function may block, and this loop serves every chat
        result = await asyncio.to_thread(handler, event)
    if inspect.isawaitable(result):
        await result
