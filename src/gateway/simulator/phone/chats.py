"""The chats of a phone: one with each line of each vendor, and every group that the contact is in."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.model import Channel
from gateway.simulator.files import FILES
from gateway.simulator.phone.names import hue_of, initials, name_of, time_of, title_of
from gateway.simulator.phone.parts import kind_of, preview
from gateway.simulator.phone.place import ChatKey
from gateway.simulator.scene import Scene
from gateway.simulator.world import Bubble, Phone, Thread

__all__ = ["DEEDS", "ChatLook", "PhoneLook", "chat_look", "chat_looks", "look_at_phone", "thread_of"]

DEEDS = (
    "called",
    "edited",
    "joined",
    "left",
    "pictured",
    "reacted",
    "renamed",
    "shared",
    "stuck",
    "typed",
    "unsent",
    "voted",
)
"""What contacts do and an application may or may not hear of, as a twin's methods are called."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_MOMENT = timedelta(seconds=2)
"""How long somebody takes who reads by itself."""
_LONG = 5
_SWITCHES = (
    ("rcs", "RCS", "without iMessage, texts go over RCS instead of SMS"),
    ("receipts", "Send Read Receipts", ""),
    ("reads", "Reads by itself", "opens what arrives after a while"),
    ("offline", "Airplane Mode", "what comes waits until it is off"),
    ("slow", "Slow network", "everything takes some seconds more"),
    ("blocked", "Block the application", ""),
    ("filters", "Filter Unknown Senders", "who was never written to waits apart, unread"),
    ("limits", "Apple’s limits", "15 minutes to edit, 2 to unsend, groups of three stay so"),
)


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
    """Name, initials and colour of up to four in a group: the line is one of them, the phone's owner is left out."""
    people: tuple[tuple[str, str], ...]
    """Name and address of everybody in a group, the phone's owner first."""
    icon: str
    """Where the group's picture is on this server; empty where it has none, or none that can be shown."""
    has_icon: bool
    pinned: bool
    filtered: bool
    """It waits among the unknown senders."""
    former: bool
    """The phone's owner left the group."""
    green: bool
    """What is written here goes as text."""
    told: frozenset[str]
    """What of all that can be done here the application hears of, by the names of a twin's methods."""
    cards: frozenset[str]
    """What can be sent beside texts and files."""
    links: tuple[str, ...]
    """What the phone composes for each opt-in link of the line."""
    initials: str
    hue: int
    preview: str
    time: str
    unread: int
    """How many messages nobody looked at."""
    typing: bool
    typing_for: str
    """How long already, once that is long."""
    last: datetime = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PhoneLook:
    """A phone, its owner and its switches."""

    address: str
    name: str
    initials: str
    hue: int
    imessage: str
    """Whether it has iMessage: `yes`, `no` or `unknown`."""
    switches: tuple[tuple[str, str, bool, str], ...]
    """Name, label, position, and what it means."""
    offline: bool


def look_at_phone(scene: Scene, address: Address) -> PhoneLook:
    """Show a phone and its switches."""
    phone = scene.world.phone(address)
    return PhoneLook(
        address=address.text,
        name=phone.name,
        initials=initials(phone.name),
        hue=hue_of(phone.name),
        imessage="yes" if phone.imessage else "no" if phone.known else "unknown",
        switches=tuple((name, label, bool(getattr(phone, name)), hint) for name, label, hint in _SWITCHES),
        offline=phone.offline,
    )


def thread_of(scene: Scene, address: Address, key: ChatKey) -> Thread | None:
    """Find a chat's thread; None where nothing was written yet, or where the contact is in no such group."""
    for thread in scene.world.threads(key.vendor):
        is_there = address in thread.members or address in thread.former
        if is_there and thread.line == key.line and thread.group == key.group:
            return thread
    return None


def chat_looks(scene: Scene, address: Address) -> list[ChatLook]:
    """Show the list of a phone's chats, the one with the latest message first; pinned ones in their own order."""
    keys = {ChatKey(name, line): None for name, twin in scene.twins.items() for line in twin.lines[:1]}
    for thread in scene.world.threads():
        if (address in thread.members or address in thread.former) and thread.vendor in scene.twins:
            keys[ChatKey(thread.vendor, thread.line, thread.group)] = None
    looks = [chat_look(scene, address, key) for key in keys]
    pins = [ChatKey(*pin) for pin in scene.world.phone(address).pins]
    pinned = sorted((look for look in looks if look.pinned), key=lambda look: pins.index(look.key))
    return pinned + sorted((look for look in looks if not look.pinned), key=lambda look: look.last, reverse=True)


