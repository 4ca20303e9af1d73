"""The words: chats, messages and their parts, reactions.

Frozen values that know nothing of any vendor. A word that does not fit raises `pydantic.ValidationError` (a
`ValueError`); `Gateway` turns that into `InvalidMessage`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias, TypeVar

from pydantic import (
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    JsonValue,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import core_schema

from gateway.addresses import Address, Word
from gateway.ids import MessageId

__all__ = [
    "Attachment",
    "Channel",
    "Chat",
    "ChatKind",
    "Effect",
    "Link",
    "Media",
    "Message",
    "MessageRef",
    "Opaque",
    "Part",
    "Raw",
    "Reaction",
    "Tapback",
    "Text",
    "Voice",
]


class _AsItCame:
    """Takes a value as it is: a parser has read it from JSON, and to look at each piece again costs more than that."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.any_schema()


Raw: TypeAlias = Annotated[JsonValue, _AsItCame]
"""What a vendor sent, as JSON; it is kept and shown, and never looked into."""


# ── closed sets ───────────────────────────────────────────────────────────────────────────────────────────────────


class _Spelled(StrEnum):
    """A closed set that reads every usual spelling: `invisibleInk`, `Invisible Ink`, `INVISIBLE_INK`."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        wanted = re.sub(r"(?<=[a-z])[ _-](?=[a-z])", "", value.lower())
        return next((member for member in cls if member.value.replace("-", "") == wanted), None)


class Effect(_Spelled):
    """Apple's send-with-effect: four for the bubble, nine for the screen."""

    SLAM = "slam"
    LOUD = "loud"
    GENTLE = "gentle"
    INVISIBLE_INK = "invisible-ink"
    ECHO = "echo"
    SPOTLIGHT = "spotlight"
    BALLOONS = "balloons"
    CONFETTI = "confetti"
    LOVE = "love"
    LASERS = "lasers"
    FIREWORKS = "fireworks"
    SHOOTING_STAR = "shooting-star"
    CELEBRATION = "celebration"


class Channel(_Spelled):
    """The network that carries a message."""

    IMESSAGE = "imessage"
    SMS = "sms"
    RCS = "rcs"
    WHATSAPP = "whatsapp"


class Tapback(_Spelled):
    """Apple's six reactions."""

    LOVE = "love"
    LIKE = "like"
    DISLIKE = "dislike"
    LAUGH = "laugh"
    EMPHASIZE = "emphasize"
    QUESTION = "question"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        # `exclaim` is the older word for the two exclamation marks
        if isinstance(value, str) and value.lower() in {"exclaim", "emphasise"}:
            return cls("emphasize")
        return super()._missing_(value)


class ChatKind(StrEnum):
    """Who takes part in a chat."""

    DIRECT = "direct"
    GROUP = "group"
    SEVERAL = "several"


