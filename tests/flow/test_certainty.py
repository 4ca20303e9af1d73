"""What happened on the road, and what that makes certain: the table that decides whether a send may be repeated.

Every row is played with real sockets, for every transport that we accept. A row that comes out certain although the
vendor has read the call is a message sent twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeAlias

import httpx
import pytest

from gateway.drive import Send
from gateway.errors import SendError, Unreachable, VendorFault
from gateway.exchange import Call, Repeat, Reply, path
from gateway.transport import BlockingTransport, Timeouts, Transport
from tests.road import PHONE, SECRET, Script, Wire, always_fine, closed_port, road_provider, vendor

LIMIT = 2000
"""Bytes that these transports read of an answer."""

PATIENT = Timeouts(connect=60, read=60, write=60, pool=60, total=60)
"""What is waited for comes, however busy the machine is. A row in which a limit runs out has that one short limit, or
on a busy machine another one would be the first."""

POST = Call(
    "POST",
    path("/chats/{chat}/messages", chat=PHONE),
    json={"text": "hello"},
    headers={"Idempotency-Key": "k1"},
    repeat=Repeat.TRACED,
)

Sender: TypeAlias = Callable[..., Any]


@asynccontextmanager
async def by_transport(url: str, timeouts: Timeouts, **options: Any) -> AsyncIterator[Send]:
    """Send by the transport's own client."""
    transport = Transport(road_provider(url), connection="main", timeouts=timeouts, max_answer=LIMIT, **options)
    try:
        yield transport.send
    finally:
        await transport.aclose()


@asynccontextmanager
async def by_given_client(url: str, timeouts: Timeouts, **options: Any) -> AsyncIterator[Send]:
    """Send by a client that somebody else made, with settings of its own."""
    async with httpx.AsyncClient(timeout=None, follow_redirects=True) as client:  # noqa: S113 the transport sets it
        transport = Transport(
            road_provider(url), connection="main", client=client, timeouts=timeouts, max_answer=LIMIT, **options
        )
        yield transport.send
        await transport.aclose()


@asynccontextmanager
async def by_blocking(url: str, timeouts: Timeouts, **options: Any) -> AsyncIterator[Send]:
    """Send by the blocking transport, on a thread."""
    transport = BlockingTransport(road_provider(url), connection="main", timeouts=timeouts, max_answer=LIMIT, **options)

    async def send(call: Call) -> Reply:
        return await asyncio.to_thread(transport.send, call)

    try:
        yield send
    finally:
        transport.close()


every_transport = pytest.mark.parametrize("sender", [by_transport, by_given_client, by_blocking])


async def outcome(send: Send, call: Call = POST) -> Reply | SendError:
    """Send, and take the error for the outcome that it is."""
    try:
        return await send(call)
    except SendError as error:
        return error


def certainty(result: Reply | SendError) -> tuple[type[object], bool]:
    """Tell the kind of outcome, and whether it is certain; an answer is."""
    return type(result), result.certain if isinstance(result, SendError) else True


def words_of(result: Reply | SendError) -> str:
    """Give the message of an error, without where it happened."""
    return result.message if isinstance(result, SendError) else ""


# ── what the vendor does ──────────────────────────────────────────────────────────────────────────────────────────


async def reads_and_closes(wire: Wire) -> None:
    """Take the call, and hang up."""
    await wire.hear()


async def reads_and_resets(wire: Wire) -> None:
    """Take the call, and crash."""
    await wire.hear()
    wire.reset()


async def never_answers(wire: Wire) -> None:
    """Take the call, and think about it for ever."""
    await wire.hear()
    await asyncio.Event().wait()


async def half_a_head(wire: Wire) -> None:
    """Hang up within the head of the answer."""
    await wire.hear()
    await wire.say(b"HTTP/1.1 200 OK\r\nContent-")


async def half_an_answer(wire: Wire) -> None:
    """Hang up within the body of the answer."""
    await wire.hear()
    await wire.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


async def half_an_answer_and_reset(wire: Wire) -> None:
    """Crash within the body of the answer."""
    await wire.hear()
    await wire.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    wire.reset()


async def no_http(wire: Wire) -> None:
    """Answer in another protocol."""
    await wire.hear()
    await wire.say(b"\x16\x03\x01\x00\xff SSH-2.0-OpenSSH\r\n\r\n\r\n")


async def says_it_is_long(wire: Wire) -> None:
    """Announce too much."""
    await wire.hear()
    await wire.answer(b"x" * (LIMIT + 1))


