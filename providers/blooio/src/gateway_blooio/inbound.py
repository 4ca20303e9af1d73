"""Blooio's webhooks in our words. Total: any bytes give events, an `UnknownEvent` or `BadPayload`.

A v2 delivery is one flat JSON object with the event's name in `event`; a list of them is read too, and other
generations are kept as they came (`generations`). Nothing in a delivery names it, and a replay carries the same body,
so an event's key is made from what it says.
Source: docs.blooio.com/api-reference/webhook-events, and deliveries that were seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from pydantic import JsonValue, ValidationError
from pydantic_core import from_json

from gateway.provider import (
    Address,
    BadPayload,
    Channel,
    Chat,
    ContactShared,
    DeliveryState,
    DeliveryUpdated,
    Event,
    GroupUpdated,
    MessageReceived,
    MessageRef,
    Phase,
    PollUpdated,
    Reaction,
    ReactionAdded,
    ReactionRemoved,
    TypingStarted,
    TypingStopped,
    UnknownEvent,
    WebhookRequest,
    content_key,
    event_key,
    redact,
)
from gateway_blooio import wire
from gateway_blooio.content import fields_of
from gateway_blooio.errors import CODES
from gateway_blooio.generations import generation_of, name_of

__all__ = ["STATES", "WORDS", "channel_of", "moment_of", "parse"]

Fields = dict[str, Any]

STATES: Mapping[str, DeliveryState] = {
    "queued": DeliveryState.QUEUED,
    "pending": DeliveryState.QUEUED,  # on the device, but not out yet
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
    "failed": DeliveryState.FAILED,
    "cancelled": DeliveryState.CANCELLED,
    "cancellation_requested": DeliveryState.UNKNOWN,  # it may still leave
}
"""The vendor's words for how far a message has come."""


def parse(hook: WebhookRequest) -> Sequence[Event]:
    """Turn a delivery into events; raises `BadPayload` for what is no JSON object or list."""
    try:
        payload: JsonValue = from_json(hook.body, allow_inf_nan=False)
    except ValueError as error:
        raise BadPayload("the webhook is not JSON") from error
    if isinstance(payload, dict):
        return (_event(payload, None if "event" in payload else _named_by_header(hook)),)
    if not isinstance(payload, list):
        raise BadPayload("the webhook is neither a JSON object nor a list of them")
    if not payload:
        return (_unknown(payload, "an empty list of events"),)
    return tuple(_event(item) for item in payload)


def _named_by_header(hook: WebhookRequest) -> str | None:
    """Give the event's name as the header has it, which some deliveries are said to leave it to."""
    return next((value for name, value in hook.headers if name == "x-blooio-event"), None)


def _event(payload: JsonValue, header: str | None = None) -> Event:
    """Make one event; what does not fit our words is kept as it came."""
    try:
        return _read(payload, header)
    except _Unread as error:
        return _unknown(payload, str(error), unread=True)
    except _Misfit as error:
        return _unknown(payload, str(error))
    except ValidationError as error:
        where = sorted({".".join(str(step) for step in problem["loc"]) for problem in error.errors()})
        return _unknown(payload, f"unexpected values in: {redact(', '.join(where)) or 'the whole'}")


def _read(payload: JsonValue, header: str | None) -> Event:
    if not isinstance(payload, dict):
        raise _Unread("not a JSON object")
    generation = generation_of(payload, header)
    if generation is None:
        raise _Unread("the field event is no name" if "event" in payload else "no field event")
    event = generation.event(payload, header)
    if generation.why_not is not None:
        raise _Unread(f"{generation.why_not} ({name_of(event)})")
    body = wire.WebhookEvent.model_validate(payload if payload.get("event") == event else {**payload, "event": event})
    make = _MAKERS.get(body.event)
    if make is None:
        raise _Misfit(f"no word for the event {name_of(body.event)}")
    return make(body, {"raw": payload})


class _Misfit(Exception):
    """A delivery lacks what its event is made of."""


class _Unread(Exception):
    """A delivery is of a generation that is not read, or of none that is known."""


def _unknown(payload: JsonValue, reason: str, *, unread: bool = False) -> UnknownEvent:
    return UnknownEvent(key=content_key(payload), reason=reason, unread=unread, raw=payload)


