"""Sendblue's webhooks in our words. Total: any bytes give events, an `UnknownEvent` or `BadPayload`.

A delivery is one flat JSON object that does not say what it is: the vendor has a URL for each type. So the form tells
where it can, and otherwise the URL does: `…/webhooks/NAME?type=line_assigned`. A list and a wrapper `{"data": …}` are
read too, as clients of others expect them, and so is the envelope of the account's event stream.
Sources: docs.sendblue.com ("Webhooks", "Receiving messages"), captured deliveries (2026).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue, ValidationError
from pydantic_core import from_json

from gateway.provider import (
    Address,
    BadPayload,
    CallReceived,
    Channel,
    Chat,
    DeliveryState,
    DeliveryUpdated,
    Event,
    LineState,
    LineUpdated,
    MessageReceived,
    OptedOut,
    Phase,
    Token,
    TypingStarted,
    TypingStopped,
    UnknownEvent,
    WebhookRequest,
    content_key,
    event_key,
    redact,
)
from gateway_sendblue import wire
from gateway_sendblue.content import STYLES, message_of
from gateway_sendblue.errors import AMBIGUOUS, CODES, code_of, words_of
from gateway_sendblue.signature import asked, callback_token

__all__ = ["STATES", "WORDS", "channel_of", "chat_of", "moment_of", "parse", "state_of"]

STATES: Mapping[str, DeliveryState] = {
    "REGISTERED": DeliveryState.QUEUED,
    "PENDING": DeliveryState.QUEUED,
    "QUEUED": DeliveryState.QUEUED,
    "ACCEPTED": DeliveryState.QUEUED,  # taken for processing, not out yet
    "SENT": DeliveryState.SENT,  # the last one for SMS
    "SUCCESS": DeliveryState.SENT,  # in the enumeration only, unexplained
    "DELIVERED": DeliveryState.DELIVERED,
    "READ": DeliveryState.READ,  # older pages have it; it was never seen to come
    "DECLINED": DeliveryState.FAILED,
    "ERROR": DeliveryState.FAILED,
}
"""The vendor's words for how far a message of ours has come."""

WORDS: Mapping[str, Collection[str]] = {
    "status": {*(word.lower() for word in STATES), "received", "blocked", "no-answer"},
    "service": {"imessage", "sms", "rcs"},
    "message_type": {"message", "group", "location"},
    "send_style": {*STYLES.values(), ""},
    "plan": {"dedicated", "free", "blue"},
}
"""Every value of the closed sets that was ever seen, lower case."""


def parse(hook: WebhookRequest) -> Sequence[Event]:
    """Turn a delivery into events; raises `BadPayload` for what is no JSON object or list."""
    try:
        payload: JsonValue = from_json(hook.body, allow_inf_nan=False)
    except ValueError as error:
        raise BadPayload("the webhook is not JSON") from error
    if not isinstance(payload, dict | list):
        raise BadPayload("the webhook is neither a JSON object nor a list of them")
    items = payload if isinstance(payload, list) else [payload]
    if not items:
        return (_unknown(payload, "an empty list of events"),)
    delivery = _Delivery(asked(hook).get("type"), callback_token(hook))
    return tuple(event for item in items for event in delivery.events(item))


class _Misfit(Exception):
    """A delivery lacks what its event is made of."""


class _Unread(Exception):
    """Neither the form of a delivery nor its URL says what it is."""


