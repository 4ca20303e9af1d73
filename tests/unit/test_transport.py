from __future__ import annotations

import asyncio
import gzip
import io
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue
from structlog.testing import capture_logs

from gateway import transport as module
from gateway.drive import BrokenExchange, drive, drive_blocking
from gateway.errors import ConfigurationError, ContentRefused, InvalidRequest, Unauthorized
from gateway.exchange import Blob, Call, Exchange, Repeat, Reply, path
from gateway.transport import BlockingTransport, Timeouts, Transport, open_file, plain_client
from tests.road import PHONE, SECRET, RoadProvider, Wire, always_fine, road_provider, vendor

API = "https://vendor.example/v2/api"


def recorder(*replies: httpx.Response) -> tuple[httpx.AsyncClient, list[httpx.Request]]:
    """Make a client that keeps requests and plays answers."""
    seen: list[httpx.Request] = []
    left = list(replies)

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return left.pop(0) if left else httpx.Response(200, json={})

    return httpx.AsyncClient(transport=httpx.MockTransport(answer)), seen


async def sent(call: Call, **options: Any) -> httpx.Request:
    """Send a call, and give the request that it became."""
    client, seen = recorder()
    async with client:
        await Transport(road_provider(API), connection="main", client=client, **options).send(call)
    return seen[0]


@asynccontextmanager
async def over_the_wire(url: str, **options: Any) -> AsyncIterator[Transport]:
    """Make a transport with its own client."""
    transport = Transport(road_provider(url), connection="main", **options)
    try:
        yield transport
    finally:
        await transport.aclose()


# ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_call_becomes_a_request() -> None:
    """Method, base with its path, path, query, credentials and a compact body."""
    call = Call(
        "POST",
        path("/chats/{chat}/messages", chat=PHONE),
        json={"text": "héllo", "n": [1, None]},
        params={"q": "a b+c&d=é/"},
        headers={"Idempotency-Key": "k 1"},
    )

    request = await sent(call)

    assert b"/v2/api/chats/%2B13231112233/messages?q=a%20b%2Bc%26d%3D%C3%A9%2F" == request.url.raw_path
    assert ("POST", "vendor.example") == (request.method, request.url.host)
    assert '{"text":"héllo","n":[1,null]}'.encode() == request.content
    assert {
        "accept": "application/json",
        "accept-encoding": "gzip",
        "authorization": f"Bearer {SECRET}",
        "content-length": "30",
        "content-type": "application/json",
        "host": "vendor.example",
        "idempotency-key": "k 1",
    } == {name: value for name, value in request.headers.items() if name != "user-agent"}
    assert request.headers["user-agent"].startswith("messaging-gateway/")


async def test_a_call_without_a_body_has_none() -> None:
    """None is no body, and so has no content type."""
    request = await sent(Call("GET", "/me"))

    assert b"" == request.content
    assert "content-type" not in request.headers


async def test_an_answer_has_no_character_that_a_store_refuses() -> None:
    """The vendor's ids and words in it are the same wherever they are kept."""
    client, _ = recorder(httpx.Response(200, content=rb'{"id":"m\u00001"}'))
    async with client:
        reply = await Transport(road_provider(API), connection="main", client=client).send(Call("GET", "/me"))

    assert {"id": "m\ufffd1"} == reply.json()


async def test_a_call_names_its_base() -> None:
    """One connection may have several hosts."""
    assert b"/v2/api/files/x" == (await sent(Call("GET", "/x", base="files"))).url.raw_path


async def test_a_call_keeps_its_own_headers() -> None:
    """What a provider sets is not overridden."""
    request = await sent(Call("POST", "/x", json={}, headers={"content-type": "text/plain", "Accept": "*/*"}))

    assert ["text/plain", "*/*"] == [request.headers["content-type"], request.headers["accept"]]


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda value: value not in {".", ".."}))
def test_a_path_arrives_as_it_was_encoded(value: str) -> None:
    """The client neither encodes a percent sign again nor decodes one, whatever the value."""
    call = Call("GET", path("/chats/{chat}/messages", chat=value))

    request = asyncio.run(sent(call))

    assert f"/v2/api{call.path}".encode() == request.url.raw_path


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")), max_size=3))
def test_a_query_arrives_as_it_was_given(params: dict[str, str]) -> None:
    """Every name and value is one, whatever signs are in it; no plus stands for a space."""
    request = asyncio.run(sent(Call("GET", "/x", params=params)))

    assert list(params.items()) == parse_qsl(request.url.query.decode(), keep_blank_values=True)
    assert b"+" not in request.url.raw_path


