"""The way in: proof of a webhook, and Echo's words turned into our events."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError

from gateway.provider import (
    Address,
    Attachment,
    BadPayload,
    BadSignature,
    Chat,
    DeliveryUpdated,
    Event,
    Message,
    MessageReceived,
    MessageRef,
    Part,
    Phase,
    Reaction,
    ReactionAdded,
    ReactionRemoved,
    Signed,
    Text,
    UnknownEvent,
    WebhookRequest,
    unwrap_token,
)
from gateway_echo import wire
from gateway_echo.errors import CODES
from gateway_echo.outbound import state_of

__all__ = ["SIGNATURE", "TIMESTAMP", "parse", "sign", "signed", "verify"]

TIMESTAMP = "echo-timestamp"
SIGNATURE = "echo-signature"
TOLERANCE = 300
"""Seconds that Echo's clock and ours may be apart, and that a captured webhook could be played again."""

_OBJECT = TypeAdapter(dict[str, JsonValue])
_HOOK: TypeAdapter[wire.Hook] = TypeAdapter(wire.Hook)


# ── proof ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Give the HMAC-SHA256 of timestamp, full stop and raw body, in hex."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()


def verify(hook: WebhookRequest, secret: str) -> None:
    """Prove that Echo sent it, and lately; raises `BadSignature`."""
    timestamp, signature = hook.header(TIMESTAMP), hook.header(SIGNATURE)
    if timestamp is None or signature is None:
        raise BadSignature(f"the headers {TIMESTAMP} and {SIGNATURE} are needed", hint="Echo sends both")
    expected = sign(secret, timestamp, hook.body)
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        raise BadSignature("the signature does not match", hint="check webhook_secret of the connection")
    # signed by Echo, hence a number; the length is bounded before it is read all the same
    if not (timestamp.isdigit() and len(timestamp) <= 12) or not _is_fresh(int(timestamp), hook.received_at):
        raise BadSignature(
            f"the signature is more than {TOLERANCE} seconds away from our time", hint="check this machine's clock"
        )


def signed(hook: WebhookRequest) -> Signed:
    """Say what is signed: timestamp, full stop and raw body."""
    timestamp = hook.header(TIMESTAMP)
    base = None if timestamp is None else timestamp.encode() + b"." + hook.body
    # beyond eleven digits there is no such year
    seconds = timestamp if timestamp and timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12 else None
    at = None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)
    return Signed((TIMESTAMP, SIGNATURE), "HMAC-SHA256, in hex", base, at)


def _is_fresh(seconds: int, received_at: datetime) -> bool:
    return abs(received_at.timestamp() - seconds) <= TOLERANCE


# ── events ────────────────────────────────────────────────────────────────────────────────────────────────────────


def parse(hook: WebhookRequest) -> Sequence[Event]:
    """Turn a webhook into its one event; raises `BadPayload` for what is no JSON object."""
    try:
        payload = _OBJECT.validate_json(hook.body)
    except ValidationError:
        raise BadPayload("the webhook is not a JSON object", hint="only Echo's own deliveries come here") from None
    try:
        return (_event(_HOOK.validate_python(payload), payload),)
    except ValidationError as error:
        # a new kind of event, or a number that is none: kept whole, to be parsed again by a later version
        where = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        return (UnknownEvent(key=_body_key(hook.body), reason=f"not understood at {where or 'type'}", raw=payload),)


def _body_key(body: bytes) -> str:
    return f"body:{sha256(body).hexdigest()}"


def _event(hook: wire.Hook, payload: Mapping[str, Any]) -> Event:
    common = {"occurred_at": datetime.fromtimestamp(hook.at, UTC), "raw": payload}
    match hook:
        case wire.ReceivedHook():
            return _received(hook.data, common)
        case wire.StatusHook():
            return _status(hook.data, common)
        case wire.ReactionHook():
            return _reaction(hook, common)


def _received(data: wire.ReceivedData, common: Mapping[str, Any]) -> Event:
    texts: list[Part] = [Text(text=data.text)] if data.text else []
    files: list[Part] = [Attachment(url=url) for url in data.media_urls]
    reply_to = MessageRef(vendor_id=data.in_reply_to) if data.in_reply_to else None
    return MessageReceived(
        # Echo's id of the message and not of the webhook: the same message by another road is the same event
        key=f"message:{data.id}",
        vendor_id=data.id,
        chat=Chat.direct(data.sender, line=data.to),
        sender=Address.parse(data.sender),
        message=Message(parts=[*texts, *files], reply_to=reply_to),
        **common,
    )


def _status(data: wire.StatusData, common: Mapping[str, Any]) -> Event:
    token, reference = unwrap_token(data.tag)
    row = CODES.find(Phase.DELIVERY, data.code)
    return DeliveryUpdated(
        key=f"status:{data.id}:{data.status}",
        vendor_id=data.id,
        state=state_of(data.status),
        code=data.code,
        reason=row.meaning if row else data.code,
        retriable=row.retriable if row else None,
        chat=Chat.direct(data.to, line=data.sender),
        ours=True,
        token=token,
        reference=reference,
        **common,
    )


def _reaction(hook: wire.ReactionHook, common: Mapping[str, Any]) -> Event:
    data = hook.data
    fields: dict[str, Any] = {
        # the same person may react, take it back and react again: only the webhook's own id tells these apart
        "key": f"reaction:{hook.id}",
        "target": MessageRef(vendor_id=data.message),
        "reaction": Reaction.parse(data.reaction),
        "sender": Address.parse(data.sender),
        "chat": Chat.direct(data.sender, line=data.to),
        **common,
    }
    return ReactionRemoved(**fields) if data.removed else ReactionAdded(**fields)
