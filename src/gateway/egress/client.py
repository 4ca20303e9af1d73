"""The client: a look at every connection, and answers within bounds; the only file that imports httpcore for this."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, TypeAlias

import httpcore

from gateway.egress.places import PUBLIC, Place, Rules, allowed, loopback, place_of
from gateway.errors import GatewayError

__all__ = ["Answer", "Egress", "EgressFailed", "EgressRefused", "Stream"]

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a name, as text; raises `OSError`."""

_POOLS = 256
"""Origins to which connections are kept."""
_KEEP_ALIVE = 20.0
"""Seconds that an idle connection is kept; a second request into one that was closed is only tried again."""
_CONNECTIONS = 16
"""Connections to one origin."""


class EgressRefused(GatewayError):
    """This address may not be asked; no connection was made. `code` says which rule it is."""


class EgressFailed(GatewayError):
    """There is no answer: no name, no connection, no TLS, or nothing in time. `code` says at which stage."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes = field(repr=False)
    """As much as was asked for."""
    cut: bool = False
    """True when there was more of it, or it did not come in time."""


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body is still to be read."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes] = field(repr=False)


async def _resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


# ── the look at the connection ────────────────────────────────────────────────────────────────────────────────────


class _Guard(httpcore.AsyncNetworkBackend):
    """Connects for a pool: resolves, looks at every address, and goes to one of them."""

    def __init__(self, allowed: Callable[[str], bool], resolve: Resolve, refuse: Callable[[str, str], EgressRefused]):
        self._allowed = allowed
        self._resolve = resolve
        self._refuse = refuse
        self._road = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the base's own parameter
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a name or an address; `timeout` seconds for both steps together."""
        try:
            async with asyncio.timeout(timeout):
                return await self._first(await self._addresses(host, port), port, local_address, socket_options)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the base's own parameter
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: no URL leads there."""
        raise self._refuse("address", "a socket in the file system is no address")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = list(dict.fromkeys(await self._resolve(host, port)))
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise EgressFailed("the host's name is not known", code="name", hint="look at its spelling and its DNS")
        if not all(map(self._allowed, addresses)):
            raise self._refuse("address", "the host's name leads to an address that is not public")
        return addresses

    async def _first(
        self, addresses: Sequence[str], port: int, local_address: str | None, options: Iterable[Any] | None
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers, of those that were looked at."""
        failed: Exception = httpcore.ConnectError()
        for address in addresses:
            try:
                return await self._road.connect_tcp(address, port, None, local_address, options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


# ── the client ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Pool:
    client: httpcore.AsyncConnectionPool
    busy: int = 0


@cache
def _certificates() -> ssl.SSLContext:
    """Read the certificates once, and when somebody is first asked: it takes longer than asking."""
    return httpcore.default_ssl_context()


class Egress:
    """Asks addresses of strangers.

    `resolve` and `tls` are for tests. `refusals` counts what was refused, by the rule.
    """

    def __init__(
        self, rules: Rules = PUBLIC, *, resolve: Resolve = _resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        self.rules = rules
        self.refusals: Counter[str] = Counter()
        self._tls = tls
        self._guards = {
            "https": _Guard(partial(allowed, rules=rules), resolve, self._refuse),
            "http": _Guard(loopback, resolve, self._refuse),
        }
        self._pools: OrderedDict[tuple[str, str, int], _Pool] = OrderedDict()

    def check(self, url: str) -> None:
        """Look at a URL before it is kept; raises `EgressRefused`, without quoting it. Resolves no name."""
        place_of(url, self.rules, self._refuse)

    async def aclose(self) -> None:
        """Close all connections."""
        pools, self._pools = list(self._pools.values()), OrderedDict()
        for pool in pools:
            await pool.client.aclose()

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes = b"",
        *,
        connect: float = 5.0,
        total: float = 15.0,
        limit: int = 64 * 1024,
    ) -> Answer:
        """Send a request; gives the answer with at most `limit` bytes of its body.

        Takes `connect` seconds for name and connection, the same for TLS, and `total` for all. A body that does not
        come in time is left there: the status says what became of the request. Raises `EgressRefused`, `EgressFailed`.
        """
        ends = asyncio.get_running_loop().time() + total
        try:
            async with (
                asyncio.timeout_at(ends) as waiting,
                self.stream(method, url, headers, content, connect=connect) as answer,
            ):
                waiting.reschedule(None)  # the head is here; the body has a deadline of its own
                body, cut = await _body(answer.pieces, ends, limit)
                return Answer(answer.status, answer.headers, body, cut)
        except TimeoutError:
            raise EgressFailed(
                f"no answer in {total:g} seconds", code="timeout", hint="answer first, and do the work afterwards"
            ) from None

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes = b"", *, connect: float = 5.0
    ) -> AsyncIterator[Stream]:
        """Send a request, and lend the answer while its body is read; total time and length are the caller's to bound.

        Raises `EgressRefused` and `EgressFailed`, the body's iterator too.
        """
        place = place_of(url, self.rules, self._refuse)
        own = {"host": place.netloc, "accept-encoding": "identity", "content-length": str(len(content))}
        request = httpcore.Request(
            method,
            httpcore.URL(
                scheme=place.scheme.encode(), host=place.host.encode(), port=place.port, target=place.target.encode()
            ),
            headers=list((own | {name.lower(): value for name, value in headers.items()}).items()),
            content=content,
            extensions={"timeout": {"connect": connect}},
        )
        pool = self._pool(place)
        pool.busy += 1
        try:
            with _told():
                response = await pool.client.handle_async_request(request)
            try:
                yield Stream(response.status, _headers(response), _pieces(response))
            finally:
                await response.aclose()
        finally:
            pool.busy -= 1

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _refuse(self, code: str, words: str) -> EgressRefused:
        self.refusals[code] += 1
        return EgressRefused(words, code=code, hint="use https, and a host on the public network")

    def _pool(self, place: Place) -> _Pool:
        pool = self._pools.get(place.origin)
        if pool is None:
            client = httpcore.AsyncConnectionPool(
                ssl_context=self._tls or _certificates(),
                max_connections=_CONNECTIONS,
                max_keepalive_connections=_CONNECTIONS,
                keepalive_expiry=_KEEP_ALIVE,
                network_backend=self._guards[place.scheme],
            )
            pool = self._pools[place.origin] = _Pool(client)
        self._pools.move_to_end(place.origin)
        if len(self._pools) > _POOLS:
            self._drop_oldest()
        return pool

    def _drop_oldest(self) -> None:
        """Let go of the origin that was not asked for longest; its idle connections end with the object."""
        for origin, pool in self._pools.items():
            if not pool.busy:
                del self._pools[origin]
                closing = asyncio.ensure_future(pool.client.aclose())
                closing.add_done_callback(lambda task: task.cancelled() or task.exception())
                return


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _headers(response: httpcore.Response) -> dict[str, str]:
    """Give the headers by lower-case name; what comes several times is joined with commas."""
    found: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _pieces(response: httpcore.Response) -> AsyncIterator[bytes]:
    with _told():
        async for piece in response.aiter_stream():
            yield piece


async def _body(pieces: AsyncIterator[bytes], ends: float, limit: int) -> tuple[bytes, bool]:
    """Read up to `limit` bytes until a time of the loop; says whether that was not all."""
    body = bytearray()
    with contextlib.suppress(TimeoutError, EgressFailed):
        async with asyncio.timeout_at(ends):
            async for piece in pieces:
                body += piece
                if len(body) > limit:
                    return bytes(body[:limit]), True
            return bytes(body), False
    return bytes(body), True


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say what an error of the road means, without the request that the client's own exception may hold."""
    try:
        yield
    except httpcore.ConnectTimeout:
        raise EgressFailed("no connection in time", code="connect", hint="look at the host and its firewall") from None
    except httpcore.ConnectError:
        raise EgressFailed("no connection, or no TLS", code="connect", hint="look at host and certificate") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
        raise EgressFailed(
            f"the connection broke ({type(error).__name__})", code="broken", hint="look at the host's own log"
        ) from None