async def is_long(wire: Wire) -> None:
    """Send too much without announcing it."""
    await wire.hear()
    chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    await wire.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk, chunk, chunk, b"0\r\n\r\n")


async def gzip_bomb(wire: Wire) -> None:
    """Send little that becomes much."""
    await wire.hear()
    await wire.answer(gzip.compress(b"0" * 1_000_000), "Content-Encoding: gzip")


async def broken_gzip(wire: Wire) -> None:
    """Send what does not unpack."""
    await wire.hear()
    await wire.answer(b"no gzip", "Content-Encoding: gzip")


async def half_gzip(wire: Wire) -> None:
    """Send what unpacks to its half only."""
    await wire.hear()
    await wire.answer(gzip.compress(b'{"id": 1234567}')[:-9], "Content-Encoding: gzip")


async def packed_otherwise(wire: Wire) -> None:
    """Pack in a way that was not asked for."""
    await wire.hear()
    await wire.answer(b"\x0b\x02\x80{}\x03", "Content-Encoding: br")


async def byte_by_byte(wire: Wire) -> None:
    """Keep the caller waiting, with a sign of life each time."""
    await wire.hear()
    await wire.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        await wire.say(b"x")
        await asyncio.sleep(0.05)


ROWS: list[tuple[Script, Timeouts, str]] = [
    (reads_and_closes, PATIENT, "no answer (RemoteProtocolError)"),
    (reads_and_resets, PATIENT, "no answer (ReadError)"),
    (never_answers, replace(PATIENT, read=0.3), "no answer (ReadTimeout)"),
    (half_a_head, PATIENT, "no answer (RemoteProtocolError)"),
    (half_an_answer, PATIENT, "no answer (RemoteProtocolError)"),
    (half_an_answer_and_reset, PATIENT, "no answer (ReadError)"),
    (no_http, PATIENT, "no answer (RemoteProtocolError)"),
    (says_it_is_long, PATIENT, "the answer could not be read: it is longer than 2000 bytes"),
    (is_long, PATIENT, "the answer could not be read: it is longer than 2000 bytes"),
    (gzip_bomb, PATIENT, "the answer could not be read: it is longer than 2000 bytes"),
    (broken_gzip, PATIENT, "the answer could not be read: it is not packed as it says"),
    (half_gzip, PATIENT, "the answer could not be read: it ends too early"),
    (packed_otherwise, PATIENT, "the answer could not be read: it is packed in a way that was not asked for"),
    (byte_by_byte, replace(PATIENT, total=1.5), "no whole answer in 1.5 seconds"),
]


@every_transport
@pytest.mark.parametrize(("script", "timeouts", "words"), ROWS, ids=[row[0].__name__ for row in ROWS])
async def test_once_the_vendor_has_the_call_nothing_is_certain(
    sender: Sender, script: Script, timeouts: Timeouts, words: str
) -> None:
    """The vendor read the call, once; without an answer that can be read, it may have been carried out."""
    async with vendor(script) as peer, sender(peer.url, timeouts) as send:
        error = await outcome(send)

        assert ((VendorFault, False), words) == (certainty(error), words_of(error))
        assert [b'{"text":"hello"}'] == [heard.body for heard in peer.heard]


@every_transport
async def test_a_call_that_the_vendor_stops_reading_is_not_certain(sender: Sender) -> None:
    """Part of the call is with the vendor: how much of it counts, nobody knows."""

    async def stops_reading(wire: Wire) -> None:
        wire.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    long = Call("POST", "/x", json="x" * 30_000_000)  # more than the system takes on the way
    async with vendor(stops_reading) as peer, sender(peer.url, replace(PATIENT, write=0.3)) as send:
        error = await outcome(send, long)

        assert (VendorFault, False) == certainty(error)


# ── nothing left ──────────────────────────────────────────────────────────────────────────────────────────────────


@every_transport
@pytest.mark.parametrize(
    "url", [closed_port(), "http://gateway-certainty.invalid"], ids=["port closed", "no such name"]
)
async def test_without_a_connection_nothing_left(sender: Sender, url: str) -> None:
    """A closed port and an unknown name are certain."""
    async with sender(url, PATIENT) as send:
        error = await outcome(send)

    assert ((Unreachable, True), "no connection to the vendor (ConnectError)") == (certainty(error), words_of(error))