@dataclass(frozen=True, slots=True)
class _Delivery:
    """What the URL of a delivery says."""

    kind: str | None
    """The type that this URL was given for."""
    token: Token | None
    """Of the step that asked for this status callback."""

    def events(self, payload: JsonValue) -> Sequence[Event]:
        """Make the events of one object; what does not fit our words is kept as it came."""
        if not isinstance(payload, dict):
            return (_unknown(payload, "not a JSON object", unread=True),)
        try:
            return self._read(payload, _unwrapped(payload))
        except _Unread as error:
            return (_unknown(payload, str(error), unread=True),)
        except _Misfit as error:
            return (_unknown(payload, str(error)),)
        except ValidationError as error:
            where = sorted({".".join(str(step) for step in problem["loc"]) for problem in error.errors()})
            return (_unknown(payload, f"unexpected values in: {redact(', '.join(where)) or 'the whole'}"),)

    def _read(self, raw: dict[str, JsonValue], payload: dict[str, JsonValue]) -> Sequence[Event]:
        if self.token is not None:
            # The URL proves a report about the one message that it was made for, and nothing else.
            if payload.get("is_outbound") is not True or "message_handle" not in payload:
                raise _Misfit("a status callback that is no report about a message of ours")
            report = _report(wire.WebhookBody.model_validate(payload), raw)
            # A key of its own: the same report without the token may have come by an `outbound` webhook before, and
            # of two events with one key only the first is read. The token is what proves a send.
            return (report.model_copy(update={"token": self.token, "key": event_key("callback", report.key)}),)
        if "message_handle" in payload:
            return _message(wire.WebhookBody.model_validate(payload), raw)
        if "is_typing" in payload:
            return (_typing(payload, raw),)
        kind = self.kind or _kind_by_form(payload)
        make = _MAKERS.get(kind) if kind else None
        if kind is None:
            raise _Unread("of a type unknown; give each type of webhook a URL of its own, ending in ?type=…")
        if make is None:
            raise _Misfit(f"no word for the type {redact(kind, limit=64)}")
        return (make(payload, raw),)


