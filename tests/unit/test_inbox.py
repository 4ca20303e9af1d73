"""The way in, by itself: proof, quarantine, one commit, and which message an event is."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from gateway.connections import Connection, Connections
from gateway.errors import BadPayload, BadSignature
from gateway.events import Event, MessageReceived, UnknownEvent
from gateway.exchange import Reply
from gateway.ids import event_id
from gateway.inbox import Inbox, Stale
from gateway.model import Attachment, Message
from gateway.plugins import load
from gateway.provider import WebhookRequest
from gateway.simulator import SimClock
from gateway.store import EventOutcome, MemoryStore, WebhookRow
from tests.unit.plain_vendor import (
    NOW,
    OTHER,
    Plain,
    PlainSettings,
    after,
    body_of,
    connection,
    hook,
    reported,
    written,
)

PICTURE = Attachment(url="https://files.example/a.jpg")


class Desk:
    """An inbox over an empty store, at a time that stands still."""

    def __init__(self, stale: Stale | None = None) -> None:
        self.store = MemoryStore()
        self.clock = SimClock("virtual", start=NOW)
        self.connection = connection()
        self.inbox = Inbox(self.store, Connections(load()), self.clock, stale)

    async def take(self, *events: Event, at: datetime = NOW) -> Reply:
        """Take a webhook in."""
        return await self.inbox.accept(hook(*events, at=at), self.connection)

    async def kept(self) -> list[Event]:
        """All events, in the order they came."""
        return [row.event for row in await self.store.events()]


@pytest.fixture
def desk() -> Desk:
    """A desk on which nothing lies."""
    return Desk()


# ── verify, parse, keep, answer ───────────────────────────────────────────────────────────────────────────────────


async def test_a_webhook_is_kept_raw_with_its_events_before_it_is_answered(desk: Desk) -> None:
    """The row holds the bytes, the time and the headers, without the one that proves who sent it."""
    request = replace(hook(written("m1"), reported("m2")), headers=(("proof", "genuine"), ("x-signature", "s")))
    assert Reply(200) == await desk.inbox.accept(request, desk.connection)
    [row] = await desk.store.webhooks()
    events = await desk.kept()
    expected = WebhookRow(
        connection="main",
        digest=hashlib.sha256(request.body).hexdigest(),
        headers=(("proof", "genuine"),),
        body=request.body,
        received_at=NOW,
        events=tuple(event.id for event in events),
    )
    assert expected == row
    assert ["message.received", "delivery.updated"] == [event.type for event in events]


async def test_a_report_is_a_fact_in_the_same_commit(desk: Desk) -> None:
    """It is there for a message that nobody knows yet, and is joined when the message becomes known."""
    await desk.take(reported("m9"))
    [fact] = await desk.store.facts("main", ["m9"])
    [event] = await desk.kept()
    assert event.id == fact.source


async def test_a_word_of_consent_is_in_the_same_commit(desk: Desk) -> None:
    """Who writes STOP is not written to any more, from the moment that the webhook is answered."""
    await desk.take(written("m1", "STOP"))
    word = await desk.store.consent("main", "+12025550123")
    assert word is not None
    assert not word.agreed


@pytest.mark.parametrize("proof", ["forged", "crash"])
async def test_what_proves_nothing_is_refused_and_not_kept(desk: Desk, proof: str) -> None:
    """A verifier that stumbles has proven nothing either."""
    with pytest.raises(BadSignature) as caught:
        await desk.inbox.accept(hook(written("m1"), proof=proof), desk.connection)
    assert (401, "main", "plain") == (caught.value.answer, caught.value.connection, caught.value.provider)
    assert [] == await desk.store.webhooks()


async def test_a_parser_that_crashes_quarantines_and_answers(desk: Desk) -> None:
    """The vendor is not asked to send again what would fail again."""
    assert Reply(200) == await desk.inbox.accept(hook(body=b"crash"), desk.connection)
    [row] = await desk.store.webhooks(quarantined=True)
    assert (b"crash", "KeyError in the parser of plain") == (row.body, row.quarantine)


async def test_what_is_no_payload_is_kept_too_and_refused(desk: Desk) -> None:
    """Was it broken on its way, the next attempt is whole; was it not, it is there to look at."""
    with pytest.raises(BadPayload) as caught:
        await desk.inbox.accept(hook(body=b"{}"), desk.connection)
    [row] = await desk.store.webhooks(quarantined=True)
    assert 400 == caught.value.answer
    assert (b"{}", "not a list of events") == (row.body, row.quarantine)


async def test_an_answer_that_cannot_be_made_is_a_plain_one(desk: Desk) -> None:
    """It is kept, and that is what the vendor has to hear."""

    class Speechless(Plain):
        def answer(self, hook: WebhookRequest) -> Reply:
            raise RuntimeError

    mute = Connection("main", Speechless(PlainSettings()), desk.connection.transport)
    assert Reply(200) == await desk.inbox.accept(hook(written("m1")), mute)
    assert 1 == len(await desk.kept())


async def test_what_there_is_no_word_for_is_an_event_with_its_payload(desk: Desk) -> None:
    """Nothing is lost because it is new."""
    unknown = UnknownEvent(key="k", reason="a new kind", raw={"kind": "new"})
    await desk.take(unknown)
    [event] = await desk.kept()
    assert unknown.stamped(connection="main", provider="plain", received_at=NOW) == event
    assert [] == await desk.store.webhooks(quarantined=True)


async def test_what_is_of_no_form_that_is_read_is_an_event_and_in_quarantine(desk: Desk) -> None:
    """Handed over as what it is, and found when a later parser tries again, whatever is read beside it."""
    unread = UnknownEvent(key="k", reason="another generation", unread=True)
    with structlog.testing.capture_logs() as lines:
        assert Reply(200) == await desk.take(written("m1"), unread)
        await desk.take(written("m1"), unread)
    [row] = await desk.store.webhooks(quarantined=True)
    events = await desk.store.events()
    assert ("another generation", 1, tuple(each.id for each in events)) == (row.quarantine, row.repeats, row.events)
    assert [("message.received", EventOutcome.PENDING), ("unknown", EventOutcome.PENDING)] == [
        (each.event.type, each.outcome) for each in events
    ]
    assert ["webhook_quarantined", "webhook_accepted"] * 2 == [line["event"] for line in lines]
    assert [True, True] == [line["quarantined"] for line in lines[1::2]]


# ── which message it is ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_message_is_one_event_by_whatever_road_and_key_it_comes(desk: Desk) -> None:
    """The vendor's id of the message says which one it is."""
    await desk.take(written("m1"))
    await desk.take(written("m1", key="another key"))
    await desk.take(written("m1"), at=after(5))
    [event] = await desk.kept()
    assert event_id("main", "gateway:message:m1") == event.id


