"""The way in: verify, parse, keep, and only then say what to answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from gateway.actions import Receipt, SendMessage
from gateway.clock import Clock
from gateway.connections import Connection, Connections
from gateway.errors import WebhookError
from gateway.events import DeliveryUpdated, Event, MessageReceived, ReactionAdded, ReactionRemoved
from gateway.exchange import Reply
from gateway.log import logger
from gateway.outbox import action_of
from gateway.provider import WebhookRequest
from gateway.store.port import Store
from gateway.store.rows import FactRow, StepRow, WebhookRow
from gateway.worker import prove

__all__ = ["accept", "join"]

_log = logger(__name__)

#: Headers that prove something are not kept: whoever reads the store could send them again.
_PROOFS = ("authorization", "signature", "secret", "token", "cookie", "api-key")


async def accept(
    hook: WebhookRequest, connection: Connection, store: Store, connections: Connections, clock: Clock
) -> Reply:
    """Take one webhook in; when this returns, it is kept.

    Raises `BadSignature` and `BadPayload`. A parser that fails quarantines the raw body, and the vendor is answered
    as if all were well: sending it again would change nothing.
    """
    provider = connection.provider
    try:
        provider.verify(hook)
    except WebhookError as error:
        _log.warning("webhook_refused", connection=connection.name, error=error.slug)
        raise error.locate(connection=connection.name, provider=provider.name) from None
    events, problem = _parse(hook, connection)
    row = WebhookRow(
        connection=connection.name,
        digest=hashlib.sha256(hook.body).hexdigest(),
        headers=tuple((name, value) for name, value in hook.headers if not any(proof in name for proof in _PROOFS)),
        body=hook.body,
        received_at=hook.received_at,
        quarantine=problem,
    )
    joined = [await join(event, store) for event in events]
    fresh = await store.ingest(row, joined, _facts(joined))
    _log.info(
        "webhook_accepted",
        connection=connection.name,
        provider=provider.name,
        events=[event.type for event in fresh],
        repeated=len(events) - len(fresh),
        quarantined=problem is not None,
    )
    for token in {event.token for event in fresh if event.token}:
        await prove(store, connections, token, clock.now())
    return provider.answer(hook)


def _parse(hook: WebhookRequest, connection: Connection) -> tuple[list[Event], str | None]:
    provider = connection.provider
    try:
        events = provider.parse(hook)
        stamped = [
            event.stamped(connection=connection.name, provider=provider.name, received_at=hook.received_at)
            for event in events
        ]
    except WebhookError as error:
        raise error.locate(connection=connection.name, provider=provider.name) from None
    except Exception as error:  # noqa: BLE001 - a border: a parser may raise anything, and the body must not be lost
        problem = f"{type(error).__name__} in the parser of {provider.name}"
        _log.error("webhook_quarantined", connection=connection.name, error=type(error).__name__)
        return [], problem
    return stamped, None


def _facts(events: Sequence[Event]) -> list[FactRow]:
    return [
        FactRow(
            connection=event.connection,
            vendor_id=event.vendor_id,
            state=event.state,
            source=event.id,
            received_at=event.received_at,
            occurred_at=event.occurred_at,
            channel=event.channel.value if event.channel else None,
            code=event.code,
            reason=event.reason,
        )
        for event in events
        if isinstance(event, DeliveryUpdated) and event.vendor_id
    ]


async def join(event: Event, store: Store) -> Event:
    """Note which of our messages an event is about, and the caller's reference of it, as far as that is known now."""
    updates: dict[str, object] = {}
    if event.chat_id:
        updates["chat_id"] = await store.canonical(event.chat_id)
    step = await store.by_token(event.token) if event.token else None
    vendor_id = _about(event)
    if step is None and vendor_id:
        step = await store.owner(event.connection, vendor_id)
    if step is not None:
        updates |= {"message_id": step.message, "ours": event.ours or isinstance(event, DeliveryUpdated)}
        if event.reference is None:
            updates["reference"] = _reference(step, vendor_id)
    return event.model_copy(update=updates) if updates else event


def _about(event: Event) -> str | None:
    """Give the vendor id of the message of ours that an event may be about."""
    match event:
        case DeliveryUpdated():
            return event.vendor_id
        case ReactionAdded() | ReactionRemoved():
            return event.target.vendor_id
        case MessageReceived() if event.ours:
            return event.vendor_id
    return None


def _reference(step: StepRow, vendor_id: str | None) -> str | None:
    """Find the caller's string of the very message, where one step carried several."""
    action = action_of(step)
    if not isinstance(action, SendMessage):
        return None
    sent = Receipt.model_validate_json(step.receipt).sent if step.receipt else ()
    ids = [entry.vendor_id for entry in sent]
    place = ids.index(vendor_id) if vendor_id in ids and len(ids) == len(action.messages) else 0
    return action.messages[place].reference
