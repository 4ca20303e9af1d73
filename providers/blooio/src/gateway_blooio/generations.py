"""Which generation of the vendor's webhooks an object is of; each has a recogniser, and none recognises another's.

The flat objects of API v2 are read. API v4 wraps its events in an envelope, with other ids and fields: they are told
apart and kept, never read by guessing. Sources: docs.blooio.com/api-reference/webhook-events (v2),
docs.blooio.com/webhooks (v4), and deliveries that others have reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from pydantic import JsonValue

from gateway.provider import redact

__all__ = ["GENERATIONS", "Generation", "generation_of", "name_of"]

Payload: TypeAlias = Mapping[str, JsonValue]

_LONGEST = 64


class Generation(NamedTuple):
    """One form in which the vendor tells what happened."""

    name: str
    recognises: Callable[[Payload, str | None], bool]
    """By the object, and the header `X-Blooio-Event`."""
    event: Callable[[Payload, str | None], JsonValue]
    """The event's name."""
    why_not: str | None = None
    """Why it is kept without being read; None where it is read."""


def _is_flat(payload: Payload, _: str | None) -> bool:
    return isinstance(payload.get("event"), str)


def _is_headed(payload: Payload, header: str | None) -> bool:
    """Tell a flat object that leaves its name to the header, where the vendor says it too."""
    shaped = "event" not in payload and "type" not in payload and "data" not in payload
    return shaped and header is not None and ("message_id" in payload or "external_id" in payload)


def _is_envelope(payload: Payload, _: str | None) -> bool:
    return "event" not in payload and isinstance(payload.get("type"), str) and isinstance(payload.get("data"), dict)


def _is_nested(payload: Payload, _: str | None) -> bool:
    """Tell an envelope without its type: one application describes `chat_id` beside `data`."""
    named = "event" in payload or "type" in payload
    return not named and "chat_id" in payload and isinstance(payload.get("data"), dict)


_V4 = "an event of API v4: make the webhook with API v2"

GENERATIONS = (
    Generation("v2", _is_flat, lambda payload, _: payload["event"]),
    Generation("v2, named by its header", _is_headed, lambda _, header: header),
    Generation("v4", _is_envelope, lambda payload, _: payload["type"], _V4),
    Generation("v4, without its type", _is_nested, lambda _, header: header, _V4),
)
"""All that are known."""


def generation_of(payload: Payload, header: str | None = None) -> Generation | None:
    """Tell the generation of an object; None for one that nobody recognises."""
    for each in GENERATIONS:
        if each.recognises(payload, header):
            return each
    return None


def name_of(event: JsonValue) -> str:
    """Give an event's name as a reason may show it: short, and nothing that may be a number or an address."""
    return redact(event, limit=_LONGEST) if isinstance(event, str) else "without a name"
