"""Slow, broken and greedy clients: each is answered or cut, and none takes more than its share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.desk import ADMIN_KEY, Desk, config_of, desk

MOST = 5
TIGHT = {"receive": 1.0, "per_address": MOST, "header_bytes": 2048, "json_bytes": 4096, "json_depth": 8, "streams": 1}


@pytest.fixture
async def tight(tmp_path: Path) -> AsyncIterator[Desk]:
    """A service with small limits."""
    async with desk(config_of(tmp_path, limits=TIGHT)) as made:
        yield made


async def raw(desk: Desk, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send bytes as they are, and read until the service hangs up."""
    host, port = desk.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(pause)
            return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\n" % ADMIN_KEY.encode()
JSON = b"content-type: application/json\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((), id="nothing at all"),
        pytest.param((b"GET /livez HTTP/1.1\r\nhost: ",), id="half a head"),
        pytest.param((b"GET /livez HTTP/1.1\r\n", *[b"x-a: b\r\n"] * 4), id="a head that never ends"),
    ],
)
async def test_a_head_that_does_not_arrive_is_cut(tight: Desk, pieces: tuple[bytes, ...]) -> None:
    """At the receive deadline, with an answer that says so."""
    answer = await raw(tight, *pieces, pause=0.4)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in answer


async def test_a_body_that_does_not_arrive_is_cut(tight: Desk) -> None:
    """A body that trickles in has the same time as a whole one."""
    head = HEAD + JSON + b"content-length: 100\r\n\r\n"
    answer = await raw(tight, head, *[b" "] * 5, pause=0.4)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()


async def test_a_webhook_that_does_not_arrive_is_cut(tight: Desk) -> None:
    """By the same setting as everything else."""
    path = f"/webhooks/{await tight.connection()}".encode()
    head = b"POST " + path + b" HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n"
    answer = await raw(tight, head, *[b" "] * 5, pause=0.4)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"within 1 seconds" in answer


async def test_a_connection_may_idle_between_requests_and_not_within_one(tight: Desk) -> None:
    """The deadline of the second head begins with its first byte."""
    one = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
    answer = await raw(tight, one, b"GET /livez", pause=0.6)
    assert (1, 1) == (answer.count(b"HTTP/1.1 200 OK"), answer.count(b"HTTP/1.1 408 "))


async def test_what_is_no_http_gets_a_problem(tight: Desk) -> None:
    """Garbage, and a head that is too long."""
    garbage = await raw(tight, b"\x16\x03\x01\x00 hello\r\n\r\n")
    long = await raw(tight, b"GET /livez HTTP/1.1\r\nhost: x\r\nx-long: " + b"a" * 4000)
    assert [b"400", b"431"] == [answer.split(b" ", 2)[1] for answer in (garbage, long)]
    assert all(b"application/problem+json" in answer for answer in (garbage, long))


async def test_one_address_has_a_bounded_number_of_connections(tight: Desk) -> None:
    """One too many is told to come again, and the others stay."""
    host, port = tight.url.removeprefix("http://").split(":")
    held = [await asyncio.open_connection(host, int(port)) for _ in range(MOST)]
    answer = await raw(tight, b"")
    assert answer.startswith(b"HTTP/1.1 429 ")
    for _, writer in held:
        writer.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"[" * 9 + b"]" * 9, 400, id="deep"),
        pytest.param(b'{"to": 1, "to": 2}', 400, id="one key twice"),
        pytest.param(b'{"to": NaN}', 400, id="no number"),
        pytest.param(b'{"to": "\\ud800"}', 400, id="half a surrogate pair"),
        pytest.param(b'{"to": ' + b"9" * 30 + b"}", 400, id="many digits"),
        pytest.param(b"\xff", 400, id="no text"),
        pytest.param(b'"' + b"a" * 5000 + b'"', 413, id="long"),
        pytest.param(b"[" * 100_000, 413, id="very deep and long"),
    ],
)
async def test_odd_json_is_refused_before_it_is_read(tight: Desk, body: bytes, status: int) -> None:
    """Nothing of it reaches a parser that would stumble."""
    answer = await tight.client.post("/v1/messages", content=body, headers={"content-type": "application/json"})
    assert (status, "application/problem+json") == (answer.status_code, answer.headers["content-type"])


async def test_a_body_without_end_is_cut_at_its_limit(tight: Desk) -> None:
    """Chunks are counted; the answer arrives though the client is still sending."""
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    answer = await raw(tight, HEAD + JSON + b"transfer-encoding: chunked\r\n\r\n", *[chunk] * 20)
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_one_key_has_a_bounded_rate(tmp_path: Path) -> None:
    """Past its burst a key gets 429 with the time to wait, and the headers tell before."""
    async with desk(config_of(tmp_path, limits={"rate": 0.5, "burst": 3})) as made:
        answers = [await made.client.get("/v1/me") for _ in range(4)]
    assert [200, 200, 200, 429] == [answer.status_code for answer in answers]
    assert ["3", "2"] == [answers[0].headers[f"ratelimit-{name}"] for name in ("limit", "remaining")]
    problem = answers[3].json()
    assert ("too_many_requests", True) == (problem["code"], problem["retryable"])
    assert str(problem["retry_after"]) == answers[3].headers["retry-after"]


async def test_one_tenant_has_a_bounded_number_of_streams(tight: Desk) -> None:
    """A stream that ends makes room."""
    async with tight.client.stream("GET", "/v1/events/stream") as first:
        assert 200 == first.status_code
        assert 429 == (await tight.client.get("/v1/events/stream")).status_code
    await tight.until(lambda: _room(tight))


async def _room(at: Desk) -> bool:
    async with at.client.stream("GET", "/v1/events/stream") as stream:
        return stream.status_code == 200
