"""HTTP/1.1 for uvicorn with what it does not hold by itself: a deadline for the head of a request, and its size.

uvicorn waits for ever for the first byte of a connection and for the end of a head. Here both have the receive
deadline, one address has a bounded number of connections, and what is no HTTP is answered with a problem document.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, ClassVar, cast

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.log import logger
from gateway.server.problems import Fault
from gateway.server.requests import new_request_id

__all__ = ["PAUSE", "Bounded", "bounded"]

_log = logger(__name__)

PAUSE = 5
"""Seconds that a connection may idle between two requests."""


LINGER = 2.0
"""Seconds for which what is still on its way is read and dropped after an early answer."""


class _Lingering:
    """A transport that is closed without cutting off the answer.

    A socket that is closed with something unread in it is reset, and the other side may never see the answer that is
    on its way, such as that it sends too much. So our side ends first, and the rest is dropped for a while.
    """

    def __init__(self, transport: asyncio.Transport, protocol: Bounded) -> None:
        self._transport = transport
        self._protocol = protocol
        self.ending = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self.ending or self._transport.is_closing()

    def close(self) -> None:
        if self.ending:
            return
        if not self._protocol.expects_more or self._transport.is_closing() or not self._transport.can_write_eof():
            self._transport.close()
            return
        self.ending = True
        self._transport.write_eof()
        self._transport.resume_reading()
        self._protocol.loop.call_later(LINGER, self._transport.close)


class Bounded(H11Protocol):
    """One connection of a client."""

    seconds: ClassVar[float] = 10
    per_address: ClassVar[int] = 200
    open: ClassVar[Counter[str]] = Counter()

    def __init__(self, config: Config, server_state: Any, app_state: dict[str, Any], **more: Any) -> None:
        super().__init__(config, server_state, app_state, **more)
        self._deadline: asyncio.TimerHandle | None = None
        self._address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        self._lingering = _Lingering(transport, self)
        super().connection_made(cast("asyncio.Transport", self._lingering))
        self._address = self.client[0] if self.client else ""
        self.open[self._address] += 1
        if self.per_address and self.open[self._address] > self.per_address:
            self._refuse(Fault(429, "too_many_requests", "too many connections from one address", retry_after=1))
            return
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self.open[self._address] -= 1
        if self.open[self._address] <= 0:
            del self.open[self._address]
        super().connection_lost(exc)

    @property
    def expects_more(self) -> bool:
        """Tell whether a part of the request is still on its way."""
        if self.conn.their_state is h11.IDLE:
            return bool(self.conn.trailing_data[0])  # else the client rests between two requests
        return self.conn.their_state in {h11.SEND_BODY, h11.ERROR, h11.MUST_CLOSE}

    def data_received(self, data: bytes) -> None:
        if self._lingering.ending:
            return
        before = self.scope
        super().data_received(data)
        if self.scope is not before:
            self._stop_waiting()
        elif self._deadline is None and self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            # the next head has begun: from its first byte on it has its own time
            self._wait()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, or has too long a head."""
        self._stop_waiting()
        if "header" in msg.lower() or self._head_is_too_long():
            size = self.config.h11_max_incomplete_event_size
            self._refuse(Fault(431, "headers_too_large", f"the head of a request has at most {size} bytes"))
        else:
            self._refuse(Fault(400, "bad_request", "this is no HTTP request"))

    def _head_is_too_long(self) -> bool:
        most = self.config.h11_max_incomplete_event_size or 0
        return self.conn.our_state is h11.IDLE and len(self.conn.trailing_data[0]) > most

    def _wait(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(self.seconds, self._late)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        _log.info("request_cut", why="slow head")
        detail = f"the head of the request did not arrive within {self.seconds:g} seconds"
        self._refuse(Fault(408, "request_timeout", detail, retryable=True))

    def _refuse(self, fault: Fault) -> None:
        """Answer without a request, and hang up."""
        if self.transport.is_closing():
            return
        status, headers, body = fault.answer(path="/", request_id=new_request_id())
        lines = [f"HTTP/1.1 {status} {fault.code}", *(f"{name}: {value}" for name, value in headers.items())]
        head = "\r\n".join([*lines, f"content-length: {len(body)}", "connection: close", "", ""])
        self.transport.write(head.encode("latin-1") + body)
        self.transport.close()


def bounded(*, seconds: float, per_address: int) -> type[Bounded]:
    """Make the protocol of one server; with 0 the connections of an address are not counted."""
    return type("BoundedHere", (Bounded,), {"seconds": seconds, "per_address": per_address, "open": Counter()})
