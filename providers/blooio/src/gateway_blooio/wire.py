"""Blooio's JSON as models: the vendor's words, untouched.

The vendor's schemas require almost nothing of an answer and most fields may be null, so all of it is optional here;
fields that we do not know are kept, so that what was read can be written again unchanged. Times are Unix
milliseconds unless said otherwise. Source: https://docs.blooio.com/reference/v2 (2026).
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)

__all__ = [
    "AttachmentItem",
    "ErrorBody",
    "EventAttachment",
    "LinkPreview",
    "MessageContact",
    "MessageItem",
    "MessageList",
    "Moment",
    "NumberItem",
    "Numbers",
    "Pagination",
    "Participant",
    "PartItem",
    "PollOption",
    "ReactionAnswer",
    "ReactionBody",
    "ReactionItem",
    "ReadAnswer",
    "ReplyTo",
    "SendAnswer",
    "SendBody",
    "StatusAnswer",
    "Subscription",
    "Subscriptions",
    "TypingAnswer",
    "WebhookEvent",
    "WebhookLog",
    "WebhookLogs",
    "Wire",
]

Moment: TypeAlias = int | float | str | None
"""A time as it comes: milliseconds by the documents, seconds in one report, ISO 8601 in `last_active`."""


class Wire(BaseModel):
    """Base of all: frozen, and whatever the vendor adds is kept."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    def dump(self) -> dict[str, Any]:
        """Give the JSON with exactly the fields that were set."""
        return self.model_dump(mode="json", exclude_unset=True)


# ── sending: POST /chats/{chatId}/messages ────────────────────────────────────────────────────────────────────────


class LinkPreview(Wire):
    """The card of a link; without it the vendor makes one from the page's Open Graph tags."""

    image_url: str | None = None
    """HTTPS; png, jpg, webp or gif, at most 16 MB. What cannot be fetched falls back silently."""
    title: str | None = None


class AttachmentItem(Wire):
    """An attachment with a name; a plain URL is a string instead."""

    url: str
    name: str | None = None


class PartItem(Wire):
    """A piece of one bubble, or with `link_preview` one of several rich links."""

    text: str | None = None
    mention: str | None = None
    """A participant; the whole text of the part becomes the mention."""
    url: str | None = None
    """An attachment; not together with `text`."""
    name: str | None = None
    """Its file name; only with `url`."""
    link_preview: LinkPreview | None = None


class ReplyTo(Wire):
    """The message that is answered."""

    message_id: str | None = None
    guid: str | None = None
    part_index: int | None = None


class SendBody(Wire):
    """What is sent; one of `text`, `attachments` and `parts` at least."""

    text: str | list[str] | None = None
    """A list is one message for each element."""
    attachments: list[str | AttachmentItem] | None = None
    use_typing_indicator: bool | None = None
    """None leaves it to the organization's preference."""
    from_number: str | None = None
    share_contact: bool | None = None
    parts: list[PartItem] | None = None
    link_preview: LinkPreview | None = None
    """Only where the text is exactly one http(s) URL."""
    effect: str | None = None
    """Kebab case; not together with `parts`."""
    reply_to: ReplyTo | None = None


class SendAnswer(Wire):
    """202 for a new send, 200 for a key that was used before."""

    message_id: str | None = None
    """One message."""
    message_ids: list[str] | None = None
    """A list of texts, or a batch of rich links."""
    count: int | None = None
    """With a batch of rich links; by one source with a list of texts too."""
    status: str | None = None
    """`queued` or `failed`."""
    group_id: str | None = None
    group_created: bool | None = None
    participants: list[str] | None = None
    parent_unresolved: bool | None = None
    """The guid of `reply_to` is not known to the vendor; the message was sent all the same."""


# ── reactions, typing, read ───────────────────────────────────────────────────────────────────────────────────────


class ReactionBody(Wire):
    """`+love`, `-🔥`."""

    reaction: str
    direction: Literal["inbound", "outbound"] | None = None
    """Which messages a relative index counts; ignored for an id."""