async def test_more_of_a_message_is_a_revision_in_its_chat(desk: Desk) -> None:
    """It has an id of its own, names the first one, and holds the text with the picture that came later."""
    await desk.take(written("m1", "look"))
    await desk.take(written("m1", PICTURE), at=after(5))
    first, more = await desk.kept()
    assert isinstance(more, MessageReceived)
    assert (first.id, False, first.chat_id) == (more.revises, False, more.chat_id)
    assert Message("look", PICTURE) == more.message
    assert first.id != more.id


async def test_a_webhook_says_what_was_made_of_it_and_how_often_it_came(desk: Desk) -> None:
    """More of a message made its revision alone; the same again is counted once each time."""
    for content in (["look"], [PICTURE], ["look"], ["look"], [PICTURE]):
        await desk.take(written("m1", *content))
    first, more = await desk.kept()
    assert [(1, (more.id,)), (2, (first.id,))] == [(row.repeats, row.events) for row in await desk.store.webhooks()]


async def test_less_of_a_message_that_is_known_is_nothing_new(desk: Desk) -> None:
    """An earlier state that comes later is a repetition; so is each state that comes again."""
    await desk.take(written("m1", "look", PICTURE))
    for content in (["look"], [PICTURE], ["look", PICTURE]):
        await desk.take(written("m1", *content))
    [event] = await desk.kept()
    assert isinstance(event, MessageReceived)
    assert event.revises is None


async def test_a_revision_long_after_says_that_it_is_late(desk: Desk) -> None:
    """What was answered meanwhile was answered without the picture."""
    await desk.take(written("m1", "look"))
    await desk.take(written("m1", "look", PICTURE), at=after(121))
    _, more = await desk.kept()
    assert isinstance(more, MessageReceived)
    assert more.late


async def test_an_id_that_is_used_in_another_chat_is_another_message(desk: Desk) -> None:
    """Each line of ours in a group may see the same id; each is a message of its own, once."""
    for _ in range(2):
        await desk.take(written("m1", "look"))
        await desk.take(written("m1", "look", phone=OTHER))
    here, there = await desk.kept()
    assert here.chat_id != there.chat_id
    assert isinstance(there, MessageReceived)
    assert there.revises is None


async def test_versions_in_one_webhook_are_told_apart(desk: Desk) -> None:
    """A list of events may hold a message and more of it."""
    await desk.take(written("m1", "look"), written("m1", "look"), written("m1", PICTURE))
    first, more = await desk.kept()
    assert isinstance(more, MessageReceived)
    assert first.id == more.revises


