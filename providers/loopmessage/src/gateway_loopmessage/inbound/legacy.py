"""Webhooks of the older generation: `alert_type` names them.

Source: docs-legacy.loopmessage.com "Webhooks" (until 2026). An account that is not moved yet sends them, and so does a
per-message callback of the older API. Their error codes are a list of their own: the same numbers mean other things in
the current generation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from pydantic import JsonValue

from gateway.provider import DeliveryState, DeliveryUpdated, Event, GroupUpdated, redact
from gateway_loopmessage.errors import legacy_reason
from gateway_loopmessage.inbound.current import called, received, responded
from gateway_loopmessage.inbound.reading import NotUnderstood, Read, address, channel

__all__ = ["ALERTS", "events", "recognises"]

_DELIVERY = MappingProxyType(
    {
        "message_scheduled": DeliveryState.QUEUED,
        # `success` decides: false is the "Not Delivered" of the Messages app
        "message_sent": DeliveryState.SENT,
        "message_failed": DeliveryState.FAILED,
        "message_timeout": DeliveryState.FAILED,
    }
)


def recognises(payload: Mapping[str, JsonValue]) -> bool:
    """Tell whether a webhook is of this generation."""
    return "alert_type" in payload and "event" not in payload


def events(read: Read) -> Sequence[Event]:
    """Choose by the alert's name."""
    name = read.hook.alert_type or ""
    if name in _DELIVERY:
        return (_delivery(read, name),)
    if name in _READERS:
        return (_READERS[name](read),)
    told = redact(name, limit=64)
    raise NotUnderstood(f"there is no word for the alert {told!r}" if name else "the webhook names no alert")


def _delivery(read: Read, name: str) -> Event:
    hook = read.hook
    if not hook.message_id:
        raise NotUnderstood("a report without a message id")
    state, why, retriable = _DELIVERY[name], None, None
    if name == "message_sent" and hook.success is False:
        state, why = DeliveryState.FAILED, "sent, and not delivered"
    elif state is DeliveryState.FAILED:
        row = legacy_reason(hook.code)
        why, retriable = (row.meaning, row.retriable) if row else ("not delivered", None)
    return DeliveryUpdated(
        **{**read.common, "ours": True},
        vendor_id=hook.message_id,
        state=state,
        channel=channel(hook.channel or hook.delivery_type),
        code=hook.code,
        reason=why,
        retriable=retriable,
    )


def _group(read: Read) -> Event:
    """Read a new group: here its id is told before anybody writes in it."""
    hook = read.hook
    if hook.group is None or not hook.group.ref:
        raise NotUnderstood("a new group without an id")
    return GroupUpdated(**read.common, name=hook.group.name, sender=address(hook.who))


_READERS: Mapping[str, Callable[[Read], Event]] = MappingProxyType(
    {
        "message_inbound": received,
        # what accounts from before 20 December 2022 get in its place
        "message_reply": received,
        "message_reaction": responded,
        "group_created": _group,
        "inbound_call": called,
    }
)

ALERTS = frozenset({*_DELIVERY, *_READERS, "conversation_inited", "unknown"})
"""Every name that the older page has; of a conversation that began it says nothing that an event could tell."""
