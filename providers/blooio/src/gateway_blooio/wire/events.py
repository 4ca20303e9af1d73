"""What a webhook holds: one flat object for every event of v2."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import ConfigDict, GetCoreSchemaHandler, JsonValue, field_validator
from pydantic_core import core_schema

from gateway_blooio.wire.answers import Moment, Wire
from gateway_blooio.wire.sending import ReplyTo

__all__ = ["Envelope", "EventAttachment", "Participant", "PollOption", "WebhookEvent"]


T = TypeVar("T")


class _OrNone:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_default_schema(handler(source), default=None, on_error="default")


Decoration: TypeAlias = Annotated[T | None, _OrNone]
"""A field that only decorates: None when it is of another type than was ever seen."""


class EventAttachment(Wire):
    """An attachment that arrived: `{url, name}` or `{url, file_name, mime_type, size}`; a plain URL is a string."""

    url: str | None = None
    name: str | None = None
    file_name: str | None = None
    mime_type: str | None = None
    size: int | None = None


class Participant(Wire):
    """A member of a group."""

    contact_id: str | None = None
    identifier: str | None = None
    name: str | None = None


class PollOption(Wire):
    """An option of a poll; a plain text is a string."""

    text: str | None = None
    votes: int | None = None


class WebhookEvent(Wire):
    """The flat body of every v2 webhook; which fields are there depends on `event`.

    The message itself is not lost for a field that only decorates, and the payload is kept beside it.
    """

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True, coerce_numbers_to_str=True)

    event: str
    message_id: str | None = None
    external_id: str | None = None
    """The other party, or the group; on status events the recipient."""
    internal_id: str | None = None
    """Our number."""
    status: Decoration[str] = None
    protocol: Decoration[str] = None
    timestamp: Moment = None
    """When the webhook was made."""
    direction: Decoration[str] = None
    text: str | None = None
    attachments: list[str | EventAttachment] | None = None
    is_group: bool | None = None
    group_id: str | None = None
    group_name: Decoration[str] = None
    participants: Decoration[list[Participant | str]] = None
    chat_guid: Decoration[str] = None
    sender: str | None = None
    """Of an inbound message; null has been seen."""
    received_at: Moment = None
    sent_at: Moment = None
    delivered_at: Moment = None
    read_at: Moment = None
    error_code: Decoration[str | int] = None
    error_message: Decoration[str] = None
    reply_to: Decoration[ReplyTo] = None
    # reactions
    reaction: str | None = None
    action: str | None = None
    original_text: Decoration[str] = None
    part_index: int | None = None
    # polls, groups, contacts: the vendor documents that these events exist, but not their fields
    poll_id: str | None = None
    title: Decoration[str] = None
    options: list[str | PollOption] | None = None
    option: str | None = None
    voter: str | None = None
    name: Decoration[str] = None
    icon_url: Decoration[str] = None

    @field_validator("attachments", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str | dict) else value


class Envelope(Wire):
    """What API v4 sends in place of the flat object; it is named here to be told from what is new, and not read."""

    id: str | None = None
    """`evt_…`, the same on every attempt."""
    type: str | None = None
    api_version: str | None = None
    created_at: Moment = None
    organization_id: str | None = None
    chat_id: str | None = None
    data: JsonValue = None
