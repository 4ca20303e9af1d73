"""Webhooks into events.

Sources: docs.loopmessage.com "Webhooks" and "Opt-in" (2026), and the older spellings that their earlier editions and
the samples still carry. The vendor says that new fields and events may come at any time, so nothing here is strict:
what is not understood becomes an `UnknownEvent` with its payload.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import JsonValue, TypeAdapter, ValidationError

from gateway.provider import (
    Address,
    Attachment,
    BadPayload,
    CallReceived,
    Channel,
    Chat,
    DeliveryState,
    DeliveryUpdated,
    Event,
    LineState,
    LineUpdated,
    Message,
    MessageReceived,
    MessageRef,
    Opaque,
    OptedIn,
    OptedOut,
    Part,
    Reaction,
    ReactionAdded,
    ReactionRemoved,
    Text,
    UnknownEvent,
    Voice,
    WebhookRequest,
    redact,
    unwrap_token,
)
from gateway_loopmessage.errors import OPTED_OUT, reason
from gateway_loopmessage.wire import Hook

__all__ = ["channel", "events"]

_OBJECT = TypeAdapter(dict[str, JsonValue])

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

#: Kinds of message that we have no word for; their texts and URLs are kept together.
_OPAQUE = frozenset({"sticker", "location"})


class _Read(NamedTuple):
    """A webhook on its way: the vendor's object, and the fields that all its events share."""

    hook: Hook
    common: dict[str, Any]


class _NotUnderstood(Exception):
    """The webhook lacks what its event needs."""


def events(request: WebhookRequest) -> Sequence[Event]:
    """Read a webhook; raises `BadPayload` when it is no JSON object, and nothing else."""
    payload, canonical = _payload(request.body)
    key = _key(payload, canonical)
    try:
        hook = Hook.model_validate(payload)
        return tuple(_events(_Read(hook, _common(hook, payload, key))))
    except ValidationError as error:
        places = sorted({str(problem["loc"][0]) for problem in error.errors(include_input=False) if problem["loc"]})
        why = f"unexpected value in {', '.join(places)}" if places else "the fields do not fit together"
    except _NotUnderstood as error:
        why = str(error)
    return (UnknownEvent(key=key, raw=payload, reason=why),)


def channel(word: str | None) -> Channel | None:
    """Read the vendor's word for a network; None for one that we do not know."""
    try:
        return Channel(word) if word else None
    except ValueError:
        return None


# ── what all events share ─────────────────────────────────────────────────────────────────────────────────────────