def chat_look(scene: Scene, address: Address, key: ChatKey) -> ChatLook:
    """Show one chat, whether anything was written in it or not."""
    thread, phone = thread_of(scene, address, key), scene.world.phone(address)
    bubbles = thread.shown_to(address) if thread else []
    last = bubbles[-1] if bubbles else None
    others = [member for member in thread.members if member != address] if thread else []
    names = [name_of(scene.world, member.text) for member in others]
    vendor = title_of(key.vendor)
    title = ((thread.name if thread else None) or ", ".join(names) or "Group") if key.group else vendor
    unread = _unread(scene, thread, address)
    return ChatLook(
        key=key,
        title=title,
        vendor=vendor,
        line=key.line,
        group=key.group is not None,
        members=tuple((name, initials(name), hue_of(name)) for name in (*names[:3], vendor)) if key.group else (),
        people=_people(thread, phone, dict(zip(others, names, strict=True))) if key.group else (),
        **_picture(scene, thread),
        pinned=(key.vendor, key.line, key.group) in phone.pins,
        filtered=phone.filters and last is not None and all(bubble.ours for bubble in bubbles),
        former=thread is not None and address not in thread.members,
        green=not (scene.world.recipient(thread) if thread and thread.members else phone).imessage,
        **_abilities(scene, key),
        initials=initials(vendor),
        hue=hue_of(vendor),
        preview=_preview(scene, key, last, address) if last else "",
        time=time_of(last.created_at) if last else "",
        unread=unread,
        typing=thread.typing if thread and address in thread.members else False,
        typing_for=_typing_for(scene, thread),
        last=last.created_at if last else _NEVER,
    )


def _people(thread: Thread | None, phone: Phone, others: dict[Address, str]) -> tuple[tuple[str, str], ...]:
    mine = [(phone.name, phone.address.text)] if thread and phone.address in thread.members else []
    return (*mine, *((name, address.text) for address, name in others.items()))


def _picture(scene: Scene, thread: Thread | None) -> dict[str, Any]:
    """Say where a group's picture is: on this server, or elsewhere, where a page may not ask for it."""
    icon = thread.icon if thread else None
    if thread is None or icon is None:
        return {"icon": "", "has_icon": False}
    local = kind_of(icon) == "image" and (icon.data is not None or (icon.url or "").startswith(scene.root + FILES))
    # another picture has another URL, or the browser would keep the old one
    mark = zlib.crc32(icon.data or (icon.url or "").encode())
    return {"icon": f"/_phone/icon/{thread.id}/{mark:08x}" if local else "", "has_icon": True}


def _abilities(scene: Scene, key: ChatKey) -> dict[str, Any]:
    """Say what a vendor's twin carries; a vendor that is gone carries nothing."""
    twin = scene.twins.get(key.vendor)
    if twin is None:
        return {"told": frozenset(), "cards": frozenset(), "links": ()}
    return {
        "told": frozenset(deed for deed in DEEDS if twin.tells(deed)),
        "cards": frozenset(twin.cards),
        "links": tuple(link.text for link in twin.links() if link.line == key.line) if key.group is None else (),
    }


def _preview(scene: Scene, key: ChatKey, last: Bubble, address: Address) -> str:
    vendor = title_of(key.vendor)
    mine = last.sender == address.text
    who = "" if not key.group or mine else f"{_who(scene, last.sender, vendor)}: "
    if last.unsent_at is not None:
        return f"{'You' if mine else _who(scene, last.sender, vendor)} unsent a message"
    return who + preview(last)


def _unread(scene: Scene, thread: Thread | None, address: Address) -> int:
    """Count what was delivered and nobody looked at; who reads by itself takes a moment, but not in unknown chats."""
    if thread is None or address not in thread.members:
        return 0
    phone = scene.world.phone(address)
    unknown = phone.filters and thread.last(ours=False) is None
    before = scene.clock.now() - _MOMENT if phone.reads and not unknown else _NEVER
    count = 0
    for number in range(len(thread.bubbles) - 1, thread.seen.get(address, 0) - 1, -1):
        bubble = thread.bubbles[number]
        # of what goes by SMS nobody hears more than that it was sent
        there = DeliveryState.SENT if bubble.channel is Channel.SMS else DeliveryState.DELIVERED
        came = bubble.times.get(there)
        if not bubble.ours or bubble.state is DeliveryState.READ or (came is not None and came <= before):
            break
        count += came is not None and bubble.state is not DeliveryState.FAILED
    return count


def _typing_for(scene: Scene, thread: Thread | None) -> str:
    """Say for how long the dots are there: a bot that forgets to stop is seen by it."""
    if thread is None or not thread.typing or thread.typing_since is None:
        return ""
    seconds = int((scene.clock.now() - thread.typing_since).total_seconds())
    return f"{seconds} s" if seconds >= _LONG else ""


def _who(scene: Scene, sender: str, vendor: str) -> str:
    found = next((phone.name for phone in scene.world.phones() if phone.address.text == sender), None)
    return found or vendor
