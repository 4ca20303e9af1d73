"""The contract of waiting: who waits for a change is woken, and a closed store says so."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.errors import StoreError
from gateway.ids import MessageId
from gateway.store.port import Store
from gateway.store.rows import EventOutcome, MessageState
from gateway.testing.stores.samples import (
    LEASE,
    NOW,
    OTHER,
    after,
    attempt_of,
    enqueued,
    finished,
    message_row,
    received,
    started,
    steps_of,
    webhook_row,
)

__all__ = ["WakingContract"]

PATIENCE = 10.0


class WakingContract:
    """`next_due`, `version`, `changed`, `close`; and a bad row among good ones."""

    pytestmark: pytest.MarkDecorator = pytest.mark.asyncio

    async def test_a_write_wakes_who_waits(self, store: Store) -> None:
        """Every one of them, and the version has grown."""
        before = store.version
        waiting = [asyncio.create_task(store.changed(before)) for _ in range(3)]
        await asyncio.sleep(0)
        await enqueued(store, "1")
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*waiting)
        assert before < store.version

    async def test_what_was_written_before_waiting_is_not_missed(self, store: Store) -> None:
        """Who waits with an old version goes on at once."""
        before = store.version
        await enqueued(store, "1")
        async with asyncio.timeout(PATIENCE):
            await store.changed(before)

    async def test_every_kind_of_write_is_noticed(self, store: Store) -> None:
        """What others may be waiting for makes the version grow."""
        versions = [store.version]

        def noted() -> None:
            versions.append(store.version)

        await enqueued(store, "1")
        noted()
        [work] = await store.claim(NOW, LEASE, 1)
        step = started(work)
        versions[-1] = store.version
        await store.mark(work, step, attempt_of(step))
        await store.release(work, NOW)
        noted()
        [work] = await store.claim(NOW, LEASE, 1)
        versions[-1] = store.version
        await store.settle(work, finished(work, MessageState.UNKNOWN))
        noted()
        await store.amend(finished(work), expect=MessageState.UNKNOWN)
        noted()
        await store.ingest(webhook_row("1"), [received("1")])
        noted()
        [row] = await store.claim_events(NOW, LEASE, 1)
        versions[-1] = store.version
        await store.settle_event(replace(row, outcome=EventOutcome.DONE))
        noted()
        assert sorted(set(versions)) == versions

    async def test_it_is_known_when_something_falls_due(self, store: Store) -> None:
        """The next lane or event, also the end of a lease; None when nothing waits."""
        assert store.next_due(NOW) is None
        await enqueued(store, "1", due_at=after(50))
        await enqueued(store, "2", OTHER, due_at=after(40))
        assert after(40) == store.next_due(NOW)
        await store.claim(after(40), LEASE, 10)
        assert after(50) == store.next_due(after(40))
        await store.claim(after(50), LEASE, 10)
        assert after(40 + LEASE) == store.next_due(after(50))

    async def test_lanes_and_events_fall_due_by_themselves(self, store: Store) -> None:
        """Who only carries the one is not woken by the other."""
        assert store.next_due(NOW, events=False) is None
        await store.ingest(webhook_row("1"), [received("1")])
        await enqueued(store, "1", due_at=after(50))
        assert after(50) == store.next_due(NOW, events=False)
        assert NOW == store.next_due(NOW, lanes=False)
        await store.claim_events(NOW, LEASE, 10)
        assert after(50) == store.next_due(NOW, events=False)

    async def test_an_event_that_waits_falls_due(self, store: Store) -> None:
        """At its next try."""
        await store.ingest(webhook_row("1"), [received("1")])
        assert NOW == store.next_due(NOW)
        [row] = await store.claim_events(NOW, LEASE, 10)
        await store.settle_event(replace(row, retry_at=after(7)))
        await store.claim_events(NOW, LEASE, 10)
        assert after(7) == store.next_due(NOW)

    async def test_the_next_event_of_a_chat_falls_due_with_the_one_before(self, store: Store) -> None:
        """Whoever has settled the first one knows that the second one can be taken."""
        await store.ingest(webhook_row("1"), [received("1"), received("2")])
        [row] = await store.claim_events(NOW, LEASE, 10)
        assert [] == await store.claim_events(NOW, LEASE, 10)
        await store.settle_event(replace(row, outcome=EventOutcome.DONE))
        assert NOW == store.next_due(NOW)

    async def test_what_nobody_claims_does_not_hide_what_falls_due(self, store: Store) -> None:
        """A lane of a connection that is skipped is due all the time; who has claimed waits for the next one."""
        await enqueued(store, "1", connection="stopped")
        await enqueued(store, "2", OTHER, due_at=after(30))
        assert [] == await store.claim(NOW, LEASE, 10, ["stopped"])
        assert after(30) == store.next_due(NOW)

    async def test_a_bad_row_fails_alone(self, store: Store) -> None:
        """Half a character cannot be written down by every store; what is written beside it at the same time can."""
        bad = message_row("bad", "chat_bad", request="\ud800")
        good = [message_row(str(number), f"chat_{number}") for number in range(10)]
        rows = [*good[:5], bad, *good[5:]]
        answers = await asyncio.gather(*(store.enqueue(row, steps_of(row)) for row in rows), return_exceptions=True)
        assert good == [answer for row, answer in zip(rows, answers, strict=True) if row is not bad]
        [answer] = [answer for row, answer in zip(rows, answers, strict=True) if row is bad]
        assert answer == bad or isinstance(answer, StoreError)
        kept = await store.message(MessageId("msg_bad"))
        assert (kept is None) == isinstance(answer, StoreError)

    async def test_a_closed_store_says_so(self, store: Store) -> None:
        """Who waits is let go, and every later call raises `StoreError`."""
        row = await enqueued(store, "1")
        [work] = await store.claim(NOW, LEASE, 1)
        waiting = asyncio.create_task(store.changed(store.version))
        await asyncio.sleep(0)
        await store.close()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(waiting, return_exceptions=True)
        calls = [
            store.enqueue(row, []),
            store.claim(NOW, LEASE, 1),
            store.settle(work, finished(work)),
            store.release(work, NOW),
            store.ingest(webhook_row("1"), []),
            store.claim_events(NOW, LEASE, 1),
            store.message(row.id),
            store.depth("main"),
            store.changed(store.version),
        ]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [StoreError] * len(calls) == [type(answer) for answer in answers]
        await store.close()