# ── where ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Chat(Word):
    """A conversation on a connection: with one address, in a vendor's group, or with a set of addresses.

    Written as text: an address, `group:ID`, or addresses with commas between. Two chats are the same conversation
    when their `identity` is equal; line, name and the members of a group do not count.
    """

    kind: ChatKind
    """Direct, group or several."""
    addresses: tuple[Address, ...] = ()
    """Direct: the one address. Several: all, sorted. Group: the members as far as they are known, sorted."""
    group: str | None = Field(default=None, min_length=1, max_length=512)
    """The vendor's id of a group."""
    line: str | None = Field(default=None, repr=False)
    """The sender identity on our side, in the vendor's spelling; a reply leaves by it."""
    name: str | None = Field(default=None, repr=False)
    """The group's name, where it has one."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        return _split_chat(data) if isinstance(data, str) else data

    @field_validator("addresses", mode="after")
    @classmethod
    def _as_set(cls, addresses: tuple[Address, ...]) -> tuple[Address, ...]:
        return addresses if len(addresses) < 2 else tuple(sorted(set(addresses), key=lambda address: address.text))

    def model_post_init(self, context: Any, /) -> None:
        """Raise `ValueError` unless what its kind asks for is there, and nothing else."""
        if (self.kind is ChatKind.GROUP) != (self.group is not None):
            raise ValueError("a group chat has the vendor's group id, and no other chat has one")
        if self.kind is ChatKind.DIRECT and len(self.addresses) != 1:
            raise ValueError("a direct chat has exactly one address")
        if self.kind is ChatKind.SEVERAL and len(self.addresses) < 2:
            raise ValueError("a chat with several addresses needs two different ones")

    @classmethod
    def direct(cls, address: Address | str, *, line: str | None = None) -> Self:
        """Name the chat with one address."""
        made: Self = _direct(cls, _address(address), line)
        return made

    @classmethod
    def of_group(
        cls, group: str, *, members: tuple[Address | str, ...] = (), name: str | None = None, line: str | None = None
    ) -> Self:
        """Name a group by the vendor's id."""
        addresses = tuple(_address(member) for member in members)
        return cls(kind=ChatKind.GROUP, group=group, addresses=addresses, name=name, line=line)

    @classmethod
    def several(cls, *addresses: Address | str, line: str | None = None) -> Self:
        """Name the chat with a set of addresses; one address alone gives the direct chat."""
        distinct = {_address(address) for address in addresses}
        kind = ChatKind.SEVERAL if len(distinct) > 1 else ChatKind.DIRECT
        return cls(kind=kind, addresses=tuple(distinct), line=line)

    @property
    def address(self) -> Address:
        """The one address of a direct chat; raises `ValueError` for the others."""
        if self.kind is not ChatKind.DIRECT:
            raise ValueError(f"a {self.kind.value} chat has no single address")
        return self.addresses[0]

    @property
    def identity(self) -> str:
        """What makes it this chat and no other, on its connection; holds addresses, so it is not for logs."""
        kind = self.kind
        return f"group:{self.group}" if kind is ChatKind.GROUP else f"{kind}:{self.text}"

    @property
    def text(self) -> str:
        """The spelling that names the chat in a call: `+1…`, `group:ID`, `+1…,+1…`."""
        if self.group is not None:
            return f"group:{self.group}"
        addresses = self.addresses
        return addresses[0].text if len(addresses) == 1 else ",".join([address.text for address in addresses])

    @property
    def masked(self) -> str:
        """The chat as it may be logged."""
        if self.kind is ChatKind.GROUP:
            return f"group:•••{(self.group or '')[-2:]}"
        return ",".join(address.masked for address in self.addresses)

    def __str__(self) -> str:
        """Masked."""
        return self.masked


ChatT = TypeVar("ChatT", bound=Chat)


@lru_cache(4096)  # each message of a chat, and each report about one, names it again
def _direct(cls: type[ChatT], address: Address, line: str | None) -> ChatT:
    return cls(kind=ChatKind.DIRECT, addresses=(address,), line=line)


def _address(value: Address | str) -> Address:
    return Address.parse(value) if isinstance(value, str) else value


def _split_chat(text: str) -> dict[str, Any]:
    if text.startswith("group:"):
        return {"kind": "group", "group": text.removeprefix("group:")}
    names = [name for name in (piece.strip() for piece in text.split(",")) if name]
    addresses = {Address.parse(name) for name in names}
    kind = "several" if len(addresses) > 1 else "direct"
    return {"kind": kind, "addresses": tuple(addresses)}


class MessageRef(Word):
    """A message that is already there, to reply or react to: named in exactly one way, and which part of it."""

    message: MessageId | None = None
    """Our id of a message that we sent."""
    vendor_id: str | None = Field(default=None, min_length=1)
    """The vendor's id, as an event or a receipt gave it."""
    guid: str | None = Field(default=None, min_length=1)
    """The raw iMessage GUID."""
    index: int | None = Field(default=None, lt=0)
    """Counted from the end of the chat: -1 is the last message."""
    part: int = Field(default=0, ge=0)
    """Which part of it, from 0."""

    def model_post_init(self, context: Any, /) -> None:
        """Raise `ValueError` unless it is named in exactly one way."""
        if sum(name is not None for name in (self.message, self.vendor_id, self.guid, self.index)) != 1:
            raise ValueError("name the message in exactly one way: message, vendor_id, guid or index")


# ── what ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Text(Word):
    """A run of text; with `mention` the whole run names that participant."""

    type: Literal["text"] = "text"
    text: str = Field(min_length=1, repr=False)
    """The text, any language, newlines allowed; no markup."""
    mention: Address | None = None
    """The participant that is mentioned."""