def _payload(body: bytes) -> tuple[dict[str, JsonValue], str]:
    """Read the body, and write it again in one canonical form.

    Not by `json.loads`: that raises `RecursionError` for a deep nest and lets half characters through. The writing
    raises for what no JSON can hold, such as NaN and numbers of thousands of digits.
    """
    try:
        payload = _OBJECT.validate_json(body)
        return payload, json.dumps(payload, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except ValueError:
        hint = "nothing but the vendor should post to this path"
        raise BadPayload("the webhook is not a JSON object", hint=hint) from None


def _key(payload: Mapping[str, JsonValue], canonical: str) -> str:
    """Name the fact: by the id that stays the same on every attempt, else by what makes it unique, else by all of it.

    The last resort hashes the object and not its bytes: fetched from the vendor's history it is spaced differently.
    """
    if _told(payload.get("webhook_id")):
        return f"hook:{payload['webhook_id']}"
    if _told(payload.get("event")) and _told(payload.get("message_id")):
        parts = ("event", "message_id", "type", "contact", "recipient", "reaction", "error_code", "success", "status")
        return "fact:" + json.dumps([payload.get(name) for name in parts], separators=(",", ":"))
    return "body:" + hashlib.sha256(canonical.encode()).hexdigest()


def _told(value: JsonValue) -> bool:
    return isinstance(value, str) and bool(value)


def _common(hook: Hook, payload: JsonValue, key: str) -> dict[str, Any]:
    token, reference = unwrap_token(hook.passthrough)
    return {"key": key, "chat": _chat(hook), "token": token, "reference": reference, "raw": payload}


def _chat(hook: Hook) -> Chat | None:
    """Name the conversation: the group where there is one, for `contact` is then the member who wrote."""
    if hook.group is not None and hook.group.ref:
        members = tuple(address for address in map(_address, hook.group.participants) if address is not None)
        return Chat.of_group(hook.group.ref, members=members, name=hook.group.name, line=hook.line)
    who = _address(hook.who)
    return Chat.direct(who, line=hook.line) if who else None


def _address(text: str | None) -> Address | None:
    """Read a contact; what is neither phone nor email (a short code, say) is the vendor's own id of one."""
    for make in (Address.parse, Address.contact):
        try:
            return make(text or "")
        except ValidationError:
            continue
    return None


# ── one function for each kind of event ───────────────────────────────────────────────────────────────────────────


def _events(read: _Read) -> Iterator[Event]:
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
        raise _NotUnderstood(f"there is no word for the event {told!r}" if name else "the webhook names no event")


def _inbound(read: _Read) -> Event:
    hook = read.hook
    if hook.message_type == "reaction":
        return _reaction(read)
    if not hook.message_id:
        raise _NotUnderstood("a message without an id")
    if read.common["chat"] is None:
        raise _NotUnderstood("a message without contact and group")
    answers = MessageRef(vendor_id=hook.reply_to_id) if hook.reply_to_id else None
    return MessageReceived(
        **read.common,
        vendor_id=hook.message_id,
        sender=_address(hook.who),
        message=Message(*_parts(hook), subject=hook.subject or None, reply_to=answers),
        channel=channel(hook.channel),
        thread=hook.thread_id,
        language=hook.language.code if hook.language else None,
    )


def _opted_in(read: _Read) -> Event:
    hook = read.hook
    address = _address(hook.who)
    if address is None:
        raise _NotUnderstood("an opt-in without a contact")
    return OptedIn(
        **read.common,
        address=address,
        parameters=hook.parameters or {},
        vendor_id=hook.message_id or None,
        text=hook.text or "",
    )


def _delivery(read: _Read, name: str) -> Iterator[Event]:
    hook = read.hook
    if not hook.message_id:
        raise _NotUnderstood("a report without a message id")
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
    who = _address(hook.who)
    if name == "message_failed" and hook.code == OPTED_OUT and who is not None:
        yield OptedOut(**{**read.common, "key": f"{read.common['key']}/opted-out"}, address=who)


def _reaction(read: _Read) -> Event:
    """Read a tapback; `-` in front takes it back, as in requests: the vendor documents no form for that.

    The vendor does not say whether `message_id` is the message or the reaction; where `reply_to_id` is there, it is
    the message.
    """
    hook = read.hook
    target = hook.reply_to_id or hook.message_id
    if not target:
        raise _NotUnderstood("a reaction without a message id")
    word = hook.reaction or ""
    event = ReactionRemoved if word.startswith("-") else ReactionAdded
    return event(
        **read.common,
        target=MessageRef(vendor_id=target),
        reaction=_tapback(word.removeprefix("-")),
        sender=_address(hook.who),
    )


def _tapback(word: str) -> Reaction | None:
    """Read the word, `exclaim` for `emphasize` included; `unknown` and the like say nothing."""
    try:
        return Reaction.parse(word)
    except ValidationError:
        return None


def _call(read: _Read) -> Event:
    return CallReceived(**read.common, sender=_address(read.hook.who))


def _line(read: _Read) -> Event:
    hook = read.hook
    if not hook.line:
        raise _NotUnderstood("a sender event without a sender")
    return LineUpdated(
        **read.common,
        line=hook.line,
        state=_LINES.get(hook.status or "", LineState.UNKNOWN),
        address=_address(hook.phone_number),
    )


_READERS: Mapping[str, Callable[[_Read], Event]] = MappingProxyType(
    {
        "message_inbound": _inbound,
        "message_reaction": _reaction,
        "inbound_call": _call,
        "sender_name_updated": _line,
    }
)


# ── what a message holds ──────────────────────────────────────────────────────────────────────────────────────────


def _parts(hook: Hook) -> list[Part]:
    """Make the parts of a message; one with nothing in it is opaque, for there was a message."""
    kind = hook.message_type or "text"
    if kind in _OPAQUE:
        return [Opaque(kind=kind, data=_rest(hook))]
    attachments = [_attachment(item) for item in hook.attachments or []]
    if kind == "audio" and len(attachments) == 1 and isinstance(attachments[0], Attachment):
        return [Voice(url=attachments[0].url, transcript=_said(hook))]
    text: list[Part] = [Text(text=hook.text)] if hook.text else []
    return [*text, *attachments] or [Opaque(kind=kind, data=_rest(hook))]


def _attachment(item: JsonValue) -> Part:
    """Make an attachment of its download URL, bare or in an object; anything else is kept as it came."""
    url = item.get("url") if isinstance(item, dict) else item
    try:
        return Attachment.model_validate({"url": url})
    except ValidationError:
        return Opaque(kind="attachment", data={"value": item})


def _said(hook: Hook) -> str | None:
    """Give what was said in a voice note; without a transcription, the text beside it."""
    return (hook.speech.text if hook.speech else None) or hook.text or None


def _rest(hook: Hook) -> dict[str, JsonValue]:
    """Keep what the vendor said about something that we have no word for."""
    data: dict[str, JsonValue] = {}
    if hook.text:
        data["text"] = hook.text
    if hook.attachments:
        data["attachments"] = list(hook.attachments)
    return data
