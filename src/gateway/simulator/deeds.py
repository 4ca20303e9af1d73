"""The deeds of contacts as the control API takes them: one model each, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pydantic import Field, JsonValue

from gateway.addresses import Address, Word
from gateway.model import Attachment, Effect, Part, Reaction
from gateway.simulator.contact import Contact
from gateway.simulator.views import bubble_json, thread_json

__all__ = ["DEEDS", "Deed", "Place"]


class Place(Word):
    """Where a deed takes place; `vendor` may be left out where there is only one."""

    vendor: str = ""
    line: str | None = None
    """The line of ours, in the vendor's spelling; by default the one last used with the contact."""
    group: str | None = None
    """The vendor's id of a group."""

    def where(self) -> dict[str, Any]:
        """Give the place as arguments of a contact's methods."""
        return {"vendor": self.vendor, "line": self.line, "group": self.group}


class Direct(Word):
    """As `Place`, in a direct thread."""

    vendor: str = ""
    line: str | None = None


class Write(Place):
    """A message."""

    text: str | None = Field(default=None, min_length=1)
    parts: tuple[Part, ...] = ()
    attachments: tuple[str, ...] = ()
    """URLs."""
    subject: str | None = None
    effect: Effect | None = None
    reply_to: str | None = None
    """The vendor's id of a message in the thread."""
    reply_part: int = Field(default=0, ge=0)


class Answering(Place):
    """A reply to a message, by default to the last one of ours."""

    text: str = Field(min_length=1)
    message: str | None = None
    part: int = Field(default=0, ge=0)


class Reacting(Place):
    """A reaction to a message, by default to the last one of ours."""

    reaction: Reaction
    message: str | None = None
    part: int = Field(default=0, ge=0)


class Naming(Place):
    """A message of the thread, by default the last one of ours."""

    message: str | None = None


class Editing(Place):
    """What an own message says from now on."""

    message: str
    text: str = Field(min_length=1)


class Unsending(Place):
    """An own message that is taken back."""

    message: str


class Vote(Place):
    """A vote in a poll, by default in the last message of ours."""

    option: str = Field(min_length=1)
    message: str | None = None
    removed: bool = False


class Rename(Word):
    """Another name for a group."""

    vendor: str = ""
    group: str
    name: str = Field(min_length=1)


class Grouped(Word):
    """A group."""

    vendor: str = ""
    group: str


class Other(Grouped):
    """Another contact, in a group."""

    other: Address


class Icon(Grouped):
    """A picture for a group, by URL; null takes it away."""

    url: str | None = None


class Typing(Place):
    """Typing dots."""

    on: bool = True


class OptIn(Direct):
    """An opt-in, by a link that the twin made or by writing."""

    link: str | None = None
    text: str = Field(default="START", min_length=1)


class Stop(Direct):
    """No more messages are wanted."""

    text: str = Field(default="STOP", min_length=1)


class StartGroup(Direct):
    """A new group with us and others, and its first message."""

    others: tuple[Address, ...] = Field(min_length=1)
    text: str = Field(min_length=1)
    name: str | None = None


Shown: TypeAlias = dict[str, JsonValue]
Deed: TypeAlias = tuple[type[Place] | type[Direct] | type[Rename] | type[Grouped], Callable[[Contact, Any], Shown]]
"""What the body has to be, and what is done."""


def _write(contact: Contact, deed: Write) -> Shown:
    bubble = contact.write(
        deed.text,
        parts=deed.parts,
        attachments=deed.attachments,
        subject=deed.subject,
        effect=deed.effect,
        reply_to=deed.reply_to,
        reply_part=deed.reply_part,
        **deed.where(),
    )
    return {"message": bubble_json(bubble)}


def _reply(contact: Contact, deed: Answering) -> Shown:
    return {"message": bubble_json(contact.reply(deed.text, message=deed.message, part=deed.part, **deed.where()))}


def _react(contact: Contact, deed: Reacting) -> Shown:
    reacted = contact.react(deed.reaction, message=deed.message, part=deed.part, **deed.where())
    return {"message": bubble_json(reacted)}