async def test_what_was_let_go_of_is_not_learnt_again(desk: Desk) -> None:
    """Neither by the same words nor by more of them: a vendor that delivers once more brings nothing back."""
    gone = written("m1", "•••").model_copy(update={"faded": True})
    await desk.take(gone)
    before = await desk.kept()
    await desk.take(written("m1", "call +12025550123"))
    await desk.take(written("m1", "call +12025550123", PICTURE))
    assert before == await desk.kept()


async def test_of_what_was_erased_only_the_id_is_left_and_says_enough(desk: Desk) -> None:
    """A mark stands for all that its message held, whether it was the first version or a later one."""
    await desk.take(written("m1", "look"))
    mark = UnknownEvent(id=event_id("main", "gateway:message:m1/2"), key="erased", reason="erased", received_at=NOW)
    await desk.store.ingest(WebhookRow("main", "elsewhere", (), b"", NOW), [mark])
    before = await desk.kept()
    await desk.take(written("m1", "look", PICTURE))
    assert before == await desk.kept()


async def test_versions_that_arrive_in_the_same_moment_are_all_kept() -> None:
    """Who finds the id taken when it is written looks again at what is there."""

    class Slow(MemoryStore):
        async def ingest(self, webhook: WebhookRow, events: Sequence[Event], *rest: Any, **more: Any) -> list[Event]:
            await asyncio.sleep(0)
            return await super().ingest(webhook, events, *rest, **more)

    desk = Desk()
    slow = Slow()
    inbox = Inbox(slow, Connections(load()), desk.clock)
    hooks = [hook(written("m1", *content)) for content in (["look"], [PICTURE], ["look", PICTURE], ["see"])]
    await asyncio.gather(*(inbox.accept(each, desk.connection) for each in hooks))
    events = [row.event for row in await slow.events()]
    texts = {event.text for event in events if isinstance(event, MessageReceived)}
    pictures = [event for event in events if isinstance(event, MessageReceived) and PICTURE in event.message.parts]
    assert {"look", "see"} <= texts
    assert pictures
    assert len(events) == len({event.id for event in events})
    assert 1 == sum(event.revises is None for event in events if isinstance(event, MessageReceived))


CONTENT = st.lists(
    st.sampled_from(["a", "b", PICTURE, Attachment(url="https://files.example/b.jpg")]), min_size=1, max_size=3
)


@given(st.lists(CONTENT, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_whatever_is_said_of_a_message_is_handed_over_once_however_often_it_comes(
    contents: list[list[Any]], chance: Any
) -> None:
    """Every text and picture is in some version; a second round of the same webhooks, in any order, adds none."""

    async def run() -> None:
        desk = Desk()
        hooks = [hook(written("m1", *content)) for content in contents]
        for each in hooks:
            await desk.inbox.accept(each, desk.connection)
        before = await desk.kept()
        chance.shuffle(hooks)
        for each in hooks:
            await desk.inbox.accept(each, desk.connection)
        assert before == await desk.kept()
        messages = [event.message for event in before if isinstance(event, MessageReceived)]
        said = {message.text for message in messages} | {part for m in messages for part in m.parts}
        for content in contents:
            message = Message(*content)
            assert message.text == "" or message.text in said
            assert {part for part in message.parts if isinstance(part, Attachment)} <= said

    asyncio.run(run())


# ── old news ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("stale", "fields", "at", "expected"),
    [
        (Stale(), {}, NOW, False),
        (Stale(), {"occurred_at": after(-3599)}, NOW, False),
        (Stale(), {"occurred_at": after(-3601)}, NOW, True),
        (Stale(), {}, after(-3601), True),
        (Stale(after=timedelta(seconds=1)), {}, after(-2), True),
        (Stale(after=None), {"occurred_at": after(-90_000)}, NOW, False),
    ],
)
async def test_what_is_old_when_it_comes_is_marked(
    stale: Stale, fields: dict[str, Any], at: datetime, *, expected: bool
) -> None:
    """By the vendor's time, or else by when the vendor sent it; and handed over all the same."""
    desk = Desk(stale)
    await desk.take(written("m1", **fields), at=at)
    [row] = await desk.store.events()
    assert (expected, EventOutcome.PENDING) == (row.event.stale, row.outcome)


async def test_what_is_old_can_be_kept_back() -> None:
    """It is there, and nobody is called for it; what is new is handed over."""
    desk = Desk(Stale(dispatch=False))
    await desk.take(written("m1", occurred_at=after(-90_000)), written("m2"))
    assert [EventOutcome.DONE, EventOutcome.PENDING] == [row.outcome for row in await desk.store.events()]


async def test_the_same_body_on_two_connections_is_two_webhooks(desk: Desk) -> None:
    """Each connection has its own messages."""
    await desk.take(written("m1"))
    await desk.inbox.accept(hook(written("m1")), connection(name="other"))
    assert ["main", "other"] == [event.connection for event in await desk.kept()]
    assert body_of(written("m1")) == (await desk.store.webhooks())[0].body
