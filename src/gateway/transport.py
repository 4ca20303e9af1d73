"""HTTP: clients, bounds, and what an error of the road makes certain; the only file that imports the HTTP client.

The two transports send one `Call` and give its `Reply`, for `drive` and `drive_blocking`. What they raise:

* `Unreachable`, certain: no name, no route, no connection, no TLS, no free place: not a byte of the call left.
* `VendorFault`, not certain: anything after that. No answer in time, a reset, half an answer, one that is no HTTP, one
  that is too long. An idle connection which the vendor closes just then is no exception: what was written into it may
  have been read.
* `InvalidRequest`, `ContentRefused`, `Unauthorized`, certain: the call cannot be written as HTTP.

No error carries the URL, a header or the client's own exception, which holds the whole request with its credentials.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import re
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from http.cookiejar import CookieJar
from importlib.metadata import PackageNotFoundError, version
from typing import Any, BinaryIO, NamedTuple, TypeAlias, TypedDict
from urllib.parse import quote, urlencode

import httpcore
import httpx
from pydantic import JsonValue
from pydantic_core import PydanticSerializationError, to_json

from gateway.carrier import Carrier, Request, Response, Target, target_of
from gateway.drive import BrokenExchange
from gateway.errors import (
    ConfigurationError,
    ContentRefused,
    InvalidRequest,
    SendError,
    Unauthorized,
    Unreachable,
    VendorFault,
)
from gateway.exchange import Blob, Call, Reply
from gateway.failpoints import Point, reach
from gateway.legible import legible
from gateway.log import logger
from gateway.provider import Provider

__all__ = [
    "ANSWER_LIMIT",
    "BlobOpener",
    "BlockingTransport",
    "ClientError",
    "PlainClient",
    "Timeouts",
    "Transport",
    "certificates",
    "open_file",
    "plain_carrier",
    "plain_client",
]

_log = logger("gateway.transport")

ANSWER_LIMIT = 1024 * 1024
"""Bytes of an answer, unpacked: vendors' answers are a few kilobytes, a page of history some tens."""

_LIMIT = 16
"""Calls of a connection in flight, unless it is told otherwise."""

_KEEP_ALIVE = 5.0
# Seconds. Short on purpose: a connection that the vendor closes while a call is written into it makes a send unknown.

ClientError: TypeAlias = httpx.HTTPError
"""Base of what a `PlainClient` raises when there is no answer, for callers who may not import the HTTP client."""

BlobOpener: TypeAlias = Callable[[Blob], BinaryIO]
"""Opens the bytes of a blob for reading, at their beginning; raises `OSError` where there are none."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds."""

    connect: float = 5.0
    """For name, connection and TLS, each."""
    read: float = 30.0
    """For the next bytes of the answer."""
    write: float = 15.0
    """For the next bytes of the call to leave."""
    pool: float = 10.0
    """For a free place among the calls in flight."""
    total: float = 60.0
    """For the whole call once it has a place: it ends an answer that comes byte by byte."""


def open_file(blob: Blob) -> BinaryIO:
    """Open a blob whose source is the path of a file."""
    return open(blob.source, "rb")  # noqa: PTH123 the type of `Path.open` is wider


# ── clients ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _agent() -> str:
    try:
        return f"messaging-gateway/{version('messaging-gateway')}"
    except PackageNotFoundError:  # run from the sources, not installed
        return "messaging-gateway/0"


_AGENT = _agent()
_quiet: ContextVar[bool] = ContextVar("gateway_transport_quiet", default=False)


class _Mute(logging.Filter):
    """Drops the HTTP client's own log lines about our calls: they carry whole URLs, hence phone numbers."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _quiet.get()


for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks"):
    logging.getLogger(_name).addFilter(_Mute())


class _Unlogged:
    """Keeps what happens within it out of the HTTP client's log; a class, since every call goes through it."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _quiet.set(True)

    def __exit__(self, *_: object) -> None:
        _quiet.reset(self._token)


@functools.cache
def certificates() -> ssl.SSLContext:
    """Share one context for TLS: reading the certificates takes longer than a call."""
    context = httpx.create_ssl_context(trust_env=False)
    context.set_alpn_protocols(["http/1.1"])
    return context


