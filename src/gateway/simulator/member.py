"""What contacts do with groups: begin one, name it, give it a picture, add and remove others, leave."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.addresses import Address
from gateway.model import Media, Text
from gateway.simulator.someone import Impossible, Someone
from gateway.simulator.world import Bubble, Thread

__all__ = ["Member"]

_FEWEST_LEFT = 2
"""Contacts that stay where Apple's limits hold: with us that is a group of three, which iMessage does not make less."""


class Member(Someone):
    """A contact among others."""

    def start_group(
        self,
        others: Iterable[Address],
        text: str,
        *,
        vendor: str,
        line: str | None = None,
        name: str | None = None,
    ) -> Bubble:
        """Make a group with us and other contacts, and write into it first."""
        self._be_online()
        twin = self._twin(vendor)
        members = {self.address, *others}
        if len(members) < 2:
            raise Impossible("a group needs another contact", hint="name at least one other address", status=422)
        thread = self._world.make_group(vendor, self._line(twin, line), members, twin.new_group_id(), name)
        bubble = self._put(thread, (Text(text=text),))
        self._tell(vendor, twin.wrote(bubble))
        return bubble

    def rename(self, name: str, *, vendor: str, group: str) -> Thread:
        """Give a group another name."""
        thread = self.thread(vendor, group=group)
        self._world.rename(thread, name, self.address)
        self._tell(vendor, self._twins[vendor].renamed(thread, self.address))
        return thread

    def set_icon(self, icon: Media | None, *, vendor: str, group: str) -> Thread:
        """Give a group another picture, or take it away."""
        thread = self.thread(vendor, group=group)
        self._world.set_icon(thread, icon, self.address)
        self._tell(vendor, self._twins[vendor].pictured(thread, self.address))
        return thread

    def add(self, other: Address, *, vendor: str, group: str) -> Thread:
        """Add another contact to a group."""
        thread = self.thread(vendor, group=group)
        if other in thread.members:
            raise Impossible("the contact is in the group already", hint="add another one")
        self._world.add_member(thread, other, self.address)
        self._tell(vendor, self._twins[vendor].joined(thread, self.address, other))
        return thread

    def remove(self, other: Address, *, vendor: str, group: str) -> Thread:
        """Take another contact out of a group; raises `Impossible` where too few would be left."""
        thread = self.thread(vendor, group=group)
        if other not in thread.members:
            raise Impossible("the contact is not in the group", hint="GET /_sim/threads shows its members", status=404)
        left = len(thread.members) - 1
        if left < (_FEWEST_LEFT if self.phone.limits else 1):
            raise Impossible("the group is too small for that", hint="or switch Apple's limits off for this phone")
        self._world.remove_member(thread, other, self.address)
        self._tell(vendor, self._twins[vendor].left(thread, self.address, other))
        return thread

    def leave(self, *, vendor: str, group: str) -> Thread:
        """Leave a group; otherwise as `remove`."""
        return self.remove(self.address, vendor=vendor, group=group)
