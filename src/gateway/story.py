"""One message's whole life as data: what was asked, what was made of it, what was tried, answered, heard and done.

For people who ask "what happened to it?"; nothing in the flow reads this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import AwareDatetime, Field, JsonValue, TypeAdapter
from pydantic_core import from_json

from gateway import outbox
from gateway.actions import Adaptation, DeliveryState
from gateway.addresses import Word
from gateway.delivery import MessageStatus, merge
from gateway.events import AnyEvent
from gateway.ids import EventId, MessageId
from gateway.store.port import Store
from gateway.store.rows import AttemptRow, EventRow, FactRow, MessageRow, StepRow, WebhookRow

__all__ = ["Story", "StoryAttempt", "StoryEvent", "StoryFact", "StoryRun", "StoryStep", "StoryWebhook", "tell"]

_ADAPTATIONS = TypeAdapter(tuple[Adaptation, ...])
_WEBHOOKS = 1000
"""How many webhooks of a message are told, the oldest first."""


class StoryAttempt(Word):
    """One time that a step was tried."""

    number: int
    generation: int
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    """None where nobody read its answer, and nobody wrote down why: what a crash leaves behind."""
    outcome: str | None = None
    """accepted, or the slug of the error."""
    status: int | None = None
    """Of HTTP, where there was an answer."""
    detail: str | None = Field(default=None, repr=False)
    call: JsonValue = Field(default=None, repr=False)
    """The call as it was sent, without credentials."""


class StoryStep(Word):
    """One action for one vendor call."""

    index: int
    state: str
    carries: tuple[int, ...]
    """Which messages of what was asked."""
    pause: float
    """Seconds after the step before it."""
    action: JsonValue = Field(repr=False)
    receipt: JsonValue = Field(default=None, repr=False)
    """What the vendor accepted, with its answer."""
    attempts: tuple[StoryAttempt, ...] = ()


class StoryFact(Word):
    """One report about one message at the vendor."""

    vendor_id: str
    state: DeliveryState
    source: str
    """An event's id, `answer` or `look-up:…`."""
    received_at: AwareDatetime
    occurred_at: AwareDatetime | None = None
    channel: str | None = None
    code: str | None = None
    reason: str | None = None
    certain: bool = True


class StoryRun(Word):
    """One time that a handler got an event."""

    handler: str
    """Its qualified name."""
    started_at: AwareDatetime
    ended_at: AwareDatetime
    error: str | None = None


class StoryEvent(Word):
    """An event about the message, and how it was handed over."""

    event: AnyEvent
    outcome: str
    """pending, done or parked."""
    tries: int
    error: str | None = None
    runs: tuple[StoryRun, ...] = ()


class StoryWebhook(Word):
    """A webhook that said something about the message."""

    digest: str
    """SHA-256 of its body."""
    received_at: AwareDatetime
    repeats: int
    events: tuple[EventId, ...]
    body: str = Field(repr=False)
    """As text, wrong bytes replaced."""


class Story(Word):
    """A message from the call to the last report."""

    message_id: MessageId
    connection: str
    kind: str
    state: str
    """Where it stands in the outbox."""
    parked: bool = False
    generation: int = 1
    created_at: AwareDatetime
    due_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    key: str | None = Field(default=None, repr=False)
    """The caller's idempotency key."""
    asked: JsonValue = Field(repr=False)
    """The call: chat, policy, content."""
    adaptations: tuple[Adaptation, ...] = ()
    """What fitting changed."""
    error: JsonValue = Field(default=None, repr=False)
    """What it ended with, where it did not end well."""
    steps: tuple[StoryStep, ...] = ()
    facts: tuple[StoryFact, ...] = ()
    """Reports, the oldest first."""
    status: MessageStatus
    """What all facts together say."""
    events: tuple[StoryEvent, ...] = ()
    webhooks: tuple[StoryWebhook, ...] = ()
    """The oldest first, a thousand at most."""


