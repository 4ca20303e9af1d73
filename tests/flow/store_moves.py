"""What two workers and a dispatcher may do to a store, as data: for tests that play it on two stores and compare."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import methodcaller as ask
from typing import Any, TypeAlias

from hypothesis import strategies as st

from gateway.actions import DeliveryState
from gateway.ids import ChatId, MessageId, Token
from gateway.store import Store
from gateway.store.rows import (
    Bucket,
    ConsentRow,
    EventOutcome,
    EventRow,
    FactRow,
    MessageState,
    RunRow,
    Settlement,
    StepState,
    Taken,
    Work,
)
from gateway.testing.stores.samples import (
    NOW,
    attempt_of,
    message_row,
    received,
    report,
    started,
    steps_of,
    token_of,
    webhook_row,
)

__all__ = ["Move", "Player", "moves"]

LANES = ("chat_a", "chat_b", "chat_c")
CONNECTIONS = {"chat_a": "main", "chat_b": "main", "chat_c": "other"}
BUCKETS = (Bucket("line", 2.5), Bucket("all", 0.1, burst=3), Bucket("slow", 40))
LEASE = 10.0

Look: TypeAlias = Callable[[Store], Awaitable[Any]]
"""Asks a store for something that it only has to read."""
Move: TypeAlias = tuple[Any, ...]
"""The name of a method of `Player`, and small numbers that choose among what is there."""
Hook: TypeAlias = tuple[int, list[int]]
"""The number of a webhook, and those of its events."""


def _move(name: str, *numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Move]:
    return st.tuples(st.just(name), *numbers)


_few = st.integers(0, 3)
_any = st.integers(0, 30)
_seconds = st.sampled_from((0, 0, 0, 0.000001, 1, 2.5, 9, 10, 45))
_ends = st.sampled_from(("accepted", "again", "step", "unknown", "unknown", "parked", "parked", "refused"))
_hook = st.tuples(_few, st.lists(st.integers(0, 9), max_size=3))
"""A webhook, and the events that are made of it."""
_telling = st.tuples(st.integers(0, 9), st.lists(st.integers(0, 9), min_size=1, max_size=2))

moves: st.SearchStrategy[list[Move]] = st.lists(
    st.one_of(
        _move("enqueue", _few, st.sampled_from((-3, 0, 0, 0, 4)), _few, st.integers(0, 6), st.integers(1, 2)),
        _move("enqueue", _few, st.just(0), st.just(1), st.just(0), st.just(1)),
        _move("claim", st.integers(0, 4), st.booleans()),
        _move("claim", st.just(4), st.just(value=False)),
        _move("claim", st.just(2), st.just(value=False)),
        _move("enqueue", _few, st.just(0), st.just(1), st.just(0), st.just(2)),
        _move("mark", _any, st.lists(st.sampled_from(range(3)), max_size=3, unique=True)),
        _move("settle", _any, _ends, _seconds),
        _move("settle_and_claim", _any, _ends, _seconds),
        _move("link", _any, st.integers(0, 2), st.integers(0, 2)),
        _move("release", _any, _seconds),
        _move("renew", st.lists(_any, max_size=3), _seconds),
        _move("amend", _any, st.sampled_from(("queued", "unknown", "partly")), _ends, _seconds),
        _move("ingest", _hook, st.booleans(), st.booleans()),
        _move("ingest", _telling, st.just(value=False), st.just(value=False)),
        _move("ingest", _telling, st.booleans(), st.just(value=True)),
        _move("ingest_at_once", st.lists(st.tuples(_telling, st.booleans(), st.booleans()), min_size=2, max_size=4)),
        _move("claim_events", st.integers(0, 3)),
        _move("settle_event", _any, st.sampled_from(("done", "again", "parked")), _seconds),
        _move("tick", _seconds),
    ),
    min_size=30,
    max_size=90,
)


@dataclass(slots=True)
class Player:
    """Plays moves on a model and a store, and holds their answers against each other."""

    model: Store
    store: Store
    now: datetime = NOW
    works: list[Work] = field(default_factory=list)
    rows: list[EventRow] = field(default_factory=list)
    paid: dict[str, tuple[Taken, ...]] = field(default_factory=dict)
    """What the last marker of each lane took."""
    count: int = 0

    async def play(self, script: Sequence[Move]) -> None:
        """Play all moves."""
        for name, *numbers in script:
            await getattr(self, f"_{name}")(*numbers)

    async def _both(self, call: Callable[[Store], Awaitable[Any]]) -> Any:
        expected = await call(self.model)
        assert expected == await call(self.store)
        return expected

    def _later(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)

    # ── moves ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _tick(self, seconds: float) -> None:
        self.now = self._later(seconds)

    async def _enqueue(self, lane: int, due: float, priority: int, key: int, steps: int) -> None:
        self.count += 1
        chat = LANES[lane % len(LANES)]
        row = message_row(
            f"{self.count:03}",
            chat,
            connection=CONNECTIONS[chat],
            due_at=self._later(due),
            priority=priority % 3,
            key=f"key {key}" if key else None,
            steps=steps,
        )
        await self._both(lambda store: store.enqueue(row, steps_of(row)))

    async def _claim(self, limit: int, skips: bool) -> None:  # noqa: FBT001 - a move is plain data
        skip = ["other"] if skips else []
        self.works += await self._both(lambda store: store.claim(self.now, LEASE, limit, skip))

    async def _mark(self, pick: int, limits: list[int]) -> None:
        if not self.works:
            return
        work = self.works[-1 - pick % len(self.works)]
        index = _next_step(work)
        step = started(work, self.now, index)
        attempt = attempt_of(step, self.now, work.message.generation)
        marked = await self._both(lambda store: store.mark(work, step, attempt, [BUCKETS[n] for n in limits]))
        if marked.written:
            steps = tuple(step if old.index == index else old for old in work.steps)
            self.works.append(work._replace(steps=steps))
            self.paid[work.lane] = marked.taken

    async def _settle(self, pick: int, end: str, seconds: float) -> None:
        if self.works:
            work = self.works[-1 - pick % len(self.works)]
            await self._both(lambda store: store.settle(work, self._settlement(work, end, seconds)))

    async def _settle_and_claim(self, pick: int, end: str, seconds: float) -> None:
        if self.works:
            work = self.works[-1 - pick % len(self.works)]
            settlement = self._settlement(work, end, seconds)
            settled = await self._both(lambda store: store.settle_and_claim(work, settlement, self.now, LEASE))
            self.works += [settled.next] if settled.next else []

    async def _link(self, pick: int, kept: int, other: int) -> None:
        if self.works:
            work = self.works[-1 - pick % len(self.works)]
            alias = (ChatId(LANES[kept]), ChatId(LANES[other]))
            linked = replace(self._settlement(work, "again", 0), alias=alias)
            await self._both(lambda store: store.settle(work, linked))

    def _settlement(self, work: Work, end: str, seconds: float) -> Settlement:
        step = work.steps[_next_step(work)]
        message, state = work.message, StepState.ACCEPTED
        match end:
            case "accepted":
                message = replace(message, state=MessageState.ACCEPTED, parked=False)
            case "refused":
                message, state = replace(message, state=MessageState.PARTLY, error="{}"), StepState.REFUSED
            case "again":
                state = StepState.WAITING
            case "step":
                message = replace(message, state=MessageState.QUEUED)
            case "unknown" | "parked":
                message = replace(message, state=MessageState.UNKNOWN, parked=end == "parked")
                state = StepState.UNKNOWN
        name = f"{message.id}.{step.index}.{end}"
        return Settlement(
            message=message,
            step=replace(step, state=state),
            attempt=attempt_of(step, self.now, message.generation, ended_at=self.now) if step.attempts else None,
            next_at=self._later(seconds),
            sent=(f"vendor {name}",) if end == "accepted" else (),
            facts=(_fact(name, "answer", self.now),) if end == "accepted" else (),
            events=(report(name, message.lane, message.connection, received_at=self.now, message_id=message.id),),
            unused=self.paid.get(message.lane, ()) if end == "again" else (),
        )

    async def _release(self, pick: int, seconds: float) -> None:
        if self.works:
            work = self.works[-1 - pick % len(self.works)]
            await self._both(lambda store: store.release(work, self._later(seconds)))

    async def _renew(self, picks: list[int], seconds: float) -> None:
        works = [self.works[-1 - pick % len(self.works)] for pick in picks if self.works]
        await self._both(lambda store: store.renew(works, self._later(seconds + 1)))

    async def _amend(self, pick: int, expect: str, end: str, seconds: float) -> None:
        found = await self.model.messages(limit=1000)
        if not found:
            return
        kept = await self.model.message(found[pick % len(found)].id)
        assert kept is not None
        change = self._settlement(Work(kept[0].lane, 0, *kept), end, seconds)
        if end == "again":
            step = replace(change.step, token=Token(f"{change.step.token}+"), attempts=0)
            row = replace(kept[0], state=MessageState.QUEUED, parked=False, generation=kept[0].generation + 1)
            change = replace(change, message=row, step=step, attempt=None)
        await self._both(lambda store: store.amend(change, expect=MessageState(expect)))

    async def _ingest(self, hook: Hook, handles: bool, only_new: bool) -> None:  # noqa: FBT001 - as above
        await self._both(self._ingesting(hook, handles, only_new))

    async def _ingest_at_once(self, hooks: list[tuple[Hook, bool, bool]]) -> None:
        """As webhooks come that wait for one commit together: each is kept as after those before it."""
        # webhooks of one moment are listed in no order: here they come in the one in which a batch is written
        calls = [self._ingesting(*each) for each in sorted(hooks, key=lambda each: each[0][0])]

        async def all_of_them(store: Store) -> list[Any]:
            return await asyncio.gather(*(call(store) for call in calls))

        await self._both(all_of_them)

    def _ingesting(self, hook: Hook, handles: bool, only_new: bool) -> Look:  # noqa: FBT001 - as above
        name, chosen = hook
        events = [self._event(number) for number in chosen]
        facts = [_fact(f"v{event.key}", event.id, self.now) for event in events]
        words = [
            ConsentRow(connection="main", address=f"+{n % 3}", agreed=n % 2 > 0, source=e.id, changed_at=self.now)
            for n, e in zip(chosen, events, strict=True)
        ]
        quarantine = None if chosen else "nothing was made of it"
        row = webhook_row(str(name), received_at=self.now, quarantine=quarantine)
        handled = {event.id for event in events[:1]} if handles else set()
        return lambda store: store.ingest(row, events, facts, words, handled=handled, only_new=only_new)

    def _event(self, number: int) -> Any:
        chat = (*LANES, None)[number % 4]
        made = received if number < 6 else report
        return made(str(number), chat, received_at=self.now, token=token_of("msg", number % 2))

    async def _claim_events(self, limit: int) -> None:
        self.rows += await self._both(lambda store: store.claim_events(self.now, LEASE, limit))

    async def _settle_event(self, pick: int, end: str, seconds: float) -> None:
        if not self.rows:
            return
        row = self.rows[-1 - pick % len(self.rows)]
        run = RunRow(event=row.id, handler=end, started_at=self.now, ended_at=self.now)
        match end:
            case "done":
                row = replace(row, outcome=EventOutcome.DONE)
            case "parked":
                row = replace(row, outcome=EventOutcome.PARKED, error="E")
            case _:
                row = replace(row, tries=row.tries + 1, retry_at=self._later(seconds))
        await self._both(lambda store: store.settle_event(row, [run]))

    # ── all there is ──────────────────────────────────────────────────────────────────────────────────────────────

    async def compare(self) -> None:
        """Hold everything that is kept against each other."""
        rows = await self._both(ask("messages", limit=1000))
        events = await self._both(ask("events", limit=1000))
        looks = [*self._looks(), *(look for row in rows for look in _looks_at_message(row.id))]
        looks += [look for event in events for look in (ask("runs", event.id), ask("event", event.id))]
        expected = [(look, await look(self.model)) for look in looks]
        # nobody writes meanwhile: that many are on their way at once only saves waiting for each by itself
        found = await asyncio.gather(*(look(self.store) for look in looks))
        assert expected == list(zip(looks, found, strict=True))

    def _looks(self) -> Iterator[Look]:
        for state in MessageState:
            yield ask("messages", state)
        for lane in map(ChatId, LANES):
            yield from (ask("undecided", lane), ask("canonical", lane), ask("last_inbound", "main", lane))
            yield from (ask("rests", lane, self.now), ask("names", lane))
        for number in range(3):
            yield from (ask("consent", "main", f"+{number}"), ask("proofs", token_of("msg", number)))
            yield ask("room", [BUCKETS[number]], self.now)
        yield ask("facts", "main", [f"v{number}" for number in range(10)])
        yield from (ask("webhooks", limit=1000), ask("webhooks", quarantined=True))
        yield from (ask("depth", connection) for connection in ("main", "other"))

    async def drain(self) -> None:
        """Finish everything that waits: what is claimed, and in which order, is the same to the end."""
        self.now = self._later(1000)
        while works := await self._both(lambda store: store.claim(self.now, LEASE, 2)):
            for work in works:
                await self._both(lambda store, w=work: store.settle(w, self._settlement(w, "accepted", 0)))  # type: ignore[misc]
        while rows := await self._both(lambda store: store.claim_events(self.now, LEASE, 2)):
            for row in rows:
                done = replace(row, outcome=EventOutcome.DONE)
                await self._both(lambda store, r=done: store.settle_event(r))  # type: ignore[misc]
        assert [0, 0] == [await self.store.depth(name) for name in ("main", "other")]


def _looks_at_message(message: MessageId) -> list[Look]:
    ids = [f"{message}.{index}.accepted" for index in range(2)]
    by_id = [ask(name, message) for name in ("message", "attempts", "events_of")]
    return [
        *by_id,
        ask("by_token", token_of(message)),
        ask("facts", "main", ids),
        ask("owner", "main", f"vendor {ids[0]}"),
    ]


def _next_step(work: Work) -> int:
    return next((s.index for s in work.steps if s.state is not StepState.ACCEPTED), len(work.steps) - 1)


def _fact(name: str, source: str, at: datetime) -> FactRow:
    return FactRow(connection="main", vendor_id=name, state=DeliveryState.SENT, source=source, received_at=at)