@pytest.mark.parametrize(
    "wrong", ["x", "", "/a b", "/é", "/a?b=1", "/a#b", "/a/../b", '/a"b', "//evil.example/../..", "/a\r\nb"]
)
async def test_a_path_that_is_not_encoded_is_a_fault_of_the_provider(wrong: str) -> None:
    """It would arrive as another one, or go to another place."""
    with pytest.raises(BrokenExchange, match=r"road made a path that is not percent-encoded") as caught:
        await sent(Call("GET", wrong))
    assert 0 == caught.value.calls


async def test_an_unknown_base_is_a_fault_of_the_provider() -> None:
    """It is named, and nothing leaves."""
    with pytest.raises(BrokenExchange, match="road has no base 'elsewhere'"):
        await sent(Call("GET", "/x", base="elsewhere"))


async def test_a_path_that_is_far_too_long_is_refused() -> None:
    """The client's own bound on URLs is a certain refusal."""
    with pytest.raises(InvalidRequest, match="makes no URL"):
        await sent(Call("GET", path("/x/{id}", id="x" * 70_000)))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "vendor.example",
        "ftp://vendor.example",
        "https://",
        "https://me:pw@vendor.example",
        "https://v.example?a=1",
        "https://v.example/#a",
        "https://v.example:port",
    ],
)
def test_a_wrong_base_is_found_when_the_connection_is_made(url: str) -> None:
    """It is a setting, so it is told before the first send, and not quoted: it may hold a password."""
    with pytest.raises(ConfigurationError, match="the base URL 'api' of the connection 'main' is wrong") as caught:
        Transport(road_provider(url), connection="main")
    assert "pw" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("bound", [{"limit": 0}, {"max_answer": 0}])
def test_a_bound_is_at_least_one(bound: dict[str, int]) -> None:
    """A transport that may carry nothing is a wrong setting."""
    with pytest.raises(ConfigurationError, match="'main' needs a limit of 1 or more"):
        Transport(road_provider(API), connection="main", **bound)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["new\nline", "tab\x00", "curly’quote", "trailing "])
async def test_a_key_that_no_header_may_hold_is_unauthorized(key: str) -> None:
    """The client would quote the key in its complaint; here it is told without."""
    client, seen = recorder()
    async with client:
        transport = Transport(road_provider(API, key=key), connection="main", client=client)
        with pytest.raises(Unauthorized) as caught:
            await transport.send(Call("GET", "/x"))

    assert (True, []) == (caught.value.certain, seen)
    assert key not in f"{caught.value} {caught.value!r} {caught.value.hint}"


async def test_a_value_that_no_header_may_hold_is_refused() -> None:
    """A header that the call asked for is named."""
    with pytest.raises(InvalidRequest, match="'Idempotency-Key'"):
        await sent(Call("GET", "/x", headers={"Idempotency-Key": "a\r\nHost: b"}))


@pytest.mark.parametrize(
    "call",
    [
        Call("POST", "/x", json={"text": "\ud83d"}),
        Call("GET", "/x", params={"q": "\ud83d"}),
        Call("POST", "/x", files={"icon": Blob(__file__, "\ud83d.png")}),
        Call("POST", "/x", json={"text": "\ud83d"}, files={"icon": Blob(__file__, "a.png")}),
    ],
    ids=["body", "query", "file name", "field"],
)
async def test_half_an_emoji_is_refused(call: Call) -> None:
    """Text that is no Unicode cannot leave, and is a certain refusal."""
    with pytest.raises(InvalidRequest, match="no Unicode") as caught:
        await sent(call)
    assert caught.value.certain


# ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_files_go_as_a_form(tmp_path: Path) -> None:
    """Blobs are opened, named and typed; the JSON object gives the fields."""
    icon = tmp_path / "secret-folder-name.bin"
    icon.write_bytes(b"\x89PNG\r\n")
    fields: dict[str, JsonValue] = {"name": "a b", "n": 1, "flag": True, "list": ["x"], "none": None}
    call = Call("POST", "/icon", json=fields, files={"icon": Blob(str(icon), 'i"con.png', "image/png")})

    request = await sent(call)

    kind, boundary = request.headers["content-type"].split("; boundary=")
    parts = request.content.split(f"--{boundary}".encode())
    assert "multipart/form-data" == kind
    assert [
        b"",
        b'\r\nContent-Disposition: form-data; name="name"\r\n\r\na b\r\n',
        b'\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n',
        b'\r\nContent-Disposition: form-data; name="flag"\r\n\r\ntrue\r\n',
        b'\r\nContent-Disposition: form-data; name="list"\r\n\r\n["x"]\r\n',
        (
            b'\r\nContent-Disposition: form-data; name="icon"; filename="i%22con.png"\r\nContent-Type: image/png'
            b"\r\n\r\n\x89PNG\r\n\r\n"
        ),
        b"--\r\n",
    ] == parts


async def test_a_large_file_is_streamed_and_closed() -> None:
    """It is read in pieces while it leaves, by whatever opens it, and closed after."""
    opened: list[io.BytesIO] = []

    class Pieces(io.BytesIO):
        largest = 0

        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            Pieces.largest = max(Pieces.largest, len(piece))
            return piece

    def open_blob(blob: Blob) -> BinaryIO:
        assert "store:1" == blob.source
        opened.append(Pieces(b"x" * 3_000_000))
        return opened[-1]

    call = Call("POST", "/x", files={"f": Blob("store:1", "f.bin")})
    async with vendor(always_fine) as peer, over_the_wire(peer.url, open_blob=open_blob) as transport:
        await transport.send(call)

        assert b"x" * 3_000_000 in peer.heard[0].body
    assert (True, 65536) == (opened[0].closed, Pieces.largest)


@pytest.mark.parametrize("transport", [Transport, BlockingTransport])
async def test_a_file_that_cannot_be_opened_is_refused(transport: type[Transport | BlockingTransport]) -> None:
    """Nothing left, and the path is not told."""
    made = transport(road_provider(API), connection="main")
    call = Call("POST", "/x", files={"f": Blob("/no/such/file", "f.bin")})

    with pytest.raises(ContentRefused, match=r"cannot be opened \(FileNotFoundError\)") as caught:
        drive_blocking(asks(call), made.send) if isinstance(made, BlockingTransport) else await made.send(call)
    assert (True, None) == (caught.value.certain, caught.value.__cause__)
    assert "/no/such" not in str(caught.value)
    made.close() if isinstance(made, BlockingTransport) else await made.aclose()


async def test_a_media_type_that_no_header_may_hold_is_refused() -> None:
    """It stands in a header of the form."""
    with pytest.raises(ContentRefused, match="media type"):
        await sent(Call("POST", "/x", files={"f": Blob(__file__, "f.bin", "a/b\r\nX: y")}))


async def test_a_form_has_an_object_for_its_fields() -> None:
    """Anything else beside files is a fault of the provider."""
    with pytest.raises(BrokenExchange, match="a JSON object for its fields"):
        await sent(Call("POST", "/x", json=[1], files={"f": Blob(__file__, "f.bin")}))


def test_a_blob_is_a_file_unless_told_otherwise(tmp_path: Path) -> None:
    """The default opener reads the path."""
    place = tmp_path / "a"
    place.write_bytes(b"abc")

    with open_file(Blob(str(place), "a")) as source:
        assert b"abc" == source.read()


# ── replies ───────────────────────────────────────────────────────────────────────────────────────────────────────


def asks(call: Call) -> Exchange[Reply]:
    """Give the reply to one call."""
    return (yield call)


