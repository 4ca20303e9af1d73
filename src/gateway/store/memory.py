"""The store in memory: every promise but durability, and the model that the durable stores are held against."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

from gateway.errors import StoreError
from gateway.events import DeliveryUpdated, Event, MessageReceived
from gateway.ids import ChatId, EventId, MessageId, Token
from gateway.store.rows import (
    AttemptRow,
    Bucket,
    ConsentRow,
    EventOutcome,
    EventRow,
    FactRow,
    FileRow,
    InboundRow,
    Marked,
    MessageRow,
    MessageState,
    RunRow,
    Settlement,
    StepRow,
    StepState,
    WebhookRow,
    Work,
)

__all__ = ["MemoryStore"]


@dataclass(slots=True)
class _Lane:
    connection: str
    open: list[MessageId] = field(default_factory=list)
    next_at: datetime | None = None
    fence: int = 0
    held_until: datetime | None = None


class MemoryStore:
    """Keeps everything in dictionaries; one event loop, one process."""

    def __init__(self, url: str = "memory:") -> None:
        self.url = url
        self._messages: dict[MessageId, MessageRow] = {}
        self._steps: dict[tuple[MessageId, int], StepRow] = {}
        self._keys: dict[str, MessageId] = {}
        self._tokens: dict[Token, tuple[MessageId, int]] = {}
        self._owners: dict[tuple[str, str], tuple[MessageId, int]] = {}
        self._attempts: dict[MessageId, list[AttemptRow]] = {}
        self._lanes: dict[ChatId, _Lane] = {}
        self._facts: dict[tuple[str, str], dict[str, FactRow]] = {}
        self._events: dict[EventId, EventRow] = {}
        self._pending: dict[str, list[EventId]] = {}
        self._held: dict[str, datetime] = {}
        self._webhooks: dict[tuple[str, str], WebhookRow] = {}
        self._aliases: dict[ChatId, ChatId] = {}
        self._inbound: dict[tuple[str, ChatId], InboundRow] = {}
        self._buckets: dict[str, datetime] = {}
        self._consents: dict[tuple[str, str], ConsentRow] = {}
        self._cursors: dict[str, str] = {}
        self._runs: dict[EventId, list[RunRow]] = {}
        self._files: dict[str, FileRow] = {}
        self._proofs: dict[Token, tuple[str, ...]] = {}
        self._written = asyncio.Event()
        self._version = 0
        self._closed = False

    async def open(self) -> None:
        """Nothing to do: memory is ready."""

    async def close(self) -> None:
        """Refuse later calls, and wake who waits."""
        self._closed = True
        self._wake()

    # ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────

    async def enqueue(self, message: MessageRow, steps: Sequence[StepRow]) -> MessageRow:
        """Keep a message with its steps, unless its key is taken."""
        self._check()
        if message.key is not None:
            if (taken := self._keys.get(message.key)) is not None:
                return self._messages[taken]
            self._keys[message.key] = message.id
        self._put(message, steps)
        lane = self._lanes.setdefault(message.lane, _Lane(message.connection))
        lane.open.append(message.id)
        lane.open.sort(key=lambda id_: (self._messages[id_].due_at, id_))
        if lane.held_until is None:
            self._reschedule(lane)
        self._wake()
        return message

    async def claim(self, now: datetime, lease: float, limit: int, skip: Collection[str] = ()) -> list[Work]:
        """Take lanes that are due; connections take turns."""
        self._check()
        due: dict[str, list[tuple[int, datetime, ChatId, MessageId]]] = {}
        for key, lane in self._lanes.items():
            if lane.next_at is None or lane.next_at > now or lane.connection in skip:
                continue
            head = next((id_ for id_ in lane.open if self._messages[id_].due_at <= now), None)
            if head is None:
                self._reschedule(lane)
                continue
            due.setdefault(lane.connection, []).append((self._messages[head].priority, lane.next_at, key, head))
        works = []
        for _, _, key, head in islice(_in_turns(due), limit):
            lane = self._lanes[key]
            lane.fence += 1
            lane.held_until = lane.next_at = now + timedelta(seconds=lease)
            works.append(Work(key, lane.fence, self._messages[head], self._steps_of(head)))
        return works

    async def mark(self, work: Work, step: StepRow, attempt: AttemptRow, buckets: Sequence[Bucket] = ()) -> Marked:
        """Write that an attempt starts, and take one from each bucket."""
        self._check()
        if self._lanes[work.lane].fence != work.fence:
            return Marked(lost=True)
        now = attempt.started_at
        waits = [(self._free_at(bucket, now), bucket.key) for bucket in buckets]
        if waits and (latest := max(waits))[0] > now:
            return Marked(until=latest[0], limit=latest[1])
        for bucket in buckets:
            start = max(self._buckets.get(bucket.key, now), now)
            self._buckets[bucket.key] = start + timedelta(seconds=bucket.interval)
        self._put(work.message, (step,))
        self._attempts.setdefault(step.message, []).append(attempt)
        return Marked()

    def _free_at(self, bucket: Bucket, now: datetime) -> datetime:
        """Tell when a bucket has one to give: its theoretical arrival time, less what may come at once."""
        arrival = self._buckets.get(bucket.key, now)
        return arrival - timedelta(seconds=bucket.interval * (bucket.burst - 1))

    async def settle(self, work: Work, settlement: Settlement) -> bool:
        """Write what an attempt came to, and give the lane back."""
        self._check()
        lane = self._lanes[work.lane]
        if lane.fence != work.fence:
            return False
        self._write(settlement)
        lane.held_until = None
        self._reschedule(lane, settlement.next_at)
        self._wake()
        return True

    async def release(self, work: Work, next_at: datetime) -> None:
        """Give a lane back with nothing done."""
        lane = self._lanes[work.lane]
        if lane.fence == work.fence:
            lane.held_until = None
            self._reschedule(lane, next_at)
            self._wake()

    async def renew(self, works: Sequence[Work], until: datetime) -> None:
        """Hold lanes longer."""
        for work in works:
            lane = self._lanes[work.lane]
            if lane.fence == work.fence:
                lane.held_until = lane.next_at = until

    async def amend(self, settlement: Settlement, *, expect: MessageState) -> bool:
        """Settle a row from outside its lane."""
        self._check()
        row = self._messages[settlement.message.id]
        lane = self._lanes[row.lane]
        if row.state is not expect or (expect is MessageState.QUEUED and lane.held_until is not None):
            return False
        self._write(settlement)
        if settlement.message.state.open and not settlement.message.parked and row.id not in lane.open:
            lane.open.insert(0, row.id)
        if lane.held_until is None:
            self._reschedule(lane, settlement.next_at)
        self._wake()
        return True

    async def depth(self, connection: str) -> int:
        """Count the rows of a connection that wait to leave."""
        return sum(len(lane.open) for lane in self._lanes.values() if lane.connection == connection)

    # ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────

    async def ingest(
        self,
        webhook: WebhookRow,
        events: Sequence[Event],
        facts: Sequence[FactRow] = (),
        consents: Sequence[ConsentRow] = (),
        *,
        handled: Collection[EventId] = (),
    ) -> list[Event]:
        """Keep a webhook, its events and what follows from them; return the events that are new."""
        self._check()
        key = (webhook.connection, webhook.digest)
        webhook = replace(webhook, events=tuple(event.id for event in events))
        if (before := self._webhooks.get(key)) is not None:
            made = tuple(dict.fromkeys((*before.events, *webhook.events)))
            webhook = replace(before, repeats=before.repeats + 1, events=made, quarantine=webhook.quarantine)
        self._webhooks[key] = webhook
        fresh = self._keep_events(events, handled)
        new = {event.id for event in fresh}
        self._keep_facts(fact for fact in facts if fact.source in new)
        for consent in consents:
            if consent.source in new:
                self._agree(consent)
        self._wake()
        return fresh

    async def claim_events(self, now: datetime, lease: float, limit: int) -> list[EventRow]:
        """Take the first pending event of each lane that is free."""
        self._check()
        rows: list[EventRow] = []
        for lane, ids in self._pending.items():
            if len(rows) == limit:
                break
            row = self._events[ids[0]] if ids else None
            busy = self._held.get(lane)
            if row and (busy is None or busy <= now) and (row.retry_at is None or row.retry_at <= now):
                self._held[lane] = now + timedelta(seconds=lease)
                rows.append(row)
        return sorted(rows, key=lambda row: row.sequence)

    async def settle_event(self, row: EventRow, runs: Sequence[RunRow] = ()) -> None:
        """Write how far an event was handed over."""
        self._check()
        self._runs.setdefault(row.id, []).extend(runs)
        self._events[row.id] = row
        self._held.pop(row.lane, None)
        waiting = self._pending.get(row.lane, [])
        if row.outcome is not EventOutcome.PENDING and row.id in waiting:
            waiting.remove(row.id)
            if not waiting:
                self._pending.pop(row.lane)
        self._wake()

    async def keep_facts(self, facts: Sequence[FactRow]) -> None:
        """Keep what a look-up said about messages."""
        self._check()
        self._keep_facts(facts)
        self._wake()

    async def keep_file(self, file: FileRow) -> None:
        """Keep bytes to serve."""
        self._check()
        self._files.setdefault(file.digest, file)

    async def file(self, digest: str) -> FileRow | None:
        """Look up bytes by their digest."""
        return self._files.get(digest)

    # ── look-ups ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def message(self, message: MessageId) -> tuple[MessageRow, tuple[StepRow, ...]] | None:
        """Look up a row and its steps."""
        row = self._messages.get(message)
        return (row, self._steps_of(message)) if row else None

    async def messages(self, state: MessageState | None = None, limit: int = 100) -> list[MessageRow]:
        """List rows, newest first."""
        rows = (row for row in reversed(self._messages.values()) if state in (None, row.state))
        return [row for row, _ in zip(rows, range(limit), strict=False)]

    async def by_token(self, token: Token) -> StepRow | None:
        """Look up a step by its token."""
        place = self._tokens.get(token)
        return self._steps[place] if place else None

    async def owner(self, connection: str, vendor_id: str) -> StepRow | None:
        """Look up the step that a vendor id belongs to."""
        place = self._owners.get((connection, vendor_id))
        return self._steps[place] if place else None

    async def proofs(self, token: Token) -> tuple[str, ...]:
        """Give the vendor ids that came back with a token."""
        return self._proofs.get(token, ())

    async def attempts(self, message: MessageId) -> list[AttemptRow]:
        """List the attempts of a message."""
        return list(self._attempts.get(message, ()))

    async def facts(self, connection: str, vendor_ids: Collection[str]) -> list[FactRow]:
        """List what was reported about some vendor ids."""
        rows = [row for id_ in vendor_ids for row in self._facts.get((connection, id_), {}).values()]
        return sorted(rows, key=lambda row: row.received_at)

    async def event(self, event: EventId) -> EventRow | None:
        """Look up an event."""
        return self._events.get(event)

    async def events(self, after: int = 0, limit: int = 100) -> list[EventRow]:
        """List events from a sequence number on."""
        rows = (row for row in self._events.values() if row.sequence > after)
        return [row for row, _ in zip(rows, range(limit), strict=False)]

    async def webhooks(
        self, *, since: datetime | None = None, quarantined: bool = False, limit: int = 100
    ) -> list[WebhookRow]:
        """List webhooks, newest first."""
        rows = (
            row
            for row in reversed(self._webhooks.values())
            if (row.quarantine or not quarantined) and (since is None or row.received_at >= since)
        )
        return [row for row, _ in zip(rows, range(limit), strict=False)]

    async def events_of(self, message: MessageId) -> list[EventRow]:
        """List the events that are about a message of ours."""
        return [row for row in self._events.values() if row.event.message_id == message]

    async def runs(self, event: EventId) -> list[RunRow]:
        """List the runs of handlers for an event."""
        return list(self._runs.get(event, ()))

    async def last_inbound(self, connection: str, chat: ChatId) -> InboundRow | None:
        """Give the last message that a contact wrote in a chat."""
        return self._inbound.get((connection, await self.canonical(chat)))

    async def consent(self, connection: str, address: str) -> ConsentRow | None:
        """Give the latest word of an address."""
        return self._consents.get((connection, address))

    async def keep_consent(self, row: ConsentRow) -> None:
        """Keep a word of an address."""
        self._check()
        self._agree(row)

    async def cursor(self, name: str) -> str | None:
        """Give how far something was read."""
        return self._cursors.get(name)

    async def keep_cursor(self, name: str, value: str) -> None:
        """Keep how far something was read."""
        self._check()
        self._cursors[name] = value

    async def canonical(self, chat: ChatId) -> ChatId:
        """Give the id under which a chat is kept."""
        while (other := self._aliases.get(chat)) is not None:
            chat = other
        return chat

    async def started(self, lane: ChatId) -> bool:
        """Tell whether a step of the lane is under way."""
        rows = self._lanes[lane].open if lane in self._lanes else []
        return any(step.state is StepState.STARTED for id_ in rows for step in self._steps_of(id_))

    # ── waiting ───────────────────────────────────────────────────────────────────────────────────────────────────

    def next_due(self, now: datetime) -> datetime | None:
        """Tell when the next lane or event is due."""
        times = [lane.next_at for lane in self._lanes.values() if lane.next_at is not None]
        for lane, ids in self._pending.items():
            held = self._held.get(lane)
            times.append(held or self._events[ids[0]].retry_at or now)
        return min(times, default=None)

    @property
    def version(self) -> int:
        """Grows with each write."""
        return self._version

    async def changed(self, since: int) -> None:
        """Wait until something was written."""
        self._check()
        if self._version == since:
            await self._written.wait()

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _check(self) -> None:
        if self._closed:
            raise StoreError("the store is closed", hint="open a new Gateway")

    def _wake(self) -> None:
        self._version += 1
        self._written.set()
        self._written = asyncio.Event()

    def _put(self, message: MessageRow, steps: Iterable[StepRow]) -> None:
        self._messages[message.id] = message
        for step in steps:
            self._steps[step.message, step.index] = step
            self._tokens[step.token] = (step.message, step.index)

    def _steps_of(self, message: MessageId) -> tuple[StepRow, ...]:
        return tuple(self._steps[message, index] for index in range(self._messages[message].steps))

    def _reschedule(self, lane: _Lane, not_before: datetime | None = None) -> None:
        """Set when a lane is due: with its first row, and not before it was asked to wait."""
        lane.open = [id_ for id_ in lane.open if self._messages[id_].state.open and not self._messages[id_].parked]
        if not lane.open:
            lane.next_at = None
            return
        first = self._messages[lane.open[0]].due_at
        lane.next_at = max(first, not_before) if not_before else first

    def _write(self, settlement: Settlement) -> None:
        message, step = settlement.message, settlement.step
        self._put(message, (step,))
        for vendor_id in settlement.sent:
            self._owners[message.connection, vendor_id] = (step.message, step.index)
        if settlement.attempt is not None:
            attempts = self._attempts.setdefault(message.id, [])
            same = [n for n, a in enumerate(attempts) if (a.step, a.number) == _place(settlement.attempt)]
            if same:
                attempts[same[-1]] = settlement.attempt
        if settlement.alias is not None:
            kept, other = settlement.alias
            if kept != other:
                self._aliases[other] = kept
        self._keep_facts(settlement.facts)
        self._keep_events(settlement.events)

    def _keep_facts(self, facts: Iterable[FactRow]) -> None:
        for fact in facts:
            self._facts.setdefault((fact.connection, fact.vendor_id), {}).setdefault(fact.source, fact)

    def _agree(self, row: ConsentRow) -> None:
        before = self._consents.get((row.connection, row.address))
        if before is None or before.changed_at <= row.changed_at:
            self._consents[row.connection, row.address] = row

    def _keep_events(self, events: Iterable[Event], handled: Collection[EventId] = ()) -> list[Event]:
        fresh = []
        for event in events:
            if event.id in self._events:
                continue
            if event.chat_id and (kept := self._aliases.get(event.chat_id)):
                event = event.model_copy(update={"chat_id": kept})
            done = event.id in handled
            outcome = EventOutcome.DONE if done else EventOutcome.PENDING
            row = EventRow(sequence=len(self._events) + 1, event=event, outcome=outcome)
            self._events[event.id] = row
            if not done:
                self._pending.setdefault(row.lane, []).append(event.id)
            if isinstance(event, MessageReceived) and not event.ours and event.chat_id:
                last = InboundRow(vendor_id=event.vendor_id, received_at=event.received_at)
                self._inbound[event.connection, event.chat_id] = last
            if isinstance(event, DeliveryUpdated) and event.token and event.vendor_id:
                known = self._proofs.get(event.token, ())
                self._proofs[event.token] = (*known, *({event.vendor_id} - set(known)))
            fresh.append(event)
        return fresh


def _in_turns(due: dict[str, list[tuple[int, datetime, ChatId, MessageId]]]) -> Iterator[tuple[int, datetime, ChatId, MessageId]]:
    """Go through the lanes of all connections in turns, each connection's by priority and time."""
    queues = [iter(sorted(lanes)) for lanes in due.values()]
    while queues:
        for queue in tuple(queues):
            lane = next(queue, None)
            if lane is None:
                queues.remove(queue)
            else:
                yield lane


def _place(attempt: AttemptRow) -> tuple[int, int]:
    return attempt.step, attempt.number
