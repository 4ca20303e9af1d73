"""Signed URLs of files: short enough for every vendor, no longer valid than said, and made by nobody else.

`PUBLIC_URL/files/STAMP/DIGEST/NAME`: the stamp holds the time until which it works and a signature over all of it; the
digest is that of the bytes, so that changed bytes have a new URL (a vendor may cache by URL). The same file asked for
again within a while has the same URL.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from gateway.errors import ConfigurationError

__all__ = ["LONGEST", "PREFIX", "Link", "Links"]

PREFIX = "files"
"""Segment of the path under which files are served."""

LONGEST = 256
"""Characters of a URL that every vendor takes."""

_STAMP = re.compile(r"([0-9a-f]{1,10})\.([A-Za-z0-9_-]{27})")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LEAST_NAME = 16
_MOST_NAME = 80


@dataclass(frozen=True, slots=True)
class Link:
    """What a signed path says."""

    digest: str
    name: str
    until: datetime


class Links:
    """Makes signed URLs below a public one, and reads them back."""

    def __init__(self, key: bytes, *, lifetime: timedelta) -> None:
        self._key = key
        self._lifetime = lifetime

    def until(self, start: datetime) -> datetime:
        """Tell until when a link works that is needed from a time on: one lifetime at least, less than two."""
        seconds = self._lifetime.total_seconds()
        periods = start.timestamp() // seconds + 2
        return datetime.fromtimestamp(periods * seconds, UTC)

    def make(self, public_url: str, link: Link) -> str:
        """Write a link as a URL; raises `ConfigurationError` where the public URL leaves no room for it."""
        base = f"{public_url.rstrip('/')}/{PREFIX}/"
        # the stamp, the digest and two slashes
        room = LONGEST - len(base) - len(self._stamp(link, "")) - 64 - 2
        if room < _LEAST_NAME:
            raise ConfigurationError(
                f"the public URL is too long: vendors take URLs of {LONGEST} characters", hint="use a shorter one"
            )
        name = _segment(link.name, min(room, _MOST_NAME))
        return f"{base}{self._stamp(link, name)}/{link.digest}/{name}"

    def read(self, path: str) -> Link | None:
        """Read the end of a path; None for one that was not made here. Whether it is still valid, the caller says."""
        pieces = path.rpartition(f"/{PREFIX}/")[2].split("/")
        if len(pieces) != 3:
            return None
        stamp, digest, name = pieces
        match = _STAMP.fullmatch(stamp)
        if match is None or not _DIGEST.fullmatch(digest):
            return None
        if not hmac.compare_digest(self._signed(match[1], digest, name).encode(), stamp.encode()):
            return None
        # only now: a time that nobody signed may be none that there is
        return Link(digest, unquote(name), datetime.fromtimestamp(int(match[1], 16), UTC))

    def _stamp(self, link: Link, name: str) -> str:
        return self._signed(f"{int(link.until.timestamp()):x}", link.digest, name)

    def _signed(self, expiry: str, digest: str, name: str) -> str:
        said = f"{expiry}/{digest}/{name}".encode("utf-8", "surrogatepass")
        signature = hmac.digest(self._key, said, hashlib.sha256)[:20]
        return f"{expiry}.{urlsafe_b64encode(signature).decode().rstrip('=')}"


def _segment(name: str, room: int) -> str:
    """Make the last segment of the URL: the name as it is where it fits, else its safe characters, its ending kept."""
    whole = quote(name.replace("/", "-"), safe="")
    if len(whole) <= room:
        return whole
    stem, dot, ending = _UNSAFE.sub("-", name).rpartition(".")
    if not dot or len(ending) > 8:
        return _UNSAFE.sub("-", name)[-room:]
    return f"{stem[: room - len(ending) - 1]}.{ending}"