class _Settings(TypedDict):
    verify: ssl.SSLContext
    trust_env: bool
    follow_redirects: bool
    limits: httpx.Limits
    cookies: CookieJar


class _NoCookies(CookieJar):
    """Takes no cookies: an API has its key, and looking for them costs more than reading the answer."""

    def extract_cookies(self, response: object, request: object) -> None:
        """Leave them."""

    def set_cookie(self, cookie: object) -> None:
        """Leave it."""


def _settings(limit: int) -> _Settings:
    """Give what all our clients have: nothing from the environment, no redirects (they would carry the key away)."""
    limits = httpx.Limits(max_connections=limit, max_keepalive_connections=limit, keepalive_expiry=_KEEP_ALIVE)
    return {
        "verify": certificates(),
        "trust_env": False,
        "follow_redirects": False,
        "limits": limits,
        "cookies": _NoCookies(),
    }


class PlainClient(httpx.AsyncClient):
    """An HTTP client whose lines are kept out of the logs: paths and queries may hold numbers and tokens."""

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request, like the client it is, without a line in the log."""
        with _Unlogged():
            return await super().send(request, **options)


def plain_client(timeout: float) -> PlainClient:
    """Make a client for addresses of our own: no environment, no redirects, `timeout` seconds for each phase.

    What it raises when there is no answer is a `ClientError`.
    """
    return PlainClient(timeout=timeout, headers={"user-agent": _AGENT}, **_settings(_LIMIT))


def plain_carrier() -> Carrier:
    """Make what carries many requests to addresses of our own, with nothing in their way; its caller bounds them."""
    return Carrier(certificates(), _KEEP_ALIVE)


# ── from a call to a request ──────────────────────────────────────────────────────────────────────────────────────

_PATH = re.compile(r"/[!\"$->@-~]*")  # visible ASCII, without the signs that begin a query or a fragment
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"(?:[!-~](?:[ -~\t]*[!-~])?)?")


@dataclass(frozen=True, slots=True)
class _Place:
    """A URL, for the HTTP client and for connections of our own."""

    url: httpx.URL
    target: Target


class _Written(NamedTuple):
    """A call as a request, before it is one of the HTTP client's."""

    method: str
    place: _Place
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes | None
    waits: httpx.Timeout
    form: httpx.Request | None = None
    """The whole of it where it has files: the HTTP client knows how to write them."""

    def request(self) -> httpx.Request:
        """Give it to the HTTP client."""
        extensions = {"timeout": self.waits.as_dict()}
        return self.form or httpx.Request(
            self.method, self.place.url, headers=self.headers, content=self.body, extensions=extensions
        )

    def direct(self, total: float) -> Request:
        """Give it to a connection of our own; what leaves is the same."""
        if self.form is not None:
            stream = self.form.stream
            assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - a form can be read both ways
            return Request(self.method, self.place.target, self.form.headers.raw, stream, self.waits, total)
        headers = [(b"Host", self.place.url.netloc)]
        headers += [(name.encode("ascii"), value.encode("ascii")) for name, value in self.headers.items()]
        if self.body is not None or self.method in _WITH_A_BODY:
            headers.append((b"Content-Length", b"%d" % len(self.body or b"")))
        return Request(self.method, self.place.target, headers, self.body or b"", self.waits, total)


_WITH_A_BODY = frozenset({"POST", "PUT", "PATCH"})
"""Methods of which it is said that there is no body, where there is none (RFC 9110, 8.6)."""


