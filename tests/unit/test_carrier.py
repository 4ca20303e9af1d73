"""Connections that are kept: used again while the vendor keeps them, replaced when not, never read far ahead."""

from __future__ import annotations

import asyncio
import gc
import math
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway import carrier as module
from gateway.carrier import Carrier, Request, Response, Target
from gateway.testing.answering import answering
from tests.road import Wire, always_fine, vendor

WAITS = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}
UNUSED = ssl.create_default_context()


async def whole(response: Response) -> tuple[int, bytes]:
    """Read an answer."""
    return response.status, b"".join([piece async for piece in response.pieces])


def request(url: str, body: bytes = b"", *, phase: float = 5.0, total: float = math.inf) -> Request:
    """Ask for something."""
    made = httpx.URL(url)
    target = Target(made.scheme, made.host, made.port or 80, made.raw_path)
    headers = [(b"Host", made.netloc), (b"Content-Length", b"%d" % len(body))]
    return Request("POST", target, headers, body, httpx.Timeout(phase), total)


@asynccontextmanager
async def carrying(keep: float = 5.0, tls: ssl.SSLContext = UNUSED) -> AsyncIterator[Carrier]:
    """Make a carrier."""
    carrier = Carrier(tls, keep)
    try:
        yield carrier
    finally:
        await carrier.aclose()


# ── which connection ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_connection_carries_one_request_after_the_other() -> None:
    """The one that was used last goes first, so that as many stay open as are needed."""
    async with vendor(always_fine) as peer, carrying() as carrier:
        for _ in range(3):
            assert (200, b"{}") == await carrier.carry(request(peer.url), whole)
        assert 1 == peer.connections

        await asyncio.gather(*(carrier.carry(request(peer.url), whole) for _ in range(3)))
        await asyncio.gather(*(carrier.carry(request(peer.url), whole) for _ in range(3)))

        assert 3 == peer.connections


async def test_a_connection_is_kept_for_its_time_only() -> None:
    """One whose time is over is closed, whether it would be next or lies below those that are used."""
    async with vendor(always_fine) as peer, carrying(keep=0.0) as carrier:
        for _ in range(2):
            await asyncio.gather(*(carrier.carry(request(peer.url), whole) for _ in range(3)))
            await asyncio.sleep(0.01)

        assert 6 == peer.connections
        assert 1 >= sum(len(idle) for idle in carrier._idle.values())


async def test_hosts_have_connections_of_their_own() -> None:
    """No request goes to another host than its own."""
    async with vendor(always_fine) as one, vendor(always_fine) as other, carrying() as carrier:
        for peer in (one, other, one, other):
            await carrier.carry(request(peer.url), whole)

        assert [(1, 2), (1, 2)] == [(peer.connections, len(peer.heard)) for peer in (one, other)]


async def test_a_connection_whose_answer_was_not_read_is_not_used_again() -> None:
    """What is left of the answer would be taken for the next one."""

    async def gives_up(_: Response) -> None:
        raise LookupError

    async with vendor(always_fine) as peer, carrying() as carrier:
        with pytest.raises(LookupError):
            await carrier.carry(request(peer.url), gives_up)
        await carrier.carry(request(peer.url), whole)

        assert 2 == peer.connections


