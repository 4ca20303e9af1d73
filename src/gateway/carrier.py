"""Connections to vendors that are kept: HTTP/1.1 by h11 over sockets of asyncio, in a plain stack.

The HTTP client serves several event loops through anyio, which takes turns of the loop for each read and write, and it
walks its whole pool at the start and the end of each request: that is three quarters of what a request costs. Here is
the same protocol machine that it uses, h11, and nothing between it and the socket. Its errors are the HTTP client's, so
that what an error makes certain is said in one place, whoever raised it.
"""

from __future__ import annotations

import asyncio
import functools
import math
import select
import ssl
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import h11
import httpx

from gateway.hosts import Addresses, reached

__all__ = ["Carrier", "Headers", "Request", "Response", "Target", "posted", "target_of"]

T = TypeVar("T")

Headers: TypeAlias = list[tuple[bytes, bytes]]

_MOST_AHEAD = 256 * 1024
"""Bytes that are taken from a socket before anybody has asked for them."""

_MOST_HEAD = 100 * 1024
"""Bytes of an answer's head, and of the size of a chunk."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes."""

    scheme: str
    host: str
    port: int
    path: bytes = field(repr=False)
    """With the query, encoded."""

    @property
    def origin(self) -> tuple[str, str, int]:
        """What connections are kept by."""
        return self.scheme, self.host, self.port


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it is written; of a body in pieces the headers say how long it is."""

    method: str
    target: Target
    headers: Headers = field(repr=False)
    body: bytes | AsyncIterable[bytes] = field(repr=False)
    waits: httpx.Timeout
    """Seconds for each phase."""
    total: float = math.inf
    """Seconds for all of it, until the whole answer is read."""


def target_of(url: httpx.URL, path: bytes) -> Target:
    """Say where a path of a URL's host is."""
    port = url.port or (443 if url.scheme == "https" else 80)
    return Target(url.scheme, url.raw_host.decode("ascii"), port, path)