async def received(wire_answer: tuple[bytes, tuple[str, ...]], **options: Any) -> list[Reply]:
    """Get the same answer by each transport."""
    body, headers = wire_answer

    async def answers(wire: Wire) -> None:
        while True:
            await wire.hear()
            await wire.answer(body, *headers, status="402 Payment Required")

    async with vendor(answers) as peer, over_the_wire(peer.url, **options) as transport:
        blocking = BlockingTransport(road_provider(peer.url), connection="main", **options)
        call = Call("GET", "/x", repeat=Repeat.SAFE)
        replies = [
            await drive(asks(call), transport.send),
            await asyncio.to_thread(drive_blocking, asks(call), blocking.send),
        ]
        blocking.close()
    return replies


async def test_an_answer_becomes_a_reply() -> None:
    """Status, headers in lower case with repeated ones joined, and the bytes."""
    headers = ("X-Request-ID: Abc", "Vary: a", "vary: b")

    replies = await received((b"\xff{}", headers))

    expected = Reply(402, {"content-length": "3", "x-request-id": "Abc", "vary": "a, b"}, b"\xff{}")
    assert [expected, expected] == replies


@pytest.mark.parametrize("size", [0, 1, 1000])
async def test_a_packed_answer_is_unpacked(size: int) -> None:
    """Gzip, which is what we ask for, is undone up to the bound and not a byte further."""
    packed = (gzip.compress(b"0" * size), ("Content-Encoding: gzip",))

    replies = await received(packed, max_answer=1000)

    assert [b"0" * size] * 2 == [reply.body for reply in replies]


async def test_a_redirect_is_an_answer() -> None:
    """It is not followed, even by a client that would: the key would go along."""
    there = httpx.Response(302, headers={"location": "https://evil.example/"})
    client, seen = recorder(there)
    client.follow_redirects = True
    async with client:
        reply = await Transport(road_provider(API), connection="main", client=client).send(Call("GET", "/x"))

    assert (302, 1) == (reply.status, len(seen))


async def test_cookies_are_not_kept() -> None:
    """A call depends on nothing that an earlier one left behind."""

    async def bakes(wire: Wire) -> None:
        while True:
            await wire.hear()
            await wire.answer(b"", "Set-Cookie: a=b; Path=/")

    async with vendor(bakes) as peer, over_the_wire(peer.url) as transport:
        for _ in range(2):
            await transport.send(Call("GET", "/x"))

        assert [] == [heard for heard in peer.heard if "cookie" in heard.headers]


@pytest.mark.parametrize("using", ["httpx", "httpcore"])
async def test_mocked_answers_are_answers(using: str) -> None:
    """A mock of the HTTP client stands in for the vendor as it does for any user of the HTTP client."""
    with respx.mock(using=using) as router:
        router.get(f"{API}/x%2B1").respond(201, json={"id": "1"})
        async with over_the_wire(API) as transport:
            reply = await transport.send(Call("GET", path("/{id}", id="x+1")))

    assert (201, {"id": "1"}) == (reply.status, reply.json())


@pytest.mark.parametrize("using", ["httpx", "httpcore"])
async def test_an_unmocked_call_fails_closed(using: str) -> None:
    """Under a mock nothing goes out that the test did not foresee, at whichever place below the client it stands."""
    async with vendor(always_fine) as peer, over_the_wire(peer.url) as transport:
        with respx.mock(using=using, assert_all_called=False) as router:
            router.get(f"{peer.url}/known")
            with pytest.raises(AssertionError, match="not mocked"):
                await transport.send(Call("POST", "/unknown"))

        assert 0 == peer.connections


async def test_whoever_stands_in_the_clients_way_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracer, or a mock of another make, replaces what carries the requests of the client."""

    async def answers(_transport: httpx.AsyncHTTPTransport, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(203, text="seen")

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", answers)
    async with vendor(always_fine) as peer, over_the_wire(peer.url) as transport:
        reply = await transport.send(Call("GET", "/x"))

        assert ((203, "seen"), 0) == ((reply.status, reply.text), peer.connections)


def test_mocked_answers_are_answers_to_the_blocking_transport_too() -> None:
    """Both transports take a client of somebody else's."""
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, text="a"))) as client:
        transport = BlockingTransport(road_provider(API), connection="main", client=client)
        reply = transport.send(Call("GET", "/x"))
        transport.close()

        assert ("a", False) == (reply.text, client.is_closed)


