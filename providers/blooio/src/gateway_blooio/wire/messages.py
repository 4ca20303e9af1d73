"""Messages that were sent or received, and the reactions on them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from gateway_blooio.wire.answers import Listed, Moment, Wire

__all__ = [
    "Cancelled",
    "MessageContact",
    "MessageItem",
    "MessageList",
    "ReactionAnswer",
    "ReactionBody",
    "ReactionItem",
    "StatusAnswer",
]


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


class MessageList(Listed):
    """A page of a chat's messages."""

    chat_id: str | None = None
    messages: list[MessageItem] = Field(default_factory=list)


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


class Cancelled(Wire):
    """A queued message was taken back; no current page describes it."""

    message_id: str | None = None
    cancelled: bool | None = None
    status: str | None = None
    message: str | None = None
    current_status: str | None = None