def posted(url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Request:
    """Write a POST to a whole URL, with `seconds` for each phase; raises `httpx.InvalidURL` for what is none."""
    host, target = _place(url)
    pairs = [(b"Host", host), *((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items())]
    return Request("POST", target, [*pairs, (b"Content-Length", b"%d" % len(body))], body, httpx.Timeout(seconds))


@functools.lru_cache(256)  # one application gets many
def _place(url: str) -> tuple[bytes, Target]:
    parsed = httpx.URL(url)
    return parsed.netloc, target_of(parsed, parsed.raw_path)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer whose head was read."""

    status: int
    headers: Headers = field(repr=False)
    """As the vendor spells them."""
    pieces: AsyncIterator[bytes] = field(repr=False)
    """The body, as it comes."""


class Carrier:
    """Carries requests over connections that it keeps for `keep` seconds after their last answer.

    It has as many connections as there are requests at once; whoever uses it bounds them. `addresses` tells where a
    host is, each time that a connection is made.
    """

    def __init__(self, tls: ssl.SSLContext, keep: float, addresses: Addresses | None = None) -> None:
        self._tls = tls
        self._keep = keep
        self._addresses = addresses
        self._idle: defaultdict[tuple[str, str, int], list[_Connection]] = defaultdict(list)
        self._closed = False

    async def carry(self, request: Request, take: Callable[[Response], Awaitable[T]]) -> T:
        """Send a request, and give what `take` makes of its answer; that has to read all of it.

        Raises what `take` raises, and the HTTP client's own errors: `ConnectError` and `ConnectTimeout` where nothing
        has left, another one where something may have. `TimeoutError` where the time for all of it is over.
        """
        end = asyncio.get_running_loop().time() + request.total
        idle = self._idle[request.target.origin]
        connection = _usable(idle) or _Connection(await self._connected(request, end))
        try:
            answer = await take(await connection.ask(request, end))
        except BaseException:
            connection.close()
            raise
        if not self._closed and connection.rests(until=time.monotonic() + self._keep):
            idle.append(connection)
            _drop_oldest(idle)
        else:
            connection.close()
        return answer

    async def _connected(self, request: Request, end: float) -> _Socket:
        """Open a connection; raises `ConnectError` and `ConnectTimeout`, and `TimeoutError` at the end of all time."""
        async with asyncio.timeout_at(end if end < math.inf else None):
            return await _opened(request.target, request.waits.connect, self._tls, self._addresses)

    async def aclose(self) -> None:
        """Close the connections that are idle; one that carries a request is closed after its answer, not kept."""
        self._closed = True
        for idle in self._idle.values():
            while idle:
                idle.pop().close()
        await asyncio.sleep(0)  # the loop closes the sockets in its next turn, if it has one


def _usable(idle: list[_Connection]) -> _Connection | None:
    """Take the connection that was used last, unless its time is over or the vendor has closed it."""
    while idle:
        connection = idle.pop()
        if connection.is_usable:
            return connection
        connection.close()
    return None


def _drop_oldest(idle: list[_Connection]) -> None:
    """Close the connections at the bottom whose time is over: the ones above are taken before them."""
    while len(idle) > 1 and not idle[0].is_usable:
        idle.pop(0).close()


# ── one connection ────────────────────────────────────────────────────────────────────────────────────────────────


class _Connection:
    """Carries one request after the other."""

    def __init__(self, socket: _Socket) -> None:
        self._socket = socket
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD)
        self._until = 0.0

    async def ask(self, request: Request, end: float) -> Response:
        """Write a request, and read the head of its answer; whatever is waited for is waited for until `end`."""
        self._socket.end = end
        try:
            await self._write(request)
            head = await self._event(request.waits.read)
            while isinstance(head, h11.InformationalResponse) and head.status_code != _SWITCHING:
                head = await self._event(request.waits.read)
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from None
        if not isinstance(head, h11.Response):
            raise httpx.RemoteProtocolError("the answer is none")
        return Response(head.status_code, head.headers.raw_items(), self._pieces(request.waits.read))

    async def _write(self, request: Request) -> None:
        http, socket, seconds = self._http, self._socket, request.waits.write
        data = http.send(h11.Request(method=request.method, target=request.target.path, headers=request.headers))
        if isinstance(request.body, bytes):
            # head and body leave together: one packet in place of two
            data += (http.send(h11.Data(data=request.body)) or b"") if request.body else b""
        else:
            async for piece in request.body:
                await socket.write(data + (http.send(h11.Data(data=piece)) or b""), seconds)
                data = b""
        await socket.write(data + (http.send(h11.EndOfMessage()) or b""), seconds)

    async def _pieces(self, seconds: float | None) -> AsyncIterator[bytes]:
        while isinstance(event := await self._event(seconds), h11.Data):
            yield bytes(event.data)

    async def _event(self, seconds: float | None) -> object:
        """Give the next thing that the vendor says."""
        http = self._http
        try:
            while (event := http.next_event()) is h11.NEED_DATA:
                data = await self._socket.read(seconds)
                if not data and http.their_state is h11.SEND_RESPONSE:
                    raise httpx.RemoteProtocolError("the connection ended without an answer")
                http.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from None
        return event

    def rests(self, *, until: float) -> bool:
        """Get ready for another request; False where there cannot be one: half an answer is left, or too much came."""
        http = self._http
        if http.our_state is not h11.DONE or http.their_state is not h11.DONE or http.trailing_data != (b"", False):
            return False
        http.start_next_cycle()
        self._until = until
        return True

    @property
    def is_usable(self) -> bool:
        """Tell whether a request may be written: the vendor has closed nothing, and said nothing unasked."""
        return time.monotonic() < self._until and not self._socket.has_news

    def close(self) -> None:
        """Drop the connection, and what has not left."""
        self._socket.transport.abort()


_SWITCHING = 101
"""The one informational answer that ends HTTP: we never ask for it."""


# ── sockets ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _opened(target: Target, seconds: float | None, tls: ssl.SSLContext, addresses: Addresses | None) -> _Socket:
    made: _Socket | None = None
    try:
        async with asyncio.timeout(seconds):
            _, made = await reached(_Socket, target.host, target.port, addresses)
        if target.scheme == "https":
            async with asyncio.timeout(seconds):
                await made.secure(tls, target.host)
    except (OSError, UnicodeError) as error:  # an error of TLS is an OSError; UnicodeError: no host has such a name
        if made is not None:
            made.transport.abort()
        kind = httpx.ConnectTimeout if isinstance(error, TimeoutError) else httpx.ConnectError
        raise kind(type(error).__name__) from None
    except BaseException:
        if made is not None:
            made.transport.abort()
        raise
    return made


class _Socket(asyncio.Protocol):
    """Keeps what arrives until it is asked for."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._lost: Exception | None = None
        self._ended = False
        self._full = False
        self._data = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._until = 0.0
        """When who waits has waited long enough, by the clock of the loop."""
        self._timer: asyncio.TimerHandle | None = None
        self.end = math.inf
        """When the time of the whole request is over."""

    async def secure(self, tls: ssl.SSLContext, host: str) -> None:
        """Agree on TLS."""
        loop = asyncio.get_running_loop()
        upgraded = await loop.start_tls(self.transport, self, tls, server_hostname=host)
        if upgraded is None:  # it was closed meanwhile
            raise ConnectionAbortedError
        self.transport = upgraded

    async def read(self, seconds: float | None) -> bytes:
        """Give what has arrived, nothing at the end; raises `ReadError` where that was no orderly one."""
        if not self._data and not self._ended:
            self.transport.resume_reading()
            if not await self._wait(seconds):
                raise httpx.ReadTimeout("nothing came")
        if not self._data and self._lost is not None:
            raise httpx.ReadError(type(self._lost).__name__)
        data = bytes(self._data)
        self._data.clear()
        return data

    async def write(self, data: bytes, seconds: float | None) -> None:
        """Write, and wait while the other side does not read; at an end there is still to be read what it said."""
        self.transport.write(data)
        while self._full and not self._ended:
            if not await self._wait(seconds):
                raise httpx.WriteTimeout("nothing left")

    @property
    def has_news(self) -> bool:
        """Tell whether there is something to read, or nothing will be any more."""
        return bool(self._data) or self._ended or _is_readable(self.transport.get_extra_info("socket"))

    async def _wait(self, seconds: float | None) -> bool:
        """Wait for the next thing that happens; False when nothing did in time.

        Raises `TimeoutError` when the time of the whole request is over.
        """
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        self._until = self.end if seconds is None else min(loop.time() + seconds, self.end)
        # in place of `asyncio.timeout`: this is waited for in every call, and hardly ever for long
        if self._timer is None or self._timer.when() > self._until:
            self._look_at(loop)
        try:
            await waiter
        except TimeoutError:
            if self._until == self.end:
                raise
            return False
        finally:
            self._waiter = None
        return True

    def _look_at(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have somebody look when it is time; a timer that is there already serves one wait after the other."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(self._until, self._look, loop) if self._until < math.inf else None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End a wait that has been long enough; one that began since the timer was set goes on."""
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if loop.time() < self._until:
            self._look_at(loop)
        else:
            self._waiter.set_exception(TimeoutError())

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # ── what asyncio tells ────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read only when asked: what comes before a TLS handshake belongs to it."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream has no other
        self.transport = transport
        transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > _MOST_AHEAD:
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._lost = True, exc
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()


def _is_readable(socket: Any) -> bool:
    """Ask the system: the loop may not have had a turn since the vendor closed the connection."""
    number = socket.fileno() if socket is not None else -1
    if number < 0:
        return True
    if sys.platform == "win32" or not hasattr(select, "poll"):
        return bool(select.select([number], [], [], 0)[0])
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))
