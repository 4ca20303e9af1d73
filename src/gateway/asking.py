"""What callers may write, turned into words: recipients, messages, references to messages.

Everything that is wrong with them becomes an `InvalidMessage` that names the place and hides the value.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from pydantic import ValidationError

from gateway.actions import ChatSummary
from gateway.addresses import Address
from gateway.errors import InvalidMessage
from gateway.events import Event
from gateway.model import Attachment, Chat, Link, Message, MessageRef, Opaque, Reaction, Text, Voice

__all__ = [
    "Content",
    "Recipient",
    "address_of",
    "aware",
    "chat_of",
    "holds",
    "in_time",
    "messages_of",
    "reaction_of",
    "ref_of",
    "said",
]

T = TypeVar("T")

Recipient: TypeAlias = str | Address | Chat | Event | Sequence[str | Address]
"""Where to: an address, `group:ID`, a chat, an event (its chat), or several addresses."""

One: TypeAlias = str | Message | Text | Attachment | Voice | Link
"""One message: a text, a message, or a part that is a whole message."""

Content: TypeAlias = One | Sequence[One]
"""What: one message, or several."""

_PARTS = Text | Attachment | Voice | Link | Opaque


def said(make: Callable[[], T]) -> T:
    """Make a word; what pydantic has against it becomes one `InvalidMessage`."""
    try:
        return make()
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        lines = []
        for problem in problems:
            place = ".".join(str(step) for step in problem["loc"])
            words = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{place}: {words}" if place else words)
        raise InvalidMessage("; ".join(dict.fromkeys(lines)), hint="see the message reference in the docs") from None
    except (TypeError, ValueError) as error:
        raise InvalidMessage(str(error), hint="see the message reference in the docs") from None


def aware(**times: datetime | None) -> None:
    """Refuse a time without a zone; raises `InvalidMessage`."""
    for name, time in times.items():
        if time is not None and time.tzinfo is None:
            raise InvalidMessage(f"{name} has no time zone", hint="use datetime.now(UTC) + timedelta(…)")


def in_time(at: datetime | None, expires: datetime | None) -> None:
    """Refuse times without a zone, and what would be too late before it may leave; raises `InvalidMessage`."""
    aware(at=at, expires=expires)
    if at is not None and expires is not None and expires <= at:
        raise InvalidMessage("it expires before it may leave", hint="give an expires that is later than at, or none")


def holds(summary: ChatSummary, search: str) -> bool:
    """Tell whether a chat's name or addresses hold a text, whatever its case."""
    names = (summary.name, summary.chat.name, summary.chat.text)
    return any(search.casefold() in name.casefold() for name in names if name)


def chat_of(to: Recipient) -> tuple[Chat, str | None]:
    """Read a recipient; gives the chat, and the connection where the recipient says it (an event does)."""
    if isinstance(to, Event):
        if to.chat is None:
            raise InvalidMessage(f"a {to.type} event belongs to no chat", hint="name the recipient instead")
        return to.chat, to.connection or None
    return said(lambda: _chat(to)), None


def _chat(to: str | Address | Chat | Sequence[str | Address]) -> Chat:
    if isinstance(to, str):
        return _read(to)
    if isinstance(to, Chat):
        return to
    if isinstance(to, Address):
        return Chat.direct(to)
    if not isinstance(to, Iterable):
        raise TypeError(f"a recipient is a string, an Address, a Chat, an event or several, not {type(to).__name__}")
    return Chat.several(*to)


def address_of(contact: str | Address) -> Address:
    """Read an address."""
    return contact if isinstance(contact, Address) else said(lambda: Address.parse(contact))


@lru_cache(1024)  # chats come again, and reading one takes longer than keeping its message
def _read(to: str) -> Chat:
    return Chat.model_validate(to)


def messages_of(content: Content) -> tuple[Message, ...]:
    """Read what is to be sent."""
    if isinstance(content, One):
        return (said(lambda: _message(content)),)
    several: Any = content
    items = several if isinstance(several, Iterable) else (several,)
    messages = said(lambda: tuple(_message(item) for item in items))
    if not messages:
        raise InvalidMessage("there is nothing to send", hint="give at least one message")
    return messages


_PLAIN = Message("…")
"""A message of one text, to be copied with another one: only the text is still to be looked at."""


def _message(content: Any) -> Message:
    # what is asked of a string first: to tell that it is no word takes longer than to tell that it is one
    if isinstance(content, str):
        return _PLAIN.model_copy(update={"parts": (Text(text=content),)})
    if isinstance(content, Message):
        return content
    if isinstance(content, _PARTS):
        return Message(content)
    raise TypeError(f"a message is a string, a Message or a part, not {type(content).__name__}")


def ref_of(vendor_id: str, part: int) -> MessageRef:
    """Name a message at the vendor."""
    return said(lambda: MessageRef(vendor_id=vendor_id, part=part))


def reaction_of(reaction: str | Reaction) -> Reaction:
    """Read a reaction; a misspelt one gets the nearest."""
    if isinstance(reaction, Reaction):
        return reaction
    try:
        return Reaction.parse(reaction)
    except (ValidationError, TypeError):
        words = ("love", "like", "dislike", "laugh", "emphasize", "question")
        near = difflib.get_close_matches(str(reaction), words, n=1)
        hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(words)}, or one emoji"
        raise InvalidMessage("there is no such reaction", hint=hint) from None
