"""Echo's JSON as models: the vendor's words, untouched.

Everything that we read keeps what the vendor adds (`extra="allow"`), so that a new field breaks nothing.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AccountAnswer",
    "ErrorAnswer",
    "ErrorDetail",
    "Hook",
    "MessageAnswer",
    "MessageList",
    "ReactionData",
    "ReactionHook",
    "ReceivedData",
    "ReceivedHook",
    "SendBody",
    "StatusData",
    "StatusHook",
]


class Wire(BaseModel):
    """Base of all."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True, populate_by_name=True)


# ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class SendBody(Wire):
    """`POST /messages`: a text or one file, never both."""

    to: str
    sender: str | None = Field(default=None, alias="from")
    text: str | None = None
    media_url: str | None = None
    effect: Literal["slam", "confetti"] | None = None
    in_reply_to: str | None = None
    tag: str | None = None
    """At most 120 characters; returned on every report about the message, and one can look messages up by it."""


class MessageAnswer(Wire):
    """What Echo knows of a message: the answer to a send and to a look-up."""

    id: str
    to: str | None = None
    sender: str | None = Field(default=None, alias="from")
    status: str
    """queued, sent, delivered, read or failed."""
    code: str | None = None
    """Why it failed."""
    tag: str | None = None


class MessageList(Wire):
    """`GET /messages?tag=…`."""

    items: list[MessageAnswer]


class AccountAnswer(Wire):
    """`GET /account`."""

    name: str
    lines: list[str] = []


class ErrorDetail(Wire):
    """The inside of an error."""

    code: str
    message: str = ""


class ErrorAnswer(Wire):
    """Every answer that is not 2xx."""

    error: ErrorDetail


# ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────────


class ReceivedData(Wire):
    """A contact wrote."""

    id: str
    sender: str = Field(alias="from")
    to: str
    text: str | None = None
    media_urls: list[str] = []
    """Contacts may send several files at once; we may not."""
    in_reply_to: str | None = None


class StatusData(Wire):
    """A message of ours went further, or failed."""

    id: str
    to: str
    sender: str = Field(alias="from")
    status: str
    code: str | None = None
    tag: str | None = None


class ReactionData(Wire):
    """A contact reacted to a message, or took it back."""

    message: str
    sender: str = Field(alias="from")
    to: str
    reaction: str
    removed: bool = False


class _HookBase(Wire):
    id: str
    """The same when Echo delivers it again."""
    at: int = Field(ge=0, lt=2**33)
    """Unix seconds."""


class ReceivedHook(_HookBase):
    """`message.received`."""

    type: Literal["message.received"]
    data: ReceivedData


class StatusHook(_HookBase):
    """`message.status`."""

    type: Literal["message.status"]
    data: StatusData


class ReactionHook(_HookBase):
    """`reaction`."""

    type: Literal["reaction"]
    data: ReactionData


Hook: TypeAlias = Annotated[ReceivedHook | StatusHook | ReactionHook, Field(discriminator="type")]
"""Every webhook that we know."""
