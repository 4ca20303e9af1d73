"""Hands all events to a sink, in the order they came, by one process at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.clock import Clock, wait_for_change
from gateway.early import Looked
from gateway.errors import StoreError
from gateway.events import Event
from gateway.forward.formats import Format, Telling, shaped
from gateway.forward.joining import joined, trace_about
from gateway.forward.notices import read_event
from gateway.forward.sinks import Published, Sink, SinkFailed
from gateway.ids import new_id
from gateway.log import logger
from gateway.store.port import Store
from gateway.store.records import records_of
from gateway.store.records.endpoints import Wanted
from gateway.store.records.sinks import OwnedEvent, SinkRecords

__all__ = ["Pump", "SinkPlan"]

_log = logger(__name__)

BATCH = 100
"""Events that are given to a sink at a time."""
LEASE = 30.0
"""Seconds that a sink is held; renewed with each batch."""
IDLE = 5.0
"""Seconds after which the store is asked again, when nothing woke the pump."""
JOIN_AGAIN = 0.5
"""Seconds after which a report that came early is looked at again."""
JOIN_WAIT = 30.0
"""Seconds that it waits at most for a send that nobody knows the outcome of: all that comes behind it waits too."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""Seconds until a sink that fails is tried again."""


@dataclass(frozen=True, slots=True)
class SinkPlan:
    """A sink, and what it is to get."""

    name: str
    """Under which its place is kept: the same name goes on where it was."""
    sink: Sink = field(repr=False)
    wanted: Wanted = Wanted()  # noqa: RUF009 - frozen
    form: Format = Format.STANDARD
    first: bool = False
    """Begin with the first event that is kept, not with the next one."""


class Pump:
    """Drives one sink; `run` is its loop."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        plan: SinkPlan,
        *,
        public_url: str | None = None,
    ) -> None:
        self.name: str = plan.name
        self._store = store
        self._records = SinkRecords(records_of(store))
        self._clock = clock
        self._plan = plan
        self._public_url = public_url
        self._holder = new_id("pump")
        self._open = False
        self._began = clock.now()
        self._seen = (0, self._began)
        """The report that was waited for last, and since when."""

    async def run(self) -> None:
        """Work until cancelled."""
        pause = _FIRST_PAUSE
        try:
            await self._begin()
            while True:
                try:
                    await self._round()
                    pause = _FIRST_PAUSE
                except (SinkFailed, StoreError) as error:
                    _log.error("sink_failed", sink=self.name, error=error.slug, code=error.code)
                    self._open = False
                    await self._clock.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
        finally:
            with contextlib.suppress(StoreError):
                await self._records.free(self.name, self._holder)
            await self._plan.sink.close()

    async def _begin(self) -> None:
        while True:
            try:
                await self._records.begin(self.name, first=self._plan.first)
                if getattr(self._store, "alone", False):
                    await self._records.void(self.name)
                return
            except StoreError as error:
                _log.error("sink_failed", sink=self.name, error=error.slug)
                await self._clock.sleep(IDLE)

    async def _round(self) -> None:
        version = self._store.version
        place = await self._records.place(self.name)
        rows = await self._records.events(place, BATCH)
        if not rows:
            await wait_for_change(self._clock, IDLE, self._store.changed(version))
            return
        held = await self._records.hold(self.name, self._holder, self._clock.now(), LEASE)
        if held is None:  # another process does it
            await self._clock.sleep(IDLE)
            return
        if held == place:
            await self._hand_over(rows)

    async def _hand_over(self, rows: Sequence[OwnedEvent]) -> None:
        """Give events to the sink, and write how far it has come."""
        if not self._open:
            await self._plan.sink.open()
            self._open = True
        batch, done, seconds = [], 0, 0.0
        for row in rows:
            event, seconds = await self._joined(row)
            if seconds > 0:
                break
            done = row.sequence
            if row.tenant is not None and self._plan.wanted.takes(event.type, event.connection):
                trace = await trace_about(event, self._store)
                batch.append(self._published(event, row.tenant, row.sequence, trace))
        if batch:
            async with asyncio.timeout(LEASE * 0.8):
                await self._plan.sink.publish(batch)
        if done:
            await self._records.move(self.name, self._holder, done)
        if seconds > 0:
            await self._clock.sleep(min(seconds, JOIN_AGAIN))

    async def _joined(self, row: OwnedEvent) -> Looked:
        now = self._clock.now()
        seen = self._seen[1] if self._seen[0] == row.sequence else now
        looked = await joined(read_event(row.body), self._store, now, seen=seen, began=self._began, wait=JOIN_WAIT)
        if looked.seconds > 0:
            self._seen = (row.sequence, seen)
        return looked

    def _published(self, event: Event, tenant: str, sequence: int, trace: str | None) -> Published:
        made = shaped(self._plan.form, Telling(event, tenant, sequence, self._public_url, trace))
        lane = event.chat_id or event.connection
        return Published(event.id, tenant, event.connection, event.type, lane, made.media_type, made.body, trace)
