"""Lists and look-ups of messages, reactions, typing dots and files."""

from __future__ import annotations

from pydantic import Field, JsonValue, ValidationError

from gateway_sendblue.wire.hooks import WebhookBody
from gateway_sendblue.wire.shape import Answer, Pagination, Wire

__all__ = [
    "Lookup",
    "MediaObject",
    "MessageItem",
    "MessageList",
    "ReactionBody",
    "SingleMessage",
    "TypingAnswer",
    "TypingBody",
    "UploadedFile",
]

MessageItem = WebhookBody
"""A row of a list is a webhook's body."""


class MessageList(Answer):
    """GET `/api/v2/messages`; rows stay as they came, for the parser of webhooks."""

    data: list[JsonValue] = Field(default_factory=list)
    """Objects, where all is well; another row must not hide the others of its page."""
    pagination: Pagination | None = None

    @property
    def items(self) -> list[WebhookBody]:
        """The rows, read; one that cannot be read is left out."""
        return [item for item in map(_item, self.data) if item is not None]


def _item(row: JsonValue) -> WebhookBody | None:
    try:
        return WebhookBody.model_validate(row)
    except ValidationError:
        return None


class SingleMessage(Answer):
    """GET `/api/v2/messages/{message_id}`."""

    data: WebhookBody | None = None


class ReactionBody(Wire):
    """POST `/api/send-reaction`."""

    from_number: str
    message_handle: str
    reaction: str
    """`love`, `like`, `dislike`, `laugh`, `emphasize`, `question`; on newer accounts any emoji, and `-love` removes."""
    part_index: int | None = None


class TypingBody(Wire):
    """POST `/api/send-typing-indicator`."""

    number: str
    from_number: str
    state: str | None = None
    max_duration_ms: int | None = None


class TypingAnswer(Answer):
    """The answer to typing and to a read mark."""

    number: str | None = None


class Lookup(Answer):
    """GET `/api/evaluate-service`; for an email `SMS` means only that it has no iMessage."""

    number: str | None = None
    service: str | None = None


class MediaObject(Answer):
    """POST `/api/upload-media-object`."""

    media_object_id: str | None = Field(default=None, alias="mediaObjectId")


class UploadedFile(Answer):
    """POST `/api/upload-file`."""

    media_url: str | None = None
