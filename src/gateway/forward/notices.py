"""Events that endpoints can be sent: what happened on a connection, and what the service itself has to say."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from gateway.events import AnyEvent, Event, UnknownEvent
from gateway.ids import EventId, new_timed_id
from gateway.store.records.forwarding import Notice

__all__ = ["EVENT_TYPES", "EndpointDisabled", "ForwardedEvent", "endpoint_disabled", "read_event"]


class EndpointDisabled(Event):
    """An endpoint is sent nothing more, until somebody enables it again."""

    type: Literal["endpoint.disabled"] = "endpoint.disabled"
    endpoint: str
    reason: str
    since: AwareDatetime


ForwardedEvent: TypeAlias = Annotated[AnyEvent | EndpointDisabled, Field(discriminator="type")]
"""Any event that an endpoint can be sent, told apart by its `type`."""

_ANY: TypeAdapter[Event] = TypeAdapter(ForwardedEvent)

EVENT_TYPES: dict[str, type[Event]] = {
    cls.model_fields["type"].default: cls for cls in (*get_args(get_args(AnyEvent)[0]), EndpointDisabled)
}
"""Each type of event with its class."""


def read_event(body: str) -> Event:
    """Read an event as the store keeps it; one of a later version, which this one cannot read, is an `UnknownEvent`."""
    try:
        return _ANY.validate_json(body)
    except ValidationError as error:
        return UnknownEvent(key="unread", reason=f"{error.error_count()} fields are not of this version")


def endpoint_disabled(endpoint: str, reason: str, now: datetime) -> Notice:
    """Make the notice that an endpoint was disabled."""
    id_ = EventId(new_timed_id("evt", now))
    event = EndpointDisabled(key=id_, id=id_, endpoint=endpoint, reason=reason, since=now, received_at=now)
    return Notice(id_, event.type, event.model_dump_json())
