"""Fragments that a page asks for: a bubble's menu, a thread of replies, a file that was chosen, a group's picture."""

from __future__ import annotations

from urllib.parse import parse_qsl

from jinja2 import Environment
from pydantic import ValidationError

from gateway.addresses import Address
from gateway.capabilities import Capabilities, Feature
from gateway.model import ChatKind, Media
from gateway.simulator.contact import Impossible
from gateway.simulator.files import Files, Kept
from gateway.simulator.phone.chats import chat_look, thread_of
from gateway.simulator.phone.menus import look_at_menu, look_at_thread
from gateway.simulator.phone.names import title_of
from gateway.simulator.phone.place import ChatKey, Held
from gateway.simulator.proof import provider_of
from gateway.simulator.scene import Scene

__all__ = ["Talking"]

_MOST_TEXTED = 1_000_000
"""Bytes that networks carry with a text message, about."""


class Talking:
    """Renders what belongs to one chat of one phone."""

    def __init__(self, scene: Scene, files: Files, templates: Environment) -> None:
        self._scene = scene
        self._files = files
        self._templates = templates

    def menu(self, query: str) -> str:
        """Render the menu of a bubble; raises `Impossible` where there is none like it."""
        held, asked = _held(query)
        look = look_at_menu(self._scene, held, asked.get("message", ""))
        return self._render("bubble_menu.html", held=held, look=look)

    def thread(self, query: str) -> str:
        """Render the thread of replies that a message is in; raises `Impossible`."""
        held, asked = _held(query)
        look = look_at_thread(self._scene, held, asked.get("message", ""))
        return self._render("thread.html", held=held, look=look)

    def chip(self, kept: Kept, query: str) -> str:
        """Render a file that was chosen, with what the vendor's rules say about it."""
        asked = dict(parse_qsl(query))
        is_voice = asked.get("as") == "voice"
        try:
            held, _ = _held(query)
        except Impossible:
            held = None
        warnings = self._warnings(held, kept, is_voice=is_voice) if held and held.chat else []
        return self._render("chip.html", kept=kept, is_voice=is_voice, warnings=warnings)

    def icon(self, thread_id: str) -> Media:
        """Give the picture of a group; raises `Impossible` where it has none on this machine."""
        thread = self._scene.world.thread(thread_id)
        if thread is None or thread.icon is None:
            raise Impossible("there is no such picture", hint="reload the page", status=404)
        return thread.icon

    # ── rules ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _warnings(self, held: Held, kept: Kept, *, is_voice: bool) -> list[str]:
        key = held.chat
        if key is None or key.vendor not in self._scene.twins:
            return []
        found = []
        thread = thread_of(self._scene, held.address, key)
        if chat_look(self._scene, held.address, key).green and len(kept.content) > _MOST_TEXTED:
            found.append("larger than text messages usually carry (1 MB)")
        provider = provider_of(self._scene, key.vendor)
        if provider is not None:
            kind = ChatKind.GROUP if thread and thread.group else ChatKind.DIRECT
            why_not = _why_not(provider.capabilities().find(kind), kept, is_voice=is_voice)
            found += [f"{title_of(key.vendor)} would not take it from an application: {why_not}"] if why_not else []
        return found

    def _render(self, name: str, **what: object) -> str:
        return self._templates.get_template(name).render(**what)


def _why_not(carries: Capabilities, kept: Kept, *, is_voice: bool) -> str:
    """Say which rule of the vendor a file breaks; empty where it breaks none that is known."""
    formats, types = carries.limits.voice_formats, carries.limits.media_types
    ending = kept.name.rpartition(".")[2].lower()
    if is_voice and carries.has(Feature.VOICE) and formats is not None and ending not in formats:
        return f"voice notes are {', '.join(formats)}"
    if not is_voice and not carries.has(Feature.ATTACHMENT):
        return "it carries no files"
    family = kept.media_type.partition("/")[0] + "/*"
    if not is_voice and types is not None and not {kept.media_type, family} & set(types):
        return f"files are {', '.join(types)}"
    return ""


def _held(query: str) -> tuple[Held, dict[str, str]]:
    asked = dict(parse_qsl(query, keep_blank_values=True))
    try:
        return Held(Address.parse(asked.get("phone", "")), ChatKey.parse(asked.get("chat", ""))), asked
    except (ValueError, ValidationError):
        raise Impossible("whose phone, and which chat?", hint="reload the page", status=422) from None