# ── what a field says ─────────────────────────────────────────────────────────────────────────────────────────────


_CHANNELS: Mapping[str, Channel] = {"imessage": Channel.IMESSAGE, "sms": Channel.SMS, "rcs": Channel.RCS}


def channel_of(protocol: str | None) -> Channel | None:
    """Read the network; `non-imessage` says only which one it was not."""
    return _CHANNELS.get(protocol) if protocol else None


_SECONDS_END = 1e11
"""As seconds the year 5138, as milliseconds 1973: what is less is seconds."""


def moment_of(*values: wire.Moment) -> datetime | None:
    """Read the first value that is a time: milliseconds by the documents, seconds in one report, or ISO 8601."""
    for value in values:
        if moment := _moment(value):
            return moment
    return None


def _moment(value: wire.Moment) -> datetime | None:
    try:
        if isinstance(value, str) and not value.isdigit():
            read = datetime.fromisoformat(value)
            return read if read.tzinfo else read.replace(tzinfo=UTC)
        number = float(value or 0)
        seconds = number if number < _SECONDS_END else number / 1000
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (OverflowError, OSError, ValueError):
        return None


def _chat(body: wire.WebhookEvent, party: str | None) -> Chat | None:
    """Name the chat; `party` is whom a direct one is with. A null sender still leaves `external_id`."""
    group = body.group_id or (body.external_id if body.is_group or _is_group_id(body.external_id) else None)
    if group:
        named = (item if isinstance(item, str) else item.identifier for item in body.participants or ())
        members = tuple(member for member in map(Address.read, named) if member)
        return Chat.of_group(group, members=members, name=body.group_name, line=body.internal_id)
    return _direct(party, body.internal_id) or _direct(body.external_id, body.internal_id)


@lru_cache(4096)  # with every message of a chat the same party comes by the same line
def _direct(party: str | None, line: str | None) -> Chat | None:
    address = Address.read(party)
    return Chat.direct(address, line=line) if address else None


def _is_group_id(text: str | None) -> bool:
    return text is not None and text.startswith("grp_")


def _named(body: wire.WebhookEvent) -> str:
    if not body.message_id:
        raise _Misfit(f"{body.event} without message_id")
    return body.message_id


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _received(body: wire.WebhookEvent, fields: Fields) -> Event:
    named = _named(body)
    return MessageReceived.model_validate(
        {
            "key": event_key(body.event, named),
            "occurred_at": moment_of(body.received_at, body.timestamp),
            "chat": _chat(body, body.sender),
            "vendor_id": named,
            "sender": Address.read(body.sender),
            "message": fields_of(body),
            "channel": channel_of(body.protocol),
            **fields,
        }
    )


def _delivery(body: wire.WebhookEvent, fields: Fields) -> Event:
    """Report by the event's name; the field `status` was missing from a delivery that was seen."""
    state = STATES[body.event.removeprefix("message.")]
    times = {
        DeliveryState.SENT: body.sent_at,
        DeliveryState.DELIVERED: body.delivered_at,
        DeliveryState.READ: body.read_at,
    }
    if state is DeliveryState.FAILED:
        fields = {**fields, **_failure(body)}
    return DeliveryUpdated(
        key=event_key(body.event, _named(body)),
        occurred_at=moment_of(times.get(state), body.timestamp),
        chat=_chat(body, body.external_id),
        vendor_id=_named(body),
        state=state,
        channel=channel_of(body.protocol),
        **fields,
    )


def _failure(body: wire.WebhookEvent) -> Fields:
    code = None if body.error_code is None else str(body.error_code)
    row = CODES.find(Phase.DELIVERY, code)
    reason = redact(body.error_message) if body.error_message else None
    return {"code": code, "reason": reason, "retriable": row.retriable if row else None}


_ACTIONS: Mapping[str, type[ReactionAdded | ReactionRemoved]] = {"add": ReactionAdded, "remove": ReactionRemoved}


