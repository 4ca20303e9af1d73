"""Writes a session down as a scenario: what contacts did; what the application answered is what is expected."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pydantic import JsonValue

from gateway.simulator.journal import Entry
from gateway.simulator.scene import Scene
from gateway.simulator.world import Bubble, Thread

__all__ = ["record"]


def record(scene: Scene, name: str = "recorded", *, since: int = 0) -> str:
    """Write the world's journal as TOML, from its entry `since` on.

    What contacts did is kept, states and reading marks are not expected.
    """
    lines = [f"name = {_toml(name)}", f"seed = {scene.seed}"]
    where: tuple[str | None, str, str | None] = (None, "", None)
    for entry in scene.journal.entries("world", since=since):
        thread = scene.world.thread(str(entry.data["thread"]))
        step = None if thread is None else _step(scene, entry, thread)
        if thread is None or step is None:
            continue
        who, fields = step
        here = (who or where[0], thread.vendor, thread.group)
        lines += ["", "[[step]]"]
        if here[0] is not None and here[0] != where[0]:
            lines.append(f"phone = {_toml(here[0])}")
        if thread.vendor != where[1]:
            lines.append(f"via = {_toml(thread.vendor)}")
        if where[2] is not None and thread.group is None:
            lines.append("group = false")
        lines += [f"{key} = {_toml(value)}" for key, value in fields.items()]
        where = here
    return "\n".join(lines) + "\n"


def _step(scene: Scene, entry: Entry, thread: Thread) -> tuple[str | None, dict[str, JsonValue]] | None:
    """Give who did it and what it is in a scenario; None for what follows by itself."""
    what, ours = entry.data["what"], bool(entry.data.get("ours"))
    if what == "message":
        bubble = scene.world.find(thread.vendor, str(entry.data["message"]))
        return None if bubble is None else _message(bubble, thread)
    if what in {"reacted", "unreacted"} and ours:
        return (None, {"expect_reaction": entry.data["reaction"]}) if what == "reacted" else None
    if ours or len(thread.members) != 1:
        return None
    who = thread.members[0].text
    named: dict[str, dict[str, JsonValue]] = {
        "reacted": {"reacts": entry.data.get("reaction")},
        "unreacted": {"unreacts": entry.data.get("reaction")},
        "typing": {"types": bool(entry.data.get("on"))},
        "call": {"calls": True},
    }
    fields = named.get(str(what))
    return (who, fields) if fields else None


def _message(bubble: Bubble, thread: Thread) -> tuple[str | None, dict[str, JsonValue]] | None:
    if bubble.ours:
        return (None, {"expect": bubble.text})
    text = bubble.text
    if thread.group is not None and thread.bubbles[0] is bubble:
        others: list[JsonValue] = [member.text for member in thread.members if member.text != bubble.sender]
        group: dict[str, JsonValue] = {"others": others, "text": text or "…"}
        return bubble.sender, {"starts_group": {**group, **({"name": thread.name} if thread.name else {})}}
    urls: list[JsonValue] = [str(url) for part in bubble.parts if (url := getattr(part, "url", None))]
    if not text:
        return (bubble.sender, {"says": "(a file)", "attachments": urls}) if urls else None
    last = next((b for b in reversed(thread.bubbles[: thread.bubbles.index(bubble)]) if b.ours), None)
    if bubble.reply_to is not None and last is not None and last.vendor_id == bubble.reply_to:
        return bubble.sender, {"replies": text}
    fields: dict[str, JsonValue] = {"says": text}
    fields |= {"attachments": urls} if urls else {}
    fields |= {"subject": bubble.subject} if bubble.subject else {}
    fields |= {"effect": bubble.effect.value} if bubble.effect else {}
    return bubble.sender, fields


def _toml(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join(_pairs(value)) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    # TOML's basic strings escape as JSON's do, but for the delete character
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _pairs(table: dict[str, JsonValue]) -> Iterator[str]:
    for key, value in table.items():
        yield f"{key} = {_toml(value)}"
