"""The way in of a batch: what its calls do to webhooks, events and their lanes, and to what follows from events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gateway.events import DeliveryUpdated, Event, MessageReceived
from gateway.ids import ChatId, EventId
from gateway.store.columns import Columns, consent_columns, fact_columns, run_columns, webhook_columns
from gateway.store.instants import maybe_micros, micros
from gateway.store.ledger.calls import Ingest, KeepConsent, KeepFacts, SettleEvent, Spoken
from gateway.store.ledger.plan import MovedError, Plan, ask, tell, told
from gateway.store.rows import ConsentRow, EventOutcome, EventRow, FactRow, Settlement

__all__ = ["InCall", "Incoming"]

_DONE, _PENDING = EventOutcome.DONE.value, EventOutcome.PENDING.value

InCall: TypeAlias = Ingest | SettleEvent | KeepFacts | KeepConsent
"""A call that is about events, or about what follows from them."""


@dataclass(slots=True)
class _Place:
    sequence: int
    lane: str
    outcome: EventOutcome


class Incoming:
    """The calls of one batch that are about events, and the events of its settlements.

    `alone` is True where nobody else writes: then nothing has to be locked. `linked` is False where no two ids of a
    chat were ever linked: then, with nobody else to link them, each is kept under its own.
    """

    def __init__(self, *, alone: bool, linked: bool = True) -> None:
        self._alone = alone
        self._linked = linked
        self._kept: dict[ChatId, ChatId] = {}
        self._places: dict[str, _Place] = {}
        self._fresh: dict[EventId, Event] = {}
        self._numbers: dict[str, int] = {}
        self._lanes: set[str] = set()
        self._woken: dict[str, EventId] = {}
        """Lanes that only got new events, with the first of those that are pending."""
        self._facts: dict[tuple[str, str, str], FactRow] = {}
        self._consents: dict[tuple[str, str], ConsentRow] = {}
        self._due: list[int] = []
        self.aliases: dict[ChatId, ChatId] = {}

    def run(
        self,
        calls: Sequence[tuple[int, InCall]],
        settled: Sequence[tuple[Settlement, tuple[Spoken, ...]]],
        answers: list[Any],
    ) -> Plan[int | None]:
        """Carry the calls out; gives when the first of their events may be due, in microseconds."""
        if not calls and not any(events or s.alias or s.facts for s, events in settled):
            return None
        ingests = [(place, call) for place, call in calls if isinstance(call, Ingest)]
        settles = [call for _, call in calls if isinstance(call, SettleEvent)]
        pairs = [settlement.alias for settlement, _ in settled if settlement.alias is not None]
        events = [event for _, said in settled for event in said]
        yield from self._lock(ingests, settles, pairs, events)
        for kept, other in pairs:
            yield from self._link(kept, other)
        yield from self._add(events, ingests, answers)
        self._collect(calls, settled, answers)
        yield from self._settle(settles)
        yield from self._flush([call for place, call in ingests if answers[place] or not call.only_new])
        woken = [(lane, first) for lane, first in sorted(self._woken.items()) if lane not in self._lanes]
        yield from tell("wake_event_lanes", woken)
        yield from tell("write_event_lanes", [(lane,) for lane in sorted(self._lanes)])
        if self._lanes and (settles or pairs):
            # behind an event that is done, or in a lane that was joined, another one may wait
            self._due += [at for (at,) in (yield from ask("event_lanes_due", sorted(self._lanes))) if at is not None]
        return min(self._due, default=None)

    # ── locks ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _lock(
        self,
        ingests: Sequence[tuple[int, Ingest]],
        settles: Sequence[SettleEvent],
        pairs: Sequence[tuple[ChatId, ChatId]],
        events: Sequence[Spoken],
    ) -> Plan[None]:
        """Find the lanes of all events, and lock them; whether they still are the same is looked at afterwards."""
        ids = sorted({call.row.id for call in settles})
        if self._alone and not self._linked:
            yield from self._find([], ids)
            return
        spoken = [*events, *(event for _, call in ingests for event in call.events)]
        ends = {chat for pair in pairs for chat in pair}
        chats = sorted(ends | {chat for said in spoken if (chat := said.event.chat_id)})
        yield from self._find(chats, ids)
        if self._alone:
            return
        lanes = sorted(
            {self._lane(said.event) for said in spoken}
            | {self._canonical(chat) for chat in chats}
            | {place.lane for place in self._places.values()}
        )
        if lanes:
            yield from tell("add_event_lanes", [(lane,) for lane in lanes])
            yield from ask("lock_event_lanes", lanes)
        before = (self._kept, self._places)
        yield from self._find(chats, ids)
        if before[0] != self._kept or {place.lane for place in self._places.values()} - set(lanes):
            raise MovedError

    def _find(self, chats: list[ChatId], ids: list[EventId]) -> Plan[None]:
        if chats:
            rows = yield from ask("aliases", chats)
            self._kept = {ChatId(chat): ChatId(kept) for chat, kept in rows}
        if ids:
            places = yield from ask("event_places", ids)
            self._places = {id_: _Place(sequence, lane, EventOutcome(o)) for id_, sequence, lane, o in places}

    def _canonical(self, chat: ChatId) -> ChatId:
        return self._kept.get(chat, chat)

    def _lane(self, event: Event) -> str:
        chat = event.chat_id
        return self._canonical(chat) if chat is not None else _lane_of(event)

    # ── two ids of one chat ───────────────────────────────────────────────────────────────────────────────────────

    def _link(self, kept: ChatId, other: ChatId) -> Plan[None]:
        kept, other = self._canonical(kept), self._canonical(other)
        if kept == other:
            return
        yield from tell("repoint_aliases", [(other, kept)])
        yield from tell("add_alias", [(other, kept)])
        yield from tell("move_events", [(other, kept)])
        yield from tell("join_inbound", [(other, kept)])
        yield from tell("drop_inbound", [(other,)])
        self._kept = {chat: kept if target == other else target for chat, target in self._kept.items()} | {other: kept}
        self.aliases = {chat: kept if target == other else target for chat, target in self.aliases.items()}
        self.aliases[other] = kept
        for place in self._places.values():
            place.lane = kept if place.lane == other else place.lane
        self._lanes |= {kept, other}

    # ── events ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _add(self, events: Sequence[Spoken], ingests: Sequence[tuple[int, Ingest]], answers: list[Any]) -> Plan[None]:
        """Keep the events that are new; each call is answered with those that it brought first."""
        rows: dict[EventId, Columns] = {}
        mine: list[tuple[int | None, Event]] = []
        for place, said, handled in _all(events, ingests):
            event = said.event
            id_ = event.id
            if id_ not in rows:
                lane = self._lane(event)
                if event.chat_id is not None and event.chat_id != lane:
                    event = event.model_copy(update={"chat_id": ChatId(lane)})
                outcome = _DONE if handled else _PENDING
                received_at = micros(event.received_at)
                rows[id_] = (id_, event.connection, lane, event.message_id, received_at, outcome, said.body)
                mine.append((place, event))
        new = yield from self._insert(rows)
        for place, _ in ingests:
            answers[place] = []
        for asked, event in mine:
            id_ = event.id
            if id_ in new:
                self._fresh[id_] = event
                self._arrived(rows[id_])
                if asked is not None:
                    answers[asked].append(event)
        yield from self._follow(rows)

    def _arrived(self, row: Columns) -> None:
        """Note that the lane of a new event may be due, and when."""
        id_, _, lane, _, received_at, outcome, _ = row
        if self._alone and outcome == _PENDING:
            self._woken.setdefault(lane, id_)
        else:
            self._lanes.add(lane)
        self._due.append(received_at)

    def _insert(self, rows: dict[EventId, Columns]) -> Plan[set[str]]:
        """Write the events that are new; gives their ids."""
        if not rows:
            return set()
        if not self._alone:
            yield from ask("order_events")
            self._numbers = dict((yield from told("add_events", list(rows.values()))))
            return set(self._numbers)
        # asked for all at once: an insert that looks for itself, and says what it did, takes three times as long
        known = {id_ for id_, *_ in (yield from ask("event_places", list(rows)))}
        new = {id_: columns for id_, columns in rows.items() if id_ not in known}
        yield from tell("add_events", list(new.values()))
        return set(new)

    def _follow(self, rows: Mapping[EventId, Columns]) -> Plan[None]:
        """Keep what follows from new events: proofs, and the last message of a contact."""
        proofs: dict[tuple[str, str], EventId] = {}
        inbound: dict[tuple[str, str], Columns] = {}
        for event in self._fresh.values():
            if isinstance(event, MessageReceived):
                chat = event.chat_id
                if chat and not event.ours:
                    _, connection, _, _, received_at, _, _ = rows[event.id]
                    place = (chat, connection)
                    if place not in inbound or inbound[place][-1] <= received_at:
                        inbound[place] = (chat, connection, event.vendor_id, received_at)
            elif isinstance(event, DeliveryUpdated) and event.token and event.vendor_id:
                proofs.setdefault((event.token, event.vendor_id), event.id)
        if proofs and self._alone:
            places = yield from ask("event_places", list(proofs.values()))
            self._numbers = {id_: sequence for id_, sequence, *_ in places}
        yield from tell("add_proofs", sorted((*place, self._numbers[id_]) for place, id_ in proofs.items()))
        yield from tell("write_inbound", sorted(inbound.values()))

    # ── what follows ──────────────────────────────────────────────────────────────────────────────────────────────

    def _collect(
        self,
        calls: Sequence[tuple[int, InCall]],
        settled: Sequence[tuple[Settlement, tuple[Spoken, ...]]],
        answers: list[Any],
    ) -> None:
        """Gather facts and words, of events only if they are new."""
        for settlement, _ in settled:
            self._note(settlement.facts)
        for place, call in calls:
            if isinstance(call, Ingest):
                if call.facts or call.consents:
                    new = {event.id for event in answers[place]}
                    self._note(fact for fact in call.facts if fact.source in new)
                    self._agree(word for word in call.consents if word.source in new)
            elif isinstance(call, KeepFacts):
                self._note(call.facts)
            elif isinstance(call, KeepConsent):
                self._agree([call.row])

    def _note(self, facts: Iterable[FactRow]) -> None:
        for fact in facts:
            self._facts.setdefault((fact.connection, fact.vendor_id, fact.source), fact)

    def _agree(self, words: Iterable[ConsentRow]) -> None:
        for word in words:
            before = self._consents.get((word.connection, word.address))
            if before is None or before.changed_at <= word.changed_at:
                self._consents[word.connection, word.address] = word

    def _settle(self, calls: Sequence[SettleEvent]) -> Plan[None]:
        """Write how far events were handed over; one that is done stays done, its runs are kept all the same."""
        rows: dict[int, Columns] = {}
        for call in calls:
            place = self._places.get(call.row.id)
            if place is not None and place.outcome is not EventOutcome.DONE:
                place.outcome = call.row.outcome
                rows[place.sequence] = (place.sequence, *_progress(call.row), call.body)
                self._lanes.add(place.lane)
        yield from tell("update_events", [row for _, row in sorted(rows.items())])
        yield from tell("add_runs", [run_columns(run) for call in calls for run in call.runs])

    def _flush(self, ingests: Sequence[Ingest]) -> Plan[None]:
        came: dict[tuple[str, str], list[Ingest]] = {}
        for call in ingests:
            came.setdefault((call.webhook.connection, call.webhook.digest), []).append(call)
        yield from tell("write_webhooks", [_webhook(calls) for _, calls in sorted(came.items())])
        yield from tell("add_facts", [fact_columns(fact) for _, fact in sorted(self._facts.items())])
        yield from tell("write_consents", [consent_columns(word) for _, word in sorted(self._consents.items())])


def _all(events: Sequence[Spoken], ingests: Sequence[tuple[int, Ingest]]) -> list[tuple[int | None, Spoken, bool]]:
    """Give all events of a batch, with the call that brings each and whether it was handled."""
    found: list[tuple[int | None, Spoken, bool]] = [(None, said, False) for said in events]
    found += [(place, said, said.event.id in call.handled) for place, call in ingests for said in call.events]
    return found


def _webhook(calls: Sequence[Ingest]) -> Columns:
    """Write one webhook, which may have come several times at once: as it came first, but for what is wrong with it."""
    row = calls[0].webhook
    if len(calls) > 1:
        row = row._replace(quarantine=calls[-1].webhook.quarantine)
    made = dict.fromkeys([said.event.id for call in calls for said in call.events])
    return webhook_columns(row, len(calls) - 1, tuple(made))


def _lane_of(event: Event) -> str:
    return EventRow(sequence=0, event=event).lane


def _progress(row: EventRow) -> Columns:
    return (row.event.message_id, row.outcome.value, row.tries, maybe_micros(row.retry_at), row.error)
