"""A vendor's API that does nothing but answer: a process of its own, so that only the client is measured.

It reads a request as far as it has to, and answers 202 with a new message id. Usage: `python -m benchmarks.vendor`; it
prints the port that it took.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from typing import cast

__all__: list[str] = []

_ANSWER = b"HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
_NUMBERS = count(1)


class _Answers(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            length = _length(self._data[:end].lower())
            if len(self._data) < end + 4 + length:
                return
            self._data = self._data[end + 4 + length :]
            self._answer()

    def _answer(self) -> None:
        assert self._transport is not None  # noqa: S101 - asyncio has called `connection_made`
        body = b'{"message_id":"msg_%012d","status":"queued"}' % next(_NUMBERS)
        self._transport.write(_ANSWER % (len(body), body))


def _length(head: bytes) -> int:
    _, found, rest = head.partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Answers, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
