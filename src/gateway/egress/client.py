"""The client: a look at every connection, and answers within bounds."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import ssl
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import httpx

from gateway.carrier import Carrier, Request, Response, Target
from gateway.egress.places import PUBLIC, Place, Rules, allowed, loopback, place_of
from gateway.errors import GatewayError
from gateway.hosts import Addresses
from gateway.transport import certificates

__all__ = ["Answer", "Egress", "EgressFailed", "EgressRefused", "Stream"]

T = TypeVar("T")

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


class _Guard:
    """Tells a carrier where a host is, once it has looked at every address that the name leads to."""

    def __init__(self, allowed: Callable[[str], bool], resolve: Addresses, refuse: Callable[[str, str], EgressRefused]):
        self._allowed = allowed
        self._resolve = resolve
        self._refuse = refuse

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Give the addresses; it is to these that the carrier goes, and nobody resolves the name again."""
        try:
            addresses = list(dict.fromkeys(await self._resolve(host, port)))
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise EgressFailed("the host's name is not known", code="name", hint="look at its spelling and its DNS")
        if not all(map(self._allowed, addresses)):
            raise self._refuse("address", "the host's name leads to an address that is not public")
        return addresses


# ── the client ────────────────────────────────────────────────────────────────────────────────────────────────────


class _Pool:
    """The connections to one origin."""

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier
        self.busy = 0
        """Requests that are under way, or wait for a connection."""
        self._places = asyncio.Semaphore(_CONNECTIONS)

    @contextlib.asynccontextmanager
    async def place(self, ends: float) -> AsyncIterator[None]:
        """Wait for a connection to be free, until a time of the loop."""
        self.busy += 1
        try:
            if self._places.locked() and ends < math.inf:
                async with asyncio.timeout_at(ends):
                    await self._places.acquire()
            else:
                await self._places.acquire()
            try:
                yield
            finally:
                self._places.release()
        finally:
            self.busy -= 1


class Egress:
    """Asks addresses of strangers.

    `resolve` and `tls` are for tests. `refusals` counts what was refused, by the rule.
    """

    def __init__(
        self, rules: Rules = PUBLIC, *, resolve: Addresses = _resolve, tls: ssl.SSLContext | None = None
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
            await pool.carrier.aclose()

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

        async def take(answer: Stream) -> Answer:
            body, cut = await _body(answer.pieces, limit)
            return Answer(answer.status, answer.headers, body, cut)

        try:
            return await self.carry(method, url, headers, content, take=take, connect=connect, total=total)
        except TimeoutError:
            raise EgressFailed(
                f"no answer in {total:g} seconds", code="timeout", hint="answer first, and do the work afterwards"
            ) from None

    async def carry(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes = b"",
        *,
        take: Callable[[Stream], Awaitable[T]],
        connect: float = 5.0,
        total: float = math.inf,
    ) -> T:
        """Send a request, and give what `take` makes of the answer; its length is for `take` to bound.

        What is left unread is not waited for. Takes `connect` seconds as `send` does, and `total` for all. Raises
        `EgressRefused`, `EgressFailed`, `TimeoutError` when the time is over, the body's iterator too, and what `take`
        raises.
        """
        place = place_of(url, self.rules, self._refuse)
        loop = asyncio.get_running_loop()
        ends = loop.time() + total
        pool = self._pool(place)
        async with pool.place(ends):
            request = _request(method, place, headers, content, connect, ends - loop.time())
            with _told():
                return await pool.carrier.carry(request, partial(_taken, take))

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _refuse(self, code: str, words: str) -> EgressRefused:
        self.refusals[code] += 1
        return EgressRefused(words, code=code, hint="use https, and a host on the public network")

    def _pool(self, place: Place) -> _Pool:
        pool = self._pools.get(place.origin)
        if pool is None:
            carrier = Carrier(self._tls or certificates(), _KEEP_ALIVE, self._guards[place.scheme])
            pool = self._pools[place.origin] = _Pool(carrier)
        self._pools.move_to_end(place.origin)
        if len(self._pools) > _POOLS:
            self._drop_oldest()
        return pool

    def _drop_oldest(self) -> None:
        """Let go of the origin that was not asked for longest; its idle connections end with the object."""
        for origin, pool in self._pools.items():
            if not pool.busy:
                del self._pools[origin]
                closing = asyncio.ensure_future(pool.carrier.aclose())
                closing.add_done_callback(lambda task: task.cancelled() or task.exception())
                return


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _request(
    method: str, place: Place, headers: Mapping[str, str], content: bytes, connect: float, total: float
) -> Request:
    own = {"host": place.netloc, "accept-encoding": "identity", "content-length": str(len(content))}
    given = own | {name.lower(): value for name, value in headers.items()}
    pairs = [(name.encode("ascii"), value.encode("ascii")) for name, value in given.items()]
    target = Target(place.scheme, place.host, place.port, place.target.encode("ascii"))
    return Request(method, target, pairs, content, httpx.Timeout(None, connect=connect), total)


async def _taken(take: Callable[[Stream], Awaitable[T]], response: Response) -> T:
    async with contextlib.aclosing(_pieces(response)) as pieces:
        return await take(Stream(response.status, _headers(response.headers), pieces))


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Give the headers by lower-case name; what comes several times is joined with commas."""
    found: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _pieces(response: Response) -> AsyncGenerator[bytes]:
    with _told():
        async for piece in response.pieces:
            yield piece


async def _body(pieces: AsyncIterator[bytes], limit: int) -> tuple[bytes, bool]:
    """Read up to `limit` bytes, while there is time; says whether that was not all."""
    body = bytearray()
    with contextlib.suppress(TimeoutError, EgressFailed):
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
    except httpx.ConnectTimeout:
        raise EgressFailed("no connection in time", code="connect", hint="look at the host and its firewall") from None
    except httpx.ConnectError:
        raise EgressFailed("no connection, or no TLS", code="connect", hint="look at host and certificate") from None
    except httpx.TransportError as error:
        raise EgressFailed(
            f"the connection broke ({type(error).__name__})", code="broken", hint="look at the host's own log"
        ) from None
