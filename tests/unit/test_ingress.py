"""The webhook endpoint against the network: whatever comes is answered, in time, within bounds, and never by a 500."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import ingress
from gateway.clock import SYSTEM
from gateway.errors import BadPayload, BadSignature, NoRoute, StoreError, Unsupported
from gateway.exchange import Reply
from gateway.files import Files, Given
from gateway.ingress import Ingress
from gateway.simulator import served
from gateway.store import MemoryStore
from tests.loopback import NO_TLS

PATIENCE = 60
"""Seconds after which something does not come."""

Taken = tuple[str, list[tuple[str, str]], bytes]


class Gate:
    """Stands where the gateway stands: notes what it gets, and answers or raises as it is told."""

    def __init__(self, answer: Reply | Exception | None = None) -> None:
        self.answer = answer or Reply(200, {"x-kept": "yes"}, b"ok")
        self.taken: list[Taken] = []
        self.store = MemoryStore()
        self.files = Files(self.store, SYSTEM, public_url="http://gateway")
        self.life: list[str] = []
        self.hold: Callable[[], Awaitable[object]] | None = None

    async def receive(
        self, connection: str, headers: list[tuple[str, str]], body: bytes, *, method: str = "POST", query: str = ""
    ) -> Reply:
        """Take a webhook."""
        self.taken.append((connection, headers, body))
        if self.hold:
            await self.hold()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def app(self, *, deadline: float = ingress.DEADLINE) -> Ingress:
        """Give the application."""

        async def start() -> None:
            self.life.append("start")
            if isinstance(self.answer, StoreError):
                raise self.answer

        async def stop() -> None:
            self.life.append("stop")

        return Ingress(self.receive, self.files, start=start, stop=stop, deadline=deadline)


@asynccontextmanager
async def client(app: Ingress) -> AsyncIterator[httpx.AsyncClient]:
    """Talk to an application without a socket; what it raises comes out here."""
    async with httpx.AsyncClient(
        verify=NO_TLS, transport=httpx.ASGITransport(app), base_url="http://gateway"
    ) as client:
        yield client


async def called(app: Ingress, scope: dict[str, Any], *messages: dict[str, Any]) -> list[MutableMapping[str, Any]]:
    """Call an application by hand; gives what it sends."""
    rest, sent = list(messages), []

    async def receive() -> MutableMapping[str, Any]:
        if rest:
            return rest.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def post(path: str = "/webhooks/main", **fields: Any) -> dict[str, Any]:
    """Make the scope of a POST."""
    return {"type": "http", "http_version": "1.1", "method": "POST", "path": path, "headers": [], **fields}


def body(*chunks: bytes) -> list[dict[str, Any]]:
    """Make the messages of a body."""
    last = len(chunks) - 1
    return [{"type": "http.request", "body": chunk, "more_body": n < last} for n, chunk in enumerate(chunks)]


# ── what is handed on ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_raw_bytes_and_all_headers_are_handed_on() -> None:
    """In order, names in lower case, twice where they are there twice, under any prefix."""
    gate = Gate()
    headers = [(b"X-A", b"1"), (b"x-a", b"\xff")]
    sent = await called(gate.app(), post("/any/prefix/webhooks/main/", headers=headers), *body(b"{ ", b"", b"}\x00"))
    assert [("main", [("x-a", "1"), ("x-a", "\xff")], b"{ }\x00")] == gate.taken
    assert [(b"x-kept", b"yes"), (b"content-length", b"2")] == sent[0]["headers"]
    assert (200, b"ok") == (sent[0]["status"], sent[1]["body"])


async def test_probes_find_something_there() -> None:
    """GET says what this is, HEAD the same without a body; both for webhooks and for files."""
    gate = Gate()
    await gate.store.open()
    link = await gate.files.link(await gate.files.keep(b"bytes", Given(name="a.png")))
    async with client(gate.app()) as http:
        for path in ("/webhooks/main", link):
            shown, head = await http.get(path), await http.head(path)
            assert (200, 200, b"") == (shown.status_code, head.status_code, head.content)
            assert shown.headers["content-length"] == head.headers["content-length"] == str(len(shown.content))
        assert 405 == (await http.delete("/webhooks/main")).status_code
    assert [] == gate.taken


@pytest.mark.parametrize(
    ("error", "status", "again"),
    [
        (BadSignature("x"), 401, None),
        (BadPayload("x"), 400, None),
        (NoRoute("x", hint="there are: a, b"), 404, None),
        (Unsupported("x"), 400, None),
        (StoreError("x"), 503, "5"),
        (RuntimeError("x"), 503, "5"),
    ],
)
async def test_each_error_has_its_answer(error: Exception, status: int, again: str | None) -> None:
    """A problem document without anything of the request or of other connections; what is ours may come again."""
    async with client(Gate(error).app()) as http:
        answer = await http.post("/webhooks/main", content=b"+12025550123")
    assert (status, again) == (answer.status_code, answer.headers.get("retry-after"))
    assert "application/problem+json" == answer.headers["content-type"]
    assert "2025550123" not in answer.text
    assert "there are" not in answer.text


# ── bounds ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_body_that_says_it_is_too_long_is_not_read() -> None:
    """Refused by what it declares; a declared length that is nonsense is left to what arrives."""
    gate = Gate()
    for declared in (str(ingress.MAX_BODY + 1), "9" * 5000):
        sent = await called(gate.app(), post(headers=[(b"Content-Length", declared.encode())]))
        assert 413 == sent[0]["status"]
        assert (b"connection", b"close") in sent[0]["headers"]
    for declared in ("-1", "x", "", "\u0663", "1e9"):
        await called(gate.app(), post(headers=[(b"content-length", declared.encode())]), *body(b"x"))
    await called(gate.app(), post(headers=[(b"content-length", b"\xb2")]), *body(b"x"))
    assert 6 == len(gate.taken)


async def test_a_body_that_goes_on_is_cut_off() -> None:
    """At the size of the largest webhook, whatever was declared."""
    gate = Gate()
    piece = b"x" * (ingress.MAX_BODY // 2)
    sent = await called(gate.app(), post(), *body(piece, piece, b"x", piece))
    assert 413 == sent[0]["status"]
    assert [] == gate.taken


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    """The whole request has a deadline, so that a byte now and then holds nothing."""
    sent = await called(Gate().app(deadline=0.01), post(), {"type": "http.request", "body": b"x", "more_body": True})
    assert 408 == sent[0]["status"]


async def test_who_has_left_gets_no_answer() -> None:
    """And nothing is taken of half a body."""
    gate = Gate()
    half = {"type": "http.request", "body": b"x", "more_body": True}
    assert [] == await called(gate.app(), post(), half, {"type": "http.disconnect"})
    assert [] == gate.taken


async def test_each_request_has_its_own_deadline() -> None:
    """One that came later is not cut off with one that came before it, and none is forgotten."""
    gate = Gate()
    app = gate.app(deadline=0.2)
    half = {"type": "http.request", "body": b"x", "more_body": True}

    async def late(seconds: float) -> tuple[int, float]:
        await asyncio.sleep(seconds)
        began = asyncio.get_running_loop().time()
        [start, _] = await called(app, post(), half)
        return start["status"], asyncio.get_running_loop().time() - began

    ended = await asyncio.gather(*(late(seconds) for seconds in (0, 0, 0.1, 0.5)))
    assert [408] * 4 == [status for status, _ in ended]
    assert [] == [seconds for _, seconds in ended if seconds < 0.2]
    assert 200 == (await called(app, post(), *body(b"x")))[0]["status"]


async def test_a_request_that_is_cancelled_is_not_taken_for_late() -> None:
    """What the server cancels ends as cancelled, in time or not."""
    gate = Gate()
    waits = asyncio.Event()
    gate.hold = waits.wait
    task = asyncio.create_task(called(gate.app(), post(), *body(b"x")))
    while not gate.taken:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_store_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor hears to come again before it gives up by itself."""
    monkeypatch.setattr(ingress, "ACCEPT", 0.01)
    gate = Gate()
    gate.hold = asyncio.Event().wait
    sent = await called(gate.app(), post(), *body(b"x"))
    assert 503 == sent[0]["status"]
    assert (b"retry-after", b"5") in sent[0]["headers"]


