"""Second thoughts: a contact edits a message, or takes it back, within Apple's limits.

Apple: a message can be edited up to five times within fifteen minutes and unsent within two, over iMessage only.
Source: support.apple.com/guide/iphone "Unsend and edit messages".
"""

from __future__ import annotations

from datetime import timedelta

from gateway.model import Channel, Part, Text
from gateway.simulator.someone import Impossible, Someone
from gateway.simulator.world import Bubble, Edit, World

__all__ = ["Rewriter", "why_not_edit", "why_not_unsend"]

_EDIT_WITHIN = timedelta(minutes=15)
_UNSEND_WITHIN = timedelta(minutes=2)
_MOST_EDITS = 5


def why_not_edit(bubble: Bubble, world: World, *, limits: bool) -> str:
    """Say why a message cannot be edited by its sender now; empty where it can."""
    if not any(isinstance(part, Text) for part in bubble.parts):
        return "there is no text in it"
    if limits and len(bubble.edits) >= _MOST_EDITS:
        return "five edits are the most"
    return _why_not(bubble, world, _EDIT_WITHIN if limits else None, "15 minutes are over")


def why_not_unsend(bubble: Bubble, world: World, *, limits: bool) -> str:
    """Say why a message cannot be taken back by its sender now; empty where it can."""
    return _why_not(bubble, world, _UNSEND_WITHIN if limits else None, "2 minutes are over")


def _why_not(bubble: Bubble, world: World, within: timedelta | None, late: str) -> str:
    if bubble.unsent_at is not None:
        return "it was taken back"
    if bubble.channel is not Channel.IMESSAGE:
        return "only iMessage can do that"
    return late if within is not None and world.clock.now() - bubble.created_at > within else ""


class Rewriter(Someone):
    """Edits and takes back what the contact wrote."""

    def edit(
        self, message: str, text: str, *, vendor: str, line: str | None = None, group: str | None = None
    ) -> Bubble:
        """Change what a message says; files in it stay. Raises `Impossible`."""
        if not text:
            raise Impossible("there is nothing left of it", hint="unsend it instead", status=422)
        bubble = self._own(message, vendor, line, group)
        self._can(why_not_edit(bubble, self._world, limits=self.phone.limits))
        before = bubble.parts
        others: list[Part] = [part for part in before if not isinstance(part, Text)]
        first = next(number for number, part in enumerate(before) if isinstance(part, Text))
        bubble.parts = (*others[:first], Text(text=text), *others[first:])
        bubble.edits.append(Edit(before, self._world.clock.now()))
        self._world.record("edited", bubble.thread, self._did(bubble))
        self._tell(vendor, self._twins[vendor].edited(bubble))
        return bubble

    def unsend(self, message: str, *, vendor: str, line: str | None = None, group: str | None = None) -> Bubble:
        """Take a message back. Raises `Impossible`."""
        bubble = self._own(message, vendor, line, group)
        self._can(why_not_unsend(bubble, self._world, limits=self.phone.limits))
        bubble.unsent_at = self._world.clock.now()
        self._world.record("unsent", bubble.thread, self._did(bubble))
        self._tell(vendor, self._twins[vendor].unsent(bubble))
        return bubble

    def _own(self, message: str, vendor: str, line: str | None, group: str | None) -> Bubble:
        bubble = self._target(self.thread(vendor, line=line, group=group), message)
        if bubble.ours or bubble.sender != self.address.text:
            raise Impossible("somebody else wrote it", hint="choose one of the contact's own messages")
        return bubble

    @staticmethod
    def _can(why_not: str) -> None:
        if why_not:
            raise Impossible(f"the phone refuses: {why_not}", hint="or switch Apple's limits off for this phone")
