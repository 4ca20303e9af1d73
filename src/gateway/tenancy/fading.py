"""What is left of messages and events when their content goes: who, when, and what became of it."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from gateway.events import (
    AnyEvent,
    ContactShared,
    Event,
    GroupUpdated,
    MessageReceived,
    OptedIn,
    PollUpdated,
)
from gateway.model import Message, Opaque

__all__ = ["event_without_content", "event_without_raw", "request_without_content", "step_without_content"]

_EVENT: TypeAdapter[Event] = TypeAdapter(AnyEvent)
_KEPT = ("to", "line", "policy", "at")
"""What of a request says where it went, and not what it said."""
_GONE = Message(parts=(Opaque(kind="expired"),))


def event_without_raw(body: str) -> str:
    """Leave out what the vendor sent, as it came."""
    return to_json({**from_json(body), "raw": None}).decode()


def event_without_content(body: str) -> str:
    """Leave out what was said; of an event that this version has no word for everything but its frame."""
    found: Any = from_json(body)
    try:
        event = _EVENT.validate_python(found)
    except ValueError:
        return to_json(
            {name: value for name, value in found.items() if name in Event.model_fields} | {"raw": None}
        ).decode()
    return event.model_copy(update={"raw": None, **_emptied(event)}).model_dump_json()


def _emptied(event: Event) -> dict[str, Any]:
    match event:
        case MessageReceived():
            kept = {"reply_to": event.message.reply_to, "reference": event.message.reference}
            return {"message": _GONE.model_copy(update=kept), "faded": True}
        case OptedIn():
            return {"parameters": {}, "text": ""}
        case PollUpdated():
            return {"title": None, "options": (), "option": None}
        case GroupUpdated():
            return {"name": None, "icon": None}
        case ContactShared():
            return {"name": None}
    return {}


def request_without_content(request: str) -> str:
    """Leave of a request where it was to go."""
    found: Any = from_json(request)
    return to_json({name: value for name, value in found.items() if name in _KEPT} | {"expired": True}).decode()


def step_without_content(action: str, receipt: str | None) -> tuple[str, str | None]:
    """Leave of a step where it went and which ids the vendor gave it."""
    found: Any = from_json(action)
    if "messages" in found:
        messages = [_GONE.model_copy(update={"reference": each.get("reference")}) for each in found["messages"]]
        found["messages"] = [message.model_dump(mode="json") for message in messages]
    if "options" in found:
        found["title"], found["options"] = None, [f"{number}" for number, _ in enumerate(found["options"], 1)]
    kept = receipt and to_json({**from_json(receipt), "raw": []}).decode()
    return to_json(found).decode(), kept
