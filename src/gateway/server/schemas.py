"""One JSON Schema for each type of event: of what lists, streams and deliveries hold as `data`.

Additive changes only: a new field or a new type may come, what is there stays. The vendor's payload, the parser's key
and our token on the wire are not part of it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter

from gateway.errors import NotFound
from gateway.events import Event
from gateway.forward.notices import EVENT_TYPES, ForwardedEvent

__all__ = ["HIDDEN", "VERSION", "event_json", "event_schema", "event_schemas", "event_types", "events_schema"]

HIDDEN = frozenset({"raw", "key", "token"})
"""Fields of an event that are not given away."""

VERSION = 1


def event_json(event: Event) -> dict[str, Any]:
    """Write an event as it is given away."""
    return event.model_dump(mode="json", exclude=set(HIDDEN))


@cache
def event_types() -> dict[str, type[Event]]:
    """Name every type of event."""
    return dict(EVENT_TYPES)


def event_schema(type_: str) -> dict[str, Any]:
    """Give the schema of one type; raises `NotFound`."""
    cls = event_types().get(type_)
    if cls is None:
        raise NotFound(f"there is no event type {type_[:40]!r}", hint=f"there are: {', '.join(event_types())}")
    schema = TypeAdapter(cls).json_schema(mode="serialization")
    _hide(schema)
    _loosen(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"/schemas/{type_}.json",
        **schema,
        "x-version": VERSION,
    }


@cache
def event_schemas() -> dict[str, dict[str, Any]]:
    """Give all of them."""
    return {type_: event_schema(type_) for type_ in event_types()}


def events_schema(ref_template: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the schema of any event, for a document with a place for definitions; and those definitions."""
    adapter: TypeAdapter[Event] = TypeAdapter(ForwardedEvent)
    schema = adapter.json_schema(mode="serialization", ref_template=ref_template)
    definitions = schema.pop("$defs")
    for name in {cls.__name__ for cls in event_types().values()}:
        _hide(definitions[name])
        _loosen(definitions[name])
    return schema, definitions


def _hide(schema: dict[str, Any]) -> None:
    for name in HIDDEN:
        schema.get("properties", {}).pop(name, None)
    schema["required"] = ["connection", "id"]


def _loosen(schema: Any) -> None:
    """Make a schema one that more may come into, and from which what is null may be left out."""
    if isinstance(schema, dict):
        if schema.get("additionalProperties") is False:
            del schema["additionalProperties"]
        properties = schema.get("properties", {})
        if "required" in schema and isinstance(properties, dict):
            schema["required"] = [name for name in schema["required"] if not _may_be_null(properties.get(name))]
        for value in schema.values():
            _loosen(value)
    elif isinstance(schema, list):
        for value in schema:
            _loosen(value)


def _may_be_null(schema: Any) -> bool:
    return isinstance(schema, dict) and any(option.get("type") == "null" for option in schema.get("anyOf", ()))
