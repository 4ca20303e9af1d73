"""What a person does with a group on the page: its name, its picture, who is in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.addresses import Address
from gateway.model import Attachment
from gateway.simulator.contact import Contact, Impossible
from gateway.simulator.files import Files
from gateway.simulator.phone.hands import Form, chat_in, contact_in
from gateway.simulator.scene import Scene

__all__ = ["GroupHands"]


class GroupHands:
    """Does what forms about a group ask for; every method raises `Impossible` for what cannot be."""

    def __init__(self, scene: Scene, files: Files) -> None:
        self._scene = scene
        self._files = files
        self.deeds: Mapping[str, Callable[[Form], None]] = {
            "group": self._start,
            "name-group": self._name,
            "icon": self._icon,
            "add": self._add,
            "remove": self._remove,
            "leave": self._leave,
        }

    def _start(self, form: Form) -> None:
        vendor, _, line = form.one("via").partition("~")
        text = form.one("text").strip()
        if not text:
            raise Impossible("a group begins with a message", hint="type one", status=422)
        contact_in(form, self._scene).start_group(
            [Address.parse(other) for other in form.all("other")],
            text,
            vendor=vendor,
            line=line or None,
            name=form.one("name").strip() or None,
        )

    def _name(self, form: Form) -> None:
        name = form.one("name").strip()[:255]
        if not name:
            raise Impossible("which name?", hint="type one", status=422)
        contact, where = self._where(form)
        contact.rename(name, **where)

    def _icon(self, form: Form) -> None:
        """Take the last of the files that were chosen; none takes the picture away."""
        contact, where = self._where(form)
        named = form.all("file")
        kept = self._files.find(named[-1]) if named else None
        if named and (kept is None or not kept.media_type.startswith("image/")):
            raise Impossible("that is no picture", hint="choose an image", status=422)
        icon = None
        if kept is not None:
            icon = Attachment(url=self._scene.root + kept.path, name=kept.name, media_type=kept.media_type)
        contact.set_icon(icon, **where)

    def _add(self, form: Form) -> None:
        contact, where = self._where(form)
        contact.add(Address.parse(form.one("other")), **where)

    def _remove(self, form: Form) -> None:
        contact, where = self._where(form)
        contact.remove(Address.parse(form.one("other")), **where)

    def _leave(self, form: Form) -> None:
        contact, where = self._where(form)
        contact.leave(**where)

    def _where(self, form: Form) -> tuple[Contact, dict[str, str]]:
        chat = chat_in(form)
        if chat.group is None:
            raise Impossible("this is no group", hint="open one first", status=422)
        return contact_in(form, self._scene), {"vendor": chat.vendor, "group": chat.group}
