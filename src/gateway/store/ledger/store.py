"""The port over a ledger in a database: calls become values that wait for the next batch."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from gateway.errors import StoreError
from gateway.events import Event
from gateway.ids import EventId
from gateway.store.columns import event_body
from gateway.store.instants import moment
from gateway.store.ledger.calls import (
    Again,
    Amend,
    Call,
    Claim,
    ClaimEvents,
    Enqueue,
    Ingest,
    KeepConsent,
    KeepCursor,
    KeepFacts,
    KeepFile,
    Mark,
    Release,
    Renew,
    Settle,
    SettleEvent,
    Spoken,
    Transact,
    spoken,
)
from gateway.store.ledger.claims import Claimed
from gateway.store.ledger.lookups import Lookups
from gateway.store.ledger.plan import Plan, Rows
from gateway.store.rows import (
    AttemptRow,
    Bucket,
    ConsentRow,
    EventRow,
    FactRow,
    FileRow,
    Marked,
    MessageRow,
    MessageState,
    RunRow,
    Settled,
    Settlement,
    StepRow,
    WebhookRow,
    Work,
)

__all__ = ["LedgerStore"]

T = TypeVar("T")


class LedgerStore(Lookups):
    """All of the port but opening; a database adds how a call is written, how a query is read, and how it ends."""

    def __init__(self) -> None:
        self._closing: asyncio.Task[None] | None = None
        self._changes = asyncio.Event()
        self._version = 0
        self._lanes_due: int | None = None
        self._events_due: int | None = None

    @abstractmethod
    def _call(self, call: Call[T]) -> Awaitable[T]:
        """Write a call in one of the next batches; what it gives has the answer when that is durable."""

    @abstractmethod
    async def _claim(self, call: Claim) -> Claimed[Work]:
        """Take lanes that are due."""

    @abstractmethod
    async def _claim_events(self, call: ClaimEvents) -> Claimed[EventRow]:
        """Take events that are due."""

    @abstractmethod
    async def _transact(self, call: Transact) -> Any:
        """Run a plan in a transaction of its own."""

    @abstractmethod
    def _check(self) -> object:
        """Raise `StoreError` unless the store is open."""

    @abstractmethod
    async def _let_go(self) -> None:
        """Write what waits, and let go of everything that was opened."""

    async def close(self) -> None:
        """Write what waits, and let go of everything; who comes second waits for the same.

        Who is cancelled meanwhile cancels only the waiting: half closed, a store would be neither here nor free.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._let_go(), name="gateway store's end")
            self._wake()
        await asyncio.shield(self._closing)

    @property
    def _closed(self) -> bool:
        return self._closing is not None

    # ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────

    async def enqueue(self, message: MessageRow, steps: Sequence[StepRow]) -> MessageRow:
        """Keep a message with its steps, unless its key is taken."""
        return await self._call(Enqueue(message, steps))

    async def claim(self, now: datetime, lease: float, limit: int, skip: Collection[str] = ()) -> list[Work]:
        """Take lanes that are due; connections take turns."""
        # what is written while the claim is on its way may be due before what the claim saw
        before, self._lanes_due = self._lanes_due, None
        due = before
        try:
            claimed = await self._claim(Claim(now, lease, limit, frozenset(skip)))
            due = claimed.due
        finally:
            self._lanes_due = _sooner(self._lanes_due, due)
        return claimed.rows

    async def mark(self, work: Work, step: StepRow, attempt: AttemptRow, buckets: Sequence[Bucket] = ()) -> Marked:
        """Write that an attempt starts, and take one from each bucket."""
        return await self._call(Mark(work, step, attempt, buckets))

    async def settle(self, work: Work, settlement: Settlement) -> bool:
        """Write what an attempt came to, and give the lane back."""
        return (await self._call(Settle(work, settlement, _spoken(settlement.events)))).written

    async def settle_and_claim(self, work: Work, settlement: Settlement, now: datetime, lease: float) -> Settled:
        """Write what an attempt came to, and keep the lane for its next row where that is due."""
        return await self._call(Settle(work, settlement, _spoken(settlement.events), Again(now, lease)))

    async def release(self, work: Work, next_at: datetime) -> None:
        """Give a lane back with nothing done."""
        await self._call(Release(work, next_at))

    async def renew(self, works: Sequence[Work], until: datetime) -> None:
        """Hold lanes longer."""
        await self._call(Renew(works, until))

    async def amend(self, settlement: Settlement, *, expect: MessageState) -> bool:
        """Settle a row from outside its lane."""
        return await self._call(Amend(settlement, expect, _spoken(settlement.events)))

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
        return await self._call(
            Ingest(webhook, _spoken(events), facts, consents, frozenset(handled), only_new=only_new)
        )

    async def claim_events(self, now: datetime, lease: float, limit: int) -> list[EventRow]:
        """Take the first pending event of each lane that is free."""
        before, self._events_due = self._events_due, None
        due = before
        try:
            claimed = await self._claim_events(ClaimEvents(now, lease, limit))
            due = claimed.due
        finally:
            self._events_due = _sooner(self._events_due, due)
        return claimed.rows

    async def settle_event(self, row: EventRow, runs: Sequence[RunRow] = ()) -> None:
        """Write how far an event was handed over."""
        await self._call(SettleEvent(row, event_body(row.event), runs))

    async def keep_facts(self, facts: Sequence[FactRow]) -> None:
        """Keep what a look-up said about messages."""
        await self._call(KeepFacts(facts))

    async def keep_file(self, file: FileRow) -> None:
        """Keep bytes to serve."""
        await self._call(KeepFile(file))

    async def keep_consent(self, row: ConsentRow) -> None:
        """Keep a word of an address."""
        await self._call(KeepConsent(row))

    async def keep_cursor(self, name: str, value: str) -> None:
        """Keep how far something was read."""
        await self._call(KeepCursor(name, value))

    # ── what is kept beside the ledger (`gateway.store.records`) ──────────────────────────────────────────────────

    async def transact(self, make: Callable[[], Plan[T]]) -> T:
        """Run a plan in a transaction of its own, made anew by `make` when others came in its way; then wake who waits.

        Raises `StoreError`.
        """
        answer = await self._transact(Transact(make))
        self._wake()
        return cast("T", answer)

    async def found(self, query: str, *arguments: Any) -> Rows:
        """Run a named query that only reads, and gives a few rows by a key."""
        return await self._find(query, *arguments)

    async def rows(self, query: str, *arguments: Any) -> Rows:
        """Run a named query that only reads."""
        return await self._list(query, *arguments)

    async def scrub(self) -> None:
        """Leave nothing of what was deleted in files of the store where that is up to it; raises `StoreError`."""
        self._check()

    # ── waiting ───────────────────────────────────────────────────────────────────────────────────────────────────

    def next_due(self, now: datetime, *, lanes: bool = True, events: bool = True) -> datetime | None:
        """Tell when the next lane or event is due, as far as was seen at the last claims and written since."""
        due = _sooner(self._lanes_due if lanes else None, self._events_due if events else None)
        return None if due is None else moment(due)

    @property
    def version(self) -> int:
        """Grows with each write that this process knows of."""
        return self._version

    async def changed(self, since: int) -> None:
        """Wait until something was written."""
        self._check()
        if self._version == since:
            await self._changes.wait()

    def _wake(self, lanes_due: int | None = None, events_due: int | None = None) -> None:
        """Let go who waits; says when what was written falls due."""
        self._lanes_due = _sooner(self._lanes_due, lanes_due)
        self._events_due = _sooner(self._events_due, events_due)
        self._version += 1
        self._changes.set()
        self._changes = asyncio.Event()


def _sooner(one: int | None, other: int | None) -> int | None:
    times = [at for at in (one, other) if at is not None]
    return min(times, default=None)


def _spoken(events: Sequence[Event]) -> tuple[Spoken, ...]:
    """Write events down; one that cannot be is the caller's, and concerns nobody else."""
    try:
        return spoken(events)
    except ValueError as error:
        raise StoreError(
            "an event cannot be written down as JSON",
            code="unkept",
            hint=f"its text is broken: {type(error).__name__}",
        ) from None
