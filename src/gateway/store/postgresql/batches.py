"""Calls of one kind, written together by a function in the database: one round to the server for all of them.

The functions are in the migrations, as are the types of the rows that they are given: tuples, in the order of
`gateway.store.columns`. What is written in them is what `gateway.store.ledger` does with a statement for
each table, in the same order of locks; the contract of stores and the model test hold both to the same words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from operator import itemgetter
from typing import Any

from gateway.errors import StoreError
from gateway.ids import ChatId, MessageId
from gateway.store.columns import (
    Columns,
    attempt_columns,
    message_columns,
    message_row,
    step_columns,
    step_row,
)
from gateway.store.instants import maybe_micros, micros, moment, span
from gateway.store.ledger import Call, Claim, Claimed, Plan, Written, write
from gateway.store.ledger.calls import Enqueue, Mark, Release, Settle, first_of
from gateway.store.ledger.incoming import Incoming
from gateway.store.ledger.plan import ask
from gateway.store.postgresql.sets import sets
from gateway.store.rows import Marked, MessageRow, Settled, Settlement, StepRow, Taken, Work
from gateway.store.rules import waits

__all__ = ["Kind", "claim", "kind_of", "plan_of", "whole"]

_READ = 17
"""Columns of a message that are read."""
_NO_FENCE = -1
"""What the fence of a lane never is."""


class Kind(Enum):
    """Which calls are written together."""

    ENQUEUE = "enqueue"
    MARK = "mark"
    SETTLE = "settle"
    """Settlements and lanes that are given back."""
    OTHER = "other"
    """What has no function: it is written statement by statement."""


def kind_of(call: Call[Any]) -> Kind:
    """Tell what a call is written with."""
    match call:
        case Enqueue():
            return Kind.ENQUEUE
        case Mark():
            return Kind.MARK
        case Release():
            return Kind.SETTLE
        case Settle() if call.settlement.alias is None:
            return Kind.SETTLE
    return Kind.OTHER


def whole(kind: Kind, calls: Sequence[Any]) -> bool:
    """Tell whether a batch is one statement, which is a transaction by itself."""
    if kind is Kind.SETTLE:
        return not any(isinstance(call, Settle) and (call.events or call.settlement.facts) for call in calls)
    return kind is not Kind.OTHER


def plan_of(kind: Kind, calls: Sequence[Any], shard: int, queues: set[tuple[str, int]]) -> Plan[Written]:
    """Write the calls of a batch, and answer each of them.

    `queues` are the connections and priorities that are known to be written down, `shard` the row of the depth that
    is counted in.
    """
    match kind:
        case Kind.ENQUEUE:
            return _enqueue(calls, shard, queues)
        case Kind.MARK:
            return _mark(calls)
        case Kind.SETTLE:
            return _settle(calls, shard)
    return write(calls, shard=shard, queues=queues)


# ── enqueue ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _enqueue(calls: Sequence[Enqueue], shard: int, queues: set[tuple[str, int]]) -> Plan[Written]:
    """Keep those whose key is free; the others get what has it. Of two in one batch the first one goes first."""
    chosen: dict[MessageId, Enqueue] = {}
    keys: dict[str, MessageId] = {}
    for call in calls:
        row = call.message
        if row.id not in chosen and (row.key is None or keys.setdefault(row.key, row.id) == row.id):
            chosen[row.id] = call
    fresh = sorted(chosen.values(), key=lambda call: (call.message.key or "", call.message.id))
    rows = [call.message for call in fresh]
    new = {(row.connection, row.priority) for row in rows} - queues
    [(kept,)] = yield from ask(
        "enqueue",
        shard,
        _lanes(rows),
        *sets(sorted(new), 2),
        [message_columns(row) for row in rows],
        sorted((step_columns(step) for call in fresh for step in call.steps), key=itemgetter(3)),
    )
    answers = {id_: chosen[id_].message for id_ in kept}
    due = min((micros(row.due_at) for row in answers.values()), default=None)
    answers_of = yield from _answers(calls, answers)
    return Written(answers_of, lanes_due=due, queues=new)


def _lanes(rows: Iterable[MessageRow]) -> list[Columns]:
    """Give the lanes of messages in their order, each with its connection and when the first of them is due."""
    lanes: dict[ChatId, tuple[str, int]] = {}
    for row in rows:
        due = micros(row.due_at)
        known = lanes.get(row.lane)
        if known is None or due < known[1]:
            lanes[row.lane] = (row.connection, due)
    return [(lane, *lanes[lane]) for lane in sorted(lanes)]


def _answers(calls: Sequence[Enqueue], kept: dict[MessageId, MessageRow]) -> Plan[list[MessageRow]]:
    """Give each call what was kept for it, or what has its key or its id."""
    by_id = dict(kept)
    by_key = {row.key: row for row in kept.values() if row.key is not None}
    lost = [call.message for call in calls if call.message.id not in kept]
    if lost:
        taken = yield from ask("messages_taken", [row.key for row in lost if row.key], [row.id for row in lost])
        for row in map(message_row, taken):
            by_id[row.id] = row
            if row.key is not None:
                by_key[row.key] = row
    answers = []
    for row in (call.message for call in calls):
        found = (by_key.get(row.key) if row.key is not None else None) or by_id.get(row.id)
        if found is None:
            raise StoreError("a message was neither kept nor found", hint="report it with the version of the store")
        answers.append(found)
    return answers


# ── attempts ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _mark(calls: Sequence[Mark]) -> Plan[Written]:
    """Write that attempts start, as far as their lanes are held and their limits leave room."""
    keys = sorted({bucket.key for call in calls for bucket in call.buckets})
    places = {key: place for place, key in enumerate(keys, 1)}
    uses = [(number, bucket) for number, call in enumerate(calls, 1) for bucket in call.buckets]
    [(held, untils, limits, befores, afters)] = yield from ask(
        "mark",
        [(call.work.lane, call.work.fence, micros(call.attempt.started_at), None) for call in calls],
        [_step_changes(call.step, call.work) for call in calls],
        [attempt_columns(call.attempt) for call in calls],
        keys or None,
        *sets(((number, places[b.key], span(b.interval), b.burst) for number, b in uses), 4),
    )
    if not keys:
        return Written([Marked() if is_held else Marked(lost=True) for is_held in held], private=True)
    taken: list[list[Taken]] = [[] for _ in calls]
    for (number, bucket), before, after in zip(uses, befores, afters, strict=True):
        if after is not None:
            taken[number - 1].append(Taken(bucket.key, before, after))
    return Written(list(map(_marked, held, untils, limits, taken)), private=True)


def _marked(held: bool, until: int | None, limit: str | None, taken: Sequence[Taken]) -> Marked:  # noqa: FBT001 - a column
    if not held:
        return Marked(lost=True)
    return Marked(taken=tuple(taken)) if until is None else Marked(until=moment(until), limit=limit)


def _settle(calls: Sequence[Settle | Release], shard: int) -> Plan[Written]:
    """Give lanes back that are still held, and write what came of their attempts."""
    results = [(number, call.settlement) for number, call in enumerate(calls, 1) if isinstance(call, Settle)]
    [(held, due, *_), *rows] = yield from ask(
        "settle",
        shard,
        *first_of([call.again for call in calls if isinstance(call, Settle)]),
        _given_back(calls),
        *sets(map(_result, calls), 4),
        [owner for number, settlement in results for owner in _owners(number, settlement)] or None,
        *sets(((number, t.key, t.before, t.after) for number, s in results for t in s.unused), 4),
    )
    heads = {work.lane: work for work in _works(row[2:] for row in rows)}
    answers = [_settled(call, is_held, heads) for is_held, call in zip(held, calls, strict=True)]
    written = Written(answers, lanes_due=due)
    kept = [
        (call.settlement, call.events) for call, so in zip(calls, held, strict=True) if so and isinstance(call, Settle)
    ]
    written.events_due = yield from Incoming(alone=False).run([], kept, answers)
    return written


def _given_back(calls: Sequence[Settle | Release]) -> list[Columns]:
    """Write which lanes are given back, and when each may go on; who gives one back twice has lost it by then."""
    seen: set[tuple[ChatId, int]] = set()
    rows: list[Columns] = []
    for call in calls:
        lane, fence = call.work.lane, call.work.fence
        own = _NO_FENCE if (lane, fence) in seen else fence
        seen.add((lane, fence))
        if isinstance(call, Settle):
            rows.append((lane, own, micros(call.settlement.next_at), call.again is not None))
        else:
            rows.append((lane, own, micros(call.next_at), False))
    return rows


def _result(call: Settle | Release) -> Columns:
    """Write what a call brings: the message, the step, its token if it is new, and the attempt."""
    if isinstance(call, Release):
        return (None, None, None, None)
    settlement, work = call.settlement, call.work
    return (
        _message_changes(settlement.message, work),
        _step_changes(settlement.step, work),
        _new_token(settlement.step, work),
        None if settlement.attempt is None else attempt_columns(settlement.attempt),
    )


def _settled(call: Settle | Release, held: bool, heads: dict[ChatId, Work]) -> Settled | None:  # noqa: FBT001 - a column
    if isinstance(call, Release):
        return None
    return Settled(held, heads.get(call.work.lane) if held and call.again else None)


def _owners(number: int, settlement: Settlement) -> Iterable[Columns]:
    step = settlement.step
    return [(number, settlement.message.connection, sent, step.message, step.index) for sent in settlement.sent]


def _message_changes(row: MessageRow, work: Work) -> Columns:
    """Write what of a message may change, its id first; None for what is as the holder of the lane found it."""
    known = work.message
    return (
        row.id,
        None if row.due_at == known.due_at else micros(row.due_at),
        maybe_micros(row.expires_at),
        None if row.priority == known.priority else row.priority,
        row.state.value,
        None if row.generation == known.generation else row.generation,
        row.error,
        None if row.parked == known.parked else row.parked,
        waits(row),
    )


def _step_changes(row: StepRow, work: Work) -> Columns:
    """Write a step; None for its large and lasting parts that are as the holder of the lane found them."""
    known = _known(row, work)
    if known is None:
        return step_columns(row)
    same = (row.action, row.token, row.pause, row.indexes) == (known.action, known.token, known.pause, known.indexes)
    lasting = (None, None, None, None) if same else itemgetter(2, 3, 4, 5)(step_columns(row))
    return (
        row.message,
        row.index,
        *lasting,
        row.state.value,
        row.attempts,
        maybe_micros(row.first_at),
        row.call,
        row.doubt,
        row.receipt,
    )


def _known(row: StepRow, work: Work) -> StepRow | None:
    return next((step for step in work.steps if step.index == row.index and step.message == row.message), None)


def _new_token(row: StepRow, work: Work) -> str | None:
    """Give the token of a step if it is none that the holder of the lane found."""
    return None if row.token in [step.token for step in work.steps] else row.token


# ── claims ────────────────────────────────────────────────────────────────────────────────────────────────────────


def claim(call: Claim) -> Plan[Claimed[Work]]:
    """Take lanes that are due, and hold each for its head."""
    rows = yield from ask("claim", micros(call.now), span(call.lease), call.limit, sorted(call.skip))
    return Claimed(_works(row[1:] for row in rows), rows[0][0])


def _works(rows: Iterable[Columns]) -> list[Work]:
    """Read what is at the heads of lanes: a row for each of its steps."""
    heads: dict[str, tuple[int, MessageRow, list[StepRow]]] = {}
    for lane, fence, *columns in rows:
        if lane is None:
            continue
        if lane not in heads:
            heads[lane] = (fence, message_row(tuple(columns[:_READ])), [])
        if columns[_READ] is not None:
            heads[lane][2].append(step_row(tuple(columns[_READ:])))
    return [Work(message.lane, fence, message, tuple(steps)) for fence, message, steps in heads.values()]
