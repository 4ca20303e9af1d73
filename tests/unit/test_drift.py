"""What is new is counted: from kept webhooks, by the parsers of today."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway import Drift, InvalidMessage, Novelty, NoveltyKind
from gateway.actions import DeliveryState
from gateway.client import Gateway
from gateway.errors import BadPayload, Refused
from gateway.events import UnknownEvent
from gateway.provider import Unfamiliar
from gateway.store import MemoryStore
from tests.unit.able_vendor import able
from tests.unit.drifting_vendor import Drifting, DriftingSettings, plugins
from tests.unit.plain_vendor import NOW, PHONE, PROOF, Plain, PlainSettings, body_of, hook, reported, written

K = NoveltyKind


class Clock:
    """Stands where a test puts it."""

    def __init__(self) -> None:
        self.minute = 0.0

    def now(self) -> datetime:
        """So many minutes after the beginning."""
        return NOW + timedelta(minutes=self.minute)

    async def sleep(self, seconds: float) -> None:
        """Nobody waits here."""
        raise AssertionError(seconds)


class Site:
    """A gateway with one connection to a drifting vendor, on a store that others may look into."""

    def __init__(self, store: MemoryStore | None = None, *, newer: bool = False, name: str = "main") -> None:
        self.clock = Clock()
        self.store = store or MemoryStore()
        self.gateway = Gateway(self.store, clock=self.clock, plugins=plugins(), works=False)
        self.gateway.connect("drifting", name, newer=newer)

    async def took(self, minute: float, body: bytes) -> None:
        """Take a webhook in; what no parser reads is kept too."""
        self.clock.minute = minute
        with suppress(BadPayload):
            await self.gateway.receive("main", {PROOF[0]: PROOF[1]}, body)

    async def drift(self, **asked: Any) -> Drift:
        """Look."""
        return await self.gateway.drift(**asked)


def told(found: Drift) -> list[tuple[NoveltyKind, str, int]]:
    """Kind, what and how often."""
    return [(each.kind, each.what, each.count) for each in found.found]


def shiny(vendor_id: str) -> bytes:
    """Write a message as the vendor does, with a field that nobody knows."""
    [event] = json.loads(body_of(written(vendor_id)))
    return json.dumps([{**event, "shiny": "secret"}]).encode()


async def test_everything_new_is_counted_once_for_each_webhook() -> None:
    """Events, fields, words, codes and unread webhooks, the most frequent first; a repetition is not counted."""
    site = Site()
    await site.took(0, b'[{"type": "new"}]')
    await site.took(1, body_of(reported("m", DeliveryState.FAILED, code="777")))
    await site.took(2, b"crash")
    await site.took(3, b"no list of events")
    await site.took(4, body_of(written("known")))
    for minute, name in ((5, "a"), (6, "b"), (7, "b")):
        await site.took(minute, shiny(name))
    found = await site.drift()

    assert [
        (K.FIELD, "shiny", 2),
        (K.CODE, "delivery 777", 1),
        (K.EVENT, "no word for the event new", 1),
        (K.UNREAD, "KeyError in the parser of drifting", 1),
        (K.UNREAD, "not a list of events", 1),
        (K.VALUE, "state=failed", 1),
    ] == told(found)
    assert (7, 0, True) == (found.webhooks, found.skipped, found.complete)
    assert "secret" not in found.model_dump_json()


async def test_a_form_that_is_not_read_is_told_from_a_new_word_in_one_that_is() -> None:
    """Both are events; only the first one waits in quarantine for a parser."""
    site = Site()
    await site.took(0, body_of(UnknownEvent(key="v9", reason="another generation", unread=True)))
    await site.took(1, b'[{"type": "new"}]')
    assert [(K.EVENT, "no word for the event new", 1), (K.UNREAD, "another generation", 1)] == told(await site.drift())
    assert ["another generation"] == [row.quarantine for row in await site.store.webhooks(quarantined=True)]


async def test_first_and_last_time_and_a_sample_are_told() -> None:
    """The sample is the latest: its digest, and the event that was made of it."""
    site = Site()
    for minute, name in ((2, "a"), (3, "b"), (1, "caught up late")):
        await site.took(minute, shiny(name))
    found = await site.drift()
    latest = next(row for row in await site.store.webhooks() if row.received_at == NOW + timedelta(minutes=3))

    expected = Novelty(
        provider="drifting",
        connection="main",
        kind=K.FIELD,
        what="shiny",
        count=3,
        first_at=NOW + timedelta(minutes=1),
        last_at=NOW + timedelta(minutes=3),
        digest=latest.digest,
        event=latest.events[0],
    )
    assert (expected,) == found.found


async def test_what_a_newer_provider_knows_is_not_new_any_more() -> None:
    """Kept webhooks are parsed with what is installed now."""
    then = Site()
    await then.took(0, shiny("a"))
    now = Site(then.store, newer=True)

    assert [(K.FIELD, "shiny", 1)] == told(await then.drift())
    assert Drift(webhooks=1) == await now.drift()


async def test_a_look_is_bounded_and_chosen() -> None:
    """By time, by connection, by number; what is left out is said."""
    site = Site()
    for minute, body in enumerate((b"one", b"two", b"three")):
        await site.took(minute, body)

    assert [(K.UNREAD, "not a list of events", 2)] == told(await site.drift(since=NOW + timedelta(minutes=1)))
    assert (2, False) == ((few := await site.drift(limit=2)).webhooks, few.complete)
    assert Drift() == await site.drift(connection="other")
    assert Drift(skipped=3) == await Site(site.store, name="other").drift()
    with pytest.raises(InvalidMessage, match="since has no time zone"):
        await site.drift(since=NOW.replace(tzinfo=None))


async def test_a_provider_that_stumbles_over_its_own_models_hides_nothing_else() -> None:
    """Its events are read all the same."""
    site = Site()
    await site.took(0, b'[{"type": "new", "stumble": 1}]')

    assert [(K.EVENT, "no word for the event new", 1)] == told(await site.drift())


def test_a_provider_without_models_finds_no_field_new() -> None:
    """Nor does any where the webhook is no JSON."""
    drifting = Drifting(DriftingSettings())

    assert () == Plain(PlainSettings()).unfamiliar(hook(body=b'{"a": 1}'))
    assert [] == drifting.unfamiliar(hook(body=b"no JSON"))
    assert [Unfamiliar("shiny")] == drifting.unfamiliar(hook(body=b'{"shiny": 1}'))


async def test_a_code_in_an_answer_is_new_where_no_table_has_it() -> None:
    """The sample is the latest message that got it; what the table knows, and what has no code, is not new."""
    gateway, vendor = able()
    refusals = [Refused("no", code="999"), Refused("no", code="999"), Refused("no")]
    vendor.results["send_message"] = list(refusals)
    async with gateway:
        for _ in refusals:
            with pytest.raises(Refused):
                await gateway.send(PHONE, "hi")
        found = await gateway.drift()
        _, second, _ = await gateway.store.messages()

    assert [(K.CODE, "call 999", 2)] == told(found)
    assert second.id == found.found[0].sample
