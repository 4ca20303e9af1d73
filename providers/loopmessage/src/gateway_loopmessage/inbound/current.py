"""Webhooks of the current generation: `event` names them.

Sources: docs.loopmessage.com "Webhooks" and "Opt-in" (2026), and the older spellings that its earlier editions and
samples still carry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from pydantic import JsonValue

from gateway.provider import (
    CallReceived,
    DeliveryState,
    DeliveryUpdated,
    Event,
    LineState,
    LineUpdated,
    Message,
    MessageReceived,
    MessageRef,
    OptedIn,
    OptedOut,
    ReactionAdded,
    ReactionRemoved,
    redact,
)
from gateway_loopmessage.errors import OPTED_OUT, reason
from gateway_loopmessage.inbound.content import parts
from gateway_loopmessage.inbound.reading import NotUnderstood, Read, address, channel, tapback

__all__ = ["EVENTS", "LINE_STATES", "called", "events", "received", "recognises", "responded"]

_OPT_IN = ("opt-in", "opt_in")

_DELIVERY = MappingProxyType(
    {
        "message_delivered": DeliveryState.DELIVERED,
        "message_failed": DeliveryState.FAILED,
        # has a sample on the vendor's page and no line in its table of events
        "message_scheduled": DeliveryState.QUEUED,
        # left over from the older generation; `success: false` there is the "Not Delivered" of the Messages app
        "message_sent": DeliveryState.SENT,
        "message_timeout": DeliveryState.FAILED,
    }
)

_LINES = MappingProxyType(
    {
        "active": LineState.ACTIVE,
        "pending": LineState.PENDING,
        "suspended": LineState.SUSPENDED,
        "canceled": LineState.CANCELLED,
    }
)


def recognises(payload: Mapping[str, JsonValue]) -> bool:
    """Tell whether a webhook is of this generation."""
    return "event" in payload


def events(read: Read) -> Iterator[Event]:
    """Choose by the event's name, the opt-in by either of its two marks."""
    name = read.hook.event or ""
    if name in _OPT_IN or read.hook.type in _OPT_IN:
        yield _opted_in(read)
    elif name in _DELIVERY:
        yield from _delivery(read, name)
    elif name in _READERS:
        yield _READERS[name](read)
    else:
        # the name comes from outside: short, and without what looks like a number
        told = redact(name, limit=64)
        raise NotUnderstood(f"there is no word for the event {told!r}" if name else "the webhook names no event")


def received(read: Read) -> Event:
    """Read a message; a reaction that comes as one is a reaction."""
    hook = read.hook
    if hook.message_type == "reaction":
        return responded(read)
    if not hook.message_id:
        raise NotUnderstood("a message without an id")
    if read.common["chat"] is None:
        raise NotUnderstood("a message without contact and group")
    answers = MessageRef(vendor_id=hook.reply_to_id) if hook.reply_to_id else None
    return MessageReceived(
        **read.common,
        vendor_id=hook.message_id,
        sender=address(hook.who),
        message=Message(*parts(hook), subject=hook.subject or None, reply_to=answers),
        channel=channel(hook.channel or hook.delivery_type),
        thread=hook.thread_id,
        language=hook.language.code if hook.language else None,
    )


def responded(read: Read) -> Event:
    """Read a tapback; `-` in front takes it back, as in requests: the vendor documents no form for that.

    The vendor does not say whether `message_id` is the message or the reaction; where `reply_to_id` is there, it is
    the message.
    """
    hook = read.hook
    target = hook.reply_to_id or hook.message_id
    if not target:
        raise NotUnderstood("a reaction without a message id")
    word = hook.reaction or ""
    event = ReactionRemoved if word.startswith("-") else ReactionAdded
    return event(
        **read.common,
        target=MessageRef(vendor_id=target),
        reaction=tapback(word.removeprefix("-")),
        sender=address(hook.who),
    )


def called(read: Read) -> Event:
    """Read an attempt to call."""
    return CallReceived(**read.common, sender=address(read.hook.who))


def _opted_in(read: Read) -> Event:
    hook = read.hook
    who = address(hook.who)
    if who is None:
        raise NotUnderstood("an opt-in without a contact")
    return OptedIn(
        **read.common,
        address=who,
        parameters=hook.parameters or {},
        vendor_id=hook.message_id or None,
        text=hook.text or "",
    )


def _delivery(read: Read, name: str) -> Iterator[Event]:
    hook = read.hook
    if not hook.message_id:
        raise NotUnderstood("a report without a message id")
    state, why, retriable = _DELIVERY[name], None, None
    if name == "message_sent" and hook.success is False:
        state, why = DeliveryState.FAILED, "sent, and not delivered"
    elif name == "message_timeout":
        # its codes come from a list of the older generation: `reason` would explain them wrongly
        why = "not delivered in the time that was given"
    elif state is DeliveryState.FAILED and (row := reason(hook.code)):
        why, retriable = row.meaning, row.retriable
    yield DeliveryUpdated(
        **{**read.common, "ours": True},
        vendor_id=hook.message_id,
        state=state,
        channel=channel(hook.channel),
        code=hook.code,
        reason=why,
        retriable=retriable,
    )
    who = address(hook.who)
    if name == "message_failed" and hook.code == OPTED_OUT and who is not None:
        yield OptedOut(**{**read.common, "key": f"{read.common['key']}/opted-out"}, address=who)


def _line(read: Read) -> Event:
    hook = read.hook
    if not hook.line:
        raise NotUnderstood("a sender event without a sender")
    return LineUpdated(
        **read.common,
        line=hook.line,
        state=_LINES.get(hook.status or "", LineState.UNKNOWN),
        address=address(hook.phone_number),
    )


_READERS: Mapping[str, Callable[[Read], Event]] = MappingProxyType(
    {
        "message_inbound": received,
        "message_reaction": responded,
        "inbound_call": called,
        "sender_name_updated": _line,
    }
)

EVENTS = frozenset({*_OPT_IN, *_DELIVERY, *_READERS, "unknown"})
"""Every name that the vendor's pages have, `unknown` among them, which is the vendor's own."""

LINE_STATES = frozenset(_LINES)
"""Every status of a sender."""