class _Writer:
    """Writes calls of one connection as requests; no I/O but the opening of blobs."""

    def __init__(self, provider: Provider[Any], connection: str, timeouts: Timeouts, open_blob: BlobOpener) -> None:
        self._provider = provider
        self._connection = connection
        self._bases = {name: str(_base(connection, name, url)) for name, url in provider.bases().items()}
        self._open_blob = open_blob
        self._waits = httpx.Timeout(
            connect=timeouts.connect, read=timeouts.read, write=timeouts.write, pool=timeouts.pool
        )

    def write(self, call: Call, files: ExitStack) -> _Written:
        """Make the request, credentials included; raises certain errors, since nothing has left."""
        try:
            return self._request(self._provider.authorize(call), call, files)
        except (UnicodeEncodeError, PydanticSerializationError):  # half of a surrogate pair, from an emoji that was cut
            raise InvalidRequest("the message has text that is no Unicode", hint="look for a cut emoji") from None
        except httpx.InvalidURL:
            raise InvalidRequest("the call makes no URL", hint="look for an id that is far too long") from None

    def _request(self, signed: Call, call: Call, files: ExitStack) -> _Written:
        headers = {"accept": "application/json", "accept-encoding": "gzip", "user-agent": _AGENT}
        body = None
        if signed.json is not None and not signed.files:
            headers["content-type"] = "application/json"
            body = to_json(signed.json)
        headers |= {name.lower(): value for name, value in _checked(signed.headers, call.headers).items()}
        written = _Written(signed.method, self._place(signed), headers, body, self._waits)
        return written._replace(form=self._form(signed, written, files)) if signed.files else written

    def _form(self, call: Call, written: _Written, files: ExitStack) -> httpx.Request:
        return httpx.Request(
            call.method,
            written.place.url,
            headers=written.headers,
            data=_fields(call.json),
            files=self._opened(call.files, files),
            extensions={"timeout": self._waits.as_dict()},
        )

    def _place(self, call: Call) -> _Place:
        """Put base, path and query together."""
        base = self._bases.get(call.base)
        if base is None:
            raise BrokenExchange(f"{self._provider.name} has no base {call.base!r}")
        query = f"?{urlencode(call.params, quote_via=quote, safe='')}" if call.params else ""
        place = _joined(base, call.path, query)
        if place is None:
            raise BrokenExchange(f"{self._provider.name} made a path that is not percent-encoded: use path()")
        return place

    def _opened(self, blobs: Mapping[str, Blob], files: ExitStack) -> dict[str, tuple[str, BinaryIO, str]]:
        """Open the blobs; the client reads them in pieces while it sends."""
        opened = {}
        for field, blob in blobs.items():
            if not _HEADER_VALUE.fullmatch(blob.media_type):
                raise ContentRefused("a file has a media type that no header may hold", hint="name its type")
            blob.name.encode()  # a name that is no Unicode fails here, while there is nothing to close
            try:
                source = self._open_blob(blob)
            except OSError as error:
                words = f"a file of the message cannot be opened ({type(error).__name__})"
                raise ContentRefused(words, hint="check that the file exists and can be read") from None
            opened[field] = (blob.name, files.enter_context(source), blob.media_type)
        return opened


@functools.lru_cache(1024)  # taking a URL apart takes as long as writing the whole request, and chats come again
def _joined(whole: str, path: str, query: str) -> _Place | None:
    """Make a URL; None where the client would not leave the path as it was encoded."""
    base = httpx.URL(whole)
    target = f"{base.raw_path.decode().rstrip('/')}{path}{query}".encode()
    if not _PATH.fullmatch(path):
        return None
    url = base.copy_with(raw_path=target)
    if url.raw_path != target:
        return None
    return _Place(url, target_of(url, target))


def _base(connection: str, name: str, url: str) -> httpx.URL:
    """Check a base URL once; raises `ConfigurationError`, without the URL: it may have a password in it."""
    try:
        base = httpx.URL(url)
    except httpx.InvalidURL:
        base = httpx.URL()
    if base.scheme not in ("http", "https") or not base.host or base.userinfo or base.query or base.fragment:
        hint = "a base is http or https, a host and perhaps a path, without user, query and fragment"
        raise ConfigurationError(f"the base URL {name!r} of the connection {connection!r} is wrong", hint=hint)
    return base