@pytest.mark.parametrize(("name", "value"), [("MOST_OPEN", 3), ("MOST_BYTES", 3)])
async def test_too_much_at_once_is_told_to_come_again(name: str, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests and bytes in memory are counted; when the first ones are done, the next ones are taken."""
    monkeypatch.setattr(ingress, name, value)
    gate, opened = Gate(), asyncio.Event()
    gate.hold = opened.wait
    app = gate.app()
    first = [asyncio.create_task(called(app, post(), *body(b"x"))) for _ in range(3)]
    await asyncio.sleep(0.01)
    over = await called(app, post(), *body(b"x"))
    opened.set()
    done = await asyncio.gather(*first)
    after = await called(app, post(), *body(b"x"))
    assert [503, 200, 200, 200, 200] == [sent[0]["status"] for sent in (over, *done, after)]
    assert (b"retry-after", b"5") in over[0]["headers"]


HEADERS = st.lists(st.tuples(st.binary(max_size=30), st.binary(max_size=60)), max_size=6)
SCOPES = st.fixed_dictionaries(
    {
        "type": st.just("http"),
        "method": st.sampled_from(["GET", "HEAD", "POST", "PUT", "post", "", "\u00e9"]),
        "path": st.one_of(st.text(max_size=300), st.sampled_from(["/webhooks/main", "//", "", "/%", "/files/%00"])),
        "headers": HEADERS,
    },
    optional={"query_string": st.binary(max_size=40), "http_version": st.sampled_from(["1.0", "1.1", "2"])},
)


@given(scope=SCOPES, chunks=st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_whatever_comes_is_answered_and_by_no_500(scope: dict[str, Any], chunks: list[bytes]) -> None:
    """Any method, path, header and body is taken or refused; nothing of ours breaks, so nothing is put off either."""

    async def run() -> None:
        gate = Gate()
        sent = await called(gate.app(), scope, *body(*chunks))
        assert ["http.response.start", "http.response.body"] == [message["type"] for message in sent]
        assert sent[0]["status"] in {200, 404, 405}
        if gate.taken:
            assert b"".join(chunks) == gate.taken[0][2]

    asyncio.run(run())


# ── other things that servers ask ─────────────────────────────────────────────────────────────────────────────────


async def test_the_server_starts_and_stops_the_gateway() -> None:
    """By the lifespan protocol; a start that fails is told to the server, which does not serve then."""
    gate = Gate()
    sent = await called(gate.app(), {"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    assert ["lifespan.startup.complete", "lifespan.shutdown.complete"] == [message["type"] for message in sent]
    assert ["start", "stop"] == gate.life
    broken = Gate(StoreError("no disk")).app()
    told: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: MutableMapping[str, Any]) -> None:
        told.append(message)

    with pytest.raises(StoreError):
        await broken({"type": "lifespan"}, receive, send)
    assert [{"type": "lifespan.startup.failed", "message": "StoreError: no disk"}] == told


async def test_a_websocket_is_closed() -> None:
    """There is none here."""
    sent = await called(Gate().app(), {"type": "websocket", "path": "/"}, {"type": "websocket.connect"})
    assert ["websocket.close"] == [message["type"] for message in sent]


async def test_a_slow_client_on_a_real_socket_is_cut_off_and_others_are_served() -> None:
    """One byte now and then keeps a connection until its deadline, and nobody waits for it."""
    gate, loop = Gate(), asyncio.get_running_loop()
    async with served(gate.app(deadline=0.3)) as url, httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http:
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as client:
            client.settimeout(0)

            async def trickle() -> None:
                await loop.sock_sendall(
                    client, b"POST /webhooks/main HTTP/1.1\r\nhost: x\r\ncontent-length: 99999\r\n\r\n"
                )
                with contextlib.suppress(OSError):  # cut off, and what was answered is still to be read
                    while True:
                        await loop.sock_sendall(client, b"x")
                        await asyncio.sleep(0.02)

            trickling = asyncio.create_task(trickle())
            assert 200 == (await http.post(f"{url}/webhooks/main", content=b"{}")).status_code
            async with asyncio.timeout(PATIENCE):
                answer = await loop.sock_recv(client, 4096)
                trickling.cancel()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert 1 == len(gate.taken)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\r\n\r\n",
        b"GARBAGE\r\n\r\n",
        b"POST /webhooks/main HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\nx",
        b"POST /webhooks/main HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
        b"POST /%ff%fe%00 HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}",
        b"POST /webhooks/main HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /webhooks/main HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n{",
    ],
)
async def test_broken_requests_on_a_real_socket_make_no_500(request_bytes: bytes) -> None:
    """What the server does not refuse by itself is refused here."""
    gate = Gate()
    async with served(gate.app()) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(request_bytes)
        writer.write_eof()
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()
        writer.close()
    assert b" 500 " not in answer.split(b"\r\n")[0]
