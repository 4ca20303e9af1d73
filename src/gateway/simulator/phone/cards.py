"""What a phone sends beside texts and files: polls, places, stickers, and the cards of other contacts."""

from __future__ import annotations

from gateway.addresses import Address
from gateway.model import Opaque, Part
from gateway.simulator.contact import Impossible
from gateway.simulator.phone.hands import Form
from gateway.simulator.scene import Scene

__all__ = ["card_of"]

_FEWEST_OPTIONS, _MOST_OPTIONS = 2, 12


def card_of(form: Form, scene: Scene) -> Part:
    """Make the card that a form asks for; raises `Impossible` for what makes none."""
    kind = form.one("kind")
    if kind == "poll":
        return _poll(form)
    if kind == "location":
        return _location(form)
    if kind == "sticker":
        return Opaque(kind="sticker", data={"name": form.one("name").strip()[:40] or "Sticker"})
    if kind == "contact":
        return scene.card_of(Address.parse(form.one("other")))
    raise Impossible("there is no such card", hint="choose a poll, a place, a sticker or a contact", status=422)


def _poll(form: Form) -> Part:
    options = list(dict.fromkeys(option.strip()[:120] for option in form.all("option") if option.strip()))
    if not _FEWEST_OPTIONS <= len(options) <= _MOST_OPTIONS:
        hint = f"give {_FEWEST_OPTIONS} to {_MOST_OPTIONS} that differ"
        raise Impossible("a poll needs options", hint=hint, status=422)
    title = form.one("title").strip()[:200]
    return Opaque(kind="poll", data={"title": title or None, "options": list(options)})


def _location(form: Form) -> Part:
    north, east = (_degrees(form.one(name), most) for name, most in (("latitude", 90.0), ("longitude", 180.0)))
    return Opaque(kind="location", data={"latitude": north, "longitude": east})


def _degrees(text: str, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = most + 1
    if not -most <= value <= most:
        raise Impossible("that is no place on Earth", hint=f"give degrees, at most {most:g}", status=422)
    return value
