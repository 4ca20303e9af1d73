"""How an event looks on one line: when, where, what, who; addresses are masked."""

from __future__ import annotations

from collections import Counter

from rich.text import Text as Line

from gateway.addresses import Address
from gateway.cli.screen import printable
from gateway.events import (
    CallReceived,
    ContactShared,
    DeliveryUpdated,
    Event,
    GroupUpdated,
    LineUpdated,
    MessageReceived,
    OptedIn,
    OptedOut,
    PollUpdated,
    ReactionAdded,
    ReactionRemoved,
    TypingStarted,
    TypingStopped,
    UnknownEvent,
)
from gateway.model import Message, Text

__all__ = ["line_of", "summary"]

MOST = 200
"""Characters of a text that are shown; the whole event is in `--json`."""

_STYLES = {"message.received": "bold green", "delivery.updated": "cyan", "unknown": "yellow"}


def line_of(event: Event, *, name: str | None = None, width: int = 0, with_id: bool = False) -> Line:
    """Put an event on one line; `name` is its connection's for people, which takes `width` characters at least."""
    time = event.received_at.astimezone().strftime("%H:%M:%S")
    return Line.assemble(
        (f"{time}  ", "dim"),
        f"{event.connection if name is None else name:<{width}}  ",
        (f"{event.type:<17}", _STYLES.get(event.type, "")),
        "  ",
        printable(summary(event), most=MOST),
        (f"  {event.id}" if with_id else "", "dim"),
    )


def summary(event: Event) -> str:  # noqa: PLR0911 - one for each kind of event, as a table
    """Say what happened, without its time and place."""
    match event:
        case MessageReceived():
            who = "our own" if event.ours else f"from {_who(event.sender)}"
            group = " in a group" if event.chat and event.chat.group else ""
            return f"{who}{group}: {_content(event.message)}"
        case DeliveryUpdated():
            by = f" by {event.channel.value}" if event.channel else ""
            why = f": {event.reason or 'failed'}" if event.reason or event.code else ""
            code = f" (code {event.code})" if event.code else ""
            return f"{event.state.value}{by}{why}{code}  {event.message_id or event.vendor_id or ''}".rstrip()
        case ReactionAdded() | ReactionRemoved():
            return f"{event.reaction.text if event.reaction else 'a reaction'} by {_who(event.sender)}"
        case OptedIn() | OptedOut():
            return _who(event.address)
        case TypingStarted() | TypingStopped() | CallReceived() | ContactShared():
            return _who(event.sender)
        case LineUpdated():
            return event.state.value
        case GroupUpdated():
            return "its name changed" if event.name else "its picture or members changed"
        case PollUpdated():
            return event.change
        case UnknownEvent():
            return event.reason
    return ""


def _who(address: Address | None) -> str:
    return address.masked if address else "someone"


def _content(message: Message) -> str:
    others = Counter(part.type for part in message.parts if not isinstance(part, Text))
    named = [f"{count} × {kind}" if count > 1 else kind for kind, count in others.items()]
    return ", ".join([*([message.text] if message.text else []), *(f"[{name}]" for name in named)])
