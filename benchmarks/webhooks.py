"""Webhooks as a vendor sends them, and a sender that costs little: whole requests, made before the clock runs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from itertools import count
from typing import cast

from gateway_blooio.signature import HEADER, sign

__all__ = ["SECRET", "deliver", "requests"]

SECRET = "whsec_0123456789abcdef0123456789abcdef"  # noqa: S105 - made up, for a server that lives for a minute

_NUMBERS = count(1)
_HEAD = (
    "POST /webhooks/main HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{}: {}\r\ncontent-length: {}"
)


def requests(amount: int) -> list[bytes]:
    """Make signed requests, each about another message, of a hundred contacts."""
    moment = str(int(time.time()))
    return [_request(moment, next(_NUMBERS)) for _ in range(amount)]


def _request(moment: str, number: int) -> bytes:
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
    signature = f"t={moment},v1={sign(SECRET, moment, body)}"
    return f"{_HEAD.format(HEADER, signature, len(body))}\r\n\r\n".encode() + body


async def deliver(port: int, wanted: list[bytes], connections: int) -> float:
    """Send requests over so many connections, one at a time on each; gives how many in a second."""
    left = iter(wanted)
    loop = asyncio.get_running_loop()
    senders = [(await loop.create_connection(lambda: _Sender(left), "127.0.0.1", port))[1] for _ in range(connections)]
    begin = time.perf_counter()
    for sender in senders:
        sender.next()
    await asyncio.gather(*(sender.done for sender in senders))
    return len(wanted) / (time.perf_counter() - begin)


class _Sender(asyncio.Protocol):
    """One connection that sends the next request when the last one was answered with 200."""

    def __init__(self, left: Iterator[bytes]) -> None:
        self._left = left
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
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(f"answered {head[:12].decode('ascii', 'replace')}"))
            return
        self._answer = b""
        self.next()


def _length(head: bytes) -> int:
    _, found, rest = head.partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