def _checked(signed: Mapping[str, str], asked: Mapping[str, str]) -> Mapping[str, str]:
    """Refuse what cannot be a header before the client does, whose words would quote the value."""
    for name, value in signed.items():
        if _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value):
            continue
        if asked.get(name) == value:
            raise InvalidRequest(f"the header {name!r} has a value that no header may hold", hint="use plain ASCII")
        raise Unauthorized(
            "the credentials hold characters that no header may hold",
            hint="look for a line break or a typographic character in the connection's key",
        )
    return signed


def _fields(body: JsonValue) -> dict[str, str]:
    """Give a JSON object as the fields of a form: text as it is, everything else as JSON, None left out."""
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise BrokenExchange("a call with files has a JSON object for its fields, or none")
    return {
        name: value if isinstance(value, str) else to_json(value).decode()
        for name, value in body.items()
        if value is not None
    }


# ── from a response to a reply ────────────────────────────────────────────────────────────────────────────────────


class _UnreadableError(Exception):
    """The answer cannot be used; the text says why, without a word of it."""


class _Reader:
    """Collects an answer within its bound."""

    def __init__(self, status: int, headers: Iterable[tuple[bytes, bytes]], most: int) -> None:
        self._status = status
        self._headers = _by_name(headers)
        self._most = most
        self._body = bytearray()
        self._expect()

    def _expect(self) -> None:
        """Give up at once on an answer that says it is too long."""
        length = self._headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self._most:
            self._too_long()

    def _too_long(self) -> None:
        raise _UnreadableError(f"it is longer than {self._most} bytes")

    def add(self, piece: bytes) -> None:
        """Keep a piece, as it was on the wire."""
        self._body += piece
        if len(self._body) > self._most:
            self._too_long()

    def reply(self, *, unpacked: bool = False) -> Reply:
        """Give the whole answer; `unpacked` where the client has undone the compression already."""
        body = bytes(self._body)
        if not unpacked:
            body = self._unpack(body, self._headers.get("content-encoding", "identity").strip().lower())
        return Reply(self._status, self._headers, legible(body))

    def _unpack(self, body: bytes, encoding: str) -> bytes:
        """Undo gzip, which is all that we ask for, never making more than the bound: a bomb is a thousandfold."""
        if encoding == "identity" or not body:
            return body
        if encoding not in ("gzip", "x-gzip", "deflate"):
            raise _UnreadableError("it is packed in a way that was not asked for")
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: the header tells gzip from zlib
        try:
            unpacked = unpacker.decompress(body, self._most + 1)
        except zlib.error:
            raise _UnreadableError("it is not packed as it says") from None
        if len(unpacked) > self._most:
            self._too_long()
        if not unpacker.eof:
            raise _UnreadableError("it ends too early")
        return unpacked


def _by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Give headers by lower-case name; what comes several times is joined with commas."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), _text(raw_value)
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _text(value: bytes) -> str:
    """Read the value of a header, of which the standards say no more than that it is bytes."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


# ── from an error of the road to ours ─────────────────────────────────────────────────────────────────────────────

# Errors that the client raises before it writes the request; for everything else the vendor may have read it.
_NOTHING_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
# OSError: a file of the call that cannot be read to its end, and TLS errors, which the client passes on as they are.
_ROAD = (httpx.HTTPError, httpx.StreamError, OSError, _UnreadableError)


def _lost(error: Exception) -> SendError:
    """Tell what an error of the road means; only its class's name and our own words go on."""
    if isinstance(error, _NOTHING_LEFT):
        words = f"no connection to the vendor ({type(error).__name__})"
        return Unreachable(words, hint="check the network, the name and the port")
    if isinstance(error, _UnreadableError):
        return VendorFault(f"the answer could not be read: {error}", hint="look at the vendor's status page")
    return VendorFault(f"no answer ({type(error).__name__})", hint="it may have been carried out all the same")


def _full(limit: int, seconds: float) -> Unreachable:
    words = f"{limit} calls were in flight for {seconds:g} seconds, nothing left"
    return Unreachable(words, hint="send more slowly, or raise the connection's limit")


def _late(seconds: float) -> VendorFault:
    return VendorFault(f"no whole answer in {seconds:g} seconds", hint="it may have been carried out all the same")


