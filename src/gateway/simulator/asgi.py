"""ASGI, as little of it as the simulator needs: read a bounded body, answer, fall silent, reset."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

__all__ = ["Receive", "Scope", "Send", "TooLarge", "answer", "body_of", "headers_of", "raw_path_of", "reset"]

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# on, and not for a second; Windows keeps the two numbers in half the space
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class TooLarge(Exception):
    """The body is larger than the limit."""


async def body_of(receive: Receive, limit: int) -> bytes | None:
    """Read a body of at most `limit` bytes; None when the client left. Raises `TooLarge`."""
    read = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        read += message.get("body", b"")
        if len(read) > limit:
            raise TooLarge
        if not message.get("more_body", False):
            return bytes(read)


def headers_of(scope: Scope) -> dict[str, str]:
    """Give the headers, names in lower case; values of one name are joined with commas."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def raw_path_of(scope: Scope) -> str:
    """Give the path as it was on the wire, without the query."""
    raw = scope.get("raw_path") or scope["path"].encode()
    return str(raw.partition(b"?")[0].decode("latin-1"))


async def answer(send: Send, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
    """Send a whole answer."""
    shown = {**headers, "content-length": str(len(body))}
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in shown.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def reset(receive: Receive, send: Send) -> None:
    """Reset the connection, so that the client sees it break; the request has no answer.

    ASGI has no word for this: the server's own transport is behind the bound method that it gave as `send`.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError("this server does not let a connection be reset; run the simulator with uvicorn")
    plug = transport.get_extra_info("socket")
    if plug is not None:
        with contextlib.suppress(OSError):  # the client may have been killed, and its socket be closed already
            # without waiting for what is still to be sent: the kernel then says RST instead of FIN
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
    # the server must know of it before the application returns without an answer, or it would complain
    while (await receive())["type"] != "http.disconnect":
        pass
