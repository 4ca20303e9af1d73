"""What a person does on the page: forms, read with care, and done by the contact whose phone it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from pydantic import ValidationError

from gateway.model import Attachment, Effect, Part, Reaction, Text, Voice
from gateway.simulator.contact import Contact, Impossible
from gateway.simulator.files import Files
from gateway.simulator.phone.parts import kind_of
from gateway.simulator.phone.place import ChatKey
from gateway.simulator.scene import Scene
from gateway.simulator.world import Bubble

__all__ = ["Form", "Hands", "chat_in", "contact_in"]

Does: TypeAlias = Callable[["Form"], None]


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of one form."""

    fields: Mapping[str, list[str]]

    @classmethod
    def read(cls, body: bytes) -> Form:
        """Read a form; raises `Impossible` for what is none."""
        try:
            return cls(parse_qs(body.decode(), keep_blank_values=True, max_num_fields=200))
        except ValueError:
            raise Impossible("the form is broken", hint="reload the page", status=400) from None

    def one(self, name: str) -> str:
        """Give a field, empty where it is absent."""
        return self.fields.get(name, [""])[-1]

    def all(self, name: str) -> list[str]:
        """Give a field that may occur several times."""
        return [value for value in self.fields.get(name, []) if value]

    def number(self, name: str) -> int:
        """Give a field that is a number; raises `Impossible`."""
        text = self.one(name)
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            raise Impossible(f"{name} is no number", hint="reload the page", status=422)
        return int(text)

    def on(self, name: str) -> bool:
        """Tell whether a box is ticked."""
        return self.one(name) in {"on", "true", "1"}


def contact_in(form: Form, scene: Scene) -> Contact:
    """Give whose phone a form is about; raises `Impossible`."""
    try:
        return scene.contact(form.one("phone"))
    except ValidationError:
        raise Impossible("whose phone?", hint="reload the page", status=422) from None


def chat_in(form: Form) -> ChatKey:
    """Give which chat a form is about; raises `Impossible`."""
    try:
        return ChatKey.parse(form.one("chat"))
    except ValueError:
        raise Impossible("in which chat?", hint="open one first", status=422) from None


