"""Everything that a vendor tells of an ordinary day: contacts do what they can, one thing after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import JsonValue
from pydantic_core import to_json

from gateway.cli.trigger.stage import Heard, Stage
from gateway.errors import GatewayError
from gateway.events import DeliveryUpdated, Event
from gateway.model import Attachment, Chat, Effect, Opaque, Voice
from gateway.provider import Provider
from gateway.simulator import Impossible, Twin

__all__ = ["Told", "again", "told"]

_PAUSE = 30.0
"""Seconds between two deeds, in which a message of ours comes to its end."""


@dataclass(frozen=True, slots=True)
class Told:
    """One webhook of the day."""

    event: str
    """The vendor's name of it."""
    when: str
    """One word for the deed that brought it about."""
    types: tuple[str, ...]
    """Our types of the events that the provider makes of it."""
    payload: dict[str, JsonValue] = field(repr=False)
    heard: Heard
    stage: Stage
    number: int
    """Its place in the day, which is the same for the same seed."""


class _Day:
    """What contacts do; each deed may be one that this vendor or this phone cannot."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._at: dict[str, Any] = {"vendor": stage.vendor}
        self._me = stage.contact()
        self._written = ""
        self._group: str | None = None

    def deeds(self) -> list[tuple[str, Callable[[], object]]]:
        """Name the deeds in the order in which they make sense; of those without a name nothing is shown.

        Of two that look alike to a vendor, such as a text and a text with an effect, the plainer one comes first.
        """
        me, at, stage = self._me, self._at, self._stage
        chat = Chat.direct(me.address, line=stage.twin.lines[0])
        picture = "https://files.example/picture.png"
        return [
            ("text", lambda: me.write("Hello there!", **at)),
            ("sent", lambda: stage.send(chat, "Your order is on its way.")),
            ("read", lambda: me.read(**at)),
            ("picture", lambda: me.write("Look!", attachments=(picture,), **at)),
            ("pictures", lambda: me.write(parts=(Attachment(url=picture), Attachment(url=picture)), **at)),
            ("voice", lambda: me.write(parts=(Voice(url="https://files.example/note.m4a"),), **at)),
            ("reply", lambda: me.reply("Thank you!", **at)),
            ("effect", lambda: me.write("Congratulations!", effect=Effect.CONFETTI, **at)),
            ("reaction", lambda: me.react("love", **at)),
            ("unreact", lambda: me.unreact("love", **at)),
            ("emoji", lambda: me.react("😂", **at)),
            ("sticker", lambda: me.stick(**at)),
            ("typing", lambda: me.type(**at)),
            ("typing-stopped", lambda: me.type(on=False, **at)),
            ("", self._write),
            ("edit", lambda: me.edit(self._written, "Hello, you!", **at)),
            ("unsend", lambda: me.unsend(self._written, **at)),
            ("call", lambda: me.call(**at)),
            ("contact", lambda: me.share(**at)),
            ("location", lambda: self._card("location")),
            ("poll", lambda: self._card("poll")),
            ("opt-in", lambda: me.opt_in(**at)),
            ("group", self._gather),
            ("group-name", lambda: me.rename("Friends", group=self._where(), **at)),
            ("group-picture", lambda: me.set_icon(Attachment(url=picture), group=self._where(), **at)),
            ("joined", lambda: me.add(stage.contact(2).address, group=self._where(), **at)),
            ("left", lambda: me.remove(stage.contact(2).address, group=self._where(), **at)),
            ("failed", lambda: self._fail(chat)),
            ("sms", self._without_imessage),
            ("stop", lambda: me.stop(**at)),
        ]

    def _write(self) -> None:
        self._written = self._me.write("Hello", **self._at).vendor_id

    def _card(self, kind: str) -> None:
        if kind not in self._stage.twin.cards:
            raise Impossible("this vendor tells of no such card", hint="choose another")
        self._me.write(parts=(Opaque(kind=kind, data={"title": "When?", "options": ["Monday", "Friday"]}),), **self._at)

    def _gather(self) -> None:
        bubble = self._me.start_group([self._stage.contact(1).address], "Hello everybody!", **self._at)
        self._group = bubble.thread.group

    def _where(self) -> str:
        if self._group is None:
            raise Impossible("there is no group", hint="this vendor may know none")
        return self._group

    def _fail(self, chat: Chat) -> None:
        self._stage.spoil_next()
        self._stage.send(chat, "Are you there?")

    def _without_imessage(self) -> None:
        self._me.switch(imessage=False)
        try:
            self._me.write("Green bubbles", **self._at)
        finally:
            self._me.switch(imessage=True)


def told(provider: type[Provider[Any]], twin: type[Twin], *, seed: int, start: datetime) -> list[Told]:
    """Let the day pass; gives every webhook with the word for what brought it about, in order.

    What a vendor cannot do is left out.
    """
    stage = Stage(provider, twin, seed=seed, start=start)
    found: list[Told] = []
    for when, deed in _Day(stage).deeds():
        with contextlib.suppress(Impossible, GatewayError):
            deed()
        heard = stage.heard(_PAUSE)
        found += [_told(stage, when, one, len(found) + place) for place, one in enumerate(heard) if when]
    return found


def again(chosen: Told, *, seed: int, now: datetime) -> Told:
    """Give the same webhook as if it happened now: the day is lived once more, begun so much earlier."""
    stage = chosen.stage
    start = now - (chosen.heard.at - stage.start)
    return told(type(stage.provider), type(stage.twin), seed=seed, start=start)[chosen.number]


def _told(stage: Stage, when: str, heard: Heard, number: int) -> Told:
    """Say what the provider makes of it, and of a report about a message of ours, which state it tells."""
    payload = dict(heard.webhook.payload)
    events: Sequence[Event] = ()
    with contextlib.suppress(GatewayError):
        events = stage.provider.parse(stage.hook(heard, to_json(payload), None, heard.at))
    states = [event.state.value for event in events if isinstance(event, DeliveryUpdated)]
    types = tuple(dict.fromkeys(event.type for event in events))
    return Told(heard.webhook.event, states[0] if states else when, types, payload, heard, stage, number)
