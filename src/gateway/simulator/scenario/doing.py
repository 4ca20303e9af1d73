"""What the phones of a scenario do: each deed of a step, done by the contact whose turn it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.addresses import Address
from gateway.model import Attachment, Opaque, Part, Voice
from gateway.simulator.contact import Contact, Impossible
from gateway.simulator.scenario.script import StartGroup, Step, address_of
from gateway.simulator.scene import Scene
from gateway.simulator.world import Bubble, Thread

__all__ = ["Hands"]


class Hands:
    """Whose turn it is, where, and what is done there.

    `phone`, `via`, `line` and `group` of a step hold until another one changes them.
    """

    def __init__(self, scene: Scene, vendor: str) -> None:
        self.scene = scene
        self._people = [phone.address for phone in scene.world.phones()]
        self._address = self._people[0]
        self._vendor = vendor
        self._line: str | None = None
        self._group: str | None = None
        self._in_group = False
        self._deeds: Mapping[str, Callable[[Step], object]] = {
            "says": self._says,
            "replies": self._replies,
            "speaks": lambda step: self._writes(Voice(url=str(step.speaks))),
            "sends": lambda step: self._writes(*(Attachment(url=url) for url in step.sends or ())),
            "polls": lambda step: self._writes(_opaque("poll", step)),
            "locates": lambda step: self._writes(_opaque("location", step)),
            "stickers": lambda step: self._writes(Opaque(kind="sticker", data={"name": step.stickers})),
            "introduces": self._introduces,
            "edits": lambda step: self.contact.edit(self._own(step), str(step.edits), **self._where),
            "unsends": lambda step: self.contact.unsend(self._own(step), **self._where),
            **dict.fromkeys(("reacts", "unreacts"), self._reacts),
            "sticks": lambda step: self.contact.stick(message=self._meant(step), **self._where),
            "votes": lambda step: self._vote(step, str(step.votes), removed=False),
            "unvotes": lambda step: self._vote(step, str(step.unvotes), removed=True),
            "retries": self._retries,
            "types": lambda step: self.contact.type(on=bool(step.types), **self._where),
            "reads": lambda _: self.contact.read(**self._where),
            "calls": lambda _: self.contact.call(vendor=self._vendor, line=self._line),
            "opts_in": self._opts_in,
            "stops": lambda step: self.contact.stop(vendor=self._vendor, line=self._line, text=str(step.stops)),
            "shares": lambda _: self.contact.share(**self._where),
            "pins": self._pins,
            "switch": lambda step: self.contact.switch(**(step.switch or {})),
            "starts_group": self._starts_group,
            "renames": lambda step: self.contact.rename(str(step.renames), **self._there),
            "pictures": self._pictures,
            "adds": lambda step: self.contact.add(self._named(step.adds), **self._there),
            "removes": lambda step: self.contact.remove(self._named(step.removes), **self._there),
            "leaves": lambda _: self.contact.leave(**self._there),
            "fault": lambda step: step.fault and scene.faults.add(step.fault),
        }

    def move(self, step: Step) -> None:
        """Go where a step is; raises `ValueError` and `Impossible`."""
        if step.phone is not None:
            self._address = self._named(step.phone)
        if step.via is not None:
            self._vendor = step.via
        if step.line is not None:
            self._line = step.line
        if isinstance(step.group, str):
            self._group = self._called(step.group)
        elif step.group and self._group is None:
            self._group = self._called(None)
        if step.group is not None:
            self._in_group = bool(step.group)

    def do(self, step: Step) -> bool:
        """Do what a step does; tells whether it does anything of that kind. Raises `Impossible` and `ValueError`."""
        deed = self._deeds.get(step.what)
        if deed is not None:
            deed(step)
        return deed is not None

    @property
    def contact(self) -> Contact:
        """Whose turn it is."""
        return self.scene.contact(self._address)

    @property
    def thread(self) -> Thread:
        """Where it is; raises `Impossible`."""
        return self.contact.thread(**self._where)

    # ── where ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _where(self) -> dict[str, Any]:
        return {"vendor": self._vendor, "line": self._line, "group": self._group if self._in_group else None}

    @property
    def _there(self) -> dict[str, Any]:
        if not self._in_group or self._group is None:
            hint = 'start one with starts_group, or name one: group = "…"'
            raise Impossible("no group was started", hint=hint, status=422)
        return {"vendor": self._vendor, "group": self._group}

    def is_there(self, step: Step) -> bool:
        """Tell whether the group that a step names is there: the application may be about to make it."""
        vendor, address = step.via or self._vendor, self._address if step.phone is None else self._named(step.phone)
        return not isinstance(step.group, str) or bool(self._groups(step.group, vendor, address))

    def _groups(self, name: str | None, vendor: str, address: Address) -> list[str]:
        threads = self.scene.world.threads(vendor)
        return [t.group for t in threads if t.group and name in (None, t.name) and address in t.members]

    def _called(self, name: str | None) -> str:
        found = self._groups(name, self._vendor, self._address)
        if not found:
            called = f" {name!r}" if name else ""
            raise Impossible(f"the contact is in no group{called}", hint="name one as it is called now", status=404)
        return found[-1]

    def _named(self, person: str | int | None) -> Address:
        return address_of(person if person is not None else 1, self._people)

    # ── which message ─────────────────────────────────────────────────────────────────────────────────────────────

    def _aimed(self, step: Step) -> Bubble | None:
        """Give the message that a step names; None where it names none. Raises `Impossible`."""
        if step.to is None:
            return None
        bubbles = self.thread.shown_to(self._address)
        if isinstance(step.to, int):
            found = bubbles[step.to] if -step.to <= len(bubbles) else None
        else:
            found = next((bubble for bubble in reversed(bubbles) if bubble.text == step.to), None)
        if found is None:
            hint = "to is the whole text of a message, or -1 for the last one"
            raise Impossible("there is no such message in the chat", hint=hint, status=404)
        return found

    def _meant(self, step: Step) -> str | None:
        found = self._aimed(step)
        return found.vendor_id if found else None

    def _own(self, step: Step) -> str:
        found = self._aimed(step)
        mine = (b for b in reversed(self.thread.bubbles) if b.sender == self._address.text and b.unsent_at is None)
        found = found or next(mine, None)
        if found is None:
            raise Impossible("the contact has written nothing here", hint="let it say something first")
        return found.vendor_id

    # ── deeds with more than one line ─────────────────────────────────────────────────────────────────────────────

    def _writes(self, *parts: Part) -> None:
        self.contact.write(parts=parts, **self._where)

    def _says(self, step: Step) -> None:
        more: dict[str, Any] = {"attachments": step.attachments, "subject": step.subject, "effect": step.effect}
        more |= {"reply_to": self._meant(step), "reply_part": step.part}
        self.contact.write(step.says, **self._where, **more)

    def _replies(self, step: Step) -> None:
        self.contact.reply(str(step.replies), message=self._meant(step), part=step.part, **self._where)

    def _introduces(self, step: Step) -> None:
        self._writes(self.scene.card_of(self._named(step.introduces)))

    def _reacts(self, step: Step) -> None:
        reaction = step.reacts or step.unreacts
        if reaction is not None:
            aimed: dict[str, Any] = {"message": self._meant(step), "part": step.part}
            self.contact.react(reaction, removed=step.unreacts is not None, **aimed, **self._where)

    def _vote(self, step: Step, option: str, *, removed: bool) -> None:
        bubbles = reversed(self.thread.shown_to(self._address))
        poll = self._aimed(step) or next((b for b in bubbles if any(_is_poll(part) for part in b.parts)), None)
        if poll is None:
            raise Impossible("there is no poll in the chat", hint="make one with polls, or name the message with to")
        self.contact.vote(option, message=poll.vendor_id, removed=removed, **self._where)

    def _retries(self, step: Step) -> None:
        self.contact.try_again(message=self._meant(step), **self._where)

    def _pins(self, step: Step) -> None:
        thread = self.thread
        self.contact.pin(vendor=thread.vendor, line=thread.line, group=thread.group, on=bool(step.pins))

    def _opts_in(self, step: Step) -> None:
        self.contact.opt_in(vendor=self._vendor, line=self._line, link=step.link, text=step.opts_in or "START")

    def _starts_group(self, step: Step) -> None:
        group: StartGroup | None = step.starts_group
        if group is None:
            return
        others = [self._named(other) for other in group.others]
        bubble = self.contact.start_group(others, group.text, vendor=self._vendor, line=self._line, name=group.name)
        self._group, self._in_group = bubble.thread.group, True

    def _pictures(self, step: Step) -> None:
        self.contact.set_icon(Attachment(url=step.pictures) if step.pictures else None, **self._there)


def _opaque(kind: str, step: Step) -> Opaque:
    card = step.polls or step.locates
    return Opaque(kind=kind, data=card.model_dump(mode="json") if card else {})


def _is_poll(part: Part) -> bool:
    return isinstance(part, Opaque) and part.kind == "poll"
