"""Parsing again, by itself: what differs, which webhooks, how many at a time, and where the next call goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from gateway import reparse as module
from gateway.connections import Connections
from gateway.events import Event, MessageReceived, UnknownEvent
from gateway.inbox import Inbox
from gateway.model import Attachment, Chat, Message, MessageRef, Part
from gateway.plugins import load
from gateway.provider import WebhookRequest
from gateway.reparse import Less, Reparsed, by_portions, reparse
from gateway.simulator import SimClock
from gateway.store import MemoryStore, NumberedWebhook
from tests.unit.plain_vendor import NOW, OTHER, PHONE, Plain, after, connection, hook, written


class Shelf(MemoryStore):
    """A store that notes how many webhooks were asked for at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[int] = []

    async def webhooks_after(self, number: int = 0, **asked: Any) -> list[NumberedWebhook]:
        """Note how many there were."""
        rows = await super().webhooks_after(number, **asked)
        self.pages.append(len(rows))
        return rows


class Desk:
    """Webhooks of two connections that nobody can read: the first is of `b`, what came later of `a`."""

    def __init__(self) -> None:
        self.store = Shelf()
        self.connections = Connections(load())
        for name in "ab":
            self.connections._by_name[name] = connection(name=name)
        self.inbox = Inbox(self.store, self.connections, SimClock("virtual", start=NOW))

    async def take(self, name: str, request: WebhookRequest) -> None:
        """Take a webhook in."""
        await self.inbox.accept(request, self.connections.get(name))

    async def fail(self, name: str, number: int) -> None:
        """Take one in that the parser fails at."""
        await self.take(name, hook(body=f"crash {number}".encode(), at=after(number)))

    async def reparse(self, **asked: Any) -> Reparsed:
        """Parse again."""
        given = {"since": None, "connection": None, "apply": True, "after": 0, "limit": 10_000, **asked}
        return await reparse(self.store, self.connections, self.inbox, **given)


@pytest.fixture
async def desk() -> Desk:
    """One failure of `b`, and five of `a` behind it."""
    made = Desk()
    await made.fail("b", -100)
    for number in range(5):
        await made.fail("a", number)
    return made


@pytest.fixture
def mended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk, with a parser by now that finds a message in whatever it failed at."""

    def parse(_: Plain, request: WebhookRequest) -> Sequence[Event]:
        return [written(request.body.decode())]

    monkeypatch.setattr(Plain, "parse", parse)
    return desk


# ── what differs ──────────────────────────────────────────────────────────────────────────────────────────────────


def learnt(monkeypatch: pytest.MonkeyPatch, change: Callable[[MessageReceived], Event]) -> None:
    """Let the parser make something else of messages."""
    parse = Plain.parse

    def changed(provider: Plain, request: WebhookRequest) -> Sequence[Event]:
        return [change(event) if isinstance(event, MessageReceived) else event for event in parse(provider, request)]

    monkeypatch.setattr(Plain, "parse", changed)


def holding(*content: str | Part, **fields: Any) -> Callable[[MessageReceived], Event]:
    """Let every message hold that, and nothing else."""
    return lambda event: event.model_copy(update={"message": Message(*content, **fields)})


PICTURE, OTHER_PICTURE = (Attachment(url=f"https://files.example/{name}.jpg") for name in "ab")
WHOLE = holding("look", PICTURE, subject="s", reply_to=MessageRef(vendor_id="m0", part=1))


@pytest.mark.parametrize(
    ("change", "less"),
    [
        (WHOLE, None),
        (holding("look"), ("message.subject", "message.reply_to", "message.attachment")),
        (holding(PICTURE, subject="s", reply_to=MessageRef(vendor_id="m0", part=1)), ("message.text",)),
        (holding("look", PICTURE, subject="s", reply_to=MessageRef(vendor_id="m0")), ()),
        (holding("look", OTHER_PICTURE, subject="s", reply_to=MessageRef(vendor_id="m0", part=1)), ()),
        (lambda event: event.model_copy(update={"sender": None, "chat": Chat.direct(PHONE)}), ("chat.line", "sender")),
    ],
)
async def test_what_is_not_read_any_more_is_named(
    change: Callable[[MessageReceived], Event], less: tuple[str, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parser that loses a picture or a reply makes another event of it; which words are gone, and never what."""
    desk = Desk()
    event = WHOLE(written("m1", chat=Chat.direct(PHONE, line=OTHER), sender=PHONE))
    await desk.take("a", hook(event))
    if less is not None:
        learnt(monkeypatch, change)
    found = await desk.reparse(since=NOW, apply=False)
    [row] = await desk.store.events()
    changed = () if less is None else (row.id,)
    assert (changed, 1 - len(changed)) == (found.changed, found.unchanged)
    assert ((Less(event=row.id, what=less),) if less else ()) == found.less


