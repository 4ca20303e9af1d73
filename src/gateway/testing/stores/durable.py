"""The contracts of stores that outlive their process, and of those that several processes share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from gateway.actions import DeliveryState
from gateway.errors import StoreError
from gateway.ids import ChatId, Token
from gateway.store.port import Store
from gateway.store.rows import (
    Bucket,
    ConsentRow,
    EventOutcome,
    FactRow,
    FileRow,
    InboundRow,
    Marked,
    MessageState,
    RunRow,
    StepState,
)
from gateway.store.rules import ENDED
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
    received,
    report,
    started,
    webhook_row,
)

__all__ = ["DurableContract", "SharedContract"]

Open = Callable[[], Awaitable[Store]]
"""Opens a store on the data of the test; the fixture closes what a test leaves open."""


class DurableContract:
    """What was kept is there after the store was closed and opened again; the subclass gives the fixture `opened`."""

    pytestmark: pytest.MarkDecorator = pytest.mark.asyncio

    async def test_what_was_sent_is_there_again(self, opened: Open) -> None:
        """Rows with their keys, steps, attempts, vendor ids, facts, links and limits."""
        store = await opened()
        row = await enqueued(store, "1", key="k")
        [work] = await store.claim(NOW, LEASE, 1)
        step, bucket = started(work), Bucket("line", 60)
        await store.mark(work, step, attempt_of(step), [bucket])
        fact = FactRow(connection="main", vendor_id="v", state=DeliveryState.SENT, source="answer", received_at=NOW)
        done = finished(work, sent=("v",), facts=(fact,), events=(report("1"),), alias=(CHAT, OTHER))
        await store.settle(work, replace(done, attempt=attempt_of(step, ended_at=NOW)))
        await store.close()

        store = await opened()
        assert (done.message, (done.step,)) == await store.message(row.id)
        assert [attempt_of(step, ended_at=NOW)] == await store.attempts(row.id)
        assert [done.step] * 2 == [await store.owner("main", "v"), await store.by_token(step.token)]
        assert ([fact], CHAT) == (await store.facts("main", ["v"]), await store.canonical(OTHER))
        assert [report("1")] == [kept.event for kept in await store.events()]
        assert replace(row, state=MessageState.ACCEPTED) == await enqueued(store, "other", key="k")
        await enqueued(store, "2")
        [work] = await store.claim(NOW, LEASE, 1)
        step = started(work)
        assert Marked(until=after(60), limit="line") == await store.mark(work, step, attempt_of(step), [bucket])

    async def test_what_came_in_is_there_again(self, opened: Open) -> None:
        """Webhooks, events, runs, proofs, the last message of a contact, words, cursors and files."""
        store = await opened()
        events = [received("1"), report("2", OTHER, token=Token("t"))]
        await store.ingest(webhook_row("1"), events)
        row, _ = await store.claim_events(NOW, LEASE, 2)
        run = RunRow(event=row.id, handler="f", started_at=NOW, ended_at=NOW)
        await store.settle_event(replace(row, outcome=EventOutcome.DONE), [run])
        word = ConsentRow(connection="main", address="+1", agreed=True, source="operator", changed_at=NOW)
        await store.keep_consent(word)
        await store.keep_cursor("c", "1")
        file = FileRow(digest="d", name="n", media_type="t", data=b"\x00", kept_at=NOW)
        await store.keep_file(file)
        await store.close()

        store = await opened()
        assert events == [kept.event for kept in await store.events()]
        assert [webhook_row("1")._replace(events=tuple(ids(events)))] == await store.webhooks()
        assert ([run], ("out-2",)) == (await store.runs(row.id), await store.proofs(Token("t")))
        assert InboundRow(vendor_id="in-1", received_at=NOW) == await store.last_inbound("main", CHAT)
        assert (word, "1", file) == (await store.consent("main", "+1"), await store.cursor("c"), await store.file("d"))
        assert [] == await store.ingest(webhook_row("1"), events)

    async def test_a_link_outlives_who_made_it(self, opened: Open) -> None:
        """New events of either id are in one lane."""
        store = await opened()
        await enqueued(store, "1")
        [work] = await store.claim(NOW, LEASE, 1)
        await store.settle(work, finished(work, alias=(CHAT, OTHER)))
        await store.close()

        store = await opened()
        [fresh] = await store.ingest(webhook_row("1"), [received("1", OTHER)])
        assert (CHAT, CHAT) == (fresh.chat_id, await store.canonical(ChatId(OTHER)))

    async def test_what_waits_goes_on(self, opened: Open) -> None:
        """Rows in their order, retries at their time, events that nobody finished, and the depth."""
        store = await opened()
        await enqueued(store, "1")
        await enqueued(store, "2")
        await enqueued(store, "3", OTHER)
        for work in await store.claim(NOW, LEASE, 10):
            await store.settle(work, finished(work, MessageState.QUEUED, StepState.WAITING, next_at=after(30)))
        await store.ingest(webhook_row("1"), [received("1"), received("2")])
        await store.close()

        store = await opened()
        assert 3 == await store.depth("main")
        assert [] == await store.claim(after(29), LEASE, 10)
        assert ["msg_1", "msg_3"] == sorted(work.message.id for work in await store.claim(after(30), LEASE, 10))
        assert ["1"] == [row.event.key for row in await store.claim_events(NOW, LEASE, 10)]

    async def test_an_event_that_nobody_settled_has_one_try_more(self, opened: Open) -> None:
        """Once for each process that left it, and none for one that gave it back."""
        store = await opened()
        await store.ingest(webhook_row("1"), [received("1"), received("2", OTHER)])
        _, back = await store.claim_events(NOW, LEASE, 10)
        await store.settle_event(back)
        await store.close()

        for count in (1, 2):
            store = await opened()
            left, other = await store.claim_events(after(LEASE * count), LEASE, 10)
            assert [(count, ENDED), (0, None)] == [(row.tries, row.error) for row in (left, other)]
            await store.settle_event(other)
            await store.close()

    async def test_closing_goes_on_when_who_asked_for_it_is_cancelled(self, opened: Open) -> None:
        """What waited is written, the second one who closes waits for the end of it, and then the data is free."""
        store = await opened()
        writing = asyncio.gather(*(store.keep_cursor(str(number), "1") for number in range(20)))
        await asyncio.sleep(0)
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        with pytest.raises(StoreError):
            await store.cursor("0")
        await store.close()
        await writing

        store = await opened()
        assert {"1"} == {await store.cursor(str(number)) for number in range(20)}

    async def test_a_new_event_is_numbered_after_the_old_ones(self, opened: Open) -> None:
        """Who reads events from a number on goes on after a restart."""
        store = await opened()
        await store.ingest(webhook_row("1"), [received("1"), received("2")])
        last = (await store.events())[-1].sequence
        await store.close()
        store = await opened()
        await store.ingest(webhook_row("2"), [received("3")])
        assert ["3"] == [row.event.key for row in await store.events(last)]


class SharedContract:
    """Several stores on the same data, as several processes have them; the subclass gives the fixture `opened`."""

    pytestmark: pytest.MarkDecorator = pytest.mark.asyncio

    async def test_lanes_are_claimed_once_among_all(self, opened: Open) -> None:
        """Workers that race share what is due, and a lane that one lost is the other's."""
        stores = [await opened(), await opened(), await opened()]
        for number in range(30):
            await enqueued(stores[number % 3], f"{number:02}", f"chat_{number}")
        lanes: list[str] = []
        while works := await asyncio.gather(*(store.claim(NOW, LEASE, 4) for store in stores)):
            lanes += [work.lane for claimed in works for work in claimed]
            if not any(works):
                break
        assert sorted(f"chat_{number}" for number in range(30)) == sorted(lanes)
        [dead, *_] = await stores[0].claim(after(LEASE), LEASE, 30)
        [work] = [w for w in await stores[1].claim(after(2 * LEASE), LEASE, 30) if w.lane == dead.lane]
        assert await stores[0].settle(dead, finished(dead)) is False
        assert await stores[1].settle(work, finished(work))

    async def test_a_key_is_used_once_among_all(self, opened: Open) -> None:
        """Of enqueues that race for a key one keeps its row, and all get that one."""
        stores = [await opened(), await opened()]
        rows = (enqueued(stores[number % 2], f"{number}", f"chat_{number}", key="k") for number in range(12))
        assert 1 == len(set(await asyncio.gather(*rows)))
        assert 1 == await stores[0].depth("main")

    async def test_a_limit_is_kept_among_all(self, opened: Open) -> None:
        """Of markers that race for one token one is written."""
        stores = [await opened(), await opened()]
        for number in range(8):
            await enqueued(stores[0], str(number), f"chat_{number}")
        works = await stores[0].claim(NOW, LEASE, 10)
        steps = [started(work) for work in works]
        marks = (
            stores[number % 2].mark(work, step, attempt_of(step), [Bucket("line", 60), Bucket(f"b{number % 3}", 1)])
            for number, (work, step) in enumerate(zip(works, steps, strict=True))
        )
        assert 1 == sum(marked.written for marked in await asyncio.gather(*marks))

    async def test_an_event_is_new_once_among_all(self, opened: Open) -> None:
        """Of deliveries of one webhook that race one has the new events."""
        stores = [await opened(), await opened()]
        events = [received(str(number), f"chat_{number % 2}") for number in range(4)]
        answers = await asyncio.gather(*(stores[n % 2].ingest(webhook_row("1"), events) for n in range(10)))
        assert [events] == [answer for answer in answers if answer]
        assert [9] == [hook.repeats for hook in await stores[1].webhooks()]

    async def test_a_reader_of_events_misses_none(self, opened: Open) -> None:
        """While several write, who goes on from the last number it saw sees every event once, in order."""
        writers = [await opened(), await opened()]
        reader = await opened()

        async def write(number: int) -> None:
            await writers[number % 2].ingest(webhook_row(str(number)), [received(str(number), f"chat_{number % 5}")])

        async def read() -> list[str]:
            seen: list[str] = []
            last = 0
            async with asyncio.timeout(30):
                while len(seen) < 200:
                    rows = await reader.events(last, 50)
                    seen += [row.event.key for row in rows]
                    last = rows[-1].sequence if rows else last
            return seen

        reading = asyncio.create_task(read())
        await asyncio.gather(*(write(number) for number in range(200)))
        assert sorted(str(number) for number in range(200)) == sorted(await reading)

    async def test_events_are_claimed_once_and_in_order_among_all(self, opened: Open) -> None:
        """Dispatchers that race hand over the events of a chat in the order they came."""
        stores = [await opened(), await opened()]
        for number in range(40):
            await stores[number % 2].ingest(webhook_row(str(number)), [received(f"{number:02}", f"chat_{number % 4}")])
        order: dict[str, list[str]] = {}

        async def dispatch(store: Store) -> None:
            while True:
                rows = await store.claim_events(NOW, LEASE, 3)
                for row in rows:
                    order.setdefault(row.lane, []).append(row.event.key)
                    await store.settle_event(replace(row, outcome=EventOutcome.DONE))
                if not rows and all(row.outcome is EventOutcome.DONE for row in await store.events()):
                    return

        async with asyncio.timeout(60):
            await asyncio.gather(*(dispatch(store) for store in stores for _ in range(2)))
        assert {f"chat_{n}": [f"{k:02}" for k in range(n, 40, 4)] for n in range(4)} == order

    async def test_a_link_made_by_one_holds_for_the_other(self, opened: Open) -> None:
        """Both keep new events of either id in one lane."""
        stores = [await opened(), await opened()]
        await stores[1].canonical(OTHER)
        await enqueued(stores[0], "1")
        [work] = await stores[0].claim(NOW, LEASE, 1)
        await stores[0].settle(work, finished(work, alias=(CHAT, OTHER)))
        [fresh] = await stores[1].ingest(webhook_row("1"), [received("1", OTHER)])
        assert (CHAT, CHAT) == (fresh.chat_id, await stores[1].canonical(ChatId(OTHER)))

    async def test_a_write_of_one_wakes_the_other(self, opened: Open) -> None:
        """Sooner or later: by a hint, or by asking now and then."""
        first, second = await opened(), await opened()
        before = second.version
        async with asyncio.timeout(30):
            waiting = asyncio.create_task(second.changed(before))
            await enqueued(first, "1")
            await waiting
