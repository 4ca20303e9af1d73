"""How the parts of a message look: texts, files, voice notes, cards, and what we have no word for.

A page may ask nothing of another machine: a file is shown where this machine has its bytes (sent from a phone, inside
the message, or standing in for a URL), and is a tile with its name where it has only a URL.
"""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from gateway.model import Attachment, Link, Media, Opaque, Part, Text, Voice
from gateway.simulator.files import Near
from gateway.simulator.phone.names import name_of, title_of
from gateway.simulator.world import Bubble, World

__all__ = ["OptionLook", "PartLook", "kind_of", "part_looks", "preview", "said", "size_words", "words_of"]

_BARS = 34
_MOST_EMOJI = 3
_PREVIEW = 80
_SHOWN = frozenset({"image/gif", "image/jpeg", "image/png", "image/webp", "image/avif"})
_ONLY_A_LINK = re.compile(r"https?://\S+")
_CARDS = {"contact_file": "contact", "contact card": "contact", "contact": "contact"}
"""Kinds of opaque parts that are a contact card, as twins call them."""


@dataclass(frozen=True, slots=True)
class OptionLook:
    """One option of a poll."""

    text: str
    names: tuple[str, ...]
    """Who voted for it."""
    share: int
    """Of all votes, in percent."""
    mine: bool


@dataclass(frozen=True, slots=True)
class PartLook:
    """One part of a bubble."""

    kind: str
    """`text`, `image`, `gallery`, `photo` (one that cannot be shown), `audio`, `video`, `file`, `link`, `contact`,
    `location`, `poll`, `sticker` or `opaque`."""
    text: str = ""
    runs: tuple[tuple[str, bool], ...] = ()
    """Of a text: its pieces, and whether each is a mention."""
    source: str = ""
    """A path on this server; empty where the bytes are elsewhere."""
    name: str = ""
    note: str = ""
    badge: str = ""
    """The ending of a file's name, on its tile."""
    bars: tuple[int, ...] = ()
    """Heights of a waveform, 1 to 20."""
    jumbo: bool = False
    number: int = 0
    """Which part of the message it is, from 0; of several that look like one, the first."""
    pictures: tuple[PartLook, ...] = ()
    """Of a gallery."""
    options: tuple[OptionLook, ...] = ()
    """Of a poll."""

    @property
    def covers(self) -> frozenset[int]:
        """Which parts of the message it shows."""
        return frozenset({self.number, *(picture.number for picture in self.pictures)})


def part_looks(bubble: Bubble, address: str, world: World, near: Near) -> tuple[PartLook, ...]:
    """Show all parts of a bubble on the phone at an address; `near` knows which files this machine has."""
    alone = len(bubble.parts) == 1
    looks = [
        replace(_look(part, number, bubble, near, alone=alone), number=number)
        for number, part in enumerate(bubble.parts)
    ]
    looks = [_poll(look, bubble, address, world) if look.kind == "poll" else look for look in looks]
    return tuple(_together(looks))


def said(bubble: Bubble) -> str:
    """Say in words what a bubble holds, for those who hear it and for the chat list."""
    return " ".join(words_of(part) for part in bubble.parts)


def words_of(part: Part) -> str:
    """Say in words what a part is."""
    if isinstance(part, Text):
        return part.text
    if isinstance(part, Voice):
        return "Audio Message"
    if isinstance(part, Attachment):
        return _WORDS.get(kind_of(part), "Attachment") + f": {_name(part)}"
    if isinstance(part, Link):
        return part.title or part.url
    if part.kind == "poll":
        return f"Poll: {part.data.get('title') or 'no title'}"
    return "Contact card" if part.kind in _CARDS else part.kind.capitalize()


def preview(bubble: Bubble) -> str:
    """Say it in one short line."""
    words = " ".join(said(bubble).split())
    return words if len(words) <= _PREVIEW else words[: _PREVIEW - 1] + "…"


def kind_of(part: Media) -> str:
    """Tell what a file is to a phone: `image`, `audio`, `video`, `contact` or `file`."""
    if isinstance(part, Voice):
        return "audio"
    media_type = _type_of(part)
    head = media_type.partition("/")[0]
    if media_type in {"text/vcard", "text/x-vcard"}:
        return "contact"
    return head if head in {"image", "audio", "video"} else "file"


def size_words(size: int | None) -> str:
    """Write a size as phones do; empty where it is not known."""
    if size is None:
        return ""
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size = round(size / 1000)
    return f"{size:.0f} GB"


_WORDS = {"image": "Photo", "audio": "Audio", "video": "Video", "contact": "Contact card", "file": "File"}


def _together(looks: Sequence[PartLook]) -> Iterator[PartLook]:
    """Join what phones show as one: texts around a mention, and pictures that follow each other."""
    row: list[PartLook] = []
    for look in (*looks, None):
        if row and (look is None or look.kind != row[-1].kind or look.kind not in {"text", "image"}):
            yield from _joined(row)
            row = []
        if look is not None:
            row.append(look)


def _joined(row: Sequence[PartLook]) -> Sequence[PartLook]:
    if len(row) < 2:
        return row
    if row[0].kind == "image":
        return [replace(row[0], kind="gallery", pictures=tuple(row))]
    if any(mention for look in row for _, mention in look.runs):
        runs = tuple(run for look in row for run in look.runs)
        return [replace(row[0], runs=runs, text="".join(text for text, _ in runs))]
    return row


