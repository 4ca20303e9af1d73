"""What a store keeps: rows of plain data, whose larger parts are JSON text.

Nothing live passes the port, so that a store on disk holds exactly what one in memory does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from gateway.actions import DeliveryState
from gateway.drafts import drafted
from gateway.events import Event
from gateway.ids import ChatId, EventId, MessageId, Token, direct_chat

__all__ = [
    "AttemptRow",
    "Bucket",
    "ConsentRow",
    "EventOutcome",
    "EventRow",
    "FactRow",
    "FileRow",
    "InboundRow",
    "Marked",
    "MessageRow",
    "MessageState",
    "NumberedWebhook",
    "RunRow",
    "Settled",
    "Settlement",
    "StepRow",
    "StepState",
    "Taken",
    "WebhookRow",
    "Work",
]


class MessageState(StrEnum):
    """Where a row of the outbox stands."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    PARTLY = "partly"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def open(self) -> bool:
        """Tell whether the worker still has something to do with it."""
        return self in {MessageState.QUEUED, MessageState.UNKNOWN}


class StepState(StrEnum):
    """Where a step stands; STARTED without an end is what a crash leaves behind."""

    WAITING = "waiting"
    STARTED = "started"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@drafted
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """Something that was asked for and promised."""

    id: MessageId
    connection: str
    lane: ChatId
    kind: str
    """The type of its action (`StepAction`): send_message, send_reaction, set_typing, …"""
    request: str
    """What was asked, as JSON: chat, messages, policy."""
    fingerprint: str
    """SHA-256 of what was asked, to tell a repetition from a reuse of the key."""
    key: str | None
    """The caller's idempotency key."""
    adaptations: str
    """What fitting changed, as JSON."""
    steps: int
    created_at: datetime
    due_at: datetime
    """When it may leave; its place in the lane."""
    expires_at: datetime | None = None
    priority: int = 1
    """0 before 1 before 2, among lanes that are due: answers, the ordinary, bulk."""
    state: MessageState = MessageState.QUEUED
    generation: int = 1
    error: str | None = None
    """The error that ended it, as JSON."""
    parked: bool = False
    """True when it waits for `resolve` and no longer holds its lane."""


@drafted
@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One action for one vendor call."""

    message: MessageId
    index: int
    action: str
    """The action as JSON, key and token in it."""
    token: Token
    pause: float
    """Seconds after the step before it."""
    indexes: tuple[int, ...]
    """Which messages of the call it carries."""
    state: StepState = StepState.WAITING
    attempts: int = 0
    first_at: datetime | None = None
    """When its first attempt of this generation started that the vendor did not refuse for certain."""
    call: str | None = None
    """The call as it was first sent, as JSON; a keyed repetition sends it again, not another one."""
    doubt: bool = False
    """True once an attempt ended uncertain: from then on a refusal of a copy proves nothing."""
    receipt: str | None = None


@drafted
@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One time that a step was tried; written before the call leaves, completed after its answer."""

    message: MessageId
    step: int
    generation: int
    number: int
    started_at: datetime
    call: str | None
    ended_at: datetime | None = None
    outcome: str | None = None
    """accepted, or the slug of the error."""
    status: int | None = None
    detail: str | None = None
    """The vendor's answer or the error, redacted."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit that a step has to keep: a generic cell rate (GCRA), counted under a key.

    `interval` seconds from one to the next; `burst` may come at once after a pause.
    """

    key: str
    interval: float
    burst: int = 1


@dataclass(frozen=True, slots=True)
class Taken:
    """One place that a marker took from a bucket: when the next one was free before that, and is now."""

    key: str
    before: int
    """Microseconds, as `after`."""
    after: int


@dataclass(frozen=True, slots=True)
class Marked:
    """What came of a marker: written, or the lane is `lost`, or a limit asks to wait `until` a time."""

    lost: bool = False
    until: datetime | None = None
    limit: str | None = None
    """Key of the limit that asks for the longest wait."""
    taken: tuple[Taken, ...] = field(default=(), compare=False)
    """One place of each bucket, in their order; none where nothing was written."""

    @property
    def written(self) -> bool:
        """Tell whether the attempt may leave."""
        return not self.lost and self.until is None