@every_transport
async def test_without_tls_nothing_left(sender: Sender) -> None:
    """The call is written after the handshake: one that fails or never ends is certain."""

    async def speaks_plainly(wire: Wire) -> None:
        await wire.say(b"220 mail ready\r\n")
        await wire.reader.read(10)

    async def is_silent(_wire: Wire) -> None:
        await asyncio.Event().wait()

    rows = (speaks_plainly, PATIENT, "ConnectError"), (is_silent, replace(PATIENT, connect=0.3), "ConnectTimeout")
    for script, timeouts, words in rows:
        async with vendor(script) as peer, sender(peer.url.replace("http:", "https:"), timeouts) as send:
            error = await outcome(send)

            assert ((Unreachable, True), f"no connection to the vendor ({words})") == (
                certainty(error),
                words_of(error),
            )


@every_transport
async def test_without_a_free_place_nothing_left(sender: Sender) -> None:
    """A call that waits for others in vain is certain."""
    asked, enough = asyncio.Event(), asyncio.Event()

    async def takes_its_time(wire: Wire) -> None:
        await wire.hear()
        asked.set()
        await enough.wait()

    async with vendor(takes_its_time) as peer, sender(peer.url, replace(PATIENT, pool=0.2), limit=1) as send:
        first = asyncio.create_task(outcome(send))
        await asked.wait()
        second = await outcome(send)
        enough.set()

        assert [(VendorFault, False), (Unreachable, True)] == [certainty(await first), certainty(second)]
        assert 1 == len(peer.heard)


# ── connections that were used before ─────────────────────────────────────────────────────────────────────────────


@every_transport
async def test_a_connection_that_closes_just_then_is_not_certain(sender: Sender) -> None:
    """The vendor hangs up an idle connection as the next call is written into it: it may have read it."""

    async def answers_once(wire: Wire) -> None:
        await wire.hear()
        await wire.answer()
        await wire.hear()

    async with vendor(answers_once) as peer, sender(peer.url, PATIENT) as send:
        first, second = await outcome(send), await outcome(send)

        assert 200 == first.status
        assert (VendorFault, False) == certainty(second)
        assert (1, 2) == (peer.connections, len(peer.heard))


@every_transport
@pytest.mark.parametrize("end", [lambda wire: wire.writer.close(), Wire.reset], ids=["closed", "reset"])
async def test_a_connection_that_closed_before_is_replaced(sender: Sender, end: Callable[[Wire], None]) -> None:
    """A connection that is seen to be closed gets no call: it goes over a new one, once."""
    read, gone = asyncio.Event(), asyncio.Event()

    async def answers_and_goes(wire: Wire) -> None:
        await wire.hear()
        await wire.answer()
        await read.wait()  # a reset would take the answer along
        end(wire)
        with contextlib.suppress(ConnectionError):
            await wire.writer.wait_closed()
        gone.set()

    async with vendor(answers_and_goes) as peer, sender(peer.url, PATIENT) as send:
        first = await outcome(send)
        read.set()
        await gone.wait()
        second = await outcome(send)

        assert [200, 200] == [first.status, second.status]
        assert (2, 2) == (peer.connections, len(peer.heard))


@every_transport
async def test_calls_after_the_end_never_leave(sender: Sender) -> None:
    """A transport that was closed says so, certain."""
    async with vendor(always_fine) as peer:
        async with sender(peer.url, PATIENT) as send:
            assert 200 == (await outcome(send)).status
        error = await outcome(send)

        assert ((Unreachable, True), 1) == (certainty(error), len(peer.heard))


# ── what errors give away ─────────────────────────────────────────────────────────────────────────────────────────


def held(error: BaseException) -> str:
    """Everything that a crash report would print of an error: its text, its causes, the variables of its frames."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True, lookup_lines=True)
    ours = [frame for frame in shown.stack if frame.filename.endswith("transport.py")]
    variables = [str(frame.locals) for frame in ours]
    assert variables
    return " ".join([str(error), repr(error), repr(vars(error)), *variables])


@every_transport
@pytest.mark.parametrize(
    "script", [reads_and_closes, reads_and_resets, no_http, broken_gzip], ids=lambda script: script.__name__
)
async def test_an_error_of_the_road_gives_nothing_away(sender: Sender, script: Script) -> None:
    """Neither key nor number nor URL is in the error, its causes, or what its traceback keeps alive."""
    async with vendor(script) as peer, sender(peer.url, PATIENT) as send:
        error = await outcome(send)
        assert isinstance(error, SendError)
        text = held(error)

        assert (None, None) == (error.__cause__, error.__context__)
        assert [] == [leak for leak in (SECRET, PHONE, PHONE[1:], peer.url, "hello") if leak in text]
        assert ("road", "main") == (error.provider, error.connection)