class _Base:
    """What both transports are made of."""

    def __init__(
        self,
        provider: Provider[Any],
        *,
        connection: str,
        limit: int,
        timeouts: Timeouts,
        max_answer: int,
        open_blob: BlobOpener,
    ) -> None:
        if limit < 1 or max_answer < 1:
            raise ConfigurationError(f"the connection {connection!r} needs a limit of 1 or more")
        self._provider = provider.name
        self._connection = connection
        self._limit = limit
        self._timeouts = timeouts
        self._max_answer = max_answer
        self._writer = _Writer(provider, connection, timeouts, open_blob)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._connection}>"

    def _finish(self, call: Call, outcome: Reply | Exception, began: float) -> Reply:
        """Note the call, and give its reply or raise its error.

        Raised here and not where it arose: a traceback, and the error it came from, keep the request alive with its
        credentials in it, for whatever prints them.
        """
        told = outcome.status if isinstance(outcome, Reply) else type(outcome).__name__
        _log.debug(
            "call_ended",
            connection=self._connection,
            provider=self._provider,
            method=call.method,
            path=call.template,
            outcome=told,
            seconds=round(time.perf_counter() - began, 3),
        )
        if isinstance(outcome, Reply):
            return outcome
        if isinstance(outcome, SendError):
            outcome.locate(provider=self._provider, connection=self._connection)
        raise outcome.with_traceback(None)


def _roads() -> tuple[object, object]:
    """Name the two places below a client where mocks, recorders and tracers put themselves."""
    return httpx.AsyncHTTPTransport.handle_async_request, httpcore.AsyncConnectionPool.handle_async_request


_ROADS = _roads()


def _is_untouched() -> bool:
    """Tell whether nobody stands in the HTTP client's way: a test that mocks it must not send a message."""
    return _roads() == _ROADS


class Transport(_Base):
    """Carries the calls of one connection.

    `send` is what `drive` asks for. `client`, for tests and special networks, is used as it is and left open; without
    it the transport has connections of its own, and a client that only stands for them: where somebody has put a mock
    or a tracer in its place, that is asked. At most `limit` calls are in flight, and an answer has at most `max_answer`
    bytes.
    """

    def __init__(
        self,
        provider: Provider[Any],
        *,
        connection: str,
        client: httpx.AsyncClient | None = None,
        limit: int = _LIMIT,
        timeouts: Timeouts = Timeouts(),
        max_answer: int = ANSWER_LIMIT,
        open_blob: BlobOpener = open_file,
    ) -> None:
        super().__init__(
            provider,
            connection=connection,
            limit=limit,
            timeouts=timeouts,
            max_answer=max_answer,
            open_blob=open_blob,
        )
        self._own = client is None
        self._client = client if client is not None else httpx.AsyncClient(**_settings(limit))
        self._carrier = plain_carrier()
        self._places = asyncio.Semaphore(limit)

    async def send(self, call: Call) -> Reply:
        """Carry one call; raises `SendError`, certain or not, where there is no answer that can be read."""
        began = time.perf_counter()
        return self._finish(call, await self._outcome(call), began)

    async def aclose(self) -> None:
        """Close the connections; calls after that are `Unreachable`."""
        if self._own:
            await self._client.aclose()
        await self._carrier.aclose()

    async def retire(self) -> None:
        """Let the calls under way end, take no more, and close: another transport has taken this one's place."""
        for _ in range(self._limit):
            await self._places.acquire()
        await self.aclose()

    async def _outcome(self, call: Call) -> Reply | Exception:
        if self._places.locked():
            try:
                async with asyncio.timeout(self._timeouts.pool):
                    await self._places.acquire()
            except TimeoutError:
                return _full(self._limit, self._timeouts.pool)
        else:
            await self._places.acquire()
        try:
            return await self._carry(call)
        finally:
            self._places.release()

    async def _carry(self, call: Call) -> Reply | Exception:
        with ExitStack() as files:
            try:
                written = self._writer.write(call, files)
            except (SendError, BrokenExchange) as error:
                return error
            if self._client.is_closed:
                return Unreachable("the connection was closed here", hint="send before the gateway is closed")
            try:
                return await self._exchange(written)
            except TimeoutError:
                return _late(self._timeouts.total)
            except _ROAD as error:
                return _lost(error)

    async def _exchange(self, written: _Written) -> Reply:
        client, total = self._client, self._timeouts.total
        if self._own:
            road = client._transport_for_url(written.place.url)  # noqa: SLF001 - what a mock of the client takes the place of
            if road is client._transport and _is_untouched():  # noqa: SLF001 - as above
                # Straight to a connection: redirects, authentication, cookies and hooks, which we have none of, and the
                # client's own pool cost more than all the rest that is done here.
                return await self._carrier.carry(written.direct(total), self._take)
            sent = road.handle_async_request(written.request())
        else:
            sent = client.send(written.request(), stream=True, auth=None, follow_redirects=False)
        async with asyncio.timeout(total):
            with _Unlogged():
                return await self._take_through_client(await sent)

    async def _take(self, response: Response) -> Reply:
        reach(Point.SENT)
        reader = _Reader(response.status, response.headers, self._max_answer)
        async for piece in response.pieces:
            reader.add(piece)
        return reader.reply()

    async def _take_through_client(self, response: httpx.Response) -> Reply:
        reach(Point.SENT)
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - an asynchronous client has no other
        try:
            reader = _Reader(response.status_code, response.headers.raw, self._max_answer)
            if response.is_stream_consumed:  # made in memory, by a mock: the client has read and unpacked it
                reader.add(response.content)
                return reader.reply(unpacked=True)
            async for piece in stream:
                reader.add(piece)
            return reader.reply()
        finally:
            await stream.aclose()