def _unreact(contact: Contact, deed: Reacting) -> Shown:
    reacted = contact.unreact(deed.reaction, message=deed.message, part=deed.part, **deed.where())
    return {"message": bubble_json(reacted)}


def _stick(contact: Contact, deed: Naming) -> Shown:
    return {"message": bubble_json(contact.stick(message=deed.message, **deed.where()))}


def _try_again(contact: Contact, deed: Naming) -> Shown:
    return {"message": bubble_json(contact.try_again(message=deed.message, **deed.where()))}


def _edit(contact: Contact, deed: Editing) -> Shown:
    return {"message": bubble_json(contact.edit(deed.message, deed.text, **deed.where()))}


def _unsend(contact: Contact, deed: Unsending) -> Shown:
    return {"message": bubble_json(contact.unsend(deed.message, **deed.where()))}


def _vote(contact: Contact, deed: Vote) -> Shown:
    voted = contact.vote(deed.option, message=deed.message, removed=deed.removed, **deed.where())
    return {"message": bubble_json(voted)}


def _share(contact: Contact, deed: Place) -> Shown:
    return {"thread": thread_json(contact.share(**deed.where()))}


def _rename(contact: Contact, deed: Rename) -> Shown:
    return {"thread": thread_json(contact.rename(deed.name, vendor=deed.vendor, group=deed.group))}


def _icon(contact: Contact, deed: Icon) -> Shown:
    icon = None if deed.url is None else Attachment(url=deed.url)
    return {"thread": thread_json(contact.set_icon(icon, vendor=deed.vendor, group=deed.group))}


def _add(contact: Contact, deed: Other) -> Shown:
    return {"thread": thread_json(contact.add(deed.other, vendor=deed.vendor, group=deed.group))}


def _remove(contact: Contact, deed: Other) -> Shown:
    return {"thread": thread_json(contact.remove(deed.other, vendor=deed.vendor, group=deed.group))}


def _leave(contact: Contact, deed: Grouped) -> Shown:
    return {"thread": thread_json(contact.leave(vendor=deed.vendor, group=deed.group))}


def _type(contact: Contact, deed: Typing) -> Shown:
    return {"thread": thread_json(contact.type(on=deed.on, **deed.where()))}


def _read(contact: Contact, deed: Place) -> Shown:
    return {"messages": [bubble_json(bubble) for bubble in contact.read(**deed.where())]}


def _call(contact: Contact, deed: Direct) -> Shown:
    return {"thread": thread_json(contact.call(vendor=deed.vendor, line=deed.line))}


def _opt_in(contact: Contact, deed: OptIn) -> Shown:
    bubble = contact.opt_in(vendor=deed.vendor, link=deed.link, text=deed.text, line=deed.line)
    return {"message": bubble_json(bubble)}


def _stop(contact: Contact, deed: Stop) -> Shown:
    return {"message": bubble_json(contact.stop(vendor=deed.vendor, text=deed.text, line=deed.line))}


def _start_group(contact: Contact, deed: StartGroup) -> Shown:
    bubble = contact.start_group(deed.others, deed.text, vendor=deed.vendor, line=deed.line, name=deed.name)
    return {"message": bubble_json(bubble), "thread": thread_json(bubble.thread)}


DEEDS: Mapping[str, Deed] = {
    "write": (Write, _write),
    "reply": (Answering, _reply),
    "react": (Reacting, _react),
    "unreact": (Reacting, _unreact),
    "stick": (Naming, _stick),
    "try-again": (Naming, _try_again),
    "edit": (Editing, _edit),
    "unsend": (Unsending, _unsend),
    "vote": (Vote, _vote),
    "share": (Place, _share),
    "rename": (Rename, _rename),
    "icon": (Icon, _icon),
    "add": (Other, _add),
    "remove": (Other, _remove),
    "leave": (Grouped, _leave),
    "type": (Typing, _type),
    "read": (Place, _read),
    "call": (Direct, _call),
    "opt-in": (OptIn, _opt_in),
    "stop": (Stop, _stop),
    "start-group": (StartGroup, _start_group),
}
"""By the last segment of `POST /_sim/contacts/{address}/…`."""