def _reaction(body: wire.WebhookEvent, fields: Fields) -> Event:
    sign, word = _signed(body.reaction or "")
    action = body.action or {"+": "add", "-": "remove"}.get(sign, "")
    if action not in _ACTIONS:
        raise _Misfit("a reaction that is neither added nor removed")
    ours = body.direction == "outbound"
    part = max(body.part_index or 0, 0)
    # The same message gets many reactions, and the same one again after it was taken back: hence all of these.
    key = event_key(body.event, _named(body), body.sender, word, action, part, body.timestamp)
    return _ACTIONS[action](
        key=key,
        occurred_at=moment_of(body.timestamp),
        chat=_chat(body, None if ours else body.sender),
        ours=ours,
        target=MessageRef(vendor_id=_named(body), part=part),
        reaction=_reaction_word(word),
        sender=Address.read(body.sender),
        **fields,
    )


def _signed(text: str) -> tuple[str, str]:
    """Take off the sign with which reactions are sent; deliveries were seen without it."""
    return (text[0], text[1:]) if text[:1] in {"+", "-"} else ("", text)


def _reaction_word(word: str) -> Reaction | None:
    try:
        return Reaction.parse(word)
    except ValidationError:
        return None


# ── the rest: that these come is documented, what they hold is not ────────────────────────────────────────────────


def _incident(body: wire.WebhookEvent, fields: Fields, *parts: str | None) -> Fields:
    """Give the fields of an event that has no id of its own; without a time, its content makes the key."""
    ours = body.sender is not None and body.sender == body.internal_id
    chat = _chat(body, None if ours else body.sender)
    if body.timestamp is None and body.message_id is None:
        key = content_key(fields["raw"])
    else:
        where = body.group_id or body.external_id
        key = event_key(body.event, body.message_id, where, body.sender, *parts, body.timestamp)
    when = moment_of(body.timestamp)
    return {"key": key, "chat": chat, "ours": ours, "occurred_at": when, "sender": _actor(body), **fields}


def _actor(body: wire.WebhookEvent) -> Address | None:
    alone = None if body.is_group or _is_group_id(body.external_id) else body.external_id
    return Address.read(body.voter or body.sender or alone)


def _typing(body: wire.WebhookEvent, fields: Fields) -> Event:
    made = TypingStarted if body.event == "typing.started" else TypingStopped
    return made(**_incident(body, fields))


def _group(body: wire.WebhookEvent, fields: Fields) -> Event:
    if body.event == "group.icon_changed":
        return GroupUpdated(icon=body.icon_url, **_incident(body, fields, body.icon_url))
    name = body.group_name or body.name
    return GroupUpdated(name=name, **_incident(body, fields, name))


def _contact(body: wire.WebhookEvent, fields: Fields) -> Event:
    return ContactShared(name=body.name, **_incident(body, fields, body.name))


_CHANGES: Mapping[str, Literal["created", "received", "voted"]] = {
    "poll.created": "created",
    "poll.received": "received",
    "poll.voted": "voted",
}


def _poll(body: wire.WebhookEvent, fields: Fields) -> Event:
    options = (item if isinstance(item, str) else item.text for item in body.options or ())
    return PollUpdated(
        poll_id=body.poll_id,
        change=_CHANGES[body.event],
        title=body.title,
        options=tuple(option for option in options if option),
        option=body.option,
        **_incident(body, fields, body.poll_id, body.voter, body.option),
    )


_MAKERS: Mapping[str, Callable[[wire.WebhookEvent, Fields], Event]] = {
    "message.received": _received,
    "message.queued": _delivery,
    "message.sent": _delivery,
    "message.delivered": _delivery,
    "message.read": _delivery,
    "message.failed": _delivery,
    "message.reaction": _reaction,
    "poll.created": _poll,
    "poll.received": _poll,
    "poll.voted": _poll,
    "typing.started": _typing,
    "typing.stopped": _typing,
    "group.name_changed": _group,
    "group.icon_changed": _group,
    "contact.shared": _contact,
}

WORDS: Mapping[str, frozenset[str]] = {
    "event": frozenset(_MAKERS),
    "status": frozenset({"received", *STATES}),
    "protocol": frozenset({"imessage", "sms", "rcs", "non-imessage"}),
    "direction": frozenset({"inbound", "outbound"}),
    "action": frozenset(_ACTIONS),
}
"""Every value that was documented or seen, of the fields that have a closed set of them."""
