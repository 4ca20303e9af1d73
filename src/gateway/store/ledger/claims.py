"""Claims: taking what is due, a few of many, so that connections take turns and nobody takes the same twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gateway.ids import ChatId, MessageId
from gateway.store.columns import event_row, message_row, step_row
from gateway.store.instants import micros, span
from gateway.store.ledger.calls import Claim, ClaimEvents
from gateway.store.ledger.plan import Plan, ask, tell, told
from gateway.store.rows import EventRow, StepRow, Work
from gateway.store.rules import ENDED, Candidate, in_turns

__all__ = ["Claimed", "claim", "claim_events", "works_of"]

T = TypeVar("T")

ROUNDS = 8
"""Times that a claim looks for more, when others are quicker or a lane turns out to have nothing to do."""


@dataclass(slots=True)
class Claimed(Generic[T]):
    """What was taken, and when there will be something again, in microseconds."""

    rows: list[T] = field(default_factory=list)
    due: int | None = None


def claim(call: Claim) -> Plan[Claimed[Work]]:
    """Take lanes that are due, and hold each for its head."""
    now = micros(call.now)
    claimed: Claimed[Work] = Claimed()
    queues = sorted((yield from ask("queues")))
    wanted = [queue for queue in queues if queue[0] not in call.skip]
    candidates: list[Candidate] = []
    for _ in range(ROUNDS):
        left = call.limit - len(claimed.rows)
        due = yield from told("due_lanes", [(*queue, now, left + 1) for queue in wanted])
        candidates = [Candidate(priority, at, ChatId(lane), name) for priority, at, lane, name in due]
        if not candidates or not left:
            break
        taken = yield from _take(in_turns(candidates, left), now, span(call.lease))
        claimed.rows += taken
        if len(taken) == len(candidates):
            # all that was due is taken, and nobody was quicker: looking again would find nothing
            candidates = []
            break
    coming = yield from told("next_lane_due", [(*queue, now) for queue in queues])
    later = min((at for (at,) in coming if at is not None), default=None)
    claimed.due = now if candidates else later
    return claimed


def _take(chosen: Sequence[Candidate], now: int, lease: int) -> Plan[list[Work]]:
    """Hold lanes for their heads; a lane whose head is not due is only set right."""
    states = yield from ask("lock_due_lanes", sorted(candidate.lane for candidate in chosen), now)
    if not states:
        return []
    heads: dict[ChatId, str | None] = dict((yield from ask("heads", [lane for lane, *_ in states], now)))
    rows = []
    for lane, fence, not_before in states:
        head = heads.get(lane)
        held = (fence + 1, now + lease, head) if head is not None else (fence, None, None)
        rows.append((lane, *held, not_before))
    yield from tell("write_lanes", rows)
    fences = {lane: fence + 1 for lane, fence, _ in states}
    found = yield from works_of({lane: head for lane, head in heads.items() if head is not None}, fences)
    works = {work.lane: work for work in found}
    return [works[candidate.lane] for candidate in chosen if candidate.lane in works]


def works_of(heads: Mapping[ChatId, str], fences: Mapping[ChatId, int]) -> Plan[list[Work]]:
    """Read what is at the head of each lane that is held."""
    if not heads:
        return []
    ids = sorted(heads.values())
    messages = [message_row(columns) for columns in (yield from ask("messages", ids))]
    steps: dict[MessageId, list[StepRow]] = {id_: [] for id_ in map(MessageId, ids)}
    for step in map(step_row, (yield from ask("steps", ids))):
        steps[step.message].append(step)
    return [Work(row.lane, fences[row.lane], row, tuple(steps[row.id])) for row in messages]


def claim_events(call: ClaimEvents) -> Plan[Claimed[EventRow]]:
    """Take the first pending event of each lane that is free."""
    now = micros(call.now)
    claimed: Claimed[EventRow] = Claimed()
    lanes = yield from ask("due_event_lanes", now, call.limit + 1)
    chosen = lanes[: call.limit]
    if chosen:
        until = now + span(call.lease)
        rows = yield from ask("hold_events", sorted(head for _, head in chosen), until, ENDED)
        claimed.rows = sorted(map(event_row, rows), key=lambda row: row.sequence)
        yield from tell("write_event_lanes", sorted((lane,) for lane, _ in chosen))
    coming = yield from ask("next_event_due", now)
    later = min((at for (at,) in coming if at is not None), default=None)
    claimed.due = now if len(lanes) > call.limit else later
    return claimed
