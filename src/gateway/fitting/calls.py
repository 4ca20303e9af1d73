"""Which fitted messages go in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.actions import SendMessage, SetTyping
from gateway.capabilities import Capabilities, Feature
from gateway.fitting.dots import Dots
from gateway.fitting.plan import Step
from gateway.fitting.showing import uses
from gateway.ids import Token
from gateway.model import Chat, Link, Message, Text

__all__ = ["Outgoing", "steps_for"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as the vendor will carry it."""

    message: Message
    index: int
    """Which message of the caller it carries, wholly or in part."""
    capabilities: Capabilities
    dots: Dots | None = None
    """Typing dots before it, where they are a step of their own."""


def steps_for(chat: Chat, messages: Sequence[Outgoing]) -> tuple[Step, ...]:
    """Put messages into calls, in order; neighbours share one where the vendor offers that and nothing else differs."""
    calls: list[list[Outgoing]] = []
    for message in messages:
        if calls and _shares_call(calls[-1][0], message):
            calls[-1].append(message)
        else:
            calls.append([message])
    return tuple(step for call in calls for step in _steps(chat, call))


def _steps(chat: Chat, call: list[Outgoing]) -> list[Step]:
    first = call[0]
    send = Step(
        action=SendMessage(chat=chat, messages=tuple(each.message for each in call), key="", token=Token("")),
        pause=first.dots.pause if first.dots else 0,
        indexes=tuple(each.index for each in call),
    )
    if first.dots is None:
        return [send]
    return [Step(action=SetTyping(chat=chat, seconds=first.dots.seconds)), send]


def _shares_call(first: Outgoing, other: Outgoing) -> bool:
    """Tell whether a message goes in the call of another: same way of showing, no dots between, one batch for both."""
    batch = _batch(first)
    if batch is None or other.dots is not None or _batch(other) is not batch:
        return False
    # the reference counts too: one call has one string on the wire, for all its messages
    return first.message.model_copy(update={"parts": other.message.parts}) == other.message


def _batch(outgoing: Outgoing) -> Feature | None:
    """Name the batch that a message may be in: plain texts are one, links with a card another."""
    message, capabilities = outgoing.message, outgoing.capabilities
    if message.reply_to or message.subject or len(message.parts) != 1:
        return None
    match message.parts[0]:
        case Text(mention=None):
            batch = Feature.BATCH
        case Link() as link if (link.preview_image or link.title) and message.effect is None:
            batch = Feature.LINK_BATCH
        case _:
            return None
    used = uses(message) | {batch}
    excluded = any(batch in pair and used >= set(pair) for pair in capabilities.limits.exclusive)
    return batch if capabilities.has(batch) and not excluded else None
