"""Rows for the contracts: whole ones, made with few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from gateway.actions import DeliveryState
from gateway.events import DeliveryUpdated, Event, MessageReceived
from gateway.ids import ChatId, EventId, MessageId, Token, event_id
from gateway.model import Chat, Message
from gateway.store.port import Store
from gateway.store.rows import AttemptRow, MessageRow, MessageState, Settlement, StepRow, StepState, WebhookRow, Work

__all__ = [
    "CHAT",
    "LEASE",
    "NOW",
    "OTHER",
    "after",
    "attempt_of",
    "enqueued",
    "finished",
    "ids",
    "message_row",
    "received",
    "report",
    "started",
    "steps_of",
    "token_of",
    "webhook_row",
]

EventT = TypeVar("EventT", bound=Event)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = 60.0
CHAT = ChatId("chat_a")
OTHER = ChatId("chat_b")


def after(seconds: float) -> datetime:
    """Give a time so many seconds after `NOW`."""
    return NOW + timedelta(seconds=seconds)


def token_of(message: str, index: int = 0) -> Token:
    """Give the token that a step of these samples has."""
    return Token(f"token.{message}.{index}")


def message_row(name: str, lane: str = CHAT, **fields: Any) -> MessageRow:
    """Make a row with one step that is due at `NOW`; its id is `msg_` and the name."""
    row = MessageRow(
        id=MessageId(f"msg_{name}"),
        connection="main",
        lane=ChatId(lane),
        kind="send_message",
        request='{"to":"someone"}',
        fingerprint="f" * 64,
        key=None,
        adaptations="[]",
        steps=1,
        created_at=NOW,
        due_at=NOW,
    )
    return replace(row, **fields)


def steps_of(row: MessageRow) -> list[StepRow]:
    """Make the steps of a row."""
    return [
        StepRow(
            message=row.id,
            index=index,
            action='{"type":"send_message"}',
            token=token_of(row.id, index),
            pause=0.0 if index == 0 else 1.5,
            indexes=(index,),
        )
        for index in range(row.steps)
    ]


async def enqueued(store: Store, name: str, lane: str = CHAT, **fields: Any) -> MessageRow:
    """Enqueue a row with its steps."""
    row = message_row(name, lane, **fields)
    return await store.enqueue(row, steps_of(row))


def started(work: Work, at: datetime = NOW, index: int = 0) -> StepRow:
    """Give a step of a claimed row as it is once its attempt has started."""
    step = work.steps[index]
    first = step.first_at or at
    return replace(step, state=StepState.STARTED, attempts=step.attempts + 1, first_at=first, call='{"path":"/x"}')


def attempt_of(step: StepRow, at: datetime = NOW, generation: int = 1, **ended: Any) -> AttemptRow:
    """Make the attempt of a step that has started."""
    row = AttemptRow(
        message=step.message,
        step=step.index,
        generation=generation,
        number=step.attempts,
        started_at=at,
        call=step.call,
    )
    return replace(row, **ended)


def finished(
    work: Work,
    state: MessageState = MessageState.ACCEPTED,
    step: StepState = StepState.ACCEPTED,
    *,
    at: datetime = NOW,
    index: int = 0,
    **fields: Any,
) -> Settlement:
    """Make what an attempt came to: by default the row is accepted; `fields` are those of the settlement."""
    row = replace(work.message, state=state)
    made = Settlement(message=row, step=replace(work.steps[index], state=step), attempt=None, next_at=at)
    return replace(made, **fields)


def webhook_row(name: str, connection: str = "main", **fields: Any) -> WebhookRow:
    """Make a webhook."""
    row = WebhookRow(
        connection=connection,
        digest=f"digest {name}",
        headers=(("content-type", "application/json"), ("x-id", name)),
        body=f'{{"name": "{name}"}}'.encode(),
        received_at=NOW,
    )
    return row._replace(**fields)


def received(name: str, chat: str | None = CHAT, connection: str = "main", **fields: Any) -> MessageReceived:
    """Make an event about a message that a contact wrote."""
    where = Chat.model_validate("+12025550123") if chat else None
    event = MessageReceived(key=name, vendor_id=f"in-{name}", message=Message("hello"), chat=where)
    return _placed(event, chat, connection, fields)


def report(name: str, chat: str | None = CHAT, connection: str = "main", **fields: Any) -> DeliveryUpdated:
    """Make an event about a message of ours."""
    event = DeliveryUpdated(key=name, vendor_id=f"out-{name}", state=DeliveryState.DELIVERED, ours=True)
    return _placed(event, chat, connection, fields)


def _placed(event: EventT, chat: str | None, connection: str, fields: dict[str, Any]) -> EventT:
    known = {"id": event_id(connection, event.key), "connection": connection, "provider": "vendor"}
    return event.model_copy(update={**known, "received_at": NOW, "chat_id": ChatId(chat) if chat else None, **fields})


def ids(events: Sequence[Event]) -> list[EventId]:
    """Give the ids of events."""
    return [event.id for event in events]
