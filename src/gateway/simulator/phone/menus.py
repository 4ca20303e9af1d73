"""What can be done with one bubble, and the thread of replies that it is in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.model import Part, Text
from gateway.simulator.contact import Impossible
from gateway.simulator.phone.chats import chat_look, thread_of
from gateway.simulator.phone.looks import BubbleLook, ReactionLook, look_at, look_at_one, root_of
from gateway.simulator.phone.names import time_of, title_of
from gateway.simulator.phone.parts import words_of
from gateway.simulator.phone.place import ChatKey, Held
from gateway.simulator.rewriting import why_not_edit, why_not_unsend
from gateway.simulator.scene import Scene
from gateway.simulator.world import Bubble

__all__ = ["Act", "MenuLook", "ThreadLook", "look_at_menu", "look_at_thread"]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that can be done with a bubble."""

    name: str
    label: str
    icon: str
    why_not: str = ""
    note: str = ""
    """What is to be known beforehand: that the application will not hear of it."""


@dataclass(frozen=True, slots=True)
class MenuLook:
    """The menu of a bubble."""

    message: str
    text: str
    parts: tuple[tuple[int, str], ...]
    """Number and words of each, where there are several."""
    reactions: tuple[ReactionLook, ...]
    chosen: frozenset[str]
    """The words of the owner's own reactions."""
    deaf: str
    """That the application does not hear of reactions; empty where it does."""
    acts: tuple[Act, ...]
    versions: tuple[tuple[str, str], ...]
    """What it said before, and until when."""


@dataclass(frozen=True, slots=True)
class ThreadLook:
    """A message and all that answers it."""

    root: str
    title: str
    bubbles: tuple[BubbleLook, ...]
    writable: bool


def look_at_menu(scene: Scene, held: Held, message: str) -> MenuLook:
    """Show what can be done with a message; raises `Impossible` where a phone has none like it."""
    key, bubble = _found(scene, held, message)
    look = look_at_one(bubble, held.address, scene.world, scene.near)
    several = len(bubble.parts) > 1 and not look.unsent
    return MenuLook(
        message=bubble.vendor_id,
        text=look.text,
        parts=tuple((number, words_of(part)) for number, part in enumerate(bubble.parts)) if several else (),
        reactions=look.reactions,
        chosen=frozenset(each.word for each in look.reactions if each.mine),
        deaf="" if scene.twins[key.vendor].tells("reacted") else _deaf(key),
        acts=_acts(scene, held, key, bubble, look),
        versions=() if look.unsent else tuple((_text(edit.parts), time_of(edit.until)) for edit in bubble.edits),
    )


def look_at_thread(scene: Scene, held: Held, message: str) -> ThreadLook:
    """Show the thread that a message is in; raises `Impossible` where a phone has no such message."""
    key, bubble = _found(scene, held, message)
    everything = bubble.thread.shown_to(held.address)
    known = {each.vendor_id: each for each in everything}
    root = root_of(bubble, known)
    wanted = {each.vendor_id for each in everything if root_of(each, known) is root}
    looks = look_at(bubble.thread, held.address, scene.world, scene.near, len(everything))
    chat = chat_look(scene, held.address, key)
    bubbles = tuple(look for look in looks if look.id in wanted)
    return ThreadLook(root.vendor_id, chat.title, bubbles, writable=not chat.former)


def _found(scene: Scene, held: Held, message: str) -> tuple[ChatKey, Bubble]:
    thread = thread_of(scene, held.address, held.chat) if held.chat else None
    bubble = scene.world.find(held.chat.vendor, message) if held.chat else None
    if thread is None or bubble is None or bubble.thread is not thread or held.chat is None:
        raise Impossible("there is no such message", hint="reload the page", status=404)
    return held.chat, bubble


def _acts(scene: Scene, held: Held, key: ChatKey, bubble: Bubble, look: BubbleLook) -> tuple[Act, ...]:
    if look.unsent:
        return (Act("story", "Show its story", "wire"),)
    acts = [Act("reply", "Reply", "reply")]
    acts += [Act("thread", "View thread", "thread")] if bubble.reply_to or _is_answered(bubble) else []
    acts.append(_told(scene, key, "stuck", Act("stick", "Sticker", "sticker")))
    if look.mine:
        acts += _second_thoughts(scene, held, key, bubble)
    acts.append(Act("copy", "Copy", "copy"))
    acts += [Act("replay", "Replay effect", "effects")] if look.effect else []
    return (*acts, Act("story", "Show its story", "wire"))


def _second_thoughts(scene: Scene, held: Held, key: ChatKey, bubble: Bubble) -> list[Act]:
    limits = scene.world.phone(held.address).limits
    asked: list[tuple[str, str, str, str, Callable[..., str]]] = [
        ("edited", "edit", "Edit", "compose", why_not_edit),
        ("unsent", "unsend", "Undo Send", "undo", why_not_unsend),
    ]
    return [
        _told(scene, key, deed, Act(name, label, icon, why_not(bubble, scene.world, limits=limits)))
        for deed, name, label, icon, why_not in asked
    ]


def _told(scene: Scene, key: ChatKey, deed: str, act: Act) -> Act:
    if act.why_not or scene.twins[key.vendor].tells(deed):
        return act
    return Act(act.name, act.label, act.icon, note=_deaf(key))


def _deaf(key: ChatKey) -> str:
    return f"{title_of(key.vendor)} has no webhook for it"


def _is_answered(bubble: Bubble) -> bool:
    return any(each.reply_to == bubble.vendor_id for each in bubble.thread.bubbles)


def _text(parts: tuple[Part, ...]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, Text))
