"""Webhooks as a vendor sends them, and a sender that costs little: whole requests, made before the clock runs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from itertools import count
from typing import cast

from gateway_blooio.signature import HEADER, sign

__all__ = ["SECRET", "deliver", "request", "requests"]

SECRET = "whsec_0123456789abcdef0123456789abcdef"  # noqa: S105 - made up, for a server that lives for a minute

_NUMBERS = count(1)


def request(path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Write a whole POST request of JSON."""
    given = {"host": "127.0.0.1", "content-type": "application/json", **headers, "content-length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def requests(amount: int, path: str = "/webhooks/main") -> list[bytes]:
    """Make signed requests, each about another message, of a hundred contacts."""
    moment = str(int(time.time()))
    return [_request(path, moment, next(_NUMBERS)) for _ in range(amount)]


def _request(path: str, moment: str, number: int) -> bytes:
    body = json.dumps(
        {
            "event": "message.received",
            "message_id": f"msg_{number:012}",
            "external_id": f"+1202555{number % 100:04}",
            "internal_id": "+15557654321",
            "sender": f"+1202555{number % 100:04}",
            "text": f"This is message number {number}. " + "It says a little more than hello. " * 8,
            "attachments": [],
            "protocol": "imessage",
            "is_group": False,
            "timestamp": int(moment) * 1000,
            "received_at": int(moment) * 1000 - 500,
        }
    ).encode()
    return request(path, {HEADER: f"t={moment},v1={sign(SECRET, moment, body)}"}, body)


async def deliver(port: int, wanted: list[bytes], connections: int, status: int = 200) -> float:
    """Send requests over so many connections, one at a time on each; gives how many in a second.

    All of them have to be answered with `status`.
    """
    left = iter(wanted)
    loop = asyncio.get_running_loop()
    senders = [
        (await loop.create_connection(lambda: _Sender(left, status), "127.0.0.1", port))[1] for _ in range(connections)
    ]
    begin = time.perf_counter()
    for sender in senders:
        sender.next()
    await asyncio.gather(*(sender.done for sender in senders))
    return len(wanted) / (time.perf_counter() - begin)


class _Sender(asyncio.Protocol):
    """One connection that sends the next request when the last one was answered as it should be."""

    def __init__(self, left: Iterator[bytes], status: int) -> None:
        self._left = left
        self._wanted = f"HTTP/1.1 {status}".encode()
        self._answer = b""
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError("the server closed a connection"))

    def next(self) -> None:
        """Send one more, or end."""
        assert self._transport is not None  # noqa: S101 - asyncio has called `connection_made`
        request = next(self._left, None)
        if request is not None:
            self._transport.write(request)
            return
        self.done.set_result(None)
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head.lower()):
            return
        if not head.startswith(self._wanted):
            self.done.set_exception(RuntimeError(f"answered {head[:12].decode('ascii', 'replace')}"))
            return
        self._answer = b""
        self.next()


def _length(head: bytes) -> int:
    _, found, rest = head.partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
