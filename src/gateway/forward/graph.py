"""The format `graph`: an event as a node with a payload and edges to whom and what it is about.

The shape of a message that came is that of Outeract's published example; the other events are made alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.addresses import Address
from gateway.events import (
    DeliveryUpdated,
    Event,
    MessageReceived,
    OptedIn,
    OptedOut,
    ReactionAdded,
    ReactionRemoved,
)
from gateway.forward.plain import Json, plain
from gateway.model import Channel, Media, Message

__all__ = ["graph_body"]

_NAMES = {
    "call.received": "call.inbound",
    "delivery.updated": "message.status",
    "opted.in": "contact.opted_in",
    "opted.out": "contact.opted_out",
    "unknown": "event.unknown",
}
"""Our types that have another name there; a message's depends on who wrote it."""
_NODE = {"id", "connection", "provider", "received_at", "occurred_at", "chat", "chat_id", "ours", "sender", "address"}
"""What stands in the node or its edges, and is not said again in the payload."""


def graph_body(event: Event) -> Json:
    """Give the whole body."""
    node: Json = {
        "event_id": event.id,
        "event_type": _type(event),
        "occurred_at": (event.occurred_at or event.received_at).isoformat(),
        "payload": _payload(event),
        "edges": _edges(event),
    }
    return node


def _type(event: Event) -> str:
    if isinstance(event, MessageReceived):
        return "message.outbound" if event.ours else "message.inbound"
    return _NAMES.get(event.type, event.type)


def _payload(event: Event) -> Json:
    platform = getattr(event, "channel", None) or Channel.IMESSAGE
    if isinstance(event, MessageReceived):
        return {"message": _message(event), "platform": platform.value}
    said = {name: value for name, value in plain(event).items() if name not in _NODE}
    if not event.connection:
        return said
    match event:
        case DeliveryUpdated():
            about = {"id": event.message_id, "external_id": event.vendor_id, "reference": event.reference}
            status = {name: said[name] for name in ("state", "code", "reason", "retriable") if name in said}
            return {"message": _without_none(about), "status": status, "platform": platform.value}
        case ReactionAdded() | ReactionRemoved():
            target = {"id": event.message_id, "external_id": event.target.vendor_id, "part": event.target.part}
            return {"message": _without_none(target), "reaction": said.get("reaction"), "platform": platform.value}
    return {**said, "platform": platform.value}


def _message(event: MessageReceived) -> Json:
    message: Json = {
        "text": event.text,
        "role": "assistant" if event.ours else "user",
        "external_id": event.vendor_id,
    }
    if files := _files(event.message):
        message["files"] = files
    if event.message.reply_to is not None and event.message.reply_to.vendor_id:
        message["reply_to"] = {"external_id": event.message.reply_to.vendor_id}
    own = {"id": event.message_id, "reference": event.reference, "subject": event.message.subject}
    return message | _without_none(own)


def _files(message: Message) -> list[Json]:
    media = [part for part in message.parts if isinstance(part, Media)]
    return [
        _without_none({"url": part.url, "name": part.name, "media_type": part.media_type, "size": part.size})
        for part in media
    ]


def _edges(event: Event) -> Json:
    """Name who did it, to whom, where."""
    edges: Json = {}
    sender: Address | None = getattr(event, "sender", None)
    if isinstance(event, OptedIn | OptedOut):
        sender = event.address
    if sender is not None:
        edges["sent_by"] = {"external_id": sender.text}
    if event.chat is not None:
        if event.ours:
            edges["sent_to"] = [{"external_id": address.text} for address in event.chat.addresses]
        edges["chat"] = _without_none({"id": event.chat_id, "external_id": event.chat.group, "kind": event.chat.kind})
    if event.connection:
        edges["platform_connection"] = {"id": event.connection}
    return edges


def _without_none(fields: Mapping[str, Any]) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
