"""The contract of the look-ups: what was kept is found, whole, and in the order that is promised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.actions import DeliveryState
from gateway.events import (
    AnyEvent,
    CallReceived,
    ContactShared,
    Event,
    GroupUpdated,
    LineState,
    LineUpdated,
    OptedIn,
    OptedOut,
    PollUpdated,
    ReactionAdded,
    ReactionRemoved,
    TypingStarted,
    TypingStopped,
    UnknownEvent,
)
from gateway.ids import ChatId, EventId, MessageId, Token, event_id
from gateway.model import Channel, Chat, Message, MessageRef, Opaque, Reaction, Text
from gateway.store.port import Store
from gateway.store.rows import ConsentRow, FactRow, FileRow, MessageState, StepState
from gateway.testing.stores.samples import (
    CHAT,
    LEASE,
    NOW,
    OTHER,
    after,
    attempt_of,
    enqueued,
    finished,
    ids,
    message_row,
    received,
    report,
    started,
    steps_of,
    token_of,
    webhook_row,
)

__all__ = ["LookupsContract", "every_event"]


def every_event() -> list[AnyEvent]:
    """Give one event of each kind, with every field in use somewhere."""
    person = Chat.model_validate("+12025550123").addresses[0]
    message = Message(Text(text='„Ü" \\ \n 👩‍👩‍👧', mention=person), Opaque(kind="sticker"))
    target = MessageRef(vendor_id="v", part=2)
    full = received("full", message=message, sender=person, channel=Channel.SMS, thread="t", language="de")
    raw = {"a": [1, 2.5, None, True, {"b": "ü"}], "": "x"}
    return [
        full.model_copy(update={"raw": raw, "occurred_at": after(-0.000001), "token": Token("t"), "reference": "r"}),
        report("failed", code="500", reason="no", retriable=False, channel=Channel.IMESSAGE, ours=True),
        ReactionAdded(key="a", target=target, reaction=Reaction.parse("love"), sender=person),
        ReactionRemoved(key="b", target=MessageRef(message=MessageId("msg_1")), reaction=Reaction.parse("🔥")),
        TypingStarted(key="c", sender=person),
        TypingStopped(key="d"),
        OptedIn(key="e", address=person, parameters={"n": 1, "l": ["x"]}, vendor_id="v", text="yes"),
        OptedOut(key="f", address=person),
        CallReceived(key="g", sender=person),
        LineUpdated(key="h", line="+1", state=LineState.SUSPENDED, address=person),
        GroupUpdated(key="i", name="us", icon="https://example.com/x", sender=person),
        PollUpdated(key="j", poll_id="p", change="voted", title="?", options=("a", "b"), option="b", sender=person),
        ContactShared(key="k", sender=person, name="N"),
        UnknownEvent(key="l", reason="no word", raw=["x"]),
    ]


def stamped(event: Event) -> Event:
    """Give an event as the inbox keeps it."""
    known = {"id": event_id("main", event.key), "connection": "main", "provider": "vendor", "received_at": NOW}
    return event.model_copy(update=known)


class LookupsContract:
    """Everything that only reads, and what is kept for it."""

    pytestmark: pytest.MarkDecorator = pytest.mark.asyncio

    async def test_what_is_not_there_is_not_found(self, store: Store) -> None:
        """Nothing is None or empty, never an error."""
        nothing = [
            await store.message(MessageId("msg_x")),
            await store.by_key("x"),
            await store.by_token(Token("x")),
            await store.owner("main", "x"),
            await store.event(EventId("evt_x")),
            await store.consent("main", "x"),
            await store.cursor("x"),
            await store.file("x"),
            await store.last_inbound("main", CHAT),
        ]
        assert [None] * len(nothing) == nothing
        empty = [
            await store.messages(),
            await store.attempts(MessageId("msg_x")),
            await store.facts("main", ["x"]),
            await store.facts("main", []),
            await store.events(),
            await store.webhooks(),
            await store.events_of(MessageId("msg_x")),
            await store.runs(EventId("evt_x")),
        ]
        assert [[]] * len(empty) == empty
        assert ((), CHAT, []) == (
            await store.proofs(Token("x")),
            await store.canonical(CHAT),
            await store.undecided(CHAT),
        )

    async def test_every_kind_of_event_comes_back_whole(self, store: Store) -> None:
        """An event that is read is equal to the one that was kept, in type and every field."""
        events = [stamped(event) for event in every_event()]
        await store.ingest(webhook_row("1"), events)
        rows = await store.events()
        assert events == [row.event for row in rows]
        assert [type(event) for event in events] == [type(row.event) for row in rows]
        assert rows == [await store.event(event.id) for event in events]

    async def test_rows_are_listed_newest_first(self, store: Store) -> None:
        """Ids sort by time; the list can be cut, and kept to one state."""
        rows = [await enqueued(store, name, f"chat_{name}") for name in "bcad"]
        newest = sorted(rows, key=lambda row: row.id, reverse=True)
        assert newest == await store.messages()
        assert newest[:2] == await store.messages(limit=2)
        works = {work.message.id: work for work in await store.claim(NOW, LEASE, 10)}
        for row, state in zip(newest, ("accepted", "refused", "unknown"), strict=False):
            await store.settle(works[row.id], finished(works[row.id], MessageState(state)))
        for row, state in zip(newest, ("accepted", "refused", "unknown", "queued"), strict=True):
            assert [replace(row, state=MessageState(state))] == await store.messages(MessageState(state))
        assert [] == await store.messages(MessageState.EXPIRED)

    async def test_what_waits_for_a_person_is_listed_by_connection(self, store: Store) -> None:
        """Newest first, from an id down; neither what still waits for proof, nor what others have."""
        rows = [await enqueued(store, name, f"chat_{name}") for name in "abcd"]
        other = await enqueued(store, "e", "chat_e", connection="other")
        for work in await store.claim(NOW, LEASE, 10):
            row = replace(work.message, state=MessageState.UNKNOWN, parked=work.message.id != rows[1].id)
            await store.settle(work, replace(finished(work, MessageState.UNKNOWN), message=row))
        parked = [replace(row, state=MessageState.UNKNOWN, parked=True) for row in (rows[3], rows[2], rows[0])]
        assert parked == await store.parked("main", None, 10)
        assert parked[:2] == await store.parked("main", None, 2)
        assert parked[2:] == await store.parked("main", rows[2].id, 10)
        assert [other.id] == [row.id for row in await store.parked("other", None, 10)]
        assert [] == await store.parked("nobody", None, 10)

    async def test_what_will_be_too_late_is_listed_by_connection(self, store: Store) -> None:
        """The soonest first, wherever it is in its lane; not what has no end, has ended, or is unknown."""
        ends = {"a": 30, "b": None, "c": 10, "d": 20, "e": 5, "f": 4}
        rows = {
            name: await enqueued(store, name, OTHER if name in "ef" else CHAT, expires_at=after(end) if end else None)
            for name, end in ends.items()
        }
        await enqueued(store, "x", "chat_x", connection="other", expires_at=after(1))
        soonest = [rows[name] for name in "fecda"]
        assert soonest == await store.ending("main", 10)
        assert soonest[:2] == await store.ending("main", 2)
        works = {work.message.id: work for work in await store.claim(NOW, LEASE, 10)}
        assert soonest == await store.ending("main", 10)
        assert await store.settle(works[rows["e"].id], finished(works[rows["e"].id]))
        doubtful = works[rows["a"].id]
        row = replace(doubtful.message, state=MessageState.UNKNOWN)
        assert await store.settle(doubtful, replace(finished(doubtful, MessageState.UNKNOWN), message=row))
        assert [rows[name] for name in "fcd"] == await store.ending("main", 10)
        assert [] == await store.ending("nobody", 10)

    async def test_what_has_begun_is_listed_by_lane(self, store: Store) -> None:
        """What is unknown and waits for a person, and what was started; not what has ended, nor what only waits."""
        for name, state in (("a", MessageState.ACCEPTED), ("b", MessageState.UNKNOWN)):
            await enqueued(store, name)
            [work] = await store.claim(NOW, LEASE, 10)
            step = StepState.ACCEPTED if state is MessageState.ACCEPTED else StepState.UNKNOWN
            ended = finished(work, state, step)
            row = replace(ended.message, parked=state is MessageState.UNKNOWN)
            assert await store.settle(work, replace(ended, message=row))
        await enqueued(store, "c", steps=2)
        await enqueued(store, "d")
        await enqueued(store, "other", OTHER)
        works = await store.claim(NOW, LEASE, 10)
        for work in works:
            assert not (await store.mark(work, started(work), attempt_of(started(work)))).lost
        found = [await store.begun(lane) for lane in (CHAT, OTHER, ChatId("chat_x"))]
        assert [["msg_b", "msg_c"], ["msg_other"], []] == [[row.id for row, _ in pairs] for pairs in found]
        assert found[0] == [await store.message(row.id) for row, _ in found[0]]

    async def test_a_step_is_found_by_its_token(self, store: Store) -> None:
        """Each step by its own."""
        row = await enqueued(store, "1", steps=3)
        assert steps_of(row) == [await store.by_token(token_of(row.id, index)) for index in range(3)]

    async def test_a_vendor_id_belongs_to_a_connection(self, store: Store) -> None:
        """The same id on another connection is somebody else's."""
        for connection in ("a", "b"):
            await enqueued(store, connection, f"chat_{connection}", connection=connection)
            [work] = await store.claim(NOW, LEASE, 1)
            await store.settle(work, finished(work, sent=("v",)))
        found = [await store.owner(connection, "v") for connection in ("a", "b", "c")]
        assert ["msg_a", "msg_b", None] == [step.message if step else None for step in found]

    async def test_facts_are_listed_oldest_first_and_kept_once_a_source(self, store: Store) -> None:
        """The first report of a source about a message holds; look-ups have their time as source."""
        first = FactRow(
            connection="main",
            vendor_id="v",
            state=DeliveryState.FAILED,
            source="look-up 1",
            received_at=after(2),
            occurred_at=after(1),
            channel="sms",
            code="1",
            reason="ü",
            certain=False,
        )
        second = replace(first, source="look-up 0", received_at=NOW, occurred_at=None, channel=None, code=None)
        other = replace(first, vendor_id="w")
        strange = replace(first, connection="other")
        await store.keep_facts([first, other, strange])
        await store.keep_facts([second, replace(first, state=DeliveryState.READ), second])
        await store.keep_facts([])
        assert [second, first] == await store.facts("main", ["v", "v"])
        assert [second, first, other] == await store.facts("main", {"v", "w", "x"})

    async def test_the_latest_word_of_an_address_holds(self, store: Store) -> None:
        """An older one changes nothing; of two at the same time the one that came last does."""

        def word(seconds: float, *, agreed: bool, source: str) -> ConsentRow:
            moment = after(seconds)
            return ConsentRow(connection="main", address="+1", agreed=agreed, source=source, changed_at=moment)

        await store.keep_consent(word(5, agreed=True, source="a"))
        await store.keep_consent(word(4, agreed=False, source="b"))
        assert word(5, agreed=True, source="a") == await store.consent("main", "+1")
        await store.keep_consent(word(5, agreed=False, source="c"))
        assert word(5, agreed=False, source="c") == await store.consent("main", "+1")
        assert await store.consent("other", "+1") is None

    async def test_a_cursor_is_the_last_one_kept(self, store: Store) -> None:
        """By its name."""
        for name, value in (("a", "1"), ("b", "2"), ("a", "3")):
            await store.keep_cursor(name, value)
        assert ["3", "2"] == [await store.cursor(name) for name in ("a", "b")]

    async def test_a_file_is_kept_once(self, store: Store) -> None:
        """By its digest: the same bytes under another name change nothing."""
        file = FileRow(digest="d", name="ü.png", media_type="image/png", data=bytes(range(256)), kept_at=NOW)
        await store.keep_file(file)
        await store.keep_file(replace(file, name="other", kept_at=after(1)))
        assert file == await store.file("d")

    async def test_events_are_listed_from_a_number_on(self, store: Store) -> None:
        """A reader that goes on from the last number it saw misses none and sees none twice."""
        await store.ingest(webhook_row("1"), [received(str(number)) for number in range(7)])
        seen: list[str] = []
        after_that = 0
        while rows := await store.events(after_that, 3):
            seen += [row.event.key for row in rows]
            after_that = rows[-1].sequence
        assert [str(number) for number in range(7)] == seen

    async def test_events_about_a_message_are_listed_oldest_first(self, store: Store) -> None:
        """Those of other messages are not among them."""
        ours = [report(str(number), message_id=MessageId("msg_1")) for number in range(3)]
        await store.ingest(webhook_row("1"), [ours[0], report("x", message_id=MessageId("msg_2")), *ours[1:]])
        assert ours == [row.event for row in await store.events_of(MessageId("msg_1"))]

    async def test_webhooks_are_listed_newest_first(self, store: Store) -> None:
        """The list can be cut, and kept to those since a time."""
        for number in range(4):
            quarantine = "why" if number % 2 else None
            hook = webhook_row(str(number), received_at=after(number), quarantine=quarantine)
            await store.ingest(hook, [])
        assert ["3", "2", "1", "0"] == [hook.digest[-1] for hook in await store.webhooks()]
        assert ["3", "2"] == [hook.digest[-1] for hook in await store.webhooks(limit=2)]
        assert ["3", "2"] == [hook.digest[-1] for hook in await store.webhooks(since=after(2))]
        assert ["3"] == [hook.digest[-1] for hook in await store.webhooks(since=after(2), quarantined=True)]
        await store.ingest(webhook_row("4", connection="other", quarantine="why"), [])
        assert ["4"] == [hook.digest[-1] for hook in await store.webhooks(connection="other")]
        assert ["3", "1"] == [hook.digest[-1] for hook in await store.webhooks(connection="main", quarantined=True)]

    async def test_webhooks_are_followed_from_a_number_on(self, store: Store) -> None:
        """In the order they came: a reader that goes on from the last number it saw misses none and sees none twice."""
        for number in range(6):
            quarantine = "why" if number % 2 else None
            name = "b" if number in {1, 2} else "a"
            hook = webhook_row(str(number), connection=name, received_at=after(-number), quarantine=quarantine)
            await store.ingest(hook, [])
        seen: list[str] = []
        number = 0
        while rows := await store.webhooks_after(number, limit=4):
            seen += [each.row.digest[-1] for each in rows]
            number = rows[-1].sequence
        assert list("012345") == seen
        assert list(reversed(await store.webhooks())) == [each.row for each in await store.webhooks_after()]
        for asked, expected in (
            ({"connection": "b"}, "12"),
            ({"connection": "a", "quarantined": True}, "35"),
            ({"since": after(-3), "quarantined": True}, "13"),
            ({"since": after(-3), "connection": "a", "limit": 1}, "0"),
        ):
            assert list(expected) == [each.row.digest[-1] for each in await store.webhooks_after(**asked)], asked

    async def test_webhooks_are_found_by_what_was_made_of_them(self, store: Store) -> None:
        """Oldest first, each once, whatever else came; only those of the connection, and since a time."""
        ours = [received("1"), report("2")]
        for number in range(4):
            await store.ingest(webhook_row(str(number), received_at=after(number)), ours[number % 2 :])
            await store.ingest(webhook_row(f"x{number}", received_at=after(number)), [received(f"x{number}")])
        await store.ingest(webhook_row("y", "other", received_at=after(9)), [ours[0]])

        async def found(*events: Event, since: float = 0, limit: int = 10) -> list[str]:
            rows = await store.webhooks_of("main", ids(events), after(since), limit)
            return [row.digest[-1] for row in rows]

        assert ["0", "1", "2", "3"] == await found(*ours)
        assert ["0", "2"] == await found(ours[0])
        assert ["2", "3"] == await found(*ours, since=2)
        assert ["0"] == await found(*ours, limit=1)
        assert [] == await found()
        whole = await store.webhooks_of("main", ids(ours), NOW)
        assert [row for row in reversed(await store.webhooks()) if row in whole] == whole

    async def test_names_are_never_read_as_anything_else(self, store: Store) -> None:
        """Quotes, wild cards and the words of a query language are only text."""
        names = ["'", '"', "%", "_", "\\", "$1", "?1", ":x", "'; drop table message; --", "{}", "[]", "null", "ü👩‍👩‍👧"]
        for number, name in enumerate(names):
            row = message_row(f"{number}", f"chat {name}", connection=name, key=name)
            assert row == await store.enqueue(row, steps_of(row))
            await store.keep_cursor(name, name)
        works = await store.claim(NOW, LEASE, 100)
        assert sorted(ChatId(f"chat {name}") for name in names) == sorted(work.lane for work in works)
        for work in works:
            name = work.message.connection
            await store.settle(work, finished(work, sent=(name,)))
            assert work.steps[0].token == (await _owner(store, name))
        assert names == [await store.cursor(name) for name in names]


async def _owner(store: Store, name: str) -> Token | None:
    step = await store.owner(name, name)
    return step.token if step else None
