"""How the parts of a message look: text, files, voice notes, link cards, and what we have no word for.

A page may ask nothing of another machine: a file is shown where this machine has its bytes (sent from a phone, or
inside the message), and is a tile with its name where it has only a URL.
"""

from __future__ import annotations

import mimetypes
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote, unquote, urlsplit

from gateway.model import Attachment, Link, Media, Opaque, Part, Text, Voice
from gateway.simulator.world import Bubble

__all__ = ["FILES", "PartLook", "kind_of", "part_looks", "preview", "said"]

FILES = "/_phone/files/"
"""Where the files are that phones sent, below the simulator's root."""
_BARS = 34
_MOST_EMOJI = 3
_PREVIEW = 80
_SHOWN = frozenset({"image/gif", "image/jpeg", "image/png", "image/webp", "image/avif"})
_PLAYED = ("audio/", "video/")


@dataclass(frozen=True, slots=True)
class PartLook:
    """One part of a bubble."""

    kind: str
    """`text`, `image`, `audio`, `video`, `file`, `link` or `opaque`."""
    text: str = ""
    mention: bool = False
    source: str = ""
    """A path on this server; empty where the bytes are elsewhere."""
    name: str = ""
    note: str = ""
    bars: tuple[int, ...] = ()
    """Heights of a waveform, 1 to 20."""
    jumbo: bool = False


def part_looks(bubble: Bubble, root: str) -> tuple[PartLook, ...]:
    """Show all parts of a bubble; `root` is where the simulator is served."""
    alone = len(bubble.parts) == 1
    return tuple(_look(part, number, bubble, root, alone=alone) for number, part in enumerate(bubble.parts))


def said(bubble: Bubble) -> str:
    """Say in words what a bubble holds, for those who hear it and for the chat list."""
    words = []
    for part in bubble.parts:
        if isinstance(part, Text):
            words.append(part.text)
        elif isinstance(part, Voice):
            words.append("Audio Message")
        elif isinstance(part, Attachment):
            words.append(_WORDS.get(kind_of(part), "Attachment") + f": {_name(part)}")
        elif isinstance(part, Link):
            words.append(part.title or part.url)
        else:
            words.append(part.kind)
    return " ".join(words)


def preview(bubble: Bubble) -> str:
    """Say it in one short line."""
    words = " ".join(said(bubble).split())
    return words if len(words) <= _PREVIEW else words[: _PREVIEW - 1] + "…"


def kind_of(part: Media) -> str:
    """Tell what a file is to a phone: `image`, `audio`, `video` or `file`."""
    if isinstance(part, Voice):
        return "audio"
    media_type = part.media_type or mimetypes.guess_type(_name(part))[0] or ""
    head = media_type.partition("/")[0]
    return head if head in {"image", "audio", "video"} else "file"


_WORDS = {"image": "Photo", "audio": "Audio", "video": "Video", "file": "File"}


def _look(part: Part, number: int, bubble: Bubble, root: str, *, alone: bool) -> PartLook:
    if isinstance(part, Text):
        return PartLook("text", part.text, mention=part.mention is not None, jumbo=alone and _is_jumbo(part.text))
    if isinstance(part, Link):
        return PartLook("link", part.title or "", name=part.url, note=urlsplit(part.url).hostname or "")
    if isinstance(part, Opaque):
        return PartLook("opaque", part.kind, note=", ".join(str(value) for value in part.data.values())[:200])
    return _media(part, number, bubble, root)


def _media(part: Media, number: int, bubble: Bubble, root: str) -> PartLook:
    kind, name = kind_of(part), _name(part)
    source, note = _source(part, number, bubble, root)
    media_type = part.media_type or mimetypes.guess_type(name)[0] or ""
    if kind == "image" and (not source or media_type not in _SHOWN):
        kind = "file"  # HEIC and the like: phones show it, browsers do not
    seed = sha256((part.url or name).encode("utf-8", "surrogatepass")).digest() * 2
    bars = tuple(3 + seed[at] % 15 for at in range(_BARS)) if kind == "audio" else ()
    words = (getattr(part, "transcript", None) or "") if isinstance(part, Voice) else ""
    return PartLook(kind, words, source=source, name=name, note=note or _WORDS[kind_of(part)], bars=bars)


def _source(part: Media, number: int, bubble: Bubble, root: str) -> tuple[str, str]:
    """Find the bytes on this machine: a path on this server, or else a note on where they are."""
    if part.url and part.url.startswith(root + FILES):
        return part.url.removeprefix(root), ""
    if part.url:
        return "", f"{_WORDS[kind_of(part)]} at {urlsplit(part.url).hostname or 'another place'}"
    if part.data is not None:
        vendor, message = quote(bubble.thread.vendor, safe=""), quote(bubble.vendor_id, safe="")
        return f"/_phone/media/{vendor}/{message}/{number}", ""
    return "", _WORDS[kind_of(part)]


def _name(part: Media) -> str:
    if part.name:
        return part.name
    if part.file is not None:
        return part.file.name
    return unquote(urlsplit(part.url or "").path.rpartition("/")[2]) or "file"


def _is_jumbo(text: str) -> bool:
    """Tell one to three emoji from anything else; joined ones, flags and skin tones count once."""
    shown = text.strip()
    if not shown or len(shown) > 12 * _MOST_EMOJI or shown.isascii():
        return False
    count, joined = 0, False
    for character in shown:
        if character == "\u200d":
            joined = True
        elif character in "\ufe0f\u20e3" or "\U0001f3fb" <= character <= "\U0001f3ff":
            continue
        elif unicodedata.category(character) not in {"So", "Sk"}:
            return False
        else:
            count += not joined
            joined = False
    return count <= _MOST_EMOJI
