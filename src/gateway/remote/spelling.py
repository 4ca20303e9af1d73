"""Words as the API has them: recipients, messages, references; and answers as words again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue, TypeAdapter
from pydantic_core import to_json

from gateway.actions import Receipt
from gateway.asking import Recipient, chat_of
from gateway.delivery import MessageStatus
from gateway.errors import ConfigurationError, GatewayError, InvalidMessage, NotSettled, Unsupported
from gateway.events import AnyEvent, Event
from gateway.interface import Subject
from gateway.model import Attachment, Link, Message, MessageRef, Opaque, Part, Text, Voice
from gateway.remote.failing import error_of

__all__ = ["event_of", "message_json", "open_outcome", "recipient_json", "receipt_of", "status_of", "subject_json"]

_EVENTS: TypeAdapter[Event] = TypeAdapter(AnyEvent)


def recipient_json(to: Recipient) -> JsonValue:
    """Say where to: an event by its id, a chat by its text."""
    if isinstance(to, Event):
        if to.chat is None:
            raise InvalidMessage(f"a {to.type} event belongs to no chat", hint="name the recipient instead")
        return to.id
    chat, _ = chat_of(to)
    if chat.line is not None:
        raise Unsupported("the API has no word for the line of a chat", hint="answer an event, or leave the line out")
    return chat.text if chat.group is not None else [address.text for address in chat.addresses]


def subject_json(message: Subject) -> JsonValue:
    """Name a message that is already there."""
    if isinstance(message, Event):
        return message.id
    if isinstance(message, Receipt):
        return message.message_id
    return message if isinstance(message, str) else _ref(message)


def message_json(message: Message) -> dict[str, JsonValue]:
    """Write a message; its files have become ids before."""
    told: dict[str, JsonValue] = {
        "parts": [_part(part) for part in message.parts],
        "subject": message.subject,
        "effect": message.effect.value if message.effect else None,
        "reply_to": _ref(message.reply_to) if message.reply_to else None,
        "channel": message.channel.value if message.channel else None,
        "typing": message.typing,
        "share_contact": message.share_contact,
        "reference": message.reference,
        "extra": {name: dict(fields) for name, fields in message.extra.items()},
    }
    return {name: value for name, value in told.items() if value is not None}


def _part(part: Part) -> dict[str, JsonValue]:
    match part:
        case Text():
            return {"type": "text", "text": part.text, "mention": part.mention.text if part.mention else None}
        case Link():
            return part.model_dump(mode="json")
        case Attachment() | Voice():
            given = part.model_dump(mode="json", include={"type", "url", "file_id", "name", "media_type"})
            return {name: value for name, value in given.items() if value is not None}
        case Opaque():
            raise InvalidMessage("what no word is for cannot be sent", hint="send a text, a file or a link")


def _ref(ref: MessageRef) -> dict[str, JsonValue]:
    return ref.model_dump(mode="json", exclude_none=True)


def event_of(told: Any) -> Event:
    """Read an event; the parser's key is not given away, so it stands empty."""
    return _EVENTS.validate_python({"key": "", **told})


def open_outcome(told: Any) -> bool:
    """Tell whether there is no outcome yet that waiting for would change."""
    waits = told["outcome"] == "queued"
    return bool(waits or (told["outcome"] == "unknown" and not told["needs_resolution"]))


def receipt_of(told: Any, wait: float) -> Receipt:
    """Give the receipt of a message; raises the error that it ended with, or `NotSettled`."""
    if told["outcome"] == "accepted":
        return Receipt.model_validate(told["receipt"])
    if told.get("error"):
        raise _error(told)
    why = f": {told['waits_for']}" if told.get("waits_for") else ""
    raise NotSettled(
        f"no outcome after {wait:g} seconds; it is kept and goes on{why}",
        ticket=told["id"],
        hint=f'ask later: gateway.status("{told["id"]}")',
    )


def _error(told: Any) -> GatewayError | ConfigurationError:
    accepted = to_json(told["receipt"]).decode() if told.get("receipt") else ""
    return error_of({**told["error"], "message_id": told["id"]}, receipt=accepted)


def status_of(told: Any) -> MessageStatus:
    """Give the status of a message."""
    fields: Sequence[str] = ("state", "outcome", "reference", "waits_for", "deliveries")
    return MessageStatus.model_validate({"message_id": told["id"], **{name: told[name] for name in fields}})