class Work(NamedTuple):
    """A lane that a worker holds, and what is at its head."""

    lane: ChatId
    fence: int
    """Grows with each claim; a worker that lost its lease cannot write with an old one."""
    message: MessageRow
    steps: tuple[StepRow, ...]


class Settled(NamedTuple):
    """What came of a settlement by who would go on in the lane."""

    written: bool
    """False when the lane was lost."""
    next: Work | None = None
    """What is at the head of the lane now, held as by a claim; None where the lane was given back."""


@drafted
@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What one run of a step came to; written in one commit."""

    message: MessageRow
    step: StepRow
    attempt: AttemptRow | None
    next_at: datetime
    """When the lane may be claimed again."""
    sent: tuple[str, ...] = ()
    """Vendor ids that now belong to the step."""
    facts: tuple[FactRow, ...] = ()
    events: tuple[Event, ...] = ()
    alias: tuple[ChatId, ChatId] | None = None
    """Two ids of one chat; the first one is kept."""
    unused: tuple[Taken, ...] = ()
    """Places that were taken for nothing; each is free again unless another one was taken from its bucket since."""


@drafted
@dataclass(frozen=True, slots=True, kw_only=True)
class FactRow:
    """One report about a message at the vendor."""

    connection: str
    vendor_id: str
    state: DeliveryState
    source: str
    """The event's id, or `answer`, or `look-up`."""
    received_at: datetime
    occurred_at: datetime | None = None
    channel: str | None = None
    code: str | None = None
    reason: str | None = None
    certain: bool = True


class WebhookRow(NamedTuple):
    """A webhook as it came.

    A tuple, for one is made of every delivery: a frozen class sets its fields one by one, in twice the time.
    """

    connection: str
    digest: str
    """SHA-256 of the raw body."""
    headers: tuple[tuple[str, str], ...]
    """Without those that prove something."""
    body: bytes
    received_at: datetime
    quarantine: str | None = None
    """Why it could not be read; it may have events all the same, which say that they are unknown."""
    repeats: int = 0
    """How often it came again."""
    events: tuple[EventId, ...] = ()
    """What was made of it."""


@dataclass(frozen=True, slots=True)
class NumberedWebhook:
    """A webhook with the number that it is kept under."""

    sequence: int
    row: WebhookRow


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundRow:
    """The last message that a contact wrote in a chat."""

    vendor_id: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRow:
    """Whether an address agrees to be written to; the latest word holds, whichever of a contact's names it is of."""

    connection: str
    address: str
    agreed: bool
    source: str
    """Where that comes from: an event's id, `code 500`, `operator`."""
    changed_at: datetime

    @property
    def chat(self) -> ChatId:
        """The id of the chat with this address: by it a contact who has several names is found under each."""
        return direct_chat(self.connection, self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One time that an event was handed to a handler."""

    event: EventId
    handler: str
    """The function's qualified name."""
    started_at: datetime
    ended_at: datetime
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """Bytes that the gateway serves to vendors."""

    digest: str
    """SHA-256 of the bytes: their name, so that changed bytes have a new URL."""
    name: str
    media_type: str
    data: bytes
    kept_at: datetime


class EventOutcome(StrEnum):
    """Where an event stands with its handlers."""

    PENDING = "pending"
    DONE = "done"
    PARKED = "parked"


@drafted
@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event and how far it was handed over."""

    sequence: int
    event: Event
    outcome: EventOutcome = EventOutcome.PENDING
    tries: int = 0
    retry_at: datetime | None = None
    error: str | None = None

    @property
    def id(self) -> EventId:
        """The event's id."""
        return self.event.id

    @property
    def lane(self) -> str:
        """Events of one lane are handed over in order: those of a chat, else those of a connection."""
        return self.event.chat_id or f"connection:{self.event.connection}"
