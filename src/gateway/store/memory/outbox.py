"""The way out in memory: messages, their steps, and the lanes that they wait in."""

from __future__ import annotations

import heapq
from bisect import insort
from collections import ChainMap, Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway.ids import ChatId, MessageId, Token
from gateway.store.instants import micros, moment, span
from gateway.store.memory.schedule import Schedule
from gateway.store.rows import (
    AttemptRow,
    Bucket,
    Marked,
    MessageRow,
    MessageState,
    Settled,
    Settlement,
    StepRow,
    Work,
)
from gateway.store.rules import Candidate, give_back, has_begun, held_again, in_turns, spend, waits

__all__ = ["Outbox"]

_Place = tuple[MessageId, int]
_QUEUED = MessageState.QUEUED


@dataclass(slots=True)
class _Lane:
    key: ChatId
    connection: str
    line: list[tuple[int, MessageId]] = field(default_factory=list)
    """Who waits, as a heap; those that no longer do are dropped when they come up."""
    waiting: dict[MessageId, int] = field(default_factory=dict)
    """When each of those that wait is due."""
    begun: set[_Place] = field(default_factory=set)
    """The steps that may be with the vendor, also of what waits for a person."""
    fence: int = 0
    held_until: int | None = None
    head: MessageId | None = None
    """What it is held for."""
    not_before: int = 0


