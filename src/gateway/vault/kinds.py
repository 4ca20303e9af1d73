"""What a file is: by whoever gave it, by its name, and by its bytes. The three are kept, and may differ."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

from gateway.fitting.media import ending_of, one_name_of, type_of_name

__all__ = ["HEAD", "INLINE", "Kind", "kind_of", "named"]

HEAD = 16 * 1024
"""Bytes of the beginning that are looked at."""

NO_TYPE = "application/octet-stream"

INLINE = frozenset({"audio/mp4", "image/gif", "image/jpeg", "image/png", "image/webp", "video/mp4"})
"""What a browser may show in its place, once the bytes say that it is that; everything else is downloaded."""

_ONE_CONTAINER = (
    frozenset({"audio/mp4", "video/3gpp", "video/mp4", "video/quicktime", "video/x-m4v"}),
    frozenset({"image/heic", "image/heif"}),
)
"""Types whose bytes begin alike; a name may tell them apart where the bytes do not."""

_ZIP = b"PK\x03\x04"
_TEXTUAL = frozenset({"application/json", "application/xml", "application/x-ndjson"})


@dataclass(frozen=True, slots=True)
class Kind:
    """The media types that a file has, by three witnesses; None where one says nothing."""

    declared: str | None = None
    """What the caller said."""
    named: str | None = None
    """What the ending of its name stands for."""
    sniffed: str | None = None
    """What its bytes say."""

    @property
    def agrees(self) -> bool:
        """Tell whether all that is known says the same."""
        known = {witness for witness in (self.declared, self.named, self.sniffed) if witness}
        return len(known) <= 1

    @property
    def served(self) -> str:
        """What it is served as: the bytes are believed first, then the caller, then the name."""
        return self.sniffed or self.declared or self.named or NO_TYPE

    @property
    def inline(self) -> bool:
        """Whether a browser may show it: its bytes say that it is a picture, a film or a voice note."""
        return self.sniffed in INLINE and self.agrees


def kind_of(head: bytes, *, name: str | None = None, declared: str | None = None) -> Kind:
    """Judge a file by its first bytes, its name, and what the caller said.

    Where bytes may be several things, that one which caller or name claim counts.
    """
    said = one_name_of(declared) if declared else None
    said = None if said == NO_TYPE else said
    by_name = type_of_name(name) if name else None
    return Kind(said, by_name, _sniffed(head[:HEAD], (said, by_name)))


def named(name: str | None, kind: Kind) -> str:
    """Give a file a name with an ending, by what it is where it has none."""
    plain = (name or "").replace("\\", "/").rpartition("/")[2].strip().strip(".")
    plain = "".join(character for character in plain if character.isprintable())[-255:] or "file"
    return plain if "." in plain else plain + (ending_of(kind.served) or "")


def _sniffed(head: bytes, claims: tuple[str | None, ...]) -> str | None:
    """Find what bytes say; a claim that they allow is what they say."""
    found = _candidates(head)
    for claim in claims:
        if claim is not None and any(_allows(candidate, claim) for candidate in found):
            return claim
    if head.startswith(_ZIP):
        return "application/zip"  # every office format is one
    return found[0] if found else None


def _allows(candidate: str, claim: str) -> bool:
    if candidate == claim:
        return True
    if candidate == "text/plain":
        return (claim.startswith("text/") and claim != "text/html") or claim in _TEXTUAL
    return any(candidate in family and claim in family for family in _ONE_CONTAINER)


def _candidates(head: bytes) -> tuple[str, ...]:
    """List what bytes may be, most likely first."""
    sniffer = _sniffer()
    if sniffer is None or not head:
        return ()
    try:
        matches = sniffer.magic_string(head)
    except (sniffer.PureError, ValueError):
        return ("text/plain",) if _is_text(head) else ()
    types = (match.mime_type or type_of_name(match.extension) for match in matches)
    return tuple(dict.fromkeys(one_name_of(found) for found in types if found))


def _is_text(head: bytes) -> bool:
    """Tell text from anything else; the last character may be cut."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\n\r\f" for character in text)


def _sniffer() -> ModuleType | None:
    """Give the library that knows bytes; without it nothing is shown in its place, and all else is the same."""
    try:
        import puremagic  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    return puremagic
