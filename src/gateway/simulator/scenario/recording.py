"""Writes a session down as a scenario: what contacts did; what the application answered is what is expected."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from pydantic import JsonValue

from gateway.model import Media, Opaque, Part, Text, Voice
from gateway.simulator.journal import Entry
from gateway.simulator.scene import Scene
from gateway.simulator.world import Bubble, Thread

__all__ = ["record"]

Fields: TypeAlias = dict[str, JsonValue]


def record(scene: Scene, name: str = "recorded", *, since: int = 0) -> str:
    """Write the world's journal as TOML, from its entry `since` on.

    What contacts did is kept, with the names and texts of now; states and reading marks are not expected.
    """
    lines = [f"name = {_toml(name)}", f"seed = {scene.seed}"]
    tape = _Tape(scene, since)
    for fields in tape.steps():
        lines += ["", "[[step]]", *(f"{key} = {_toml(value)}" for key, value in fields.items())]
    return "\n".join(lines) + "\n"


class _Tape:
    """Goes through the journal once, and knows at each entry what was in the chats then."""

    def __init__(self, scene: Scene, since: int) -> None:
        self._scene = scene
        self._entries = scene.journal.entries("world", since=since)
        # the message comes before what says that it was more than a message
        self._more = {
            str(entry.data["message"]): entry
            for entry in self._entries
            if entry.data["what"] in {"opted_in", "stopped"}
        }
        later = {str(entry.data["message"]) for entry in self._entries if entry.data["what"] == "message"}
        self._shown = {t.id: [b for b in t.bubbles if b.vendor_id not in later] for t in scene.world.threads()}
        self._gone: set[str] = set()
        self._edited: dict[str, int] = {}
        self._who: str | None = None
        self._vendor = ""
        self._line: str | None = None
        self._group: tuple[str | None, str | None] = (None, None)
        """The vendor's id of the group that holds, and that of the last one that was started."""
        self._told: Mapping[str, Callable[[Entry, Thread], Fields | None]] = {
            "message": self._message,
            "reacted": lambda entry, thread: self._reaction("reacts", entry, thread),
            "unreacted": lambda entry, thread: self._reaction("unreacts", entry, thread),
            "sticker": lambda entry, thread: {"sticks": True, **self._at(entry, thread)},
            "edited": self._edit,
            "unsent": self._unsent,
            "voted": lambda entry, thread: {"votes": entry.data["option"], **self._at_poll(entry, thread)},
            "unvoted": lambda entry, thread: {"unvotes": entry.data["option"], **self._at_poll(entry, thread)},
            "again": lambda entry, thread: {"retries": True, **self._aim(self._bubble(entry), thread, None)},
            "typing": lambda entry, _: {"types": bool(entry.data["on"])},
            "opened": lambda *_: {"reads": True},
            "call": lambda *_: {"calls": True},
            "shared": lambda *_: {"shares": True},
            "renamed": lambda entry, _: {"renames": entry.data["name"]} if entry.data["name"] else None,
            "icon": lambda _, thread: {"pictures": (thread.icon.url if thread.icon else None) or ""},
            "joined": lambda entry, _: {"adds": entry.data["member"]},
            "removed": lambda entry, _: {"removes": entry.data["member"]},
            "left": lambda *_: {"leaves": True},
            "pinned": lambda entry, _: {"pins": bool(entry.data["on"])},
        }

    def steps(self) -> Iterator[Fields]:
        """Give the fields of each step."""
        for entry in self._entries:
            if entry.data["what"] == "switched":
                yield {**self._by(str(entry.data["by"])), "switch": entry.data["to"]}
                continue
            thread = self._scene.world.thread(str(entry.data.get("thread")))
            told = self._told.get(str(entry.data["what"]))
            if thread is None or told is None:
                continue
            fields = self._ours(entry, thread) if entry.data.get("ours") else told(entry, thread)
            who = self._author(entry)
            if fields:
                yield {**self._by(who), **self._place(thread, fields), **fields}
            if entry.data["what"] == "message" and (bubble := self._bubble(entry)):
                self._shown.setdefault(thread.id, []).append(bubble)

    # ── who and where ─────────────────────────────────────────────────────────────────────────────────────────────

    def _author(self, entry: Entry) -> str | None:
        if entry.data.get("ours"):
            return None
        bubble = self._bubble(entry) if entry.data["what"] == "message" else None
        return bubble.sender if bubble else str(entry.data["by"]) if entry.data.get("by") else None

    def _by(self, who: str | None) -> Fields:
        if who is None or who == self._who:
            return {}
        self._who = who
        return {"phone": who}

    def _place(self, thread: Thread, fields: Fields) -> Fields:
        """Name what is not in force already: vendor, line and group hold until a step says something else."""
        place: Fields = {}
        if thread.vendor != self._vendor:
            self._vendor = place["via"] = thread.vendor
        if thread.line != (self._line or self._scene.twins[thread.vendor].lines[0]):
            self._line = place["line"] = thread.line
        held, started = self._group
        if "starts_group" in fields:
            held = started = thread.group
        elif thread.group != held:
            held = thread.group
            place["group"] = False if held is None else True if held == started else thread.name or True
        self._group = held, started
        return place

    # ── what ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _ours(self, entry: Entry, thread: Thread) -> Fields | None:
        """Expect what the application did, where it is the same each time."""
        what = entry.data["what"]
        if what == "message":
            bubble = self._bubble(entry)
            return {"expect": bubble.text} if bubble else None
        if what == "reacted":
            written = [b for b in self._shown.get(thread.id, []) if not b.ours]
            last = bool(written) and written[-1].vendor_id == entry.data["message"]
            return {"expect_reaction": entry.data["reaction"]} if last else None
        return {"expect_name": entry.data["name"]} if what == "renamed" and entry.data["name"] else None

    def _message(self, entry: Entry, thread: Thread) -> Fields | None:
        bubble = self._bubble(entry)
        if bubble is None:
            return None
        parts = bubble.edits[0].parts if bubble.edits else bubble.parts
        text = "\n".join(part.text for part in parts if isinstance(part, Text))
        more = self._more.get(bubble.vendor_id)
        if more is not None and more.data["what"] == "stopped":
            return {"stops": text}
        if more is not None:
            return {"opts_in": text, **({"link": more.data["link"]} if more.data["link"] else {})}
        if thread.group is not None and thread.bubbles[0] is bubble:
            return {"starts_group": self._started(bubble, thread, text)}
        return self._said(bubble, thread, parts, text)

    def _said(self, bubble: Bubble, thread: Thread, parts: tuple[Part, ...], text: str) -> Fields | None:
        urls: list[JsonValue] = [part.url for part in parts if isinstance(part, Media) and part.url]
        if not text:
            return _wordless(parts, urls)
        answered = self._find(thread, bubble.reply_to) if bubble.reply_to else None
        fields: Fields = {"attachments": urls} if urls else {}
        fields |= {"subject": bubble.subject} if bubble.subject else {}
        fields |= {"effect": bubble.effect.value} if bubble.effect else {}
        part: Fields = {"part": bubble.reply_part} if answered and bubble.reply_part else {}
        if answered and not fields:
            return {"replies": text, **self._aim(answered, thread, self._last_ours(thread)), **part}
        return {"says": text, **fields, **(self._aim(answered, thread, None) if answered else {}), **part}

    def _started(self, bubble: Bubble, thread: Thread, text: str) -> Fields:
        first = next((e for e in self._entries if e.data["what"] == "group" and e.data["thread"] == thread.id), None)
        members: Any = first.data["members"] if first else [member.text for member in thread.members]
        name = first.data["name"] if first else thread.name
        others: list[JsonValue] = [member for member in members if member != bubble.sender]
        return {"others": others, "text": text or "…", **({"name": name} if name else {})}

    def _reaction(self, verb: str, entry: Entry, thread: Thread) -> Fields:
        part: Fields = {"part": entry.data["part"]} if entry.data.get("part") else {}
        return {verb: entry.data["reaction"], **self._at(entry, thread), **part}

    def _edit(self, entry: Entry, thread: Thread) -> Fields | None:
        bubble = self._bubble(entry)
        if bubble is None:
            return None
        done = self._edited[bubble.vendor_id] = self._edited.get(bubble.vendor_id, 0) + 1
        parts = bubble.edits[done].parts if done < len(bubble.edits) else bubble.parts
        text = "\n".join(part.text for part in parts if isinstance(part, Text))
        return {"edits": text, **self._aim(bubble, thread, self._own(bubble, thread))}

    def _unsent(self, entry: Entry, thread: Thread) -> Fields | None:
        bubble = self._bubble(entry)
        if bubble is None:
            return None
        fields: Fields = {"unsends": True, **self._aim(bubble, thread, self._own(bubble, thread))}
        self._gone.add(bubble.vendor_id)
        return fields

    # ── which message ─────────────────────────────────────────────────────────────────────────────────────────────

    def _bubble(self, entry: Entry) -> Bubble | None:
        return self._scene.world.find(str(entry.vendor), str(entry.data.get("message")))

    def _find(self, thread: Thread, message: str) -> Bubble | None:
        return next((b for b in self._shown.get(thread.id, []) if b.vendor_id == message), None)

    def _last_ours(self, thread: Thread) -> Bubble | None:
        return next((b for b in reversed(self._shown.get(thread.id, [])) if b.ours), None)

    def _own(self, bubble: Bubble, thread: Thread) -> Bubble | None:
        shown = reversed(self._shown.get(thread.id, []))
        return next((b for b in shown if b.sender == bubble.sender and b.vendor_id not in self._gone), None)

    def _at(self, entry: Entry, thread: Thread) -> Fields:
        return self._aim(self._bubble(entry), thread, self._last_ours(thread))

    def _at_poll(self, entry: Entry, thread: Thread) -> Fields:
        polls = (b for b in reversed(self._shown.get(thread.id, [])) if any(_is_poll(part) for part in b.parts))
        return self._aim(self._bubble(entry), thread, next(polls, None))

    def _aim(self, bubble: Bubble | None, thread: Thread, usual: Bubble | None) -> Fields:
        """Name a message where it is not the usual one: by its text, or where that says too little by its place."""
        shown = self._shown.get(thread.id, [])
        if bubble is None or bubble is usual or bubble not in shown:
            return {}
        latest = next((b for b in reversed(shown) if b.text == bubble.text), None)
        if bubble.text and latest is bubble and not any(b.edits for b in shown):
            return {"to": bubble.text}
        return {"to": shown.index(bubble) - len(shown)}


def _wordless(parts: tuple[Part, ...], urls: list[JsonValue]) -> Fields | None:
    """Name a message without words: a voice note, a card, or files."""
    match parts:
        case (Voice(url=str(url)),):
            return {"speaks": url}
        case (Opaque(kind="sticker") as card,):
            return {"stickers": str(card.data.get("name") or "Sticker")}
        case (Opaque(kind="poll" | "location" as kind) as card,):
            return {
                {"poll": "polls", "location": "locates"}[kind]: {k: v for k, v in card.data.items() if v is not None}
            }
    return {"sends": urls} if urls else None


def _is_poll(part: Part) -> bool:
    return isinstance(part, Opaque) and part.kind == "poll"


def _toml(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    # TOML's basic strings escape as JSON's do, but for the delete character
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