class ReactionAnswer(Wire):
    """What was added or removed; the reaction comes without its sign."""

    success: bool | None = None
    message_id: str | None = None
    reaction: str | None = None
    action: str | None = None


class TypingAnswer(Wire):
    """200 even where nothing is shown: then `warning` says so (RCS)."""

    chat_id: str | None = None
    typing: bool | None = None
    started_at: Moment = None
    stopped_at: Moment = None
    warning: str | None = None


class ReadAnswer(Wire):
    """The chat is marked as read."""

    chat_id: str | None = None
    status: str | None = None
    marked_at: Moment = None


# ── looking up ────────────────────────────────────────────────────────────────────────────────────────────────────


class Pagination(Wire):
    """Where a page stands; `returned` and `has_more` only with webhook logs."""

    limit: int | None = None
    offset: int | None = None
    total: int | None = None
    returned: int | None = None
    has_more: bool | None = None


class StatusAnswer(Wire):
    """How far a message has come; `read` is not among the documented words here."""

    message_id: str | None = None
    chat_id: str | None = None
    direction: str | None = None
    status: str | None = None
    """`pending queued sent delivered failed cancellation_requested cancelled`."""
    protocol: str | None = None
    """`imessage sms rcs non-imessage`; the last means: not iMessage, which one is not known."""
    time_sent: Moment = None
    time_delivered: Moment = None
    error: str | None = None


class ReactionItem(Wire):
    """A reaction on a message; `sender` None is us, and a removed one stays with `is_added` false."""

    reaction: str | None = None
    is_added: bool | None = None
    time_sent: Moment = None
    sender: str | None = None


class MessageContact(Wire):
    """The other party of a message."""

    contact_id: str | None = None
    identifier: str | None = None
    name: str | None = None


class MessageItem(StatusAnswer):
    """A message in the vendor's history; `sender` is filled for inbound group messages only."""

    external_id: str | None = None
    internal_id: str | None = None
    text: str | None = None
    attachments: list[JsonValue] | None = None
    sender: str | None = None
    reactions: list[ReactionItem] | None = None
    contact: MessageContact | None = None


class MessageList(Wire):
    """A page of a chat's messages."""

    chat_id: str | None = None
    messages: list[MessageItem] = Field(default_factory=list)
    pagination: Pagination | None = None


class NumberItem(Wire):
    """A number of the key's pool."""

    phone_number: str | None = None
    is_active: bool | None = None
    last_active: Moment = None
    """ISO 8601 here, unlike everywhere else."""
    plan_kind: str | None = None
    """`shared dedicated inbound trial 2fa`; None counts as dedicated."""


class Numbers(Wire):
    """The key's pool."""

    numbers: list[NumberItem] = Field(default_factory=list)


class Subscription(Wire):
    """A webhook subscription."""

    webhook_id: str
    webhook_url: str | None = None
    webhook_type: str | None = None
    is_active: bool | None = None


class Subscriptions(Wire):
    """All of them; there is no paging."""

    webhooks: list[Subscription] = Field(default_factory=list)


class WebhookLog(Wire):
    """One attempt to deliver a webhook."""

    event_id: str | None = None
    attempted_time: Moment = None
    event_body: JsonValue = None
    """The payload; by the documents an object, so its original bytes are gone."""
    response_status: int | None = None


class WebhookLogs(Wire):
    """A page of attempts."""

    logs: list[WebhookLog] = Field(default_factory=list)
    pagination: Pagination | None = None


# ── errors ────────────────────────────────────────────────────────────────────────────────────────────────────────


class ErrorBody(Wire):
    """An error: `error` is a class name now (`ApiError`), was a slug before, and is an object in v4."""

    error: str | dict[str, JsonValue] | None = None
    message: str | None = None
    status: int | str | None = None
    code: str | None = None
    """The reason for programs, on the known cases only."""


# ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────────


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
