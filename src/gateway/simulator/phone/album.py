"""Looks that were taken before: a page is brought up to date many times a second, and one bubble of it has changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from gateway.actions import DeliveryState
from gateway.simulator.world import Bubble

__all__ = ["Album", "revision_of"]

LookT = TypeVar("LookT")


class Album(Generic[LookT]):
    """Keeps what was made of something, until what it was made of is no longer the same."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[Any, LookT]] = {}

    def find(self, name: Hashable, made_of: Any, make: Callable[[], LookT]) -> LookT:
        """Give what is kept under a name, made anew where `made_of` is not equal to what it was."""
        kept = self._kept.get(name)
        if kept is not None and kept[0] == made_of:
            return kept[1]
        made = make()
        self._kept[name] = made_of, made
        return made

    def keep_only(self, names: set[Hashable]) -> None:
        """Forget everything else; cheap where there is nothing else."""
        if len(self._kept) > len(names):
            self._kept = {name: kept for name, kept in self._kept.items() if name in names}


def revision_of(bubble: Bubble) -> tuple[Any, ...]:
    """Give all of a bubble that a phone shows; two that are equal look the same, where the world around them is."""
    return (
        bubble.parts,
        bubble.state,
        bubble.times.get(DeliveryState.READ),
        bubble.channel,
        bubble.sender,
        bubble.created_at,
        (bubble.subject, bubble.effect, bubble.reply_to, bubble.reply_part, bubble.cut, bubble.unsent_at),
        (bubble.code, bubble.reason, len(bubble.edits)),
        (tuple(bubble.reactions.items()), tuple(bubble.part_reactions.items()), tuple(bubble.stickers)),
        tuple((option, tuple(voters)) for option, voters in bubble.votes.items()),
    )