def _look(part: Part, number: int, bubble: Bubble, near: Near, *, alone: bool) -> PartLook:
    if isinstance(part, Text):
        if alone and _ONLY_A_LINK.fullmatch(part.text):
            return PartLook("link", name=part.text, note=urlsplit(part.text).hostname or "")
        runs = ((part.text, part.mention is not None),)
        return PartLook("text", part.text, runs, jumbo=alone and _is_jumbo(part.text))
    if isinstance(part, Link):
        return _link(part, near)
    if isinstance(part, Opaque):
        return _opaque(part, bubble)
    return _media(part, number, bubble, near)


def _link(part: Link, near: Near) -> PartLook:
    """Show a link's card: its picture where this machine has it, else where it is."""
    image = part.preview_image or ""
    source = near(image) if image else ""
    elsewhere = "" if source or not image else f"picture at {urlsplit(image).hostname or 'another place'}"
    host = urlsplit(part.url).hostname or ""
    return PartLook("link", part.title or "", source=source, name=part.url, note=host, badge=elsewhere)


def _opaque(part: Opaque, bubble: Bubble) -> PartLook:
    kind = _CARDS.get(part.kind, part.kind)
    return _OPAQUE.get(kind, _anything)(part, bubble)


def _contact(part: Opaque, bubble: Bubble) -> PartLook:
    name = part.data.get("name")
    ours = f"{title_of(bubble.thread.vendor)} · {bubble.thread.line}" if bubble.ours else ""
    return PartLook("contact", str(name or ours or "Contact"), note="Contact card")


def _location(part: Opaque, _: Bubble) -> PartLook:
    north, east = (part.data.get(name) for name in ("latitude", "longitude"))
    if not isinstance(north, int | float) or not isinstance(east, int | float):
        return PartLook("location", "Location", note=", ".join(str(value) for value in part.data.values())[:200])
    where = f"{abs(north):.4f}° {'N' if north >= 0 else 'S'}, {abs(east):.4f}° {'E' if east >= 0 else 'W'}"
    return PartLook("location", "Location", note=where)


def _sticker(part: Opaque, _: Bubble) -> PartLook:
    return PartLook("sticker", str(part.data.get("name") or "Sticker"))


def _unvoted_poll(part: Opaque, _: Bubble) -> PartLook:
    options = part.data.get("options")
    texts = [str(option) for option in options] if isinstance(options, list | tuple) else []
    title = part.data.get("title")
    return PartLook(
        "poll", str(title) if title else "", options=tuple(OptionLook(text, (), 0, mine=False) for text in texts)
    )


def _anything(part: Opaque, _: Bubble) -> PartLook:
    return PartLook("opaque", part.kind, note=", ".join(str(value) for value in part.data.values())[:200])


_OPAQUE: dict[str, Callable[[Opaque, Bubble], PartLook]] = {
    "contact": _contact,
    "location": _location,
    "poll": _unvoted_poll,
    "sticker": _sticker,
}


def _poll(look: PartLook, bubble: Bubble, address: str, world: World) -> PartLook:
    """Put the votes on a poll."""
    total = sum(len(voters) for voters in bubble.votes.values())
    options = []
    for option in look.options:
        voters = bubble.votes.get(option.text, [])
        names = tuple("You" if voter == address else name_of(world, voter) for voter in voters)
        options.append(
            OptionLook(option.text, names, round(100 * len(voters) / total) if total else 0, address in voters)
        )
    return replace(look, options=tuple(options), note=f"{total} vote{'' if total == 1 else 's'}")


def _media(part: Media, number: int, bubble: Bubble, near: Near) -> PartLook:
    kind, name = kind_of(part), _name(part)
    source, elsewhere = _source(part, number, bubble, near)
    ending = name.rpartition(".")[2].upper() if "." in name else ""
    note = " · ".join(piece for piece in (elsewhere or _WORDS[kind], size_words(_size(part))) if piece)
    badge = ending if len(ending) < 6 else ""
    if kind == "image" and (not source or _type_of(part) not in _SHOWN):
        kind = "photo"  # elsewhere, or HEIC and the like: phones show it, browsers do not
    if kind == "video" and not source:
        kind = "file"
    if kind == "contact":
        return PartLook(kind, name.rpartition(".")[0] or name, source=source, name=name, note="Contact card")
    seed = sha256((part.url or name).encode("utf-8", "surrogatepass")).digest() * 2
    bars = tuple(3 + seed[at] % 15 for at in range(_BARS)) if kind == "audio" else ()
    words = (getattr(part, "transcript", None) or "") if isinstance(part, Voice) else ""
    return PartLook(kind, words, source=source, name=name, note=note, badge=badge, bars=bars)


def _size(part: Media) -> int | None:
    return part.size if part.size is not None or part.data is None else len(part.data)


def _source(part: Media, number: int, bubble: Bubble, near: Near) -> tuple[str, str]:
    """Find the bytes on this machine: a path on this server, or else a note on where they are."""
    if part.url and (path := near(part.url)):
        return path, ""
    if part.url:
        return "", f"{_WORDS[kind_of(part)]} at {urlsplit(part.url).hostname or 'another place'}"
    if part.data is not None:
        vendor, message = quote(bubble.thread.vendor, safe=""), quote(bubble.vendor_id, safe="")
        return f"/_phone/media/{vendor}/{message}/{number}", ""
    return "", _WORDS[kind_of(part)]


def _type_of(part: Media) -> str:
    known: Any = part.media_type or mimetypes.guess_type(_name(part))[0]
    return known or ""


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
    # a flag is two letters of a country's code
    letters = sum("\U0001f1e6" <= character <= "\U0001f1ff" for character in shown)
    return count - letters // 2 <= _MOST_EMOJI
