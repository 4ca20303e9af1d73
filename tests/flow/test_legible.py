"""What no PostgreSQL keeps in a text is read as something else, the same on every store; no webhook comes for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial

import pytest

from gateway import DeliveryState, DeliveryUpdated, Event, MessageReceived
from gateway.connections import Connection, Connections
from gateway.inbox import Inbox
from gateway.legible import legible, legible_hook
from gateway.plugins import load
from gateway.provider import WebhookRequest
from gateway.reparse import reparse
from gateway.simulator import SimClock
from gateway.store import Store, open_store
from gateway.store.ledger import LedgerStore
from gateway.store.records.listing import LAST, ListingRecords
from gateway.testing.stores.samples import webhook_row
from tests.flow.conftest import Reopen
from tests.unit.plain_vendor import NOW, History, Plain, PlainSettings, connection, hook, reported, written


@pytest.fixture
async def store(reopen: Reopen) -> AsyncIterator[Store]:
    """An empty store of each kind."""
    made = reopen()
    opened = open_store(made, {}) if isinstance(made, str) else made
    await opened.open()
    yield opened
    await opened.close()


def inbox_of(store: Store, here: Connection) -> Inbox:
    """Make an inbox with one connection."""
    connections = Connections(load())
    connections.add(here)
    return Inbox(store, connections, SimClock("virtual", start=NOW))


async def test_ids_texts_and_codes_are_kept_on_every_store(store: Store) -> None:
    """Once, whether it comes again or not; the body is kept as it came."""
    message = written("m\x001", "a\x00b \\u0000")
    report = reported("m\x002", DeliveryState.FAILED, code="c\x003", reason="n\x00")
    came = hook(message, report)
    inbox, here = inbox_of(store, connection()), connection()
    assert [200, 200] == [(await inbox.accept(came, here)).status for _ in range(2)]
    first, second = [row.event for row in await store.events()]
    assert isinstance(first, MessageReceived)
    assert isinstance(second, DeliveryUpdated)
    assert ("m\ufffd1", "a\ufffdb \\u0000") == (first.vendor_id, first.text)
    assert ("m\ufffd2", "c\ufffd3", "n\ufffd") == (second.vendor_id, second.code, second.reason)
    [row] = await store.webhooks()
    assert (came.body, None, 1) == (row.body, row.quarantine, row.repeats)
    facts = await store.facts("main", ["m\ufffd2"])
    assert ["c\ufffd3"] == [fact.code for fact in facts]


async def test_lists_show_what_callers_wrote(store: Store) -> None:
    """Their own words are theirs: a reference with U+0000 in it breaks no list."""
    report = reported("m1", reference="order \x00 1").stamped(connection="main", provider="plain", received_at=NOW)
    message = written("m2").stamped(connection="main", provider="plain", received_at=NOW)
    await store.ingest(webhook_row("1"), [report, message.model_copy(update={"reference": "\x00"})])
    if not isinstance(store, LedgerStore):
        return
    lists, wanted = ListingRecords(store), partial(ListingRecords(store).events, chat=None, message=None, limit=9)
    for rising, place in ((True, 0), (False, LAST)):
        found = await wanted(["main"], place=place, rising=rising, types=["message.received"])
        assert ["\x00"] == [row.event.reference for row in found]
        found = await wanted(["main"], place=place, rising=rising, types=[], state="delivered")
        assert ["order \x00 1"] == [row.event.reference for row in found]
    assert 1 == len(await lists.chats(["main"], before=LAST, direct=True, limit=9))


class Careless(Plain):
    """Makes of a webhook what is not in it."""

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        return [event.model_copy(update={"vendor_id": "m\x00"}) for event in super().parse(hook)]


async def test_what_a_store_cannot_keep_is_put_aside(store: Store) -> None:
    """Where it is the parser that makes it: the vendor is not asked to come again, and the body waits for a better one.

    Memory and SQLite keep it as it is.
    """
    bad = Connection("main", Careless(PlainSettings()), History())  # type: ignore[arg-type]  # stands in for a transport
    inbox, came = inbox_of(store, bad), hook(written("m1"))
    assert [200, 200] == [(await inbox.accept(came, bad)).status for _ in range(2)]
    [row] = await store.webhooks()
    assert came.body == row.body
    keeps = row.quarantine is None
    assert ("PostgresStore" != type(store).__name__) is keeps
    if keeps:
        return
    connections = Connections(load())
    connections.add(bad)
    again = await reparse(store, connections, inbox, since=None, connection=None, apply=True, limit=9)
    assert (1, ()) == (len(again.failing), again.new)

    good = connection()
    connections = Connections(load())
    connections.add(good)
    mended = await reparse(store, connections, inbox_of(store, good), since=None, connection=None, apply=True, limit=9)
    assert (0, 1) == (len(mended.failing), len(mended.new))
    assert ["m1"] == [
        event.vendor_id for row in await store.events() if isinstance(event := row.event, MessageReceived)
    ]


@pytest.mark.parametrize(
    ("came", "read"),
    [
        (rb'{"a":"\u0000"}', rb'{"a":"\ufffd"}'),
        (rb' ["\u0000\u0000x\u00000"]', rb' ["\ufffd\ufffdx\ufffd0"]'),
        (rb'{"a":"\\u0000"}', rb'{"a":"\\u0000"}'),
        (rb'{"a":"\\\u0000"}', rb'{"a":"\\\ufffd"}'),
        (rb'{"a":"\\\\u0000 \u0000"}', rb'{"a":"\\\\u0000 \ufffd"}'),
        (rb'{"a":"u0000"}', rb'{"a":"u0000"}'),
        (b"\x00\\u0000", b"\x00\\u0000"),
        (b"", b""),
    ],
)
def test_only_the_character_itself_is_another_one(came: bytes, read: bytes) -> None:
    """The word that looks like it stays, and so does what is no JSON."""
    assert read == legible(came)


def test_what_proves_a_webhook_is_untouched() -> None:
    """Only its parser gets another body; one without the character is the very same."""
    plain, odd = hook(written("m1")), WebhookRequest((), b"{}", NOW, query="token=a%00b&c=%2500")
    assert plain is legible_hook(plain)
    assert ("token=a%EF%BF%BDb&c=%2500", b"{}") == (legible_hook(odd).query, legible_hook(odd).body)
