"""Files that phones sent: kept in memory, named by their content, and fetched by the application from this machine.

Beside them what stands in for files elsewhere, which no page may ask for.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeAlias
from urllib.parse import quote, unquote, urlsplit

from gateway.simulator.someone import Impossible

__all__ = ["FILES", "Files", "Kept", "Near"]

Near: TypeAlias = Callable[[str], str]
"""Gives the path below the simulator's root of what lies at a URL; empty where this machine does not have it."""

FILES = "/_phone/files/"
"""Where they are, below the simulator's root."""
_MOST_BYTES = 64 * 1024 * 1024
"""All files together; the oldest make room."""
# what a browser shows and cannot run; everything else is only saved
_SHOWN = re.compile(r"image/(?:gif|jpeg|png|webp|avif)|audio/[\w.+-]+|video/[\w.+-]+")
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")


@dataclass(frozen=True, slots=True)
class Kept:
    """One file."""

    id: str
    """From its content: whoever does not have it cannot guess it."""
    name: str
    media_type: str
    content: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """Where it is fetched, below the simulator's root."""
        return f"{FILES}{self.id}/{quote(self.name, safe='')}"

    @property
    def is_shown(self) -> bool:
        """A browser may show it in the page."""
        return _SHOWN.fullmatch(self.media_type) is not None


class Files:
    """All files that phones sent, and those that stand in for others."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._elsewhere: dict[str, str] = {}
        """Ids of files by the URLs that they stand in for."""

    def keep(self, name: str, media_type: str, content: bytes) -> Kept:
        """Keep a file; the same content under the same name is one file. Raises `Impossible` for an empty one."""
        if not content:
            raise Impossible("the file is empty", hint="choose another one", status=422)
        clean = "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if c.isprintable())[:200].strip(". ")
        plain = media_type.partition(";")[0].strip()
        if not _MEDIA_TYPE.fullmatch(plain):
            plain = mimetypes.guess_type(clean)[0] or "application/octet-stream"
        digest = sha256(f"{clean}\n{plain}\n".encode("utf-8", "surrogatepass") + content).hexdigest()[:32]
        kept = self._kept[digest] = Kept(digest, clean or "file", plain, content)
        while sum(len(each.content) for each in self._kept.values()) > _MOST_BYTES and len(self._kept) > 1:
            del self._kept[next(iter(self._kept))]
        return kept

    def stand_in(self, url: str, media_type: str, content: bytes) -> None:
        """Have phones show these bytes for what lies at a URL elsewhere. Raises `Impossible` for an empty file."""
        self._elsewhere[url] = self.keep(unquote(urlsplit(url).path), media_type, content).id

    def near(self, url: str, root: str) -> str:
        """Give the path below the root of what lies at a URL; empty where this machine does not have it."""
        if url.startswith(root + FILES):
            return url.removeprefix(root)
        kept = self._kept.get(self._elsewhere.get(url, ""))
        return kept.path if kept else ""

    def find(self, file_id: str) -> Kept | None:
        """Look a file up by its id."""
        return self._kept.get(file_id)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._elsewhere.clear()
