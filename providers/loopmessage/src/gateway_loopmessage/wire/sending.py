"""Messages: what is asked of the vendor, and what it answers."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from gateway_loopmessage.wire.values import Answer, Wire

__all__ = ["Group", "SendRequest", "SendResponse", "ShowTypingRequest", "StatusResponse"]


class SendRequest(Wire):
    """POST `/message/send/`: the fields decide which of four shapes it is.

    `reaction` makes a reaction; else `media_url` a voice note; else `group` a text to a group; else `contact` a text.
    """

    contact: str | None = None
    """Phone, email, or (texts only) the vendor's contact id."""
    group: str | None = None
    """Group id, known from webhooks only."""
    text: str | None = None
    """Fewer than 10,000 characters; the vendor cuts what is over."""
    subject: str | None = None
    sender: str | None = None
    """Id of a sender name."""
    attachments: list[str] | None = None
    """Public https URLs of at most 256 characters."""
    effect: str | None = None
    reply_to_id: str | None = None
    passthrough: str | None = None
    """At most 1000 characters; returned on every webhook about this message."""
    channel: str | None = None
    contact_file: bool | None = None
    """Attach the sender's vCard."""
    media_url: str | None = None
    """Public https URL of a voice note: mp3, wav, m4a, caf or aac."""
    message_id: str | None = None
    """With `reaction`: the message it goes to."""
    reaction: str | None = None
    """A word, with `-` in front to take it back."""


class ShowTypingRequest(Wire):
    """POST `/message/show-typing/`: `message_id`, or `contact` and `sender`."""

    message_id: str | None = None
    contact: str | None = None
    sender: str | None = None
    typing: int | None = None
    """Seconds, at most 60."""
    read: bool | None = None
    """Mark as read; true by default where the dots are shown."""


class Group(Wire):
    """A group; its id is `id` in webhooks, and `group_id` or `id` in answers to a send."""

    id: str | None = None
    group_id: str | None = None
    name: str | None = None
    participants: list[str] = Field(default_factory=list)

    @field_validator("participants", mode="before")
    @classmethod
    def _known_participants(cls, value: Any) -> Any:
        """Keep who is named: without its members a group is still the group."""
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    @property
    def ref(self) -> str | None:
        """The id under either name."""
        return self.id or self.group_id or None


class SendResponse(Answer):
    """The answer to a send: queued, not delivered."""

    message_id: str | None = None
    contact: str | None = None
    recipient: str | None = None
    """What the answers to voice notes and reactions call `contact`."""
    group: Group | None = None
    text: str | None = None

    @property
    def address(self) -> str | None:
        """The contact as the vendor normalised it, under either name."""
        return self.contact or self.recipient or None


class StatusResponse(Answer):
    """How far a message is; `error_code` only where it failed."""

    message_id: str | None = None
    status: str | None = None
    """`processing`, `delivered`, `failed` or `unknown`; older: `scheduled`, `sent`, `timeout`."""
    contact: str | None = None
    text: str | None = None
    last_update: str | None = None
