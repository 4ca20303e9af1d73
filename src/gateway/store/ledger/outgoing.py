"""The way out of a batch: what its calls do to lanes, messages and limits, decided on rows that are locked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import StoreError
from gateway.ids import ChatId, MessageId
from gateway.store.columns import (
    Columns,
    attempt_columns,
    message_changes,
    message_columns,
    message_row,
    step_columns,
)
from gateway.store.instants import micros
from gateway.store.ledger.calls import Again, Amend, Enqueue, Mark, OutCall, Release, Renew, Settle, first_of
from gateway.store.ledger.claims import works_of
from gateway.store.ledger.plan import Plan, ask, tell, told
from gateway.store.rows import AttemptRow, Marked, MessageRow, MessageState, Settled, Settlement, StepRow, Work
from gateway.store.rules import give_back, held_again, spend, waits

__all__ = ["Outgoing"]


@dataclass(slots=True)
class _Lane:
    fence: int
    held_until: int | None
    head: str | None
    not_before: int
    changed: bool = False
    was_held_until: int | None = None
    due: int | None = None
    """When it may be due, where it was given back."""
    again: Again | None = None
    """Set where who gave it back would have it again."""


@dataclass(slots=True)
class _Standing:
    """What decides whether a message may be changed from outside."""

    state: MessageState
    waiting: bool
    first: bool


class Outgoing:
    """The calls of one batch that are about lanes."""

    def __init__(self, shard: int, queues: set[tuple[str, int]]) -> None:
        self._shard = shard
        self._queues = queues
        self._lanes: dict[ChatId, _Lane] = {}
        self._standing: dict[MessageId, _Standing] = {}
        self._arrivals: dict[str, int] = {}
        self._messages: dict[MessageId, MessageRow] = {}
        self._steps: dict[tuple[MessageId, int], StepRow] = {}
        self._tokens: dict[str, Columns] = {}
        self._attempts: dict[tuple[MessageId, int, int, int], AttemptRow] = {}
        self._owners: dict[tuple[str, str], Columns] = {}
        self._depth: Counter[str] = Counter()
        self._due: list[int] = []
        self.fresh_queues: set[tuple[str, int]] = set()

    def run(self, calls: Sequence[tuple[int, OutCall]], answers: list[Any]) -> Plan[int | None]:
        """Carry the calls out; gives when the first of their lanes may be due, in microseconds."""
        if not calls:
            return None
        enqueues = [(place, call) for place, call in calls if isinstance(call, Enqueue)]
        yield from self._lock(calls, [call.message for _, call in enqueues])
        yield from self._enqueue(enqueues, answers)
        yield from self._load(calls)
        for place, call in calls:
            if not isinstance(call, Enqueue):
                answers[place] = self._apply(call)
        yield from self._flush()
        heads = yield from self._hold_again()
        yield from self._flush_lanes()
        yield from self._answer(heads, calls, answers)
        freed = (lane.due for lane in self._lanes.values() if lane.due is not None)
        return min((*self._due, *freed), default=None)

    def _answer(self, heads: dict[ChatId, str], calls: Sequence[tuple[int, OutCall]], answers: list[Any]) -> Plan[None]:
        """Give those who hold a lane again what is at its head."""
        works = yield from works_of(heads, {key: self._lanes[key].fence for key in heads})
        found = {work.lane: work for work in works}
        for place, call in calls:
            if isinstance(call, Settle) and answers[place].written and call.again is not None:
                answers[place] = Settled(written=True, next=found.get(call.work.lane))

    # ── locks ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _lock(self, calls: Iterable[tuple[int, OutCall]], fresh: Sequence[MessageRow]) -> Plan[None]:
        yield from tell("add_lanes", sorted({row.lane: (row.lane, row.connection) for row in fresh}.values()))
        lanes = sorted({lane for _, call in calls for lane in _lanes_of(call)})
        for lane, *state in (yield from ask("lock_lanes", lanes)):
            self._lanes[ChatId(lane)] = _Lane(*state)

    def _load(self, calls: Iterable[tuple[int, OutCall]]) -> Plan[None]:
        amended = sorted({call.settlement.message.id for _, call in calls if isinstance(call, Amend)})
        if amended:
            for id_, state, waiting, first in (yield from ask("amendable", amended)):
                self._standing[MessageId(id_)] = _Standing(MessageState(state), bool(waiting), bool(first))
        keys = sorted({key for _, call in calls for key in _limits_of(call)})
        if keys:
            yield from tell("add_buckets", [(key,) for key in keys])
            self._arrivals = dict((yield from ask("lock_buckets", keys)))

    # ── enqueue ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _enqueue(self, calls: Sequence[tuple[int, Enqueue]], answers: list[Any]) -> Plan[None]:
        """Keep those whose key is free; the others get what has it. Of two in one batch the first one goes first."""
        if not calls:
            return
        chosen: dict[MessageId, Enqueue] = {}
        keys: dict[str, MessageId] = {}
        for _, call in calls:
            row = call.message
            if row.id not in chosen and (row.key is None or keys.setdefault(row.key, row.id) == row.id):
                chosen[row.id] = call
        fresh = sorted(chosen.values(), key=lambda call: (call.message.key or "", call.message.id))
        kept = {id_ for (id_,) in (yield from told("add_messages", [message_columns(call.message) for call in fresh]))}
        yield from self._keep([call for call in fresh if call.message.id in kept])
        by_id = {row.id: row for row in (call.message for call in fresh) if row.id in kept}
        by_key = {row.key: row for row in by_id.values() if row.key is not None}
        if lost := [call.message for _, call in calls if call.message.id not in kept]:
            rows = yield from ask("messages_taken", [row.key for row in lost if row.key], [row.id for row in lost])
            for row in map(message_row, rows):
                by_id[row.id] = row
                if row.key is not None:
                    by_key[row.key] = row
        for place, call in calls:
            row = call.message
            found = by_key.get(row.key) if row.key is not None else None
            answers[place] = found or by_id.get(row.id)
            if answers[place] is None:
                raise StoreError("a message was neither kept nor found", hint="report it with the version of the store")

    def _keep(self, calls: Sequence[Enqueue]) -> Plan[None]:
        """Write what comes with new messages."""
        steps = [step for call in calls for step in call.steps]
        yield from tell("add_steps", [step_columns(step) for step in steps])
        for step in steps:
            self._tokens[step.token] = (step.token, step.message, step.index)
        for message in (call.message for call in calls):
            self._lanes[message.lane].changed = True
            self._depth[message.connection] += waits(message)
            self._due.append(micros(message.due_at))
            if (queue := (message.connection, message.priority)) not in self._queues:
                self.fresh_queues.add(queue)

    # ── what the other calls come to ──────────────────────────────────────────────────────────────────────────────

    def _apply(self, call: OutCall) -> Any:
        match call:
            case Mark():
                return self._mark(call)
            case Settle():
                return self._settle(call)
            case Release():
                if (lane := self._held(call.work)) is not None:
                    self._free(lane, micros(call.next_at))
            case Renew():
                for lane in filter(None, map(self._held, call.works)):
                    lane.held_until = micros(call.until)
                    lane.changed = True
            case Amend():
                return self._amend(call)
        return None

    def _held(self, work: Work) -> _Lane | None:
        """Give the lane, if this claim still holds it."""
        lane = self._lanes.get(work.lane)
        return lane if lane is not None and lane.fence == work.fence and lane.held_until is not None else None

    def _free(self, lane: _Lane, not_before: int) -> None:
        """Give a lane back."""
        lane.was_held_until, lane.held_until = lane.held_until, None
        lane.not_before = lane.due = not_before
        lane.changed = True

    def _hold_again(self) -> Plan[dict[ChatId, str]]:
        """Hold lanes again for who settled them, where what is at their head now is due; gives the heads."""
        asked = {key: lane for key, lane in self._lanes.items() if lane.again is not None and lane.held_until is None}
        now, lease = first_of(lane.again for lane in asked.values())
        free = sorted(key for key, lane in asked.items() if lane.not_before <= now)
        heads: dict[ChatId, str] = {}
        for key, head in (yield from ask("heads", free, now)) if free else ():
            if head is not None:
                lane = asked[key]
                lane.fence, lane.head, lane.due = lane.fence + 1, head, None
                lane.held_until = held_again(lane.was_held_until, now, lease)
                heads[key] = head
        return heads

    def _mark(self, call: Mark) -> Marked:
        if self._held(call.work) is None:
            return Marked(lost=True)
        marked = spend(call.buckets, self._arrivals, call.attempt.started_at)
        if marked.written:
            self._put_step(call.step)
            self._put_attempt(call.attempt)
        return marked

    def _settle(self, call: Settle) -> Settled:
        lane = self._held(call.work)
        if lane is None:
            return Settled(written=False)
        known = {step.token for step in call.work.steps}
        self._write(call.settlement, waiting=True, new_token=call.settlement.step.token not in known)
        self._free(lane, micros(call.settlement.next_at))
        lane.again = call.again
        return Settled(written=True)

    def _amend(self, call: Amend) -> bool:
        message = call.settlement.message
        standing = self._standing.get(message.id)
        if standing is None or standing.state is not call.expect:
            return False
        lane = self._lanes[message.lane]
        if call.expect is MessageState.QUEUED and lane.held_until is not None and lane.head == message.id:
            return False
        self._write(call.settlement, waiting=standing.waiting, new_token=True)
        next_at = micros(call.settlement.next_at)
        if lane.held_until is None:
            lane.not_before = next_at if standing.first else lane.not_before
        elif lane.head == message.id:
            lane.fence += 1  # who works on the row has an old picture of it
            self._free(lane, next_at)
        lane.changed = True
        self._due.append(next_at)
        return True

    def _write(self, settlement: Settlement, *, waiting: bool, new_token: bool) -> None:
        message, step = settlement.message, settlement.step
        self._messages[message.id] = message
        self._depth[message.connection] += waits(message) - waiting
        if (standing := self._standing.get(message.id)) is not None:
            standing.state, standing.waiting = message.state, waits(message)
        self._put_step(step)
        if new_token:
            self._tokens[step.token] = (step.token, step.message, step.index)
        for vendor_id in settlement.sent:
            place = (message.connection, vendor_id)
            self._owners[place] = (*place, step.message, step.index)
        if settlement.attempt is not None:
            self._put_attempt(settlement.attempt)
        give_back(settlement.unused, self._arrivals)

    def _put_step(self, step: StepRow) -> None:
        self._steps[step.message, step.index] = step

    def _put_attempt(self, attempt: AttemptRow) -> None:
        self._attempts[attempt.message, attempt.generation, attempt.step, attempt.number] = attempt

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _flush(self) -> Plan[None]:
        yield from tell("update_messages", [message_changes(row) for _, row in sorted(self._messages.items())])
        yield from tell("update_steps", [step_columns(row) for _, row in sorted(self._steps.items())])
        yield from tell("add_tokens", sorted(self._tokens.values()))
        yield from tell("write_attempts", [attempt_columns(row) for _, row in sorted(self._attempts.items())])
        yield from tell("write_owners", sorted(self._owners.values()))
        yield from tell("write_buckets", sorted(self._arrivals.items()))
        yield from tell("add_queues", sorted(self.fresh_queues))
        changes = sorted((name, self._shard, change) for name, change in self._depth.items() if change)
        yield from tell("add_depth", changes)

    def _flush_lanes(self) -> Plan[None]:
        lanes = sorted(
            (key, lane.fence, lane.held_until, lane.head, lane.not_before)
            for key, lane in self._lanes.items()
            if lane.changed
        )
        yield from tell("write_lanes", lanes)


def _lanes_of(call: OutCall) -> Iterable[ChatId]:
    match call:
        case Enqueue():
            return (call.message.lane,)
        case Mark() | Settle() | Release():
            return (call.work.lane,)
        case Renew():
            return [work.lane for work in call.works]
        case Amend():
            return (call.settlement.message.lane,)


def _limits_of(call: OutCall) -> Iterable[str]:
    match call:
        case Mark():
            return [bucket.key for bucket in call.buckets]
        case Settle() | Amend():
            return [place.key for place in call.settlement.unused]
        case _:
            return ()
