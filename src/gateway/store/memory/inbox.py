"""The way in in memory: webhooks, events in the lanes of their chats, facts, and what follows from them."""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.events import DeliveryUpdated, Event, MessageReceived
from gateway.ids import ChatId, EventId, MessageId, Token
from gateway.store.instants import maybe_micros, micros, span
from gateway.store.memory.schedule import Schedule
from gateway.store.rows import (
    ConsentRow,
    EventOutcome,
    EventRow,
    FactRow,
    InboundRow,
    RunRow,
    WebhookRow,
)
from gateway.store.rules import ENDED

__all__ = ["Inbox"]

_ALL = "all"
"""The one group of the schedule: events of all connections take turns by time."""


@dataclass(slots=True)
class _Lane:
    pending: list[int] = field(default_factory=list)
    """Sequence numbers, in order."""
    held: dict[int, int] = field(default_factory=dict)
    """Until when the lane waits for a handler, by the event that it has."""


class Inbox:
    """Webhooks and events; every method is one commit."""

    def __init__(self) -> None:
        self.webhooks: dict[tuple[str, str], WebhookRow] = {}
        self.events: list[EventRow] = []
        self.facts: dict[tuple[str, str], dict[str, FactRow]] = {}
        self._words: dict[ChatId, ConsentRow] = {}
        self.inbound: dict[ChatId, dict[str, InboundRow]] = {}
        self.proofs: dict[Token, dict[str, None]] = {}
        self.runs: dict[EventId, list[RunRow]] = {}
        self.about: dict[MessageId, list[int]] = {}
        self.schedule: Schedule[str] = Schedule()
        self._places: dict[EventId, int] = {}
        self._lane_of: dict[int, str] = {}
        self._lanes: dict[str, _Lane] = {}
        self._aliases: dict[ChatId, ChatId] = {}
        self._others: dict[ChatId, list[ChatId]] = {}

    def ingest(
        self,
        webhook: WebhookRow,
        events: Sequence[Event],
        facts: Iterable[FactRow],
        consents: Iterable[ConsentRow],
        handled: Collection[EventId],
    ) -> list[Event]:
        """Keep a webhook, its events and what follows from them; return the events that are new."""
        key = (webhook.connection, webhook.digest)
        webhook = webhook._replace(events=tuple(dict.fromkeys(event.id for event in events)))
        if (before := self.webhooks.get(key)) is not None:
            made = tuple(dict.fromkeys((*before.events, *webhook.events)))
            webhook = before._replace(repeats=before.repeats + 1, events=made, quarantine=webhook.quarantine)
        self.webhooks[key] = webhook
        fresh = self.keep_events(events, handled)
        new = {event.id for event in fresh}
        self.keep_facts(fact for fact in facts if fact.source in new)
        for consent in consents:
            if consent.source in new:
                self.agree(consent)
        return fresh

    def claim(self, now: datetime, lease: float, limit: int) -> list[EventRow]:
        """Take the first pending event of each lane that is free."""
        at = micros(now)
        self.schedule.advance(at)
        due = self.schedule.first(_ALL, at, limit + 1)
        for _, key in due[:limit]:
            lane = self._lanes[key]
            if (sequence := lane.pending[0]) in lane.held:
                row = self.events[sequence - 1]
                self._put(replace(row, tries=row.tries + 1, error=ENDED))
            lane.held[sequence] = at + span(lease)
        rows = [self.event_at(self._lanes[key].pending[0]) for _, key in due[:limit]]
        for _, key in due[:limit]:
            self._reschedule(key)
        self.schedule.look_ahead(at, more=len(due) > limit)
        return sorted(rows, key=lambda row: row.sequence)

    def settle(self, row: EventRow, runs: Sequence[RunRow]) -> None:
        """Write how far an event was handed over; one that is done stays done."""
        self.runs.setdefault(row.id, []).extend(runs)
        sequence = self._places.get(row.id)
        if sequence is None or self.events[sequence - 1].outcome is EventOutcome.DONE:
            return
        key = self._lane_of[sequence]
        lane = self._lanes.setdefault(key, _Lane())
        lane.held.pop(sequence, None)
        self._put(replace(row, sequence=sequence))
        pending = row.outcome is EventOutcome.PENDING
        if pending and sequence not in lane.pending:
            insort(lane.pending, sequence)
        elif not pending and sequence in lane.pending:
            lane.pending.remove(sequence)
        self._reschedule(key)

    def keep_facts(self, facts: Iterable[FactRow]) -> None:
        """Keep facts; the first one of a source about a message holds."""
        for fact in facts:
            self.facts.setdefault((fact.connection, fact.vendor_id), {}).setdefault(fact.source, fact)

    def agree(self, row: ConsentRow) -> None:
        """Keep a word of an address, unless a later one is known."""
        before = self._words.get(row.chat)
        if before is None or before.changed_at <= row.changed_at:
            self._words[row.chat] = row

    def word(self, chat: ChatId) -> ConsentRow | None:
        """Give the latest word of a contact, whichever of their names they said it by; of two at one time the no."""
        said = [self._words[name] for name in self.names(chat) if name in self._words]
        return min(said, key=lambda row: (-micros(row.changed_at), row.agreed, row.address), default=None)

    def keep_events(self, events: Iterable[Event], handled: Collection[EventId] = ()) -> list[Event]:
        """Keep those events that are new, and return them."""
        fresh = []
        for event in events:
            if self.is_new(event):
                fresh.append(kept := self._renamed(event))
                self._add(kept, EventOutcome.DONE if event.id in handled else EventOutcome.PENDING)
                self._follow(kept)
        return fresh

    def is_new(self, event: Event) -> bool:
        """Tell whether an event was never kept."""
        return event.id not in self._places

    def _renamed(self, event: Event) -> Event:
        """Put an event into the chat that it is kept under."""
        if event.chat_id is None or (kept := self.canonical(event.chat_id)) == event.chat_id:
            return event
        return event.model_copy(update={"chat_id": kept})

    def alias(self, kept: ChatId, other: ChatId) -> None:
        """Let one id of a chat stand for two; what waits under the other one is handed over in the order it came."""
        kept, other = self.canonical(kept), self.canonical(other)
        if kept == other:
            return
        others = [*self._others.pop(other, ()), other]
        self._aliases |= dict.fromkeys(others, kept)
        self._others.setdefault(kept, []).extend(others)
        self._join_lanes(kept, other)
        for connection, last in self.inbound.pop(other, {}).items():
            self._note_inbound(connection, kept, last)

    def canonical(self, chat: ChatId) -> ChatId:
        """Give the id under which a chat is kept."""
        return self._aliases.get(chat, chat)

    def names(self, chat: ChatId) -> tuple[ChatId, ...]:
        """Give the ids that a chat is known by, the one that it is kept under first."""
        kept = self.canonical(chat)
        return (kept, *sorted(self._others.get(kept, ())))

    def event(self, event: EventId) -> EventRow | None:
        """Look up an event."""
        sequence = self._places.get(event)
        return self.event_at(sequence) if sequence is not None else None

    def event_at(self, sequence: int) -> EventRow:
        """Give an event by its number, with the chat that it is kept under."""
        row = self.events[sequence - 1]
        lane = self._lane_of[sequence]
        if row.event.chat_id is None or row.event.chat_id == lane:
            return row
        return replace(row, event=row.event.model_copy(update={"chat_id": ChatId(lane)}))

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _add(self, event: Event, outcome: EventOutcome) -> None:
        row = EventRow(sequence=len(self.events) + 1, event=event, outcome=outcome)
        self.events.append(row)
        self._places[event.id] = row.sequence
        self._lane_of[row.sequence] = row.lane
        self._put(row)
        if outcome is EventOutcome.PENDING:
            self._lanes.setdefault(row.lane, _Lane()).pending.append(row.sequence)
            self._reschedule(row.lane)

    def _put(self, row: EventRow) -> None:
        before = self.events[row.sequence - 1].event.message_id
        self.events[row.sequence - 1] = row
        about = self.about.setdefault(row.event.message_id, []) if row.event.message_id else []
        if before is not None and before != row.event.message_id:
            self.about[before].remove(row.sequence)
        if row.sequence not in about:
            insort(about, row.sequence)

    def _follow(self, event: Event) -> None:
        """Keep what follows from an event."""
        if isinstance(event, MessageReceived) and not event.ours and event.chat_id:
            last = InboundRow(vendor_id=event.vendor_id, received_at=event.received_at)
            self._note_inbound(event.connection, event.chat_id, last)
        if isinstance(event, DeliveryUpdated) and event.token and event.vendor_id:
            self.proofs.setdefault(event.token, {})[event.vendor_id] = None

    def _note_inbound(self, connection: str, chat: ChatId, last: InboundRow) -> None:
        known = self.inbound.setdefault(chat, {})
        before = known.get(connection)
        if before is None or before.received_at <= last.received_at:
            known[connection] = last

    def _join_lanes(self, kept: str, other: str) -> None:
        moved = self._lanes.pop(other, _Lane())
        lane = self._lanes.setdefault(kept, _Lane())
        lane.pending = sorted((*lane.pending, *moved.pending))
        lane.held |= moved.held
        for sequence in moved.pending:
            self._lane_of[sequence] = kept
        self.schedule.put(other, None, _ALL)
        self._reschedule(kept)

    def _reschedule(self, key: str) -> None:
        """Set when a lane is due: when every handler that has one of its events is late, else with its first event."""
        lane = self._lanes[key]
        if not lane.pending:
            self._lanes.pop(key)
            self.schedule.put(key, None, _ALL)
            return
        first = self.events[lane.pending[0] - 1]
        at = maybe_micros(first.retry_at) or micros(first.event.received_at)
        self.schedule.put(key, max(lane.held.values(), default=at), _ALL, first.sequence)
