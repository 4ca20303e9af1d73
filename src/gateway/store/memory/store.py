"""The port over what is in memory; one event loop, one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar

from gateway.errors import StoreError
from gateway.events import Event
from gateway.ids import ChatId, EventId, MessageId, Token, direct_chat
from gateway.store.instants import moment
from gateway.store.memory.inbox import Inbox
from gateway.store.memory.outbox import Outbox
from gateway.store.rows import (
    AttemptRow,
    Bucket,
    ConsentRow,
    EventRow,
    FactRow,
    FileRow,
    InboundRow,
    Marked,
    MessageRow,
    MessageState,
    NumberedWebhook,
    RunRow,
    Settled,
    Settlement,
    StepRow,
    WebhookRow,
    Work,
)
from gateway.store.rules import has_begun

__all__ = ["MemoryStore"]

T = TypeVar("T")


class MemoryStore:
    """Keeps everything for the life of the process."""

    alone = True
    """Nobody else writes."""
    told = True
    """So `next_due` knows of everything."""
    at_once = True
    """No call waits: each has its answer before anybody else has a turn."""

    def __init__(self, url: str = "memory:") -> None:
        self.url = url
        self._out = Outbox()
        self._in = Inbox()
        self._cursors: dict[str, str] = {}
        self._files: dict[str, FileRow] = {}
        self._written: asyncio.Event | None = None
        """What wakes those who wait for the next write; none is made until somebody does."""
        self._version = 0
        self._closed = False

    async def open(self) -> None:
        """Nothing to do: memory is ready."""
        self._check()

    async def close(self) -> None:
        """Refuse later calls, and wake who waits."""
        self._closed = True
        self._wake()

    # ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────

    async def enqueue(self, message: MessageRow, steps: Sequence[StepRow]) -> MessageRow:
        """Keep a message with its steps, unless its key is taken."""
        self._check()
        return self._woken(self._out.enqueue(message, steps))

    async def claim(self, now: datetime, lease: float, limit: int, skip: Collection[str] = ()) -> list[Work]:
        """Take lanes that are due; connections take turns."""
        self._check()
        return self._out.claim(now, lease, limit, skip)

    async def mark(self, work: Work, step: StepRow, attempt: AttemptRow, buckets: Sequence[Bucket] = ()) -> Marked:
        """Write that an attempt starts, and take one from each bucket."""
        self._check()
        return self._woken(self._out.mark(work, step, attempt, buckets))

    async def room(self, buckets: Sequence[Bucket], now: datetime) -> Marked:
        """Tell whether each bucket has one to give, and take none."""
        self._check()
        return self._out.room(buckets, now)

    async def settle(self, work: Work, settlement: Settlement) -> bool:
        """Write what an attempt came to, and give the lane back."""
        self._check()
        if settled := self._out.settle(work, settlement):
            self._follow(settlement)
        return self._woken(settled)

    async def settle_and_claim(self, work: Work, settlement: Settlement, now: datetime, lease: float) -> Settled:
        """Write what an attempt came to, and keep the lane for its next row where that is due."""
        self._check()
        settled = self._out.settle_and_claim(work, settlement, now, lease)
        if settled.written:
            self._follow(settlement)
        return self._woken(settled)

    async def release(self, work: Work, next_at: datetime) -> None:
        """Give a lane back with nothing done."""
        self._check()
        self._out.release(work, next_at)
        self._wake()

    async def renew(self, works: Sequence[Work], until: datetime) -> None:
        """Hold lanes longer."""
        self._check()
        self._out.renew(works, until)
        self._wake()

    async def amend(self, settlement: Settlement, *, expect: MessageState) -> bool:
        """Settle a row from outside its lane."""
        self._check()
        if amended := self._out.amend(settlement, expect):
            self._follow(settlement)
        return self._woken(amended)

    async def depth(self, connection: str) -> int:
        """Count the rows of a connection that wait to leave."""
        self._check()
        return self._out.depth[connection]

    # ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────

    async def ingest(
        self,
        webhook: WebhookRow,
        events: Sequence[Event],
        facts: Sequence[FactRow] = (),
        consents: Sequence[ConsentRow] = (),
        *,
        handled: Collection[EventId] = (),
        only_new: bool = False,
    ) -> list[Event]:
        """Keep a webhook, its events and what follows from them; return the events that are new."""
        self._check()
        if only_new and not any(map(self._in.is_new, events)):
            return []
        return self._woken(self._in.ingest(webhook, events, facts, consents, handled))

    async def claim_events(self, now: datetime, lease: float, limit: int) -> list[EventRow]:
        """Take the first pending event of each lane that is free."""
        self._check()
        return self._in.claim(now, lease, limit)

    async def settle_event(self, row: EventRow, runs: Sequence[RunRow] = ()) -> None:
        """Write how far an event was handed over."""
        self._check()
        self._in.settle(row, runs)
        self._wake()

    async def keep_facts(self, facts: Sequence[FactRow]) -> None:
        """Keep what a look-up said about messages."""
        self._check()
        self._in.keep_facts(facts)
        self._wake()

    async def keep_file(self, file: FileRow) -> None:
        """Keep bytes to serve."""
        self._check()
        self._files.setdefault(file.digest, file)

    async def file(self, digest: str) -> FileRow | None:
        """Look up bytes by their digest."""
        self._check()
        return self._files.get(digest)

    # ── look-ups ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def message(self, message: MessageId) -> tuple[MessageRow, tuple[StepRow, ...]] | None:
        """Look up a row and its steps."""
        self._check()
        row = self._out.messages.get(message)
        return (row, self._out.steps_of(message)) if row else None

    async def messages(self, state: MessageState | None = None, limit: int = 100) -> list[MessageRow]:
        """List rows, newest first."""
        self._check()
        rows = (self._out.messages[id_] for id_ in reversed(self._out.by_age))
        return _first(limit, (row for row in rows if state in (None, row.state)))

    async def parked(self, connection: str, before: MessageId | None, limit: int) -> list[MessageRow]:
        """List the unknown rows of a connection that wait for a person."""
        self._check()
        rows = (self._out.messages[id_] for id_ in reversed(self._out.by_age) if before is None or id_ < before)
        wanted = (connection, MessageState.UNKNOWN, True)
        return _first(limit, (row for row in rows if (row.connection, row.state, row.parked) == wanted))

    async def ending(self, connection: str, limit: int) -> list[MessageRow]:
        """List the queued rows of a connection whose time runs out."""
        self._check()
        return self._out.ending(connection, limit)

    async def begun(self, lane: ChatId) -> list[tuple[MessageRow, tuple[StepRow, ...]]]:
        """List the messages of a lane with a step that may be with the vendor."""
        self._check()
        states = {MessageState.QUEUED, MessageState.UNKNOWN}
        rows = [
            row for id_ in self._out.by_age if (row := self._out.messages[id_]).lane == lane and row.state in states
        ]
        found = [(row, self._out.steps_of(row.id)) for row in rows]
        return [(row, steps) for row, steps in found if has_begun(steps)]

    async def by_key(self, key: str) -> MessageRow | None:
        """Look up the row that has a caller's key."""
        self._check()
        return self._out.keyed(key)

    async def by_token(self, token: Token) -> StepRow | None:
        """Look up a step by its token."""
        self._check()
        place = self._out.tokens.get(token)
        return self._out.steps[place] if place else None

    async def owner(self, connection: str, vendor_id: str) -> StepRow | None:
        """Look up the step that a vendor id belongs to."""
        self._check()
        place = self._out.owners.get((connection, vendor_id))
        return self._out.steps[place] if place else None

    async def proofs(self, token: Token) -> tuple[str, ...]:
        """Give the vendor ids that came back with a token."""
        self._check()
        return tuple(self._in.proofs.get(token, ()))

    async def attempts(self, message: MessageId) -> list[AttemptRow]:
        """List the attempts of a message."""
        self._check()
        return [row for _, row in sorted(self._out.attempts.get(message, {}).items())]

    async def facts(self, connection: str, vendor_ids: Collection[str]) -> list[FactRow]:
        """List what was reported about some vendor ids."""
        self._check()
        rows = [row for id_ in set(vendor_ids) for row in self._in.facts.get((connection, id_), {}).values()]
        return sorted(rows, key=lambda row: (row.received_at, row.vendor_id, row.source))

    async def event(self, event: EventId) -> EventRow | None:
        """Look up an event."""
        self._check()
        return self._in.event(event)

    async def events(self, after: int = 0, limit: int = 100) -> list[EventRow]:
        """List events from a sequence number on."""
        self._check()
        return [self._in.event_at(row.sequence) for row in self._in.events[after : after + limit]]

    async def webhooks(
        self,
        *,
        since: datetime | None = None,
        connection: str | None = None,
        quarantined: bool = False,
        limit: int = 100,
    ) -> list[WebhookRow]:
        """List webhooks, newest first."""
        self._check()
        wanted = _wanted(since, connection, quarantined=quarantined)
        return _first(limit, filter(wanted, reversed(self._in.webhooks.values())))

    async def webhooks_after(
        self,
        number: int = 0,
        *,
        since: datetime | None = None,
        connection: str | None = None,
        quarantined: bool = False,
        limit: int = 100,
    ) -> list[NumberedWebhook]:
        """List webhooks in the order they came, from a number on."""
        self._check()
        wanted = _wanted(since, connection, quarantined=quarantined)
        rows = enumerate(islice(self._in.webhooks.values(), number, None), number + 1)
        return _first(limit, (NumberedWebhook(place, row) for place, row in rows if wanted(row)))

    async def webhooks_of(
        self, connection: str, events: Collection[EventId], since: datetime, limit: int = 100
    ) -> list[WebhookRow]:
        """List the webhooks of a connection that some events were made of, oldest first."""
        self._check()
        wanted = frozenset(events)
        rows = (row for row in self._in.webhooks.values() if row.connection == connection and row.received_at >= since)
        return _first(limit, (row for row in rows if not wanted.isdisjoint(row.events)))

    async def events_of(self, message: MessageId) -> list[EventRow]:
        """List the events that are about a message of ours."""
        self._check()
        return [self._in.event_at(sequence) for sequence in self._in.about.get(message, ())]

    async def runs(self, event: EventId) -> list[RunRow]:
        """List the runs of handlers for an event."""
        self._check()
        return list(self._in.runs.get(event, ()))

    async def last_inbound(self, connection: str, chat: ChatId) -> InboundRow | None:
        """Give the last message that a contact wrote in a chat."""
        self._check()
        return self._in.inbound.get(self._in.canonical(chat), {}).get(connection)

    async def consent(self, connection: str, address: str) -> ConsentRow | None:
        """Give the latest word of an address, or of another name of its chat."""
        self._check()
        return self._in.word(direct_chat(connection, address))

    async def keep_consent(self, row: ConsentRow) -> None:
        """Keep a word of an address."""
        self._check()
        self._in.agree(row)
        self._wake()

    async def cursor(self, name: str) -> str | None:
        """Give how far something was read."""
        self._check()
        return self._cursors.get(name)

    async def keep_cursor(self, name: str, value: str) -> None:
        """Keep how far something was read."""
        self._check()
        self._cursors[name] = value

    async def canonical(self, chat: ChatId) -> ChatId:
        """Give the id under which a chat is kept."""
        self._check()
        return self._in.canonical(chat)

    async def names(self, chat: ChatId) -> tuple[ChatId, ...]:
        """Give the ids that a chat is known by."""
        self._check()
        return self._in.names(chat)

    async def rests(self, lane: ChatId, now: datetime) -> datetime | None:
        """Tell until when a lane was asked to wait."""
        self._check()
        return self._out.rests(lane, now)

    async def undecided(self, lane: ChatId) -> list[datetime]:
        """Say when the steps of a lane began that may be with the vendor."""
        self._check()
        return self._out.undecided(lane)

    # ── waiting ───────────────────────────────────────────────────────────────────────────────────────────────────

    def next_due(self, now: datetime, *, lanes: bool = True, events: bool = True) -> datetime | None:
        """Tell when the next lane or event is due."""
        asked = ((lanes, self._out.schedule.soonest), (events, self._in.schedule.soonest))
        times = [at for wanted, at in asked if wanted and at is not None]
        return moment(min(times)) if times else None

    @property
    def version(self) -> int:
        """Grows with each write."""
        return self._version

    async def changed(self, since: int) -> None:
        """Wait until something was written."""
        self._check()
        if self._version == since:
            if self._written is None:
                self._written = asyncio.Event()
            await self._written.wait()

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _follow(self, settlement: Settlement) -> None:
        """Keep what follows from a settlement on the way in."""
        if settlement.alias is not None:
            self._in.alias(*settlement.alias)
        self._in.keep_facts(settlement.facts)
        self._in.keep_events(settlement.events)

    def _check(self) -> None:
        if self._closed:
            raise StoreError("the store is closed", hint="open a new Gateway")

    def _woken(self, result: T) -> T:
        self._wake()
        return result

    def _wake(self) -> None:
        self._version += 1
        if self._written is not None:
            self._written.set()
            self._written = None


def _wanted(since: datetime | None, connection: str | None, *, quarantined: bool) -> Callable[[WebhookRow], bool]:
    def wanted(row: WebhookRow) -> bool:
        mine = connection in (None, row.connection) and (since is None or row.received_at >= since)
        return mine and (row.quarantine is not None or not quarantined)

    return wanted


def _first(limit: int, rows: Iterable[T]) -> list[T]:
    return list(islice(rows, limit))
