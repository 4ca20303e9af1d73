"""The calls of the port as values, so that those which wait at the same time can be written together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from gateway.events import Event
from gateway.ids import EventId
from gateway.store.columns import event_body
from gateway.store.instants import micros, span
from gateway.store.ledger.plan import Plan
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

__all__ = [
    "Again",
    "Amend",
    "Call",
    "Claim",
    "ClaimEvents",
    "Enqueue",
    "Ingest",
    "KeepConsent",
    "KeepCursor",
    "KeepFacts",
    "KeepFile",
    "Mark",
    "OutCall",
    "Release",
    "Renew",
    "Scrub",
    "Settle",
    "SettleEvent",
    "Spoken",
    "Transact",
    "first_of",
    "spoken",
]

T_co = TypeVar("T_co", covariant=True)


class Call(Generic[T_co]):
    """One call of the port; the answer is of its type."""

    __slots__ = ()


class Spoken(NamedTuple):
    """An event with its JSON: written down while the database is still busy with the batch before."""

    event: Event
    body: str


def spoken(events: Sequence[Event]) -> tuple[Spoken, ...]:
    """Write events down."""
    return tuple([Spoken(event, event_body(event)) for event in events])


@dataclass(slots=True)
class Enqueue(Call[MessageRow]):
    """Keep a message."""

    message: MessageRow
    steps: Sequence[StepRow]


@dataclass(slots=True)
class Claim(Call[list[Work]]):
    """Take lanes that are due."""

    now: datetime
    lease: float
    limit: int
    skip: Collection[str]


@dataclass(slots=True)
class Mark(Call[Marked]):
    """Write that an attempt starts."""

    work: Work
    step: StepRow
    attempt: AttemptRow
    buckets: Sequence[Bucket]


class Again(NamedTuple):
    """Who settles a lane would have it again, if its next row is due now."""

    now: datetime
    lease: float


def first_of(agains: Iterable[Again | None]) -> tuple[int, int]:
    """Give the time and the lease that hold for all of a batch, in microseconds: none of them has its lane too long."""
    asked = [again for again in agains if again is not None]
    now = min((micros(again.now) for again in asked), default=0)
    return now, min((span(again.lease) for again in asked), default=0)


@dataclass(slots=True)
class Settle(Call[Settled]):
    """Write what an attempt came to."""

    work: Work
    settlement: Settlement
    events: tuple[Spoken, ...]
    again: Again | None = None
    """None gives the lane back."""


@dataclass(slots=True)
class Release(Call[None]):
    """Give a lane back."""

    work: Work
    next_at: datetime


@dataclass(slots=True)
class Renew(Call[None]):
    """Hold lanes longer."""

    works: Sequence[Work]
    until: datetime


@dataclass(slots=True)
class Amend(Call[bool]):
    """Settle a row from outside its lane."""

    settlement: Settlement
    expect: MessageState
    events: tuple[Spoken, ...]


@dataclass(slots=True)
class Ingest(Call[list[Event]]):
    """Keep a webhook and its events."""

    webhook: WebhookRow
    events: tuple[Spoken, ...]
    facts: Sequence[FactRow]
    consents: Sequence[ConsentRow]
    handled: Collection[EventId]
    only_new: bool = False
    """Write nothing when no event is new."""


@dataclass(slots=True)
class ClaimEvents(Call[list[EventRow]]):
    """Take events that are due."""

    now: datetime
    lease: float
    limit: int


@dataclass(slots=True)
class SettleEvent(Call[None]):
    """Write how far an event was handed over."""

    row: EventRow
    body: str
    runs: Sequence[RunRow]


@dataclass(slots=True)
class KeepFacts(Call[None]):
    """Keep facts."""

    facts: Sequence[FactRow]


@dataclass(slots=True)
class KeepConsent(Call[None]):
    """Keep the word of an address."""

    row: ConsentRow


@dataclass(slots=True)
class KeepCursor(Call[None]):
    """Keep how far something was read."""

    name: str
    value: str


@dataclass(slots=True)
class KeepFile(Call[None]):
    """Keep bytes to serve."""

    file: FileRow


@dataclass(slots=True)
class Transact(Call[Any]):
    """Run a plan in a transaction of its own; it is made anew when it has to be tried again."""

    make: Callable[[], Plan[Any]]


@dataclass(slots=True)
class Scrub(Call[None]):
    """Leave nothing of what was deleted in files beside the database."""


OutCall: TypeAlias = Enqueue | Mark | Settle | Release | Renew | Amend
"""A call that is about lanes."""