async def tell(store: Store, message: MessageRow, steps: Sequence[StepRow]) -> Story:
    """Put together what the store knows of a message."""
    sent = outbox.receipt_of(message, steps).sent
    facts = await store.facts(message.connection, [entry.vendor_id for entry in sent])
    events = await _events(message, facts, store)
    attempts = await store.attempts(message.id)
    deliveries = tuple(
        merge(entry.vendor_id, [fact for fact in facts if fact.vendor_id == entry.vendor_id], index=entry.index)
        for entry in sent
    )
    return Story(
        **_of_row(message),
        steps=tuple(_step(step, [row for row in attempts if row.step == step.index]) for step in steps),
        facts=tuple(_fact(fact) for fact in facts),
        status=outbox.status_of(message, steps, deliveries),
        events=tuple([await _event(row, store) for row in events]),
        webhooks=tuple(await _webhooks(message, events, store)),
    )


def _of_row(message: MessageRow) -> dict[str, Any]:
    return {
        "message_id": message.id,
        "connection": message.connection,
        "kind": message.kind,
        "state": message.state.value,
        "parked": message.parked,
        "generation": message.generation,
        "created_at": message.created_at,
        "due_at": message.due_at,
        "expires_at": message.expires_at,
        "key": message.key,
        "asked": from_json(message.request),
        "adaptations": _ADAPTATIONS.validate_json(message.adaptations),
        "error": from_json(message.error) if message.error else None,
    }


def _step(step: StepRow, attempts: Sequence[AttemptRow]) -> StoryStep:
    return StoryStep(
        index=step.index,
        state=step.state.value,
        carries=step.indexes,
        pause=step.pause,
        action=from_json(step.action),
        receipt=from_json(step.receipt) if step.receipt else None,
        attempts=tuple(_attempt(row) for row in attempts),
    )


def _attempt(row: AttemptRow) -> StoryAttempt:
    return StoryAttempt(
        number=row.number,
        generation=row.generation,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        status=row.status,
        detail=row.detail,
        call=from_json(row.call) if row.call else None,
    )


def _fact(row: FactRow) -> StoryFact:
    return StoryFact(
        vendor_id=row.vendor_id,
        state=row.state,
        source=row.source,
        received_at=row.received_at,
        occurred_at=row.occurred_at,
        channel=row.channel,
        code=row.code,
        reason=row.reason,
        certain=row.certain,
    )


async def _events(message: MessageRow, facts: Sequence[FactRow], store: Store) -> list[EventRow]:
    """Find the events about a message, also those that no handler had yet: what overtook the answer is joined for one.

    Its fact is there already, and names it.
    """
    known = {row.sequence: row for row in await store.events_of(message.id)}
    named = {fact.source for fact in facts} - {row.id for row in known.values()}
    for source in named:
        if (row := await store.event(EventId(source))) is not None:
            known[row.sequence] = row
    return [row for _, row in sorted(known.items())]


async def _event(row: EventRow, store: Store) -> StoryEvent:
    runs = [
        StoryRun(handler=run.handler, started_at=run.started_at, ended_at=run.ended_at, error=run.error)
        for run in await store.runs(row.id)
    ]
    fields = {"outcome": row.outcome.value, "tries": row.tries, "error": row.error, "runs": tuple(runs)}
    return StoryEvent.model_validate({"event": row.event, **fields})


async def _webhooks(message: MessageRow, events: Sequence[EventRow], store: Store) -> list[StoryWebhook]:
    wanted = {row.id: row.event.received_at for row in events if row.event.raw is not None}
    if not wanted:
        return []
    rows = await store.webhooks_of(message.connection, wanted, min(wanted.values()), _WEBHOOKS)
    return [_webhook(row) for row in rows]


def _webhook(row: WebhookRow) -> StoryWebhook:
    return StoryWebhook(
        digest=row.digest,
        received_at=row.received_at,
        repeats=row.repeats,
        events=row.events,
        body=row.body.decode("utf-8", "replace"),
    )
