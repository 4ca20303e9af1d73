"""What fitting makes: steps, and what was changed on the way."""

from __future__ import annotations

from collections import Counter
from typing import Self

from pydantic import Field

from gateway.actions import (
    Adaptation,
    MarkRead,
    SendMessage,
    SendPoll,
    SendReaction,
    SetTyping,
    ShareContact,
    StepAction,
)
from gateway.addresses import Word
from gateway.model import Message, MessageRef, Text

__all__ = ["Plan", "Step", "explain", "shape"]

_KINDS = {"voice": "voice note", "opaque": "unknown part"}


class Step(Word):
    """What one vendor call does, with an optional pause before it."""

    action: StepAction
    """Key and token are empty: the outbox gives each step its own."""
    pause: float = Field(default=0, ge=0)
    """Seconds to wait after the step before it was accepted."""
    indexes: tuple[int, ...] = ()
    """Which message of the call each of `SendMessage.messages` carries; empty for typing, reading and reactions."""


class Plan(Word):
    """The steps that carry what was asked, in order, and every change that this took."""

    steps: tuple[Step, ...] = Field(min_length=1)
    adaptations: tuple[Adaptation, ...] = ()

    @property
    def has_dots(self) -> bool:
        """Tell whether typing dots are a step of their own."""
        return any(isinstance(step.action, SetTyping) for step in self.steps)

    def aimed(self, target: MessageRef | None) -> Self:
        """Give the typing dots the contact's last message, for vendors that find the chat by it."""
        if target is None:
            return self
        steps = tuple(
            step.model_copy(update={"action": step.action.model_copy(update={"target": target})})
            if isinstance(step.action, SetTyping) and step.action.target is None
            else step
            for step in self.steps
        )
        return self.model_copy(update={"steps": steps})


def explain(plan: Plan) -> list[str]:
    """Say in one line each what every step does and what was changed; shows shapes and counts, never content."""
    lines = [f"{number}. {_pause(step)}{_step(step)}" for number, step in enumerate(plan.steps, 1)]
    several = len({index for step in plan.steps for index in step.indexes}) > 1
    for change in plan.adaptations:
        where = f"message {change.message}, " if several else ""
        lines.append(f"adapted: {where}{change.feature.value}: {change.happened}, because {change.why}")
    return lines


def _pause(step: Step) -> str:
    return f"after {step.pause:g} s: " if step.pause else ""


def _step(step: Step) -> str:
    match step.action:
        case SendMessage(messages=messages):
            shown = [
                f"message {index} ({shape(message)})" for index, message in zip(step.indexes, messages, strict=True)
            ]
            return f"send {', '.join(shown)}{' in one call' if len(shown) > 1 else ''}"
        case SendReaction(remove=remove):
            return "take a reaction back" if remove else "react"
        case SetTyping(on=on, seconds=seconds):
            return f"typing dots {'on' if on else 'off'}{f' for {seconds:g} s' if seconds else ''}"
        case MarkRead():
            return "mark as read"
        case SendPoll(options=options):
            return f"send a poll of {len(options)} options"
        case ShareContact():
            return "share our contact card"


def shape(message: Message) -> str:
    """Say what a message holds, without its content."""
    counts = Counter(_KINDS.get(part.type, part.type) for part in message.parts if not isinstance(part, Text))
    texts = [part for part in message.parts if isinstance(part, Text)]
    length = sum(len(text.text) for text in texts)
    told = [f"text of {length} character{'' if length == 1 else 's'}"] if texts else []
    told += ["a mention"] if any(text.mention for text in texts) else []
    told += [f"{count} {kind}s" if count > 1 else f"{_article(kind)} {kind}" for kind, count in counts.items()]
    told += ["a subject"] if message.subject else []
    told += [f"effect {message.effect.value}"] if message.effect else []
    told += ["as a reply"] if message.reply_to else []
    told += [f"on {message.channel.value}"] if message.channel else []
    told += ["dots first"] if message.typing else []
    told += ["contact card"] if message.share_contact else []
    return ", ".join(told)


def _article(kind: str) -> str:
    return "an" if kind[0] in "aeiou" else "a"
