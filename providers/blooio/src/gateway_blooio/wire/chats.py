"""Chats, and what is done in them beside messages: typing, read marks, backgrounds, the contact card."""

from __future__ import annotations

from pydantic import Field

from gateway_blooio.wire.answers import Listed, Moment, Wire
from gateway_blooio.wire.messages import MessageContact

__all__ = [
    "BackgroundAnswer",
    "CardStaged",
    "ChatItem",
    "ChatList",
    "LastMessage",
    "PollAnswer",
    "PollBody",
    "PollContent",
    "PollCount",
    "PollResults",
    "ReadAnswer",
    "TypingAnswer",
]


class LastMessage(Wire):
    """The newest message of a chat, in short."""

    message_id: str | None = None
    text: str | None = None
    direction: str | None = None
    time_sent: Moment = None


class ChatItem(Wire):
    """A conversation; there is no call that makes one, the first send does."""

    id: str | None = None
    """The phone, the email or `grp_…`: what every path under `/chats` takes."""
    type: str | None = None
    """`phone email group`."""
    is_group: bool | None = None
    group_id: str | None = None
    group_name: str | None = None
    member_count: int | None = None
    contact: MessageContact | None = None
    """In direct chats only."""
    message_count: int | None = None
    inbound_count: int | None = None
    outbound_count: int | None = None
    first_message_time: Moment = None
    """In the look-up of one chat only."""
    last_message_time: Moment = None
    last_inbound_time: Moment = None
    last_outbound_time: Moment = None
    last_message: LastMessage | None = None


class ChatList(Listed):
    """A page of chats."""

    chats: list[ChatItem] = Field(default_factory=list)


# ── typing, read, background, contact card ────────────────────────────────────────────────────────────────────────


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


class BackgroundAnswer(Wire):
    """The picture behind a chat; `changed` only after it was set."""

    chat_id: str | None = None
    has_background: bool | None = None
    background_id: str | None = None
    background_version: int | None = None
    changed: bool | None = None


class CardStaged(Wire):
    """Our contact card goes with the next message of ours in this chat."""

    success: bool | None = None
    chat_id: str | None = None
    message: str | None = None


# ── polls ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class PollBody(Wire):
    """A poll to send."""

    title: str | None = None
    options: list[str]
    """2 to 10."""


class PollContent(Wire):
    """A poll as it was sent."""

    title: str | None = None
    options: list[str] | None = None


class PollAnswer(Wire):
    """The poll is on its way; its message has no id of its own here."""

    poll_id: str | None = None
    chat_id: str | None = None
    poll: PollContent | None = None
    sent_at: Moment = None


class PollCount(Wire):
    """One option and its votes."""

    text: str | None = None
    votes: int | None = None


class PollResults(Wire):
    """How a poll stands."""

    poll_id: str | None = None
    chat_id: str | None = None
    title: str | None = None
    options: list[PollCount] = Field(default_factory=list)
    total_votes: int | None = None
