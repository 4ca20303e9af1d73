"""The bytes behind signed links, as plain ASGI: a vendor fetches them, and a browser cannot run them."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing
from typing import Any, TypeAlias
from urllib.parse import quote

from pydantic_core import to_json

from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.log import logger
from gateway.vault.kinds import HEAD, Kind, kind_of
from gateway.vault.links import PREFIX, Link, Links
from gateway.vault.port import Missing, Vault

__all__ = ["Window", "guarded"]

_log = logger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_MOST_KINDS = 1024
"""Files of which it is remembered what they are."""


def guarded(kind: Kind, name: str) -> dict[str, str]:
    """Give the headers under which a stranger's file is harmless: nothing in it runs, and it is what it says.

    Shown in its place only where its bytes are a picture, a film or a voice note; otherwise downloaded.
    """
    place = "inline" if kind.inline else "attachment"
    return {
        "content-type": kind.served,
        "content-disposition": f"{place}; filename*=UTF-8''{quote(name, safe='')}",
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }


class Window:
    """Serves `…/files/STAMP/DIGEST/NAME`, whole or one range of it; never anything that is not signed."""

    def __init__(self, links: Callable[[], Awaitable[Links]], vault: Vault, clock: Clock) -> None:
        self._links = links
        self._vault = vault
        self._clock = clock
        self._kinds: dict[tuple[str, str], Kind] = {}

    @staticmethod
    def asked(scope: Scope) -> bool:
        """Tell whether a request is for a file."""
        return scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} and f"/{PREFIX}/" in scope["path"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what breaks off in the middle ends without its end, so that nobody takes it for whole."""
        begun = False

        async def noted(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._answer(scope, noted)
        except (Missing, StoreError) as error:
            _log.warning("file_broken_off" if begun else "file_put_off", error=type(error).__name__)
            if not begun:
                await _problem(send, 503, "the files cannot be reached", {"retry-after": "5"})

    async def _answer(self, scope: Scope, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            await _problem(send, 405, "files are fetched by GET", {"allow": "GET, HEAD"})
            return
        # the decoded path would turn `%2F` in a name into a slash; the signature is over what is on the wire
        path = scope.get("raw_path", b"").decode("latin-1").partition("?")[0] or quote(scope["path"])
        link = (await self._links()).read(path)
        if link is None:
            await _problem(send, 404, "there is no such file")
        elif link.until <= self._clock.now():
            await _problem(send, 410, "this link is over: ask for a new one")
        else:
            try:
                size = await self._vault.size(link.digest)
                headers = guarded(await self._kind(link), link.name) | self._caching(link)
            except Missing:
                await _problem(send, 404, "there is no such file")
            else:
                await self._give(scope, send, link, size, headers)

    def _caching(self, link: Link) -> dict[str, str]:
        left = int((link.until - self._clock.now()).total_seconds())
        return {
            "accept-ranges": "bytes",
            "cache-control": f"private, max-age={left}, immutable",
            "etag": f'"{link.digest}"',
        }

    async def _kind(self, link: Link) -> Kind:
        """Look at the first bytes, once for a file and its name."""
        known = self._kinds.get((link.digest, link.name))
        if known is None:
            head = b"".join([piece async for piece in self._vault.read(link.digest, 0, HEAD)])
            known = kind_of(head, name=link.name)
            if len(self._kinds) >= _MOST_KINDS:
                self._kinds.clear()
            self._kinds[link.digest, link.name] = known
        return known

    async def _give(self, scope: Scope, send: Send, link: Link, size: int, headers: dict[str, str]) -> None:
        asked = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if asked.get("if-none-match") == headers["etag"]:
            await _start(send, 304, headers)
            await _end(send)
            return
        whole = (0, size)
        start, end = _range(asked.get("range"), size) if "if-range" not in asked else whole
        if start >= end:
            await _problem(send, 416, "the file is not that long", {"content-range": f"bytes */{size}"})
            return
        part = (start, end) != whole
        if part:
            headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
        headers["content-length"] = str(end - start)
        await _start(send, 206 if part else 200, headers)
        if scope["method"] != "HEAD":
            await _stream(send, self._vault.read(link.digest, start, end))
        await _end(send)


def _range(asked: str | None, size: int) -> tuple[int, int]:
    """Read a `Range` of one piece; anything else asks for the whole (RFC 9110, 14.2). Beyond the end it is empty."""
    match = _RANGE.fullmatch(asked or "")
    if match is None or not (match[1] or match[2]):
        return 0, size
    if not match[1]:
        return max(size - int(match[2]), 0) if int(match[2]) else size, size
    if match[2] and int(match[2]) < int(match[1]):
        return 0, size
    return int(match[1]), min(int(match[2]) + 1, size) if match[2] else size


async def _stream(send: Send, pieces: AsyncGenerator[bytes]) -> None:
    async with aclosing(pieces) as open_pieces:
        async for piece in open_pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _start(send: Send, status: int, headers: dict[str, str]) -> None:
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def _end(send: Send, body: bytes = b"") -> None:
    await send({"type": "http.response.body", "body": body})


async def _problem(send: Send, status: int, title: str, headers: dict[str, str] | None = None) -> None:
    """Answer with a problem document (RFC 9457)."""
    body = to_json({"type": "about:blank", "title": title, "status": status})
    kept = {"content-type": "application/problem+json", "content-length": str(len(body)), "cache-control": "no-store"}
    await _start(send, status, kept | (headers or {}))
    await _end(send, body)