async def test_what_came_in_several_webhooks_is_held_against_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """A revision holds what came before it too, and a repetition may hold less: neither is a change by itself."""
    desk = Desk()
    contents: list[list[str | Part]] = [["look"], ["look", PICTURE], ["look"]]
    for number, content in enumerate(contents):
        await desk.take("a", hook(written("m1", *content, key=f"hook:{number}"), at=after(number)))
    [_, revision] = [row.id for row in await desk.store.events()]
    assert Reparsed(webhooks=3, unchanged=3, applied=True) == await desk.reparse(since=NOW)
    learnt(monkeypatch, holding("look"))
    found = await desk.reparse(since=NOW, apply=False)
    assert ((revision,), (), 3) == (found.gone, found.changed, found.unchanged)


async def test_what_nobody_reads_is_tried_again_until_somebody_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays in quarantine, though it has an event; then it is another event, and the old one is gone."""
    desk = Desk()
    await desk.take("a", hook(UnknownEvent(key="v9", reason="another generation", unread=True)))
    [row] = await desk.store.events()
    still = await desk.reparse()
    [kept] = await desk.store.webhooks(quarantined=True)
    assert (1, 0, (), ["another generation"]) == (
        still.unchanged,
        kept.repeats,
        still.gone,
        [failing.problem for failing in still.failing],
    )
    monkeypatch.setattr(Plain, "parse", lambda *_: [written("m1")])
    found = await desk.reparse()
    new = (await desk.store.events())[1].id
    assert Reparsed(webhooks=1, new=(new,), gone=(row.id,), applied=True) == found
    assert [] == await desk.store.webhooks(quarantined=True)


# ── which, and how many ───────────────────────────────────────────────────────────────────────────────────────────


async def test_what_another_connection_has_takes_no_place(mended: Desk) -> None:
    """However many came to it later: the limit counts what was asked for."""
    found = await mended.reparse(connection="b", limit=1)
    assert (1, 1, True, None) == (found.webhooks, len(found.new), found.complete, found.after)


async def test_what_fails_for_ever_hides_nothing(desk: Desk) -> None:
    """The oldest come first, and the next call goes on behind what this one looked at, to the last of all."""
    first = await desk.reparse(limit=4)
    rest = await desk.reparse(after=first.after, limit=4)
    assert (4, False) == (len(first.failing), first.complete)
    assert (2, True, None) == (len(rest.failing), rest.complete, rest.after)
    assert [after(-100), *(after(number) for number in range(5))] == [
        failing.received_at for failing in (*first.failing, *rest.failing)
    ]


async def test_a_page_at_a_time_is_read(mended: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are parsed, in the order they came, and never more than a page is in memory."""
    monkeypatch.setattr(module, "_PAGE", 2)
    found = await mended.reparse()
    assert [2, 2, 2, 0] == mended.store.pages
    assert list(found.new) == [row.id for row in await mended.store.events()]
    assert (6, True) == (found.webhooks, found.complete)


async def test_a_limit_that_is_just_reached_leaves_nothing_out(desk: Desk) -> None:
    """Only what is there to go on with makes it incomplete."""
    assert [(5, False), (6, True), (6, True)] == [
        (len(found.failing), found.complete) for found in [await desk.reparse(limit=limit) for limit in (5, 6, 7)]
    ]


async def test_a_service_is_asked_in_portions(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """For as many as were wanted, until that was all; put together it is what one call would have said."""
    monkeypatch.setattr(module, "PORTION", 2)
    asked: list[tuple[int, int]] = []

    async def ask(number: int, limit: int) -> Reparsed:
        asked.append((number, limit))
        return await desk.reparse(after=number, limit=limit)

    five = await by_portions(ask, after=0, limit=5)
    whole = await by_portions(ask, after=0, limit=100)
    assert [(0, 2), (2, 2), (4, 1), (0, 2), (2, 2), (4, 2)] == asked
    assert [await desk.reparse(limit=5), await desk.reparse()] == [five, whole]