class Outbox:
    """Messages and lanes; every method is one commit."""

    def __init__(self) -> None:
        self.messages: dict[MessageId, MessageRow] = {}
        self.by_age: list[MessageId] = []
        self.steps: dict[_Place, StepRow] = {}
        self.tokens: dict[Token, _Place] = {}
        self.owners: dict[tuple[str, str], _Place] = {}
        self.attempts: dict[MessageId, dict[tuple[int, int, int], AttemptRow]] = {}
        self.depth: Counter[str] = Counter()
        self.schedule: Schedule[tuple[str, int]] = Schedule()
        self._keys: dict[str, MessageId] = {}
        self._lanes: dict[ChatId, _Lane] = {}
        self._arrivals: dict[str, int] = {}

    def enqueue(self, message: MessageRow, steps: Sequence[StepRow]) -> MessageRow:
        """Keep a message with its steps, unless its key is taken."""
        if message.key is not None and (taken := self._keys.get(message.key)) is not None:
            return self.messages[taken]
        if message.id in self.messages:
            return self.messages[message.id]
        if message.key is not None:
            self._keys[message.key] = message.id
        insort(self.by_age, message.id)
        lane = self._lanes.get(message.lane)
        if lane is None:
            lane = self._lanes[message.lane] = _Lane(message.lane, message.connection)
        self._put_message(lane, message)
        for step in steps:
            self._put_step(lane, step)
        self._reschedule(lane)
        return message

    def claim(self, now: datetime, lease: float, limit: int, skip: Collection[str]) -> list[Work]:
        """Take lanes that are due; connections take turns."""
        at = micros(now)
        works: list[Work] = []
        self.schedule.advance(at)
        more = True
        while more:
            room = limit - len(works)
            candidates = self._candidates(at, room + 1, skip)
            # fewer than were asked for are all that there are
            more = len(candidates) > room
            if not room:
                break
            for candidate in in_turns(candidates, room):
                works += self._take(self._lanes[candidate.lane], at, span(lease))
        self.schedule.look_ahead(at, more=more)
        return works

    def _candidates(self, at: int, limit: int, skip: Collection[str]) -> list[Candidate]:
        return [
            Candidate(priority, next_at, ChatId(key), connection)
            for connection, priority in self.schedule.groups()
            if connection not in skip
            for next_at, key in self.schedule.first((connection, priority), at, limit)
        ]

    def _take(self, lane: _Lane, at: int, lease: int) -> Iterator[Work]:
        """Hold a lane for its head; a lane whose head is not due is only set right."""
        head = self._first(lane)
        if head is None or head[0] > at:
            lane.held_until = None
        else:
            lane.fence += 1
            lane.head = head[1]
            lane.held_until = at + lease
            yield Work(lane.key, lane.fence, self.messages[lane.head], self.steps_of(lane.head))
        self._reschedule(lane)

    def mark(self, work: Work, step: StepRow, attempt: AttemptRow, buckets: Sequence[Bucket]) -> Marked:
        """Write that an attempt starts, and take one from each bucket."""
        lane = self._held(work)
        if lane is None:
            return Marked(lost=True)
        marked = spend(buckets, self._arrivals, attempt.started_at)
        if marked.written:
            self._put_step(lane, step)
            self._put_attempt(attempt)
        return marked

    def room(self, buckets: Sequence[Bucket], now: datetime) -> Marked:
        """Tell whether each bucket has one to give."""
        return spend(buckets, ChainMap({}, self._arrivals), now)

    def settle(self, work: Work, settlement: Settlement) -> bool:
        """Write what an attempt came to, and give the lane back."""
        lane = self._held(work)
        if lane is None:
            return False
        self._write(lane, settlement)
        self._free(lane, micros(settlement.next_at))
        return True

    def settle_and_claim(self, work: Work, settlement: Settlement, now: datetime, lease: float) -> Settled:
        """Write what an attempt came to, and keep the lane for its next row where that is due."""
        at, lane = micros(now), self._held(work)
        if lane is None:
            return Settled(written=False)
        until = held_again(lane.held_until, at, span(lease))
        self.settle(work, settlement)
        head = self._first(lane)
        if head is None or max(head[0], lane.not_before) > at:
            return Settled(written=True)
        [work] = self._take(lane, at, until - at)
        return Settled(written=True, next=work)

    def release(self, work: Work, next_at: datetime) -> None:
        """Give a lane back with nothing done."""
        if (lane := self._held(work)) is not None:
            self._free(lane, micros(next_at))

    def renew(self, works: Iterable[Work], until: datetime) -> None:
        """Hold lanes longer."""
        for work in works:
            if (lane := self._held(work)) is not None:
                lane.held_until = micros(until)
                self._reschedule(lane)

    def amend(self, settlement: Settlement, expect: MessageState) -> bool:
        """Settle a row from outside its lane."""
        row = self.messages.get(settlement.message.id)
        if row is None or row.state is not expect:
            return False
        lane = self._lanes[row.lane]
        if expect is MessageState.QUEUED and lane.held_until is not None and lane.head == row.id:
            return False
        first = self._first(lane)
        self._write(lane, settlement)
        if lane.held_until is None:
            if first is not None and first[1] == row.id:
                lane.not_before = micros(settlement.next_at)
        elif lane.head == row.id:
            lane.fence += 1  # who works on the row has an old picture of it
            self._free(lane, micros(settlement.next_at))
        self._reschedule(lane)
        return True

    def keyed(self, key: str) -> MessageRow | None:
        """Give the row that has a caller's key."""
        taken = self._keys.get(key)
        return self.messages[taken] if taken is not None else None

    def ending(self, connection: str, limit: int) -> list[MessageRow]:
        """List the rows of a connection that are queued and whose time runs out, the soonest first."""
        lanes = (lane for lane in self._lanes.values() if lane.connection == connection)
        queued = (row for lane in lanes for id_ in lane.waiting if (row := self.messages[id_]).state is _QUEUED)
        ends = sorted((row.expires_at, row.id) for row in queued if row.expires_at is not None)
        return [self.messages[id_] for _, id_ in ends[:limit]]

    def steps_of(self, message: MessageId) -> tuple[StepRow, ...]:
        """Give the steps of a row."""
        return tuple(self.steps[message, index] for index in range(self.messages[message].steps))

    def rests(self, lane: ChatId, now: datetime) -> datetime | None:
        """Tell until when a lane was asked to wait."""
        until = self._lanes[lane].not_before if lane in self._lanes else 0
        return moment(until) if until > micros(now) else None

    def undecided(self, lane: ChatId) -> list[datetime]:
        """Say when the steps of a lane began that may be with the vendor, of messages that wait in it."""
        if lane not in self._lanes:
            return []
        found = self._lanes[lane]
        begun = [(self.steps[place], self.messages[place[0]]) for place in found.begun if place[0] in found.waiting]
        return sorted(step.first_at or message.created_at for step, message in begun)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _held(self, work: Work) -> _Lane | None:
        """Give the lane, if this claim still holds it."""
        lane = self._lanes.get(work.lane)
        return lane if lane is not None and lane.fence == work.fence and lane.held_until is not None else None

    def _free(self, lane: _Lane, not_before: int) -> None:
        lane.held_until = None
        lane.not_before = not_before
        self._reschedule(lane)

    def _first(self, lane: _Lane) -> tuple[int, MessageId] | None:
        while lane.line:
            due_at, id_ = lane.line[0]
            if lane.waiting.get(id_) == due_at:
                return due_at, id_
            heapq.heappop(lane.line)
        return None

    def _reschedule(self, lane: _Lane) -> None:
        """Set when a lane is due: when its lease ends, else with its first row, and not before it was asked to wait."""
        first = self._first(lane)
        priority = self.messages[first[1]].priority if first else 1
        at = lane.held_until
        if at is None and first is not None:
            at = max(first[0], lane.not_before)
        self.schedule.put(lane.key, at, (lane.connection, priority))

    def _put_message(self, lane: _Lane, message: MessageRow) -> None:
        """Keep a row, and put it into the line or take it out."""
        self.messages[message.id] = message
        before = lane.waiting.get(message.id)
        if not waits(message):
            self.depth[lane.connection] -= lane.waiting.pop(message.id, None) is not None
            return
        due_at = micros(message.due_at)
        if before != due_at:
            heapq.heappush(lane.line, (due_at, message.id))
        self.depth[lane.connection] += before is None
        lane.waiting[message.id] = due_at

    def _write(self, lane: _Lane, settlement: Settlement) -> None:
        message = settlement.message
        self._put_message(lane, message)
        self._put_step(lane, settlement.step)
        for vendor_id in settlement.sent:
            self.owners[message.connection, vendor_id] = (settlement.step.message, settlement.step.index)
        if settlement.attempt is not None:
            self._put_attempt(settlement.attempt)
        give_back(settlement.unused, self._arrivals)

    def _put_step(self, lane: _Lane, step: StepRow) -> None:
        place = (step.message, step.index)
        self.steps[place] = step
        self.tokens[step.token] = place
        if has_begun((step,)):
            lane.begun.add(place)
        else:
            lane.begun.discard(place)

    def _put_attempt(self, attempt: AttemptRow) -> None:
        place = (attempt.generation, attempt.step, attempt.number)
        self.attempts.setdefault(attempt.message, {})[place] = attempt
