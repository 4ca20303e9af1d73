"""Chat ids: the four forms, and the thread that each means.

A chat id is a phone in E.164, an email, `grp_…`, or phones and emails with commas between. The vendor's guide asks
for percent-encoding, and its own Python client leaves `+`, `,` and `@` as they are: both are taken, unless the switch
`strict_paths` makes a literal `+` the space that the guide says it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from pydantic import ValidationError

from gateway.provider import Address
from gateway.simulator import Bubble, Thread, TwinRequest
from gateway_blooio.simulator.account import LINES, VENDOR, Account
from gateway_blooio.simulator.answers import Refusal

__all__ = ["Known", "Place", "chat_id_of", "known_place", "opened_thread", "parse_place", "party_of"]

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_GROUP = re.compile(r"grp_[A-Za-z0-9]+")
_EMERGENCY = frozenset({"911", "112", "999", "000", "110", "119"})


@dataclass(frozen=True, slots=True)
class Place:
    """A chat as it was named: by a group's id, or by one address or several."""

    id: str
    group: str | None = None
    members: tuple[Address, ...] = ()

    @property
    def several(self) -> bool:
        """Tell whether it is named by several addresses."""
        return len(self.members) > 1


def parse_place(request: TwinRequest, account: Account) -> Place:
    """Read the chat id of the path; raises `Refusal` (400, and 403 for an emergency number)."""
    text = request.params["chat"]
    if account.on("strict_paths") and "+" in _segment(request.raw_path):
        text = text.replace("+", " ")
    if _GROUP.fullmatch(text):
        return Place(text, group=text)
    members = tuple(party_of(name) for name in text.split(","))
    return Place(text, members=tuple(sorted(set(members), key=lambda address: address.text)))


def _segment(raw_path: str) -> str:
    return raw_path.partition("/chats/")[2].partition("/")[0].partition("?")[0]


def party_of(name: str) -> Address:
    """Read a phone or an email, as they have to be; raises `Refusal`."""
    if name.removeprefix("+1").removeprefix("+") in _EMERGENCY:
        raise Refusal(403, "Messages to emergency numbers are not allowed.")
    if _PHONE.fullmatch(name) or _EMAIL.fullmatch(name):
        with suppress(ValidationError):
            return Address.parse(name)
    raise Refusal(400, "Invalid identifier: E.164, an email, grp_… or a comma-separated list, URL-encoded.")


@dataclass(frozen=True, slots=True)
class Known:
    """A chat that there is: its threads (a contact may have one on each line) and all their messages in order."""

    id: str
    threads: tuple[Thread, ...]

    @property
    def bubbles(self) -> Sequence[Bubble]:
        """All messages, oldest first."""
        every = [bubble for thread in self.threads for bubble in thread.bubbles]
        return sorted(every, key=lambda bubble: bubble.created_at)

    @property
    def thread(self) -> Thread:
        """The thread that was used last."""
        return max(self.threads, key=lambda thread: thread.bubbles[-1].created_at.timestamp() if thread.bubbles else 0)

    def find(self, message_id: str) -> Bubble | None:
        """Look up a message of this chat."""
        return next((bubble for bubble in self.bubbles if bubble.vendor_id == message_id), None)


def known_place(request: TwinRequest, account: Account) -> Known:
    """Look up the chat of the path; raises `Refusal` (404) when there is none."""
    place = parse_place(request, account)
    if place.group is not None:
        group = account.group(place.group)
        found = [group] if group else []
    elif place.several:
        groups = (account.world.find_group(VENDOR, line, place.members) for line in LINES)
        found = [group for group in groups if group and group.group not in account.deleted_groups]
    else:
        found = [thread for thread in account.with_contact(place.members[0]) if thread.bubbles]
    if not found:
        raise Refusal(404, "Chat not found")
    return Known(chat_id_of(found[0]), tuple(found))


def opened_thread(request: TwinRequest, account: Account) -> Thread:
    """Give the thread of the path's chat, where nobody has to have written yet; raises `Refusal` (404) for a group."""
    place = parse_place(request, account)
    if place.group is None and not place.several:
        return account.world.direct(VENDOR, account.last_line(place.members[0]), place.members[0])
    return known_place(request, account).thread


def chat_id_of(thread: Thread) -> str:
    """Name a thread as the vendor does."""
    return thread.group or thread.members[0].value
