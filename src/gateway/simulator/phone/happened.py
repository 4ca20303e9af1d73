"""What happened in a chat and is no bubble, as the line in the middle says it."""

from __future__ import annotations

from gateway.addresses import Address
from gateway.simulator.phone.names import name_of, time_of, title_of
from gateway.simulator.world import Happening, Thread, World

__all__ = ["happened_words"]


def happened_words(each: Happening, thread: Thread, world: World, address: Address) -> str:
    """Say what happened, to the contact at an address."""
    who, name = _doer(each, thread, world, address), each.data.get("name")
    member = str(each.data.get("member") or "")
    whom = "you" if member == address.text else name_of(world, member)
    words = {
        "group": f"Group “{name}”" if name else "Group",
        "call": f"FaceTime call · {time_of(each.at)}",
        "renamed": f"{who} named the conversation “{name}”" if name else f"{who} removed the conversation’s name",
        "icon": f"{who} {'changed' if each.data.get('there') else 'removed'} the group photo",
        "joined": f"{who} added {whom} to the conversation",
        "removed": f"{who} removed {whom} from the conversation",
        "left": f"{who} left the conversation",
        "shared": f"{name} shared name and photo",
    }
    if each.what in words:
        return words[each.what]
    others = each.data.get("members") or member
    people = ", ".join(name_of(world, str(m)) for m in (others if isinstance(others, list) else [others]) if m)
    return " · ".join(piece for piece in (each.what.replace("_", " ").capitalize(), people) if piece)


def _doer(each: Happening, thread: Thread, world: World, address: Address) -> str:
    by = each.data.get("by")
    if by == address.text:
        return "You"
    return name_of(world, str(by)) if by else title_of(thread.vendor)
