"""The way in: verified over the raw bytes, kept before it is answered, handed over at least once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import BadPayload, BadSignature, Event, Gateway, MessageReceived, NoRoute
from gateway.ingress import MAX_BODY
from gateway.provider import WebhookRequest
from gateway.simulator import Fault, FaultKind, served
from gateway.simulator.faults import Stage as At
from gateway.store import EventOutcome
from tests.flow.stage import VENDORS, stage

pytestmark = pytest.mark.parametrize("vendor", VENDORS)


@pytest.fixture
async def delivery(vendor: str) -> AsyncIterator[tuple[Gateway, list[tuple[str, str]], bytes]]:
    """Record one genuine delivery of a contact's message: headers and raw body, with a gateway that takes it."""
    taken: list[tuple[dict[str, str], bytes]] = []
    recorder = Gateway()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        taken.append(({k.decode(): v.decode() for k, v in scope["headers"]}, body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with stage(vendor, recorder) as it, served(app) as url:
        it.sim.set_webhook(vendor, url)
        it.phone.write("hello", vendor=vendor)
        await it.until(lambda: bool(taken))
        gateway = Gateway()
        gateway.connect(vendor, "main", **it.sim.settings(vendor))
        headers, body = taken[0]
        yield gateway, list(headers.items()), body
        await gateway.aclose()


async def test_the_same_webhook_again_is_counted_and_not_handed_over(
    vendor: str, delivery: tuple[Gateway, list[tuple[str, str]], bytes]
) -> None:
    """However often a vendor delivers it, the event has one id and comes once."""
    gateway, headers, body = delivery
    seen: list[Event] = []
    gateway.on(Event, seen.append)
    for _ in range(3):
        assert 200 <= (await gateway.receive("main", headers, body)).status < 300
    rows = await gateway.store.events()
    [webhook] = await gateway.store.webhooks()
    async with asyncio.timeout(60):
        while not seen:
            await asyncio.sleep(0.01)

    assert 2 == webhook.repeats
    assert [row.id for row in rows] == [event.id for event in seen]
    assert len(rows) == len({row.id for row in rows})


async def test_a_changed_byte_is_refused(vendor: str, delivery: tuple[Gateway, list[tuple[str, str]], bytes]) -> None:
    """Nothing is kept of a webhook that does not prove where it comes from."""
    gateway, headers, body = delivery
    proves = ("signature", "secret", "authorization")
    proof = next(n for n, (name, _) in enumerate(headers) if any(word in name for word in proves))
    name, value = headers[proof]
    forged = [*headers[:proof], (name, value[:-1] + ("0" if value[-1] != "0" else "1")), *headers[proof + 1 :]]
    missing = [*headers[:proof], *headers[proof + 1 :]]
    for wrong in (forged, missing, [*headers, headers[proof]]):
        with pytest.raises(BadSignature) as caught:
            await gateway.receive("main", wrong, body)
        assert 401 == caught.value.answer
        assert value not in str(vars(caught.value))

    assert [] == await gateway.store.webhooks()


async def test_the_ingress_answers_in_http(vendor: str, delivery: tuple[Gateway, list[tuple[str, str]], bytes]) -> None:
    """Accepted, refused, unknown, too large, wrong method: each has its status, and none is a 500."""
    gateway, headers, body = delivery
    transport = httpx.ASGITransport(gateway.asgi())
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        good = [(name, value) for name, value in headers if name not in {"host", "content-length"}]
        answers = [
            await client.post("/any/prefix/webhooks/main", headers=good, content=body),
            await client.post("/webhooks/main", content=body),
            await client.post("/webhooks/elsewhere", headers=good, content=body),
            await client.post("/webhooks/main", headers=good, content=b"x" * (MAX_BODY + 1)),
            await client.put("/webhooks/main", headers=good, content=body),
            await client.get("/webhooks/main"),
            await client.get("/files/" + "0" * 64 + "/a.png"),
        ]

    assert [200, 401, 404, 413, 405, 200, 404] == [answer.status_code for answer in answers]
    problems = [answer for answer in answers if answer.headers.get("content-type") == "application/problem+json"]
    assert [401, 404, 413, 405, 404] == [answer.json()["status"] for answer in problems]


async def test_a_parser_that_fails_quarantines_the_body(
    vendor: str, delivery: tuple[Gateway, list[tuple[str, str]], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor is answered as if all were well, and the raw body is there for a mended parser."""
    gateway, headers, body = delivery

    def broken(hook: WebhookRequest) -> list[Event]:
        raise KeyError("text")

    monkeypatch.setattr(gateway.connections[0].provider, "parse", broken)
    reply = await gateway.receive("main", headers, body)
    [kept] = await gateway.store.webhooks(quarantined=True)

    assert 200 == reply.status
    assert body == kept.body
    assert "KeyError" in (kept.quarantine or "")
    assert not [name for name, _ in kept.headers if "signature" in name or name == "authorization"]


async def test_an_unknown_connection_is_no_route(
    vendor: str, delivery: tuple[Gateway, list[tuple[str, str]], bytes]
) -> None:
    """The library says so with the nearest name."""
    gateway, headers, body = delivery
    with pytest.raises(NoRoute) as caught:
        await gateway.receive("mian", headers, body)

    assert "did you mean main?" == caught.value.hint


async def test_events_of_a_chat_come_in_order_and_a_failing_handler_is_called_again(vendor: str) -> None:
    """A crash in a handler repeats that event, with the same id, before the next one of the chat."""
    async with stage(vendor) as it:
        seen: list[tuple[str, str]] = []

        @it.gateway.on(MessageReceived)
        async def fragile(event: MessageReceived) -> None:
            seen.append((event.id, event.text))
            if event.text == "b" and [text for _, text in seen].count("b") == 1:
                raise RuntimeError("crashed")

        for text in "abc":
            it.phone.write(text, vendor=vendor)
            await it.until(lambda: not it.sim.scene.sender.untold)
        await it.until(lambda: "c" in [text for _, text in seen])

        assert ["a", "b", "b", "c"] == [text for _, text in seen]
        assert 3 == len(dict(seen))


async def test_a_handler_that_always_fails_parks_the_event(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is shown, with what went wrong, and the next event of the chat comes."""
    monkeypatch.setattr("gateway.dispatch.FIRST_DELAY", 0.001)
    async with stage(vendor) as it:

        @it.gateway.on(MessageReceived)
        def broken(event: MessageReceived) -> None:
            if event.text == "bad":
                raise ValueError("never")

        it.phone.write("bad", vendor=vendor)
        await asyncio.sleep(0.1)
        it.phone.write("good", vendor=vendor)
        await it.event(MessageReceived, lambda e: e.text == "good")
        rows = [row for row in await it.gateway.store.events() if row.outcome is EventOutcome.PARKED]

        assert ["ValueError in a handler"] == [row.error for row in rows]


@pytest.mark.parametrize("kind", [FaultKind.DUPLICATE, FaultKind.SIGNATURE])
async def test_a_vendors_bad_day(vendor: str, kind: FaultKind) -> None:
    """Duplicates come once; a wrongly signed webhook is refused, and its good repetition is taken."""
    async with stage(vendor) as it:
        it.sim.faults.add(Fault(vendor=vendor, stage=At.WEBHOOK, kind=kind, copies=5))
        it.phone.write("hello", vendor=vendor)
        if kind is FaultKind.SIGNATURE:
            await it.until(lambda: bool(it.sim.journal.entries("attempt", vendor=vendor)))
            it.phone.write("hello", vendor=vendor)
        await it.event(MessageReceived)
        await asyncio.sleep(0.3)

        assert 1 == len([event for event in it.events if isinstance(event, MessageReceived)])


@given(body=st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode)))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_bytes_are_events_or_a_typed_error(
    vendor: str, delivery: tuple[Gateway, list[tuple[str, str]], bytes], body: bytes
) -> None:
    """The parser is total: it gives events, or says that this is no payload."""
    gateway, headers, genuine = delivery
    provider = gateway.connections[0].provider
    hook = WebhookRequest(headers=tuple(headers), body=body, received_at=datetime.now(UTC))
    for candidate in (hook, replace(hook, body=genuine[: len(body)]), replace(hook, body=genuine + body)):
        try:
            events = provider.parse(candidate)
        except BadPayload:
            continue
        assert all(event.key for event in events)
        assert [event.key for event in events] == [event.key for event in provider.parse(candidate)]


NAMES = st.one_of(st.text(max_size=20).map(str.encode), st.sampled_from([b"authorization", b"content-type", b"X-Odd"]))
FRAMES = st.lists(st.binary(max_size=200), min_size=1, max_size=3)


@given(
    odd=st.lists(st.tuples(NAMES, st.binary(max_size=60)), max_size=4),
    chunks=FRAMES,
    genuine=st.booleans(),
    path=st.one_of(st.just("/webhooks/main"), st.text(max_size=60)),
    query=st.binary(max_size=40),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_request_is_answered_and_makes_no_500(
    vendor: str,
    delivery: tuple[Gateway, list[tuple[str, str]], bytes],
    odd: list[tuple[bytes, bytes]],
    chunks: list[bytes],
    genuine: bool,  # noqa: FBT001 - drawn by name
    path: str,
    query: bytes,
) -> None:
    """Whatever comes to the endpoint, with the vendor's own headers and body or others, is taken or refused."""
    gateway, headers, body = delivery
    pieces = [body] if genuine else chunks
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request"})
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    kept = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "method": "POST", "path": path, "headers": [*kept, *odd], "query_string": query}
    await gateway.asgi()(scope, receive, send)

    assert sent[0]["status"] in {200, 400, 401, 404}
