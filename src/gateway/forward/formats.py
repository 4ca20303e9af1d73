"""What the body of a delivery looks like: `standard`, `graph`, `cloudevents`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.events import Event
from gateway.forward.graph import graph_body
from gateway.forward.plain import Json, fitted, plain

__all__ = ["Format", "Shaped", "Telling", "shaped"]

_TYPE = "dev.messaging-gateway."
_JSON, _CLOUD = "application/json", "application/cloudevents+json"


class Format(StrEnum):
    """The shapes that an endpoint may choose from."""

    STANDARD = "standard"
    """`{type, timestamp, data}`, as Standard Webhooks has it."""
    GRAPH = "graph"
    """A node with payload and edges."""
    CLOUDEVENTS = "cloudevents"
    """CloudEvents 1.0.2 in structured mode."""


@dataclass(frozen=True, slots=True)
class Telling:
    """An event, and what of its place a body may tell."""

    event: Event
    tenant: str
    sequence: int
    """Its number among all events; 0 for one that is in no list."""
    public_url: str | None = None
    """Where this service is to be found, so that schemas have an address."""
    trace: str | None = None
    """The trace in which the message was sent that it is about (`traceparent` of W3C Trace Context)."""


@dataclass(frozen=True, slots=True)
class Shaped:
    """A body, ready to be signed."""

    media_type: str
    body: bytes


def shaped(form: Format, telling: Telling) -> Shaped:
    """Write an event down in a format."""
    match form:
        case Format.STANDARD:
            return Shaped(_JSON, fitted(_standard(telling.event), lambda body: body["data"]))
        case Format.GRAPH:
            return Shaped(_JSON, fitted(graph_body(telling.event), lambda body: body["payload"]))
        case Format.CLOUDEVENTS:
            return Shaped(_CLOUD, fitted(_cloud(telling), lambda body: body["data"]))


def _standard(event: Event) -> Json:
    return {"type": event.type, "timestamp": _when(event), "data": plain(event)}


def _cloud(telling: Telling) -> Json:
    """Give the context attributes, `data` last; an attribute that has no value is left out, as the standard asks."""
    event = telling.event
    place = f"/connections/{event.connection}" if event.connection else f"/tenants/{telling.tenant}"
    about = event.chat_id or None
    schema = f"{telling.public_url.rstrip('/')}/schemas/{event.type}.json" if telling.public_url else None
    context = {
        "specversion": "1.0",
        "id": event.id,
        "source": place,
        "type": f"{_TYPE}{event.type}.v1",
        "subject": about,
        "time": _when(event),
        "datacontenttype": _JSON,
        "dataschema": schema,
        "partitionkey": about,
        "sequence": str(telling.sequence) if telling.sequence else None,
        "tenantid": telling.tenant,
        "traceparent": telling.trace,
        "data": plain(event),
    }
    return {name: value for name, value in context.items() if value is not None}


def _when(event: Event) -> str:
    return (event.occurred_at or event.received_at).isoformat().replace("+00:00", "Z")
