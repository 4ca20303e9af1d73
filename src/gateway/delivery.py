"""How far a message has come: a merge of facts, not an assignment. Pure.

Each report is a fact; the state shown is computed from all of them, and is the same for any order and repetition.
Failed-then-delivered is legal: a vendor may take back a failure, so a certain delivery wins over a failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime

from gateway.actions import DeliveryState
from gateway.addresses import Word
from gateway.events import DeliveryUpdated
from gateway.ids import ChatId, MessageId, event_id
from gateway.model import Channel
from gateway.store.rows import FactRow

__all__ = ["Delivery", "MessageStatus", "merge", "overall", "report"]

_PROGRESS = (DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ)
_ARRIVED = frozenset({DeliveryState.DELIVERED, DeliveryState.READ})


class Delivery(Word):
    """How far one message at the vendor has come."""

    vendor_id: str
    index: int = 0
    """Which message of the call it carries."""
    state: DeliveryState
    channel: Channel | None = None
    """The network that really carried it."""
    code: str | None = None
    reason: str | None = None
    certain: bool = True
    """False when the vendor itself is not sure of the failure."""
    contradicted: bool = False
    """True when a failure and a delivery were both reported."""
    changed_at: AwareDatetime | None = None
    """When the fact that decided was reported."""


class MessageStatus(Word):
    """How far a send has come."""

    message_id: MessageId
    state: DeliveryState
    """The least advanced of its messages; failed when one failed."""
    outcome: str
    """Where it stands in the outbox: queued, accepted, refused, partly, unknown, cancelled, expired."""
    reference: str | None = None
    waits_for: str | None = None
    """Why it has not left yet: a limit, a pause, another try."""
    deliveries: tuple[Delivery, ...] = ()


def merge(vendor_id: str, facts: Iterable[FactRow], *, index: int = 0) -> Delivery:
    """Compute the state of one message at the vendor from everything that was reported about it."""
    known = sorted({fact.source: fact for fact in facts}.values(), key=_order)
    if not known:
        return Delivery(vendor_id=vendor_id, index=index, state=DeliveryState.UNKNOWN)
    arrived = [fact for fact in known if fact.state in _ARRIVED]
    failed = [fact for fact in known if fact.state in {DeliveryState.FAILED, DeliveryState.CANCELLED}]
    deciding = max(arrived or failed or known, key=lambda fact: (_rank(fact.state), fact.certain, _order(fact)))
    channels = [fact.channel for fact in known if fact.channel]
    return Delivery(
        vendor_id=vendor_id,
        index=index,
        state=deciding.state,
        channel=Channel(channels[-1]) if channels else None,
        code=deciding.code,
        reason=deciding.reason,
        certain=deciding.certain,
        contradicted=bool(arrived and failed),
        changed_at=deciding.occurred_at or deciding.received_at,
    )


def overall(deliveries: Iterable[Delivery]) -> DeliveryState:
    """Compute the state of a send from those of its messages."""
    states = [delivery.state for delivery in deliveries]
    for bad in (DeliveryState.FAILED, DeliveryState.CANCELLED, DeliveryState.UNKNOWN):
        if bad in states:
            return bad
    return min(states, key=_PROGRESS.index, default=DeliveryState.QUEUED)


_OWN = DeliveryUpdated(key="", ours=True, state=DeliveryState.UNKNOWN)


def report(
    key: str, connection: str, provider: str, received_at: datetime, chat: ChatId, what: Mapping[str, Any]
) -> DeliveryUpdated:
    """Make a report of the gateway's own, stamped: each send has one.

    A copy of one that was looked at, with values that were looked at where they came from.
    """
    stamp = {"id": event_id(connection, key), "connection": connection, "provider": provider, "chat_id": chat}
    return _OWN.model_copy(update={"key": key, "received_at": received_at, **stamp, **what})


def _rank(state: DeliveryState) -> int:
    order = (DeliveryState.UNKNOWN, *_PROGRESS, DeliveryState.CANCELLED, DeliveryState.FAILED)
    return order.index(state)


def _order(fact: FactRow) -> tuple[datetime, str]:
    return (fact.occurred_at or fact.received_at, fact.source)
