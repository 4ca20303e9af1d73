"""What a webhook holds: one flat object for every event of v2."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, JsonValue, ValidationError, ValidatorFunctionWrapHandler, field_validator

from gateway_blooio.wire.answers import Moment, Wire
from gateway_blooio.wire.sending import ReplyTo

__all__ = ["Envelope", "EventAttachment", "Participant", "PollOption", "WebhookEvent"]


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

    A field that only decorates is None when it is of another type than was ever seen: the message itself is not lost
    for it, and the payload is kept beside it.
    """

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True, coerce_numbers_to_str=True)

    event: str
    message_id: str | None = None
    external_id: str | None = None
    """The other party, or the group; on status events the recipient."""
    internal_id: str | None = None
    """Our number."""
    status: str | None = None
    protocol: str | None = None
    timestamp: Moment = None
    """When the webhook was made."""
    direction: str | None = None
    text: str | None = None
    attachments: list[str | EventAttachment] | None = None
    is_group: bool | None = None
    group_id: str | None = None
    group_name: str | None = None
    participants: list[Participant | str] | None = None
    chat_guid: str | None = None
    sender: str | None = None
    """Of an inbound message; null has been seen."""
    received_at: Moment = None
    sent_at: Moment = None
    delivered_at: Moment = None
    read_at: Moment = None
    error_code: str | int | None = None
    error_message: str | None = None
    reply_to: ReplyTo | None = None
    # reactions
    reaction: str | None = None
    action: str | None = None
    original_text: str | None = None
    part_index: int | None = None
    # polls, groups, contacts: the vendor documents that these events exist, but not their fields
    poll_id: str | None = None
    title: str | None = None
    options: list[str | PollOption] | None = None
    option: str | None = None
    voter: str | None = None
    name: str | None = None
    icon_url: str | None = None

    @field_validator("attachments", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str | dict) else value

    @field_validator(
        "status",
        "protocol",
        "direction",
        "group_name",
        "participants",
        "chat_guid",
        "error_code",
        "error_message",
        "reply_to",
        "original_text",
        "title",
        "name",
        "icon_url",
        mode="wrap",
    )
    @classmethod
    def _or_none(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        try:
            return read(value)
        except ValidationError:
            return None


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
