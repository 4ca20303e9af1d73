"""What callers may send: recipients and messages as JSON, turned into words.

Not the words themselves: a path on the service's own disk is nobody's to name, and a file is named by its id here.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import Base64Encoder, BaseModel, ConfigDict, EncodedBytes, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from gateway.asking import chat_of, said
from gateway.errors import InvalidMessage
from gateway.events import Event
from gateway.ids import EventId
from gateway.model import Attachment, Channel, Chat, Effect, Link, Message, MessageRef, Part, Text, Voice
from gateway.server.service import Service
from gateway.tenancy import Caller

__all__ = ["Content", "Input", "LinkIn", "MediaIn", "MessageIn", "To", "messages_of", "part_of", "recipient_of"]


class Input(BaseModel):
    """Base of all bodies: closed, so that a misspelt field is told, and silent about what stood in it."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


class TextIn(Input):
    """A run of text."""

    type: Literal["text"] = "text"
    text: str = Field(min_length=1, repr=False)
    """The text, any language, newlines allowed; no markup."""
    mention: str | None = Field(default=None, repr=False)
    """The participant whom the whole run names."""


class _Strict(Base64Encoder):
    """Takes nothing for base 64 that is not: a file that lost a few characters on its way would go out broken."""

    @classmethod
    def decode(cls, data: bytes) -> bytes:
        try:
            return b64decode(data, validate=True)
        except ValueError:
            raise PydanticCustomError("base64_decode", "this is no base 64") from None


class MediaIn(Input):
    """A picture, a document, a voice note: from exactly one source."""

    type: Literal["attachment", "voice"]
    url: str | None = Field(default=None, repr=False, pattern=r"^https?://\S+$", max_length=2048)
    """A URL that the vendor can fetch."""
    data: Annotated[bytes, EncodedBytes(encoder=_Strict)] | None = Field(default=None, repr=False)
    """The bytes themselves, in base 64; what is long is uploaded to `/v1/files` instead."""
    file_id: str | None = Field(default=None, max_length=128)
    """A file that was uploaded before: `file_…`."""
    name: str | None = Field(default=None, max_length=255, repr=False)
    """The file's name, as the recipient sees it."""
    media_type: str | None = Field(default=None, max_length=255)
    """What it is, such as `image/png`, where that is known."""

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if sum(source is not None for source in (self.url, self.data, self.file_id)) != 1:
            raise ValueError("give exactly one of url, data and file_id")
        return self


class LinkIn(Input):
    """A link with its card."""

    type: Literal["link"] = "link"
    url: str = Field(repr=False, pattern=r"^https?://\S+$", max_length=2048)
    """The link itself."""
    preview_image: str | None = Field(default=None, repr=False, pattern=r"^https?://\S+$", max_length=2048)
    """URL of the picture on the card."""
    title: str | None = Field(default=None, repr=False)
    """The bold line on the card."""


PartIn: TypeAlias = TextIn | MediaIn | LinkIn


class RefIn(Input):
    """A message that is already there: named in exactly one way."""

    message: str | None = None
    """Our id of a message that was sent: `msg_…`."""
    vendor_id: str | None = None
    """The vendor's id, as an event or a receipt gave it."""
    guid: str | None = None
    """The raw iMessage GUID."""
    index: int | None = Field(default=None, lt=0)
    """Counted from the end of the chat: -1 is the last message."""
    part: int = Field(default=0, ge=0)
    """Which part of it, from 0."""

    def word(self) -> MessageRef:
        """Make the word; raises `InvalidMessage`."""
        return said(lambda: MessageRef.model_validate(self.model_dump()))


class MessageIn(Input):
    """One message: parts in order, and how they are shown. `text` alone is a message of one text."""

    text: str | None = Field(default=None, min_length=1, repr=False)
    """Short for one part that is a text."""
    parts: tuple[Annotated[PartIn, Field(discriminator="type")], ...] = Field(default=(), max_length=50)
    """What it holds, in order; behind the text where both are given."""
    subject: str | None = Field(default=None, min_length=1, repr=False)
    """A bold title above the text."""
    effect: Effect | None = None
    """One of Apple's thirteen."""
    reply_to: RefIn | None = None
    """The message that this one answers."""
    channel: Channel | None = None
    """The preferred network; none leaves the choice to the vendor."""
    typing: bool | Annotated[float, Field(gt=0, le=600)] = False
    """Show the typing dots first: true leaves the length to the vendor, a number is seconds."""
    share_contact: bool = False
    """Send our contact card along."""
    reference: str | None = Field(default=None, min_length=1)
    """Your own string, returned on every event of this message."""
    extra: dict[str, dict[str, JsonValue]] = Field(default={}, repr=False)
    """Fields for one vendor, by provider name."""

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.text is None and not self.parts:
            raise ValueError("give a text, or parts")
        return self


One: TypeAlias = Annotated[str, Field(min_length=1)] | MessageIn
Content: TypeAlias = One | Annotated[tuple[One, ...], Field(min_length=1, max_length=50)]
"""One message, or several: each a text or an object."""

_Address: TypeAlias = Annotated[str, Field(min_length=1, max_length=600)]
To: TypeAlias = _Address | Annotated[tuple[_Address, ...], Field(min_length=1, max_length=64)]
"""An address (`+1…`, an email, `contact:ID`), `group:ID`, a chat (`chat_…`), an event to answer (`evt_…`), or several
addresses."""


async def recipient_of(service: Service, caller: Caller, to: To) -> tuple[Chat | Event, str | None]:
    """Find out where to: the chat, or the event that is answered, and the connection where that says it.

    Raises `InvalidMessage`, and `NotFound` for an event or a chat that is not the caller's.
    """
    if isinstance(to, str) and to.startswith("evt_"):
        event = await service.event(caller, EventId(to))
        if event.chat is None:
            raise InvalidMessage(f"a {event.type} event belongs to no chat", hint="name the recipient instead")
        return event, event.connection
    if isinstance(to, str) and to.startswith("chat_"):
        return await service.chat(caller, to)
    chat, _ = chat_of(to if isinstance(to, str) else list(to))
    return chat, None


async def messages_of(service: Service, caller: Caller, content: Content) -> list[Message]:
    """Make words of what is to be sent.

    Raises `InvalidMessage`, and `NotFound` for an answer to a message of ours that is not the caller's.
    """
    items = content if isinstance(content, tuple) else (content,)
    made = [_message(item) for item in items]
    for answered in [message.reply_to.message for message in made if message.reply_to]:
        if answered is not None:
            await service.message(caller, answered)
    return made


def _message(item: str | MessageIn) -> Message:
    if isinstance(item, str):
        return said(lambda: Message(item))
    parts = [part_of(part) for part in item.parts]
    text = (item.text,) if item.text is not None else ()
    return said(
        lambda: Message(
            *text,
            parts=parts,
            subject=item.subject,
            effect=item.effect,
            reply_to=item.reply_to.word() if item.reply_to else None,
            channel=item.channel,
            typing=item.typing,
            share_contact=item.share_contact,
            reference=item.reference,
            extra=item.extra,
        )
    )


def part_of(part: PartIn) -> Part:
    """Make a word of one part; raises `InvalidMessage`."""
    if isinstance(part, TextIn):
        return said(lambda: Text.model_validate({"text": part.text, "mention": part.mention}))
    if isinstance(part, LinkIn):
        return said(lambda: Link.model_validate(part.model_dump()))
    kind = Voice if part.type == "voice" else Attachment
    given = part.model_dump(exclude={"type"}, exclude_none=True)
    return said(lambda: kind(**given))
