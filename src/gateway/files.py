"""Files that the gateway serves, so that vendors that take URLs can fetch what was given as bytes or as a file.

The URL holds the hash of the bytes: it cannot be guessed, and changed bytes have a new one (a vendor may cache by URL).
"""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from gateway.clock import Clock
from gateway.errors import InvalidMessage
from gateway.exchange import Reply
from gateway.model import Attachment, Media, Message, Part, Voice
from gateway.store.port import Store
from gateway.store.rows import FileRow

__all__ = ["PREFIX", "hosted", "serve"]

PREFIX = "files"
"""Segment of the path under which files are served."""

MOST = 100 * 1024 * 1024
"""Bytes of one file."""

MOST_NAME = 80
"""Characters of the name in a URL."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


async def hosted(messages: Sequence[Message], public_url: str, store: Store, clock: Clock) -> tuple[Message, ...]:
    """Replace bytes and files by URLs below `public_url`; raises `InvalidMessage` for a file that cannot be read."""
    return tuple([await _hosted_message(message, public_url, store, clock) for message in messages])


async def _hosted_message(message: Message, public_url: str, store: Store, clock: Clock) -> Message:
    if not any(isinstance(part, Media) and part.url is None for part in message.parts):
        return message
    parts = tuple([await _hosted_part(part, public_url, store, clock) for part in message.parts])
    return message.model_copy(update={"parts": parts})


async def _hosted_part(part: Part, public_url: str, store: Store, clock: Clock) -> Part:
    if not isinstance(part, Attachment | Voice) or part.url is not None:
        return part
    data = part.data if part.data is not None else await asyncio.to_thread(_read, part.file or Path())
    name = part.name or (part.file.name if part.file else "file")
    media_type = part.media_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    digest = hashlib.sha256(data).hexdigest()
    await store.keep_file(FileRow(digest=digest, name=name, media_type=media_type, data=data, kept_at=clock.now()))
    url = f"{public_url.rstrip('/')}/{PREFIX}/{digest}/{_segment(name)}"
    update = {"url": url, "file": None, "data": None, "media_type": media_type, "size": len(data)}
    return part.model_copy(update=update)


def _segment(name: str) -> str:
    """Make the last segment of the URL: the name as it is, unless that is too long for the vendors' 256 characters."""
    whole = quote(name.replace("/", "-"), safe="")
    return whole if len(whole) <= MOST_NAME else quote(_UNSAFE.sub("-", name)[-MOST_NAME:], safe="")


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MOST:
            raise InvalidMessage(f"a file has at most {MOST} bytes", hint="send a smaller one, or a URL")
        return file.read_bytes()
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InvalidMessage(f"the file {file.name} cannot be read: {why}", hint="check its path") from None


async def serve(path: str, store: Store) -> Reply:
    """Answer a request for `…/files/{digest}/{name}`; a browser is told to keep it, and not to run it."""
    digest = next((segment for segment in path.split("/") if _DIGEST.fullmatch(segment)), "")
    file = await store.file(digest)
    if file is None:
        return Reply(404, {"content-type": "text/plain"}, b"no such file\n")
    headers = {
        "content-type": file.media_type,
        "content-disposition": "attachment",
        "content-security-policy": "sandbox",
        "x-content-type-options": "nosniff",
        "cache-control": "public, max-age=31536000, immutable",
    }
    return Reply(200, headers, file.data)