class Media(Word):
    """Bytes to send, from exactly one source; base of attachments and voice notes."""

    url: str | None = Field(default=None, repr=False, pattern=r"^[A-Za-z][A-Za-z0-9+.-]*://\S+$")
    """A URL that the vendor can fetch."""
    file: Path | None = Field(default=None, repr=False)
    """A file on this machine."""
    data: bytes | None = Field(default=None, repr=False)
    """The bytes themselves."""
    file_id: str | None = Field(default=None, pattern=r"^file_[0-9a-z]{26}$")
    """The id of a file that the gateway keeps, as an upload gave it."""
    name: str | None = Field(default=None, max_length=255, repr=False)
    """The file's name, as the recipient sees it."""
    media_type: str | None = Field(default=None, pattern=r"^[\w.+-]+/[\w.+-]+$")
    """The media type (RFC 6838), where it is known; parameters such as `; codecs=opus` are left out."""
    size: int | None = Field(default=None, ge=0)
    """Bytes, where it is known."""

    model_config: ClassVar[ConfigDict] = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    @field_validator("media_type", mode="before")
    @classmethod
    def _without_parameters(cls, media_type: Any) -> Any:
        return media_type.partition(";")[0].strip() if isinstance(media_type, str) else media_type

    def model_post_init(self, context: Any, /) -> None:
        """Raise `ValueError` unless there is exactly one source."""
        if sum(source is not None for source in (self.url, self.file, self.data, self.file_id)) != 1:
            raise ValueError("give exactly one of url, file, data and file_id")


class Attachment(Media):
    """A picture, a video, a document."""

    type: Literal["attachment"] = "attachment"


class Voice(Media):
    """A voice note; it stands alone in its message."""

    type: Literal["voice"] = "voice"
    transcript: str | None = Field(default=None, repr=False)
    """What was said, where the vendor transcribed it; inbound only."""


class Link(Word):
    """A link with its card; without image and title the card is made from the page."""

    type: Literal["link"] = "link"
    url: str = Field(repr=False, pattern=r"^https?://\S+$")
    """The link itself."""
    preview_image: str | None = Field(default=None, repr=False, pattern=r"^https?://\S+$")
    """URL of the picture on the card."""
    title: str | None = Field(default=None, repr=False)
    """The bold line on the card."""


class Opaque(Word):
    """Something that arrived and that we have no word for (a sticker, a location); inbound only."""

    type: Literal["opaque"] = "opaque"
    kind: str
    """The vendor's word for it."""
    data: Mapping[str, JsonValue] = Field(default_factory=dict, repr=False)
    """What the vendor said about it."""


Part: TypeAlias = Annotated[Text | Attachment | Voice | Link | Opaque, Field(discriminator="type")]
"""One piece of a message."""