class Hands:
    """Does what forms ask for; every method raises `Impossible` for what cannot be."""

    def __init__(self, scene: Scene, files: Files, cards: Callable[[Form, Scene], Part]) -> None:
        self._scene = scene
        self._files = files
        self._cards = cards
        self.deeds: Mapping[str, Does] = {
            "write": self._write,
            "react": self._react,
            "type": self._type,
            "read": self._read,
            "call": self._call,
            "opt-in": self._opt_in,
            "stop": self._stop,
            "switch": self._switch,
            "again": self._again,
            "rename": self._rename,
            "unsend": self._unsend,
            "stick": self._stick,
            "vote": self._vote,
            "card": self._card,
            "share": self._share,
            "pin": self._pin,
        }

    # ── in a chat ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, form: Form) -> None:
        parts, contact, chat = self._parts(form), self._contact(form), self._chat(form)
        text = form.one("text").replace("\r\n", "\n").strip()
        if form.one("edits"):
            contact.edit(form.one("edits"), text, vendor=chat.vendor, line=chat.line, group=chat.group)
            return
        content: tuple[Part, ...] = (*parts, *([Text(text=text)] if text else []))
        if not content:
            raise Impossible("there is nothing to write", hint="type something first", status=422)
        effect = self._effect(form)
        # phones send a voice note by itself
        alone = [part for part in content if isinstance(part, Voice)]
        groups = [(voice,) for voice in alone]
        together = tuple(part for part in content if not isinstance(part, Voice))
        for number, group in enumerate([*groups, *([together] if together else [])]):
            contact.write(
                vendor=chat.vendor,
                line=chat.line,
                group=chat.group,
                parts=group,
                subject=form.one("subject") or None if number == len(groups) else None,
                effect=effect if number == len(groups) else None,
                reply_to=form.one("reply_to") or None,
                reply_part=form.number("reply_part") if form.one("reply_part") else 0,
            )

    @staticmethod
    def _effect(form: Form) -> Effect | None:
        try:
            return Effect(form.one("effect")) if form.one("effect") else None
        except ValueError:
            hint = f"there are {', '.join(Effect)}"
            raise Impossible("there is no such effect", hint=hint, status=422) from None

    def _parts(self, form: Form) -> list[Part]:
        parts: list[Part] = []
        for file_id in form.all("file"):
            kept = self._files.find(file_id)
            if kept is None:
                raise Impossible("the file is gone", hint="choose it once more", status=404)
            made = Attachment(
                url=self._scene.root + kept.path,
                name=kept.name,
                media_type=kept.media_type,
                size=len(kept.content),
            )
            named = kept.name.startswith("voice-note") or kept.id in form.all("voice")
            is_voice = named and kind_of(made) in {"audio", "video"}
            parts.append(Voice.model_validate(made.model_dump(exclude={"type"})) if is_voice else made)
        return parts

    def _react(self, form: Form) -> None:
        chat, message, word = self._chat(form), form.one("message"), form.one("reaction").strip()
        if not word:
            raise Impossible("which reaction?", hint="choose a tapback, or give one emoji", status=422)
        contact = self._contact(form)
        reaction = Reaction.parse(word)
        bubble = self._bubble(chat.vendor, message)
        part, me = form.number("part") if form.one("part") else 0, contact.address.text
        there = bubble.part_reactions.get((me, part)) if part else bubble.reactions.get(me)
        contact.react(reaction, message=message, part=part, removed=there == reaction, **self._where(form))

    def _unsend(self, form: Form) -> None:
        self._contact(form).unsend(form.one("message"), **self._where(form))

    def _stick(self, form: Form) -> None:
        self._contact(form).stick(message=form.one("message"), **self._where(form))

    def _vote(self, form: Form) -> None:
        """Vote for an option, or take the vote back where it is there."""
        contact, option = self._contact(form), form.one("option")
        bubble = self._bubble(self._chat(form).vendor, form.one("message"))
        removed = contact.address.text in bubble.votes.get(option, [])
        contact.vote(option, message=bubble.vendor_id, removed=removed, **self._where(form))

    def _card(self, form: Form) -> None:
        card = self._cards(form, self._scene)
        twin = self._scene.twins.get(self._chat(form).vendor)
        if card.type == "opaque" and twin is not None and card.kind not in twin.cards:
            raise Impossible("the application would not hear of it", hint="another vendor may carry it", status=422)
        contact = self._contact(form)
        if card.type == "opaque" and card.kind == "poll" and not contact.phone.imessage:
            raise Impossible("a poll needs iMessage", hint="switch it on for this phone")
        contact.write(parts=(card,), **self._where(form))

    def _share(self, form: Form) -> None:
        self._contact(form).share(**self._where(form))

    def _pin(self, form: Form) -> None:
        self._contact(form).pin(**self._where(form), on=form.on("on"))

    def _type(self, form: Form) -> None:
        chat = self._chat(form)
        self._contact(form).type(vendor=chat.vendor, line=chat.line, group=chat.group, on=form.on("on"))

    def _read(self, form: Form) -> None:
        chat = self._chat(form)
        self._contact(form).read(vendor=chat.vendor, line=chat.line, group=chat.group)

    def _call(self, form: Form) -> None:
        chat = self._chat(form)
        if chat.group is not None:
            raise Impossible("a group cannot call", hint="call in a chat with one line", status=422)
        self._contact(form).call(vendor=chat.vendor, line=chat.line)

    def _opt_in(self, form: Form) -> None:
        chat = self._chat(form)
        text = form.one("text").strip() or "START"
        self._contact(form).opt_in(vendor=chat.vendor, line=chat.line, link=form.one("link").strip() or None, text=text)

    def _stop(self, form: Form) -> None:
        chat = self._chat(form)
        self._contact(form).stop(vendor=chat.vendor, line=chat.line)

    # ── beside the chats ──────────────────────────────────────────────────────────────────────────────────────────

    def _switch(self, form: Form) -> None:
        name = form.one("name")
        if name == "imessage" and form.one("on") == "unknown":
            self._contact(form).switch(imessage=False, known=False)
        elif name == "imessage":
            self._contact(form).switch(imessage=form.on("on"), known=True)
        else:
            self._contact(form).switch(**{name: form.on("on")})

    def _rename(self, form: Form) -> None:
        name = form.one("name").strip()
        if not name:
            raise Impossible("a contact has a name", hint="give one", status=422)
        self._contact(form).switch(name=name[:80])

    def _again(self, form: Form) -> None:
        """Let the vendor try a message again that was not delivered."""
        self._contact(form).try_again(message=form.one("message"), **self._where(form))

    # ── who and where ─────────────────────────────────────────────────────────────────────────────────────────────

    def _contact(self, form: Form) -> Contact:
        return contact_in(form, self._scene)

    @staticmethod
    def _chat(form: Form) -> ChatKey:
        return chat_in(form)

    def _where(self, form: Form) -> dict[str, Any]:
        chat = self._chat(form)
        return {"vendor": chat.vendor, "line": chat.line, "group": chat.group}

    def _bubble(self, vendor: str, message: str) -> Bubble:
        found = self._scene.world.find(vendor, message)
        if found is None:
            raise Impossible("there is no such message", hint="reload the page", status=404)
        return found
