"""The line that stands for a thread where there is none: what was answered, cut short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.capabilities import Capabilities, CapabilityTable, Feature
from gateway.fitting.breaks import is_boundary
from gateway.model import Chat, Message, MessageRef, Part, Text

__all__ = ["Quotes", "quoted", "unthreaded"]

Quotes = Mapping[MessageRef, str]
"""Texts of messages that are answered, as far as they are known."""

_MOST = 80
"""Characters of a quote: enough to know the message by, and less than two lines on a phone."""


def unthreaded(chat: Chat, messages: Sequence[Message], table: CapabilityTable) -> tuple[MessageRef, ...]:
    """Name the messages that are answered where there are no replies: whose texts `fit` can quote."""
    return tuple(
        message.reply_to
        for message in messages
        if message.reply_to is not None and not table.find(chat.kind, message.channel).has(Feature.REPLY)
    )


def quoted(parts: tuple[Part, ...], text: str, capabilities: Capabilities) -> tuple[Part, ...] | None:
    """Put a quote in front of the text that answers it; None where there is no text, or no room for the line.

    It is decoration: for its sake no text is split, and no message is sent that would not be.
    """
    first, line = parts[0], _line(text)
    if not isinstance(first, Text) or first.mention is not None or not line:
        return None
    most = capabilities.limits.text_length
    length = len(line) + 1 + sum(len(part.text) for part in parts if isinstance(part, Text))
    if most is not None and length > most:
        return None
    return (Text(text=f"{line}\n{first.text}"), *parts[1:])


def _line(text: str) -> str:
    """Cut a text to one line, between characters as a reader sees them; empty where nothing can be seen."""
    plain = " ".join(text.split())
    if not plain:
        return ""
    if len(plain) <= _MOST:
        return f"> {plain}"
    cut = next(place for place in range(_MOST - 1, -1, -1) if is_boundary(plain, place))
    return f"> {plain[:cut].rstrip()}…" if cut else ""
