"""A real conversation as a scenario for the simulator: who said how much when, with nobody's number and words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from gateway.events import DeliveryUpdated, Event, MessageReceived, ReactionAdded, TypingStarted

__all__ = ["scenario"]

_FILLER = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore "


def scenario(events: Sequence[Event], vendor: str) -> str:
    """Write TOML for `gateway scenario run`; texts keep their length and lines, and nothing else of them."""
    people: dict[str, int] = {}
    lines = ['name = "copied, without its words"', f"vendors = [{json.dumps(vendor)}]"]
    where = 0
    answered: set[str] = set()
    for event in events:
        sent = event.vendor_id if isinstance(event, DeliveryUpdated) else None
        if sent is not None and sent not in answered:
            # the first report about a message of ours stands for the message
            lines += ["", "[[step]]", 'expect_pattern = "."']
            answered.add(sent)
        for who, field, value in _steps(event):
            lines += ["", "[[step]]"]
            number = people.setdefault(who, len(people) + 1)
            if number != where:
                lines.append(f"phone = {number}")
                where = number
            lines.append(f"{field} = {value}")
    return "\n".join(lines) + "\n"


def _steps(event: Event) -> Iterator[tuple[str, str, str]]:
    match event:
        case MessageReceived():
            yield event.sender.text if event.sender else "", "says", json.dumps(_filled(event.text or "attachment"))
        case ReactionAdded(sender=who, reaction=reaction) if who is not None and reaction is not None:
            if not event.ours:
                yield who.text, "reacts", json.dumps(str(reaction.tapback or reaction.emoji))
        case TypingStarted() if event.sender is not None:
            yield event.sender.text, "types", "true"


def _filled(text: str) -> str:
    """Replace a text by one of the same length, line by line."""
    return "\n".join(
        (_FILLER * (len(line) // len(_FILLER) + 1))[: len(line)].strip() or "." for line in text.split("\n")
    )
