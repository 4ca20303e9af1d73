"""Webhooks into events, by generation.

Each generation of the vendor's webhooks has a recogniser and a reader; the first that recognises an object reads it.
The vendor says that new fields and events may come at any time, so nothing here is strict: what is not understood
becomes an `UnknownEvent` with its payload.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from pydantic import JsonValue, TypeAdapter, ValidationError

from gateway.provider import BadPayload, Channel, Event, Tapback, UnknownEvent, WebhookRequest
from gateway_loopmessage.inbound import current, front, legacy
from gateway_loopmessage.inbound.reading import NotUnderstood, Read, channel, read

__all__ = ["GENERATIONS", "WORDS", "Generation", "channel", "events", "generation"]

_OBJECT = TypeAdapter(dict[str, JsonValue])


class Generation(NamedTuple):
    """One form in which the vendor tells what happened."""

    name: str
    recognises: Callable[[Mapping[str, JsonValue]], bool]
    events: Callable[[Read], Iterable[Event]]
    """Raises `NotUnderstood`."""


GENERATIONS = (
    Generation("current", current.recognises, current.events),
    Generation("legacy", legacy.recognises, legacy.events),
    Generation("n8n", front.recognises, front.events),
)
"""All that are known; no object is recognised by two of them."""

_TAPBACKS = frozenset({*(tapback.value for tapback in Tapback), "exclaim"})
_CHANNELS = frozenset(channel.value for channel in Channel)

WORDS: Mapping[str, Collection[str]] = MappingProxyType(
    {
        "event": current.EVENTS,
        "alert_type": legacy.ALERTS,
        "message_type": frozenset({"text", "reaction", "audio", "attachments", "sticker", "location"}),
        "channel": _CHANNELS,
        "delivery_type": _CHANNELS,
        "reaction": frozenset({*_TAPBACKS, *(f"-{word}" for word in _TAPBACKS), "unknown"}),
        "status": current.LINE_STATES,
    }
)
"""Every known value of the fields that have a closed set of them; another one is news of the vendor."""


def events(request: WebhookRequest) -> Sequence[Event]:
    """Read a webhook; raises `BadPayload` when it is no JSON object, and nothing else."""
    payload, canonical = _payload(request.body)
    form = generation(payload)
    key = _key(payload, canonical, form)
    try:
        if form is None:
            raise NotUnderstood("the webhook names no event")
        return tuple(form.events(read(payload, key)))
    except ValidationError as error:
        places = sorted({str(problem["loc"][0]) for problem in error.errors(include_input=False) if problem["loc"]})
        why = f"unexpected value in {', '.join(places)}" if places else "the fields do not fit together"
    except NotUnderstood as error:
        why = str(error)
    # of no generation that anybody recognises: its webhook is in quarantine too
    return (UnknownEvent(key=key, raw=payload, reason=why, unread=form is None),)


def generation(payload: Mapping[str, JsonValue]) -> Generation | None:
    """Tell which generation a webhook is of; None for one that nobody recognises."""
    return next((form for form in GENERATIONS if form.recognises(payload)), None)


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


def _key(payload: Mapping[str, JsonValue], canonical: str, form: Generation | None) -> str:
    """Name the fact: by the id that stays the same on every attempt, else by what makes it unique, else by all of it.

    The last resort hashes the object and not its bytes: fetched from the vendor's history it is spaced differently.
    """
    if _told(payload.get("webhook_id")):
        return f"hook:{payload['webhook_id']}"
    event = payload.get("event") or payload.get("alert_type")
    named = _told(event) or (form is not None and form.name == "n8n")
    if named and _told(payload.get("message_id")):
        parts = ("message_id", "type", "contact", "recipient", "reaction", "error_code", "success", "status")
        return "fact:" + json.dumps([event, *(payload.get(name) for name in parts)], separators=(",", ":"))
    return "body:" + hashlib.sha256(canonical.encode()).hexdigest()


def _told(value: JsonValue) -> bool:
    return isinstance(value, str) and bool(value)