# ── bounds ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("limit", [1, 4, 6, 16, 40])
async def test_at_most_so_many_calls_are_in_flight(limit: int) -> None:
    """The limit holds, and no connection is made twice."""
    flying = most = 0
    full = asyncio.Event()

    async def counts(wire: Wire) -> None:
        nonlocal flying, most
        while True:
            await wire.hear()
            flying += 1
            most = max(most, flying)
            if flying == limit:
                full.set()
            await full.wait()
            flying -= 1
            await wire.answer()

    async with vendor(counts) as peer, over_the_wire(peer.url, limit=limit) as transport:
        await asyncio.gather(*(transport.send(Call("GET", "/x")) for _ in range(limit * 3)))

        assert (limit, limit) == (most, peer.connections)


async def test_a_given_client_stays_open() -> None:
    """Whoever made it closes it."""
    client, _ = recorder()
    transport = Transport(road_provider(API), connection="main", client=client)

    await transport.aclose()

    assert not client.is_closed
    await client.aclose()


async def test_a_cancelled_call_gives_its_place_back() -> None:
    """Cancelling a caller leaves the transport as it was."""
    reached = asyncio.Event()

    async def hangs_first(wire: Wire) -> None:
        await wire.hear()
        if not reached.is_set():
            reached.set()
            await asyncio.Event().wait()
        await wire.answer()

    async with vendor(hangs_first) as peer, over_the_wire(peer.url, limit=1) as transport:
        task = asyncio.create_task(transport.send(Call("GET", "/x")))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert 200 == (await transport.send(Call("GET", "/x"))).status


async def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that somebody set for other programs does not get to see the key."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async with vendor(always_fine) as peer, over_the_wire(peer.url) as transport, plain_client(5) as client:
        assert 200 == (await transport.send(Call("GET", "/x"))).status
        assert 200 == (await client.get(peer.url)).status_code


def test_waits_are_told_apart() -> None:
    """Each phase has its own bound, in seconds."""
    assert Timeouts(connect=5, read=30, write=15, pool=10, total=60) == Timeouts()


# ── what is told ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_no_line_of_the_http_client_tells_of_a_call(caplog: pytest.LogCaptureFixture) -> None:
    """The HTTP client logs whole URLs, which hold numbers; for our calls it logs nothing, for others' what it likes."""
    caplog.set_level(logging.DEBUG)
    async with vendor(always_fine) as peer:
        async with over_the_wire(peer.url) as transport, plain_client(5) as plain:
            await transport.send(Call("GET", path("/{chat}", chat=PHONE)))
            await plain.get(f"{peer.url}/{PHONE}")
            ours = [record for record in caplog.records if record.name.startswith("http")]
        async with httpx.AsyncClient() as theirs:
            await theirs.get(peer.url)

    assert [] == ours
    assert [record for record in caplog.records if record.name == "httpx"]
    assert PHONE[1:] not in caplog.text


async def test_a_call_is_noted_by_its_template() -> None:
    """The log tells which call, of whom, how it went and how long it took; never whose number is in the path."""
    client, _ = recorder(httpx.Response(404))
    async with client:
        transport = Transport(road_provider(API), connection="main", client=client)
        with capture_logs() as lines:
            await transport.send(Call("GET", path("/chats/{chat}", chat=PHONE)))

    assert lines[0].pop("seconds") >= 0
    assert [
        {
            "event": "call_ended",
            "log_level": "debug",
            "logger": "gateway.transport",
            "connection": "main",
            "provider": "road",
            "method": "GET",
            "path": "/chats/{chat}",
            "outcome": 404,
        }
    ] == lines


def test_nothing_shows_its_settings() -> None:
    """A transport in a traceback names its connection only."""
    provider: RoadProvider = road_provider(API)
    transport = Transport(provider, connection="main")

    assert "<Transport main>" == repr(transport)


def test_the_agent_is_named_without_an_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run from its sources, the gateway has no version to tell."""

    def missing(_name: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(module, "version", missing)

    assert "messaging-gateway/0" == module._agent()