class Message(Word):
    """One message: parts in order, and how they are shown.

    `Message("hi", effect="slam")`, `Message("look", Attachment(url="https://…"))`. Several texts are several
    messages, not several parts: the parts of one message are one bubble where the vendor can do that.
    """

    # `extra` is JSON, which has no NaN: it would reach the vendor as null
    model_config: ClassVar[ConfigDict] = ConfigDict(allow_inf_nan=False)

    parts: tuple[Part, ...] = Field(min_length=1)
    """What it holds, in order."""
    subject: str | None = Field(default=None, min_length=1, repr=False)
    """A bold title above the text."""
    effect: Effect | None = None
    """One of Apple's thirteen."""
    reply_to: MessageRef | None = None
    """The message that this one answers."""
    channel: Channel | None = None
    """The preferred network; None leaves the choice to the vendor."""
    typing: bool | float = False
    """Show the typing dots first: True leaves the length to the vendor, a number is seconds."""
    share_contact: bool = False
    """Send our contact card along."""
    reference: str | None = Field(default=None, min_length=1)
    """The caller's own string, returned on every event of this message."""
    extra: Mapping[str, Mapping[str, JsonValue]] = Field(default_factory=dict, repr=False)
    """Fields for one vendor, by provider name; may not override a field that the provider sets."""

    # pydantic models take keywords only; a message's parts read better in front
    def __init__(
        self,
        *content: str | Part,
        parts: tuple[Part, ...] | list[Part] = (),
        subject: str | None = None,
        effect: Effect | str | None = None,
        reply_to: MessageRef | None = None,
        channel: Channel | str | None = None,
        typing: bool | float = False,
        share_contact: bool = False,
        reference: str | None = None,
        extra: Mapping[str, Mapping[str, JsonValue]] | None = None,
        **unknown: Any,
    ) -> None:
        pieces = (*(Text(text=piece) if isinstance(piece, str) else piece for piece in content), *parts)
        fields: dict[str, Any] = {
            "parts": pieces,
            "subject": subject,
            "effect": effect,
            "reply_to": reply_to,
            "channel": channel,
            "typing": typing,
            "share_contact": share_contact,
            "reference": reference,
        }
        if extra:
            fields["extra"] = extra
        super().__init__(**fields, **unknown)

    # it only adds a way to write a message down: what is given as fields is read without it, nested ones too
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @field_validator("extra", mode="before")
    @classmethod
    def _none_is_empty(cls, extra: Any) -> Any:
        return {} if extra is None else extra

    @field_validator("typing", mode="after")
    @classmethod
    def _is_a_time(cls, typing: bool | float) -> bool | float:  # noqa: FBT001 - the field's own type
        if not isinstance(typing, bool) and not 0 < typing <= 600:
            raise ValueError("typing is True, False, or more than 0 and at most 600 seconds")
        return typing

    def model_post_init(self, context: Any, /) -> None:
        """Raise `ValueError` for a voice note beside something else."""
        if len(self.parts) > 1 and any(isinstance(part, Voice) for part in self.parts):
            raise ValueError("a voice note stands alone: send it as a message of its own")

    @property
    def text(self) -> str:
        """The text of all text parts, one after the other; empty when there is none."""
        return "".join([part.text for part in self.parts if isinstance(part, Text)])

    def __repr__(self) -> str:
        """Show the shape, not the content."""
        kinds = ", ".join(part.type for part in self.parts)
        effect = f", effect={self.effect.value}" if self.effect else ""
        return f"Message({kinds}{effect})"

    __str__ = __repr__


class Reaction(Word):
    """A tapback or an emoji; written as text: `love`, `😂`."""

    tapback: Tapback | None = None
    """One of the six."""
    emoji: str | None = Field(default=None, max_length=32)
    """Any other emoji."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        if isinstance(data, Tapback):
            return {"tapback": data}
        if isinstance(data, str):
            return {"emoji": data} if _is_emoji(data) else {"tapback": data}
        return data

    def model_post_init(self, context: Any, /) -> None:
        """Raise `ValueError` unless it is one tapback or one emoji."""
        if (self.tapback is None) == (self.emoji is None):
            raise ValueError("a reaction is one of love, like, dislike, laugh, emphasize, question, or one emoji")
        if self.emoji is not None and not _is_emoji(self.emoji):
            raise ValueError("an emoji reaction is one emoji, without letters or spaces")

    @model_serializer
    def _to_text(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `love`, `exclaim`, `😂`; raises `pydantic.ValidationError` for anything else."""
        return cls.model_validate(text)

    @property
    def text(self) -> str:
        """The spelling that `parse` reads back."""
        return self.tapback.value if self.tapback else str(self.emoji)


_INFORMATION = "\u2139"
"""The one emoji that is a letter by category."""


def _is_emoji(text: str) -> bool:
    """Tell an emoji from a word: something to see beyond ASCII, and no letter, space or control character.

    Not a list of the known emoji: next year's must work.
    """
    if not text or text.isascii():
        return False
    return all(map(_may_be_in_emoji, text)) and not all(map(_is_unseen, text))


def _may_be_in_emoji(character: str) -> bool:
    if _is_unseen(character) or character == _INFORMATION:
        return True
    category = unicodedata.category(character)
    # what this Python's Unicode does not know yet, in the blocks that emoji come from
    return "\U0001f000" <= character <= "\U0001faff" if category == "Cn" else category[0] not in "LZC"


def _is_unseen(character: str) -> bool:
    """Tell what only joins or varies: the joiner, variation selectors, the tags in flags (England, Scotland)."""
    return character in "\u200d\ufe0e\ufe0f" or "\U000e0020" <= character <= "\U000e007f"