class BlockingTransport(_Base):
    """The same for `drive_blocking`, on any number of threads.

    The total deadline is looked at between the pieces of an answer, so it may be overrun by one read timeout.
    """

    def __init__(
        self,
        provider: Provider[Any],
        *,
        connection: str,
        client: httpx.Client | None = None,
        limit: int = _LIMIT,
        timeouts: Timeouts = Timeouts(),
        max_answer: int = ANSWER_LIMIT,
        open_blob: BlobOpener = open_file,
    ) -> None:
        super().__init__(
            provider,
            connection=connection,
            limit=limit,
            timeouts=timeouts,
            max_answer=max_answer,
            open_blob=open_blob,
        )
        self._own = client is None
        self._client = client if client is not None else httpx.Client(**_settings(limit))
        self._places = threading.BoundedSemaphore(limit)

    def send(self, call: Call) -> Reply:
        """Carry one call; raises `SendError`, certain or not, where there is no answer that can be read."""
        began = time.perf_counter()
        return self._finish(call, self._outcome(call), began)

    def close(self) -> None:
        """Close the connections; calls after that are `Unreachable`."""
        if self._own:
            self._client.close()

    def _outcome(self, call: Call) -> Reply | Exception:
        if not self._places.acquire(timeout=self._timeouts.pool):
            return _full(self._limit, self._timeouts.pool)
        try:
            return self._carry(call)
        finally:
            self._places.release()

    def _carry(self, call: Call) -> Reply | Exception:
        with ExitStack() as files, _Unlogged():
            try:
                request = self._writer.write(call, files).request()
            except (SendError, BrokenExchange) as error:
                return error
            if self._client.is_closed:
                return Unreachable("the connection was closed here", hint="send before the gateway is closed")
            try:
                return self._exchange(request)
            except TimeoutError:
                return _late(self._timeouts.total)
            except _ROAD as error:
                return _lost(error)

    def _exchange(self, request: httpx.Request) -> Reply:
        deadline = time.monotonic() + self._timeouts.total
        response = self._client.send(request, stream=True, auth=None, follow_redirects=False)
        try:
            reader = _Reader(response.status_code, response.headers.raw, self._max_answer)
            if response.is_stream_consumed:  # made in memory, by a mock: the client has read and unpacked it
                reader.add(response.content)
                return reader.reply(unpacked=True)
            for piece in response.iter_raw():
                reader.add(piece)
                if time.monotonic() > deadline:
                    raise TimeoutError
            return reader.reply()
        finally:
            response.close()