def _unwrapped(payload: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Take what is inside of `{"data": {…}}` and of an event of the stream, which has a type beside it."""
    inner = payload.get("data")
    return inner if isinstance(inner, dict) and "message_handle" not in payload else payload


def _kind_by_form(payload: dict[str, JsonValue]) -> str | None:
    """Tell what a body is by fields that only one type has; their forms are not documented."""
    if payload.get("status") == "BLOCKED" and "sendblue_number" in payload:
        return "line_blocked"
    return "call_log" if "call_id" in payload else None


def _unknown(payload: JsonValue, reason: str, *, unread: bool = False) -> UnknownEvent:
    return UnknownEvent(key=content_key(payload), reason=reason, unread=unread, raw=payload)


# ── what a field says ─────────────────────────────────────────────────────────────────────────────────────────────


def channel_of(body: wire.WebhookBody | wire.MessageAnswer) -> Channel | None:
    """Read the network that carried it; one that was downgraded went as SMS."""
    if body.was_downgraded:
        return Channel.SMS
    word = (body.service or "").lower()
    return Channel(word) if word in {"imessage", "sms", "rcs"} else None


def moment_of(*values: str | None) -> datetime | None:
    """Read the first value that is a time: ISO 8601, in UTC."""
    return next((moment for moment in map(_moment, values) if moment), None)


def _moment(value: str | None) -> datetime | None:
    if not value:
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _line(body: wire.WebhookBody) -> str | None:
    """Name our line; an older sample has it in `from_number` of an inbound message too."""
    return body.sendblue_number or (body.from_number if body.is_outbound else body.to_number) or None


def chat_of(body: wire.WebhookBody) -> Chat | None:
    """Name the chat: the group where there is one, else the line and the contact."""
    line = _line(body)
    if body.group_id:
        members = (Address.read(party) for party in body.participants or () if party != line)
        found = tuple(member for member in members if member)
        return Chat.of_group(body.group_id, members=found, name=body.group_display_name or None, line=line)
    address = Address.read(body.number or (body.to_number if body.is_outbound else body.from_number))
    return Chat.direct(address, line=line) if address else None


def _handle(body: wire.WebhookBody) -> str:
    if not body.message_handle:
        raise _Misfit("a message without message_handle")
    return body.message_handle


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────


def state_of(status: str | None, code: str | None) -> DeliveryState | None:
    """Read how far a message of ours has come; a failure that may be none is unknown."""
    state = STATES.get((status or "").upper())
    return DeliveryState.UNKNOWN if state is DeliveryState.FAILED and code in AMBIGUOUS else state


def _message(body: wire.WebhookBody, raw: JsonValue) -> Sequence[Event]:
    if body.is_outbound:
        return (_report(body, raw),)
    received = _received(body, raw)
    if not body.opted_out or received.sender is None:
        return (received,)
    return received, OptedOut(
        key=event_key("opted_out", received.vendor_id),
        occurred_at=received.occurred_at,
        chat=received.chat,
        address=received.sender,
        raw=raw,
    )


def _received(body: wire.WebhookBody, raw: JsonValue) -> MessageReceived:
    handle = _handle(body)
    sender = body.number if body.from_number == _line(body) else body.from_number
    return MessageReceived(
        key=event_key("receive", handle),
        occurred_at=moment_of(body.date_sent, body.date_updated),
        chat=chat_of(body),
        vendor_id=handle,
        sender=Address.read(sender or body.number),
        message=message_of(body),
        channel=channel_of(body),
        thread=body.thread_originator.message_handle if body.thread_originator else None,
        raw=raw,
    )


def _report(body: wire.WebhookBody, raw: JsonValue) -> DeliveryUpdated:
    """Report on a message of the account's; one that the dashboard sent joins no send of ours."""
    handle, code = _handle(body), code_of(body)
    state = state_of(body.status, code)
    if state is None:
        raise _Misfit(f"no word for the status {redact(body.status or '(none)', limit=64)}")
    failed = state in (DeliveryState.FAILED, DeliveryState.UNKNOWN)
    row = CODES.find(Phase.DELIVERY, code) if failed else None
    words = words_of(body) if failed else None
    return DeliveryUpdated(
        key=event_key("status", handle, body.status, body.date_updated),
        occurred_at=moment_of(body.date_updated, body.date_sent),
        chat=chat_of(body),
        vendor_id=handle,
        state=state,
        channel=channel_of(body),
        code=code if failed else None,
        reason=redact(words) if words else None,
        retriable=row.retriable if row else None,
        raw=raw,
    )


# ── the rest: that these come is documented, what they hold is mostly not ─────────────────────────────────────────


def _text(payload: Mapping[str, JsonValue], name: str) -> str | None:
    value = payload.get(name)
    return value if isinstance(value, str) and value else None


def _typing(payload: Mapping[str, JsonValue], raw: JsonValue) -> Event:
    """Here `from_number` is our line, and `number` the contact."""
    contact, line, moment = (_text(payload, name) for name in ("number", "from_number", "timestamp"))
    on = payload.get("is_typing")
    if not isinstance(on, bool):
        raise _Misfit("is_typing is neither true nor false")
    sender = Address.read(contact)
    key = event_key("typing_indicator", contact, line, str(on), moment) if moment else content_key(raw)
    made: Any = TypingStarted if on else TypingStopped
    event: Event = made(
        key=key,
        occurred_at=moment_of(moment),
        chat=Chat.direct(sender, line=line) if sender else None,
        sender=sender,
        raw=raw,
    )
    return event


def _call(payload: Mapping[str, JsonValue], raw: JsonValue) -> Event:
    """A contact called; the log of the call comes under the same key as the call itself."""
    if payload.get("direction") == "outbound":
        raise _Misfit("no word for a call that we made")
    call, line = _text(payload, "call_id"), _text(payload, "sendblue_number") or _text(payload, "to_number")
    sender = Address.read(_text(payload, "from_number") or _text(payload, "number"))
    return CallReceived(
        key=event_key("call", call) if call else content_key(raw),
        occurred_at=moment_of(_text(payload, "timestamp")),
        chat=Chat.direct(sender, line=line) if sender else None,
        sender=sender,
        raw=raw,
    )


def _line_changed(state: LineState) -> Callable[[Mapping[str, JsonValue], JsonValue], Event]:
    def make(payload: Mapping[str, JsonValue], raw: JsonValue) -> Event:
        line, moment = _text(payload, "sendblue_number"), _text(payload, "timestamp")
        if line is None:
            raise _Misfit("news of a line without sendblue_number")
        key = event_key("line", line, state.value, moment) if moment else content_key(raw)
        return LineUpdated(
            key=key, occurred_at=moment_of(moment), line=line, state=state, address=Address.read(line), raw=raw
        )

    return make


_MAKERS: Mapping[str, Callable[[Mapping[str, JsonValue], JsonValue], Event]] = {
    "inbound_call": _call,
    "call_log": _call,
    "line_blocked": _line_changed(LineState.SUSPENDED),
    "line_assigned": _line_changed(LineState.ACTIVE),
}
