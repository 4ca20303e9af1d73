"""Parsing again: what a broken or an older parser left is made into events later, and nothing comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway import Event, Gateway, MessageReceived, Reparsed, UnknownEvent
from gateway.provider import WebhookRequest
from gateway.store import EventOutcome
from gateway.sync import Gateway as BlockingGateway
from tests.flow.stage import VENDORS, Stage, stage

pytestmark = pytest.mark.parametrize("vendor", VENDORS)


def broken(hook: WebhookRequest) -> Sequence[Event]:
    """A parser that fails."""
    raise KeyError("text")


async def taken(it: Stage, count: int) -> None:
    """Wait until so many webhooks were taken in."""
    async with asyncio.timeout(60):
        while len(await it.gateway.store.webhooks()) < count:
            await asyncio.sleep(0.01)


async def test_a_mended_parser_makes_events_of_what_was_quarantined(
    vendor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the time at which they came; a second time makes nothing new."""
    async with stage(vendor) as it:
        provider = it.gateway.connections[0].provider
        with monkeypatch.context() as patched:
            patched.setattr(provider, "parse", broken)
            it.phone.write("first", vendor=vendor)
            it.phone.write("second", vendor=vendor)
            await taken(it, 2)
        failing = await it.gateway.store.webhooks(quarantined=True)
        tried = await it.gateway.reparse(apply=False)
        assert [] == it.events
        found = await it.gateway.reparse()
        await it.event(MessageReceived, lambda event: event.text == "second")

        assert ["first", "second"] == [event.text for event in it.events if isinstance(event, MessageReceived)]
        assert [row.received_at for row in reversed(failing)] == [event.received_at for event in it.events]
        assert Reparsed(webhooks=2, new=tuple(event.id for event in it.events), applied=True) == found
        assert tried == found.model_copy(update={"applied": False})
        assert [] == await it.gateway.store.webhooks(quarantined=True)
        assert Reparsed(applied=True) == await it.gateway.reparse()


async def test_what_still_fails_stays_in_quarantine_and_is_named(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the problem and without what it holds; so does what belongs to a connection that is gone."""
    async with stage(vendor) as it:
        monkeypatch.setattr(it.gateway.connections[0].provider, "parse", broken)
        it.phone.write("first", vendor=vendor)
        await taken(it, 1)
        [row] = await it.gateway.store.webhooks()
        found = await it.gateway.reparse()
        other = Gateway(it.gateway.store)
        lost = await other.reparse()

        assert [(row.digest, f"KeyError in the parser of {vendor}")] == [
            (failing.digest, failing.problem) for failing in found.failing
        ]
        assert ["there is no connection main any more"] == [failing.problem for failing in lost.failing]
        assert [row] == await it.gateway.store.webhooks(quarantined=True)
        await other.aclose()


async def test_all_since_a_time_are_compared_with_what_was_made_of_them(vendor: str) -> None:
    """The same parser makes the same events of the same webhooks, whatever happened to them meanwhile."""
    async with stage(vendor) as it:
        began = datetime.now(UTC)
        it.phone.write("hello", vendor=vendor)
        event = await it.event(MessageReceived)
        await it.gateway.send(event, "hello yourself")
        await it.until(lambda: len(it.events) >= 3)
        await it.told()
        webhooks = await it.gateway.store.webhooks()
        before = await it.gateway.store.events()
        found = await it.gateway.reparse(began - timedelta(seconds=1))
        none = await it.gateway.reparse(datetime.now(UTC) + timedelta(hours=1))
        elsewhere = await it.gateway.reparse(began, connection="other")

        made = sum(len(row.events) for row in webhooks)
        assert Reparsed(webhooks=len(webhooks), unchanged=made, applied=True) == found
        assert Reparsed(applied=True) == none == elsewhere
        assert before == await it.gateway.store.events()


async def test_a_parser_that_has_learnt_more_shows_what_differs(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """New, gone, changed: what was handed over stays, and what is new is handed over."""
    async with stage(vendor) as it:
        provider = it.gateway.connections[0].provider
        parse = provider.parse

        def unlearnt(hook: WebhookRequest) -> Sequence[Event]:
            return [UnknownEvent(key=f"old:{event.key}", reason="new", raw=event.raw) for event in parse(hook)]

        def shorter(hook: WebhookRequest) -> Sequence[Event]:
            return [
                event.model_copy(update={"channel": None}) if isinstance(event, MessageReceived) else event
                for event in parse(hook)
            ]

        with monkeypatch.context() as patched:
            patched.setattr(provider, "parse", unlearnt)
            it.phone.write("one", vendor=vendor)
            old = await it.event(UnknownEvent)
        it.phone.write("two", vendor=vendor)
        two = await it.event(MessageReceived)
        learnt = await it.gateway.reparse(two.received_at - timedelta(hours=1))
        one = await it.event(MessageReceived, lambda event: event.text == "one")
        monkeypatch.setattr(provider, "parse", shorter)
        changed = await it.gateway.reparse(two.received_at - timedelta(hours=1))

        assert Reparsed(webhooks=2, new=(one.id,), gone=(old.id,), unchanged=1, applied=True) == learnt
        if two.channel is not None:
            assert (one.id, two.id) == changed.changed
        row = await it.gateway.store.event(two.id)
        assert row is not None
        assert (EventOutcome.DONE, two.channel) == (row.outcome, row.event.model_dump()["channel"])


async def test_a_body_that_nobody_reads_is_kept_and_read_by_a_later_parser(
    vendor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown generation of webhooks is no payload today; tomorrow's parser finds it."""
    async with stage(vendor) as it:
        provider = it.gateway.connections[0].provider
        parse, strange = provider.parse, b"<xml/>"

        def later(hook: WebhookRequest) -> Sequence[Event]:
            known = hook.body == strange
            return [UnknownEvent(key="xml", reason="xml", raw="<xml/>")] if known else parse(hook)

        monkeypatch.setattr(provider, "verify", lambda _: None)
        reply = await _posted(it.gateway, strange)
        monkeypatch.setattr(provider, "parse", later)
        found = await it.gateway.reparse()

        assert 400 == reply
        assert (1, 1) == (found.webhooks, len(found.new))


async def _posted(gateway: Gateway, body: bytes) -> int:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/webhooks/main", "headers": []}
    await gateway.asgi()(scope, receive, send)
    return int(sent[0]["status"])


def test_the_blocking_library_parses_again_too(vendor: str) -> None:
    """The same names, and nothing to do in an empty store."""
    with BlockingGateway() as gateway:
        assert Reparsed(applied=True) == gateway.reparse()
        assert Reparsed() == gateway.reparse(datetime.now(UTC), apply=False)
