"""The chats of a phone: one with each line of each vendor, and every group that the contact is in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.simulator.phone.names import hue_of, initials, name_of, time_of, title_of
from gateway.simulator.phone.parts import preview
from gateway.simulator.phone.place import ChatKey
from gateway.simulator.scene import Scene
from gateway.simulator.world import Thread

__all__ = ["ChatLook", "PhoneLook", "chat_look", "chat_looks", "look_at_phone", "thread_of"]

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ChatLook:
    """One chat in the list, and the head of the open one."""

    key: ChatKey
    title: str
    vendor: str
    """The vendor's own spelling of its name."""
    line: str
    group: bool
    members: tuple[tuple[str, str, int], ...]
    """Name, initials and colour of those in a group, the phone's owner left out."""
    initials: str
    hue: int
    preview: str
    time: str
    unread: bool
    typing: bool
    last: datetime = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PhoneLook:
    """A phone, its owner and its switches."""

    address: str
    name: str
    initials: str
    hue: int
    switches: tuple[tuple[str, str, bool], ...]
    """Name, label and position."""
    offline: bool


def look_at_phone(scene: Scene, address: Address) -> PhoneLook:
    """Show a phone and its switches."""
    phone = scene.world.phone(address)
    labels = {
        "imessage": "iMessage",
        "rcs": "RCS",
        "receipts": "Send Read Receipts",
        "reads": "Reads by itself",
        "offline": "Airplane Mode",
        "blocked": "Block the application",
    }
    return PhoneLook(
        address=address.text,
        name=phone.name,
        initials=initials(phone.name),
        hue=hue_of(phone.name),
        switches=tuple((name, label, bool(getattr(phone, name))) for name, label in labels.items()),
        offline=phone.offline,
    )


def thread_of(scene: Scene, address: Address, key: ChatKey) -> Thread | None:
    """Find a chat's thread; None where nothing was written yet, or where the contact is in no such group."""
    for thread in scene.world.threads(key.vendor):
        if address in thread.members and thread.line == key.line and thread.group == key.group:
            return thread
    return None


def chat_looks(scene: Scene, address: Address) -> list[ChatLook]:
    """Show the list of a phone's chats, the one with the latest message first."""
    keys = {ChatKey(name, line): None for name, twin in scene.twins.items() for line in twin.lines[:1]}
    for thread in scene.world.threads():
        if address in thread.members and thread.vendor in scene.twins:
            keys[ChatKey(thread.vendor, thread.line, thread.group)] = None
    looks = [chat_look(scene, address, key) for key in keys]
    return sorted(looks, key=lambda look: look.last, reverse=True)


def chat_look(scene: Scene, address: Address, key: ChatKey) -> ChatLook:
    """Show one chat, whether anything was written in it or not."""
    thread = thread_of(scene, address, key)
    last = thread.last() if thread else None
    others = tuple(name_of(scene.world, m.text) for m in thread.members if m != address) if thread else ()
    vendor = title_of(key.vendor)
    title = ((thread.name if thread else None) or ", ".join(others) or "Group") if key.group else vendor
    words = ""
    if last is not None and thread is not None:
        who = "" if not key.group or last.sender == address.text else f"{_who(scene, last.sender, vendor)}: "
        words = who + preview(last)
    return ChatLook(
        key=key,
        title=title,
        vendor=vendor,
        line=key.line,
        group=key.group is not None,
        members=tuple((name, initials(name), hue_of(name)) for name in others[:4]) if key.group else (),
        initials=initials(vendor),
        hue=hue_of(vendor),
        preview=words,
        time=time_of(last.created_at) if last else "",
        unread=last is not None and last.ours and last.state is DeliveryState.DELIVERED,
        typing=thread.typing if thread else False,
        last=last.created_at if last else _NEVER,
    )


def _who(scene: Scene, sender: str, vendor: str) -> str:
    found = next((phone.name for phone in scene.world.phones() if phone.address.text == sender), None)
    return found or vendor