async def test_a_vendor_that_says_more_than_it_was_asked_is_not_asked_again() -> None:
    """What came unasked would be taken for the answer to the next request."""

    async def says_two_things(wire: Wire) -> None:
        await wire.hear()
        await wire.say(2 * b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")
        await wire.hear()

    async with vendor(says_two_things) as peer, carrying() as carrier:
        for _ in range(2):
            assert (200, b"1") == await carrier.carry(request(peer.url), whole)

        assert 2 == peer.connections


async def test_what_comes_before_an_answer_is_none() -> None:
    """A vendor may say that it goes on (RFC 9110, 15.2); that it speaks another protocol from now on, it may not."""

    async def goes_on(wire: Wire) -> None:
        await wire.hear()
        await wire.say(b"HTTP/1.1 102 Processing\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await wire.answer()

    async def switches(wire: Wire) -> None:
        await wire.hear()
        await wire.say(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")

    async with vendor(goes_on) as peer, vendor(switches) as other, carrying() as carrier:
        assert (200, b"{}") == await carrier.carry(request(peer.url), whole)
        with pytest.raises(httpx.RemoteProtocolError):
            await carrier.carry(request(other.url), whole)


async def test_an_answer_may_end_with_its_connection() -> None:
    """Without a length it is as long as the connection lasts."""

    async def just_ends(wire: Wire) -> None:
        await wire.hear()
        await wire.say(b"HTTP/1.0 200 OK\r\n\r\nhello")

    async with vendor(just_ends) as peer, carrying() as carrier:
        for _ in range(2):
            assert (200, b"hello") == await carrier.carry(request(peer.url), whole)

        assert 2 == peer.connections


# ── sockets ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_head_and_body_leave_together() -> None:
    """They are one packet where they fit into one."""
    arrived: list[bytes] = []

    async def notes(wire: Wire) -> None:
        arrived.append(await wire.reader.read(65_536))
        await wire.answer()

    async with vendor(notes) as peer, carrying() as carrier:
        await carrier.carry(request(peer.url, b"hello"), whole)

    assert arrived[0].endswith(b"\r\n\r\nhello")


async def test_a_large_body_leaves_while_it_is_made() -> None:
    """It is not gathered first, and its end arrives."""
    body = bytes(range(256)) * 8_000
    async with vendor(always_fine) as peer, carrying() as carrier:
        await carrier.carry(request(peer.url, body), whole)

        assert [body] == [heard.body for heard in peer.heard]


async def test_nothing_is_read_far_ahead() -> None:
    """A vendor that sends without end waits until somebody asks for more."""
    written = 0

    async def floods(wire: Wire) -> None:
        nonlocal written
        await wire.hear()
        await wire.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            await wire.say(b"x" * 65_536)
            written += 65_536

    async def waits(response: Response) -> int:
        before = -1
        while before != written:
            before = written
            await asyncio.sleep(0.1)
        async for piece in response.pieces:
            return len(piece)
        return 0

    async with vendor(floods) as peer, carrying() as carrier:
        first = await carrier.carry(request(peer.url), waits)

    # what the two sockets hold comes on top; it is some megabytes
    assert first <= 2 * module._MOST_AHEAD
    assert written < 64 * 1024 * 1024


# ── for how long ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_in_small_pieces_ends_with_the_time_for_all_of_it() -> None:
    """Each piece comes in time, and the whole never; what came is not kept for the next request."""

    async def dribbles(wire: Wire) -> None:
        await wire.hear()
        await wire.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not wire.writer.is_closing():
            await wire.say(b"1")
            await asyncio.sleep(0.02)

    async with vendor(dribbles) as peer, carrying() as carrier:
        began = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            await carrier.carry(request(peer.url, phase=0.2, total=0.4), whole)

        assert 0.39 < asyncio.get_running_loop().time() - began < 2
        assert not any(carrier._idle.values())


async def test_each_request_on_a_connection_has_its_own_time() -> None:
    """What an earlier one waited for, and how long it might have, says nothing of a later one."""

    async def grows_slower(wire: Wire) -> None:
        for seconds in (0.0, 0.15, 0.15, 60.0):
            await wire.hear()
            await asyncio.sleep(seconds)
            await wire.answer()

    async with vendor(grows_slower) as peer, carrying() as carrier:
        for phase, total in ((60.0, math.inf), (0.2, math.inf), (0.2, 0.3)):
            assert (200, b"{}") == await carrier.carry(request(peer.url, phase=phase, total=total), whole)
        began = asyncio.get_running_loop().time()
        with pytest.raises(httpx.ReadTimeout):
            await carrier.carry(request(peer.url, phase=0.2, total=0.5), whole)

        assert 0.19 < asyncio.get_running_loop().time() - began < 0.5
        assert 1 == peer.connections


async def test_a_connection_that_is_closed_leaves_no_timer() -> None:
    """Nobody looks after what is not there any more."""
    async with vendor(always_fine) as peer, carrying() as carrier:
        await carrier.carry(request(peer.url, phase=60.0), whole)
        [[connection]] = carrier._idle.values()
        timer = connection._socket._timer
        assert timer is not None

    assert timer.cancelled()


async def test_a_host_that_cannot_be_named_is_no_connection() -> None:
    """A label of a name has 63 characters at most."""
    async with carrying() as carrier:
        with pytest.raises(httpx.ConnectError):
            await carrier.carry(request(f"http://{'a' * 64}.example"), whole)


async def given_up(url: str, turns: int) -> bool:
    """Ask, and give that up after some turns of the loop; tells whether the answer was there before."""
    async with carrying() as carrier:
        asked = asyncio.create_task(carrier.carry(request(url), whole))
        for _ in range(turns):
            await asyncio.sleep(0)
        answered = asked.done()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        return answered


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_request_that_is_given_up_leaves_no_socket(host: str) -> None:
    """At whatever moment: between two turns of the loop a connection may have been made that nobody has taken yet."""
    turns = 0
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always", ResourceWarning)
        async with vendor(always_fine) as peer:
            while not await given_up(peer.url.replace("127.0.0.1", host), turns):
                turns += 1
        gc.collect()

    assert [] == [str(warning.message) for warning in left]


async def test_a_connection_that_was_busy_when_its_carrier_was_closed_is_not_kept() -> None:
    """It ends with its answer: nobody will close it any more."""

    async def closes(response: Response) -> tuple[int, bytes]:
        await carrier.aclose()
        return await whole(response)

    async with vendor(always_fine) as peer, carrying() as carrier:
        assert (200, b"{}") == await carrier.carry(request(peer.url), closes)
        assert 0 == sum(len(idle) for idle in carrier._idle.values())


# ── TLS ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def certificate(folder: Path, name: str) -> Path:
    """Make a certificate that signs itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / f"{name}.pem"
    file.write_bytes(secret + made.public_bytes(encoding))
    return file


@asynccontextmanager
async def over_tls(file: Path) -> AsyncIterator[str]:
    """Serve answers over TLS; gives the URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await always_fine(Wire(reader, writer, []))

    async with answering(serve, tls=context) as port:
        yield f"https://localhost:{port}"


async def test_answers_come_over_tls(tmp_path: Path) -> None:
    """By a certificate that is trusted, once for all requests of a connection."""
    file = certificate(tmp_path, "localhost")
    async with over_tls(file) as url, carrying(tls=ssl.create_default_context(cafile=str(file))) as carrier:
        body = b"x" * 200_000
        answers = [await carrier.carry(request(url, body), whole) for _ in range(2)]

        assert [(200, b"{}")] * 2 == answers
        assert [1] == [len(idle) for idle in carrier._idle.values()]


@pytest.mark.parametrize("name", ["localhost", "elsewhere.example"])
async def test_a_certificate_that_is_not_trusted_is_no_connection(tmp_path: Path, name: str) -> None:
    """Signed by nobody whom we know, or for another host: not a byte of the request leaves."""
    file = certificate(tmp_path, name)
    trusted = ssl.create_default_context(cafile=str(file)) if name != "localhost" else UNUSED
    async with over_tls(file) as url, carrying(tls=trusted) as carrier:
        with pytest.raises(httpx.ConnectError):
            await carrier.carry(request(url), whole)
