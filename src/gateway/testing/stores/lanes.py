"""The contract of the way out, first half: what is enqueued, in which order it is claimed, and who holds a lane."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.ids import ChatId, MessageId
from gateway.store.port import Store
from gateway.store.rows import Marked, MessageState, StepState, Work
from gateway.testing.stores.samples import (
    CHAT,
    LEASE,
    NOW,
    OTHER,
    after,
    attempt_of,
    enqueued,
    finished,
    message_row,
    started,
    steps_of,
)

__all__ = ["LanesContract"]


def names(works: list[Work]) -> list[str]:
    """Give the names of the rows that were claimed."""
    return [work.message.id.removeprefix("msg_") for work in works]


class LanesContract:
    """`enqueue`, `claim`, `release`, `renew`, `depth`."""

    pytestmark: pytest.MarkDecorator = pytest.mark.asyncio

    # ── enqueue ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_what_is_enqueued_is_kept_whole(self, store: Store) -> None:
        """A row and its steps come back as they were given."""
        row = message_row(
            "whole",
            key="key 'one'; --",
            request='{"to":"✓ \\u0000 שלום 👩‍👩‍👧"}',
            steps=3,
            created_at=NOW + timedelta(microseconds=1),
            due_at=after(0.25),
            expires_at=after(3600),
            priority=2,
        )
        steps = steps_of(row)
        assert row == await store.enqueue(row, steps)
        assert (row, tuple(steps)) == await store.message(row.id)

    async def test_a_key_is_used_once(self, store: Store) -> None:
        """A second row with a key that is taken is not kept; the first one is returned, whatever became of it."""
        first = await enqueued(store, "1", key="k")
        assert first == await enqueued(store, "2", OTHER, key="k", fingerprint="other")
        assert await store.message(MessageId("msg_2")) is None
        [work] = await store.claim(NOW, LEASE, 10)
        assert await store.settle(work, finished(work))
        assert replace(first, state=MessageState.ACCEPTED) == await enqueued(store, "3", key="k")
        assert 0 == await store.depth("main")

    async def test_a_row_is_found_by_its_key(self, store: Store) -> None:
        """Whatever became of it; a key that was never used has none, and neither has an id that reads like one."""
        first = await enqueued(store, "1", key="k")
        await enqueued(store, "2", OTHER, key="other 'one'; --")
        await enqueued(store, "3", "chat_3")
        assert first == await store.by_key("k")
        [work, *_] = [work for work in await store.claim(NOW, LEASE, 10) if work.message.id == first.id]
        assert await store.settle(work, finished(work))
        assert replace(first, state=MessageState.ACCEPTED) == await store.by_key("k")
        found = [await store.by_key(key) for key in ("other 'one'; --", "K", "msg_3", "")]
        assert ["msg_2", None, None, None] == [row.id if row else None for row in found]

    async def test_a_key_is_used_once_by_many_at_once(self, store: Store) -> None:
        """Of calls that race for a key one keeps its row, and all get that one."""
        rows = [enqueued(store, str(number), f"chat_{number}", key="k") for number in range(12)]
        kept = await asyncio.gather(*rows)
        assert 1 == len(set(kept))
        assert [kept[0]] == await store.messages()
        assert 1 == await store.depth("main")

    async def test_rows_without_a_key_are_all_kept(self, store: Store) -> None:
        """No key is no key in common."""
        await asyncio.gather(*(enqueued(store, str(number)) for number in range(5)))
        assert 5 == await store.depth("main")

    async def test_the_same_row_again_is_the_same_row(self, store: Store) -> None:
        """Who does not know whether a row was kept may enqueue it again."""
        row = await enqueued(store, "1")
        assert row == await enqueued(store, "1", request="other")
        assert [row] == await store.messages()
        assert 1 == await store.depth("main")

    # ── the order in a lane ───────────────────────────────────────────────────────────────────────────────────────

    async def test_a_lane_gives_one_row_at_a_time_in_the_order_they_are_due(self, store: Store) -> None:
        """Rows leave by when they are due, then by id."""
        for name, due in (("c", 0), ("d", 0), ("b", -1), ("a", 1)):
            await enqueued(store, name, due_at=after(due))
        order = []
        for _ in range(4):
            [work] = await store.claim(after(5), LEASE, 10)
            order += names([work])
            assert await store.settle(work, finished(work))
        assert ["b", "c", "d", "a"] == order
        assert [] == await store.claim(after(5), LEASE, 10)

    async def test_a_claim_gives_the_row_with_its_steps(self, store: Store) -> None:
        """What is claimed is what was enqueued."""
        row = await enqueued(store, "1", steps=2)
        [work] = await store.claim(NOW, LEASE, 10)
        assert (row.lane, row, tuple(steps_of(row))) == (work.lane, work.message, work.steps)

    async def test_a_row_is_claimed_from_its_time_on(self, store: Store) -> None:
        """Not a microsecond before it is due."""
        await enqueued(store, "1", due_at=after(10))
        assert [] == await store.claim(after(10) - timedelta(microseconds=1), LEASE, 10)
        assert ["1"] == names(await store.claim(after(10), LEASE, 10))

    async def test_a_scheduled_row_does_not_hold_its_lane(self, store: Store) -> None:
        """What is to leave tomorrow lets pass what leaves today, and leaves tomorrow."""
        await enqueued(store, "tomorrow", due_at=after(86400))
        await enqueued(store, "today")
        [work] = await store.claim(NOW, LEASE, 10)
        assert ["today"] == names([work])
        await store.settle(work, finished(work))
        assert [] == await store.claim(after(86399), LEASE, 10)
        assert ["tomorrow"] == names(await store.claim(after(86400), LEASE, 10))

    async def test_a_retry_holds_its_lane(self, store: Store) -> None:
        """While a row waits for its next try nothing passes it, however much is enqueued behind it."""
        await enqueued(store, "1")
        [work] = await store.claim(NOW, LEASE, 10)
        again = finished(work, MessageState.QUEUED, StepState.WAITING, next_at=after(30))
        assert await store.settle(work, again)
        await enqueued(store, "2")
        await enqueued(store, "3", due_at=after(-5))
        assert [] == await store.claim(after(29), LEASE, 10)
        assert ["3"] == names(await store.claim(after(30), LEASE, 10))

    async def test_an_unknown_outcome_holds_its_lane_until_it_is_parked(self, store: Store) -> None:
        """A row that waits for proof is at the head; one that waits for a person is not."""
        await enqueued(store, "1")
        await enqueued(store, "2")
        [work] = await store.claim(NOW, LEASE, 10)
        await store.settle(work, finished(work, MessageState.UNKNOWN, StepState.UNKNOWN, next_at=after(120)))
        assert [] == await store.claim(after(119), LEASE, 10)
        [work] = await store.claim(after(120), LEASE, 10)
        assert (["1"], MessageState.UNKNOWN) == (names([work]), work.message.state)
        parked = replace(work.message, parked=True)
        await store.settle(work, finished(work, step=StepState.UNKNOWN, message=parked, next_at=after(120)))
        assert ["2"] == names(await store.claim(after(120), LEASE, 10))

    async def test_the_next_step_leaves_before_the_next_row(self, store: Store) -> None:
        """A row with steps left keeps the head of its lane, through the pause between them."""
        await enqueued(store, "1", steps=2)
        await enqueued(store, "2")
        [work] = await store.claim(NOW, LEASE, 10)
        await store.settle(work, finished(work, MessageState.QUEUED, next_at=after(1.5)))
        assert [] == await store.claim(after(1), LEASE, 10)
        [work] = await store.claim(after(1.5), LEASE, 10)
        assert (["1"], [StepState.ACCEPTED, StepState.WAITING]) == (names([work]), [s.state for s in work.steps])

    # ── leases ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_lane_is_held_by_one(self, store: Store) -> None:
        """What is claimed is not claimed again while its lease runs."""
        await enqueued(store, "1")
        await enqueued(store, "2")
        assert ["1"] == names(await store.claim(NOW, LEASE, 10))
        await enqueued(store, "0", due_at=after(-1))
        assert [] == await store.claim(after(LEASE - 0.001), LEASE, 10)

    async def test_many_claims_at_once_never_give_a_lane_twice(self, store: Store) -> None:
        """Claims that race share what is due."""
        for number in range(20):
            await enqueued(store, f"{number:02}", f"chat_{number}")
        claims = await asyncio.gather(*(store.claim(NOW, LEASE, 4) for _ in range(8)))
        lanes = [work.lane for works in claims for work in works]
        rest = [work.lane for work in await store.claim(NOW, LEASE, 20)]
        assert sorted(f"chat_{number}" for number in range(20)) == sorted(lanes + rest)

    async def test_a_lease_that_ran_out_is_due(self, store: Store) -> None:
        """The lane of a worker that died is claimed by another one, with a higher fence."""
        await enqueued(store, "1")
        [dead] = await store.claim(NOW, LEASE, 10)
        [work] = await store.claim(after(LEASE), LEASE, 10)
        assert dead.lane == work.lane
        assert dead.fence < work.fence

    async def test_who_lost_a_lane_writes_nothing(self, store: Store) -> None:
        """With an old fence nothing is marked, settled, renewed or given back."""
        row = await enqueued(store, "1")
        [dead] = await store.claim(NOW, LEASE, 10)
        [work] = await store.claim(after(LEASE), LEASE, 10)
        step = started(dead)
        assert Marked(lost=True) == await store.mark(dead, step, attempt_of(step))
        assert await store.settle(dead, finished(dead)) is False
        await store.release(dead, after(LEASE))
        await store.renew([dead], after(1))
        assert [] == await store.claim(after(LEASE + 1), LEASE, 10)
        assert (row, work.steps) == await store.message(row.id)
        assert [] == await store.attempts(row.id)
        assert await store.settle(work, finished(work))

    async def test_a_lane_that_was_given_back_is_not_written_to(self, store: Store) -> None:
        """After a settlement or a release the claim is over, though its fence is still the latest."""
        await enqueued(store, "1")
        await enqueued(store, "2")
        [work] = await store.claim(NOW, LEASE, 10)
        assert await store.settle(work, finished(work))
        assert await store.settle(work, finished(work, MessageState.REFUSED)) is False
        step = started(work)
        assert Marked(lost=True) == await store.mark(work, step, attempt_of(step))
        await store.renew([work], after(LEASE))
        [work] = await store.claim(NOW, LEASE, 10)
        await store.release(work, NOW)
        await store.release(work, after(LEASE))
        assert await store.settle(work, finished(work)) is False
        assert ["2"] == names(await store.claim(NOW, LEASE, 10))

    async def test_a_lease_can_be_renewed(self, store: Store) -> None:
        """Lanes that are renewed stay held; those beside them do not."""
        for name, lane in (("1", "chat_1"), ("2", "chat_2"), ("3", "chat_3")):
            await enqueued(store, name, lane)
        first, second, _ = await store.claim(NOW, LEASE, 10)
        await store.renew([first, second], after(500))
        await store.renew([], after(500))
        assert ["3"] == names(await store.claim(after(499), LEASE, 10))
        assert ["1", "2"] == sorted(names(await store.claim(after(500), LEASE, 10)))

    async def test_a_lane_is_given_back_for_later(self, store: Store) -> None:
        """A lane that was released is claimed again from the time that was given, not before."""
        await enqueued(store, "1")
        [work] = await store.claim(NOW, LEASE, 10)
        await store.release(work, after(20))
        assert [] == await store.claim(after(19), LEASE, 10)
        assert ["1"] == names(await store.claim(after(20), LEASE, 10))

    async def test_a_lane_says_until_when_it_was_asked_to_wait(self, store: Store) -> None:
        """Whatever is enqueued behind; nothing once that is over, and nothing of a lane that was asked for no pause."""
        await enqueued(store, "1")
        [work] = await store.claim(NOW, LEASE, 10)
        assert await store.rests(CHAT, NOW) is None
        await store.settle(work, finished(work, MessageState.QUEUED, StepState.WAITING, next_at=after(20)))
        await enqueued(store, "2")
        await enqueued(store, "3", OTHER, due_at=after(60))
        asked = [(CHAT, 0), (CHAT, 19.5), (CHAT, 20), (OTHER, 0), (ChatId("chat_x"), 0)]
        found = [await store.rests(lane, after(seconds)) for lane, seconds in asked]
        assert [after(20), after(20), None, None, None] == found

    # ── whose turn it is ──────────────────────────────────────────────────────────────────────────────────────────

    async def test_connections_take_turns(self, store: Store) -> None:
        """A connection with many lanes that are long due leaves room for one with a single lane."""
        for number in range(6):
            await enqueued(store, f"busy{number}", f"busy_{number}", connection="busy", due_at=after(-100))
        await enqueued(store, "a", "quiet_a", connection="quiet")
        await enqueued(store, "b", "other_b", connection="other", due_at=after(-1))
        assert ["a", "b", "busy0"] == sorted(names(await store.claim(NOW, LEASE, 3)))
        assert ["busy1", "busy2", "busy3"] == names(await store.claim(NOW, LEASE, 3))

    async def test_within_a_connection_priority_goes_first_then_age(self, store: Store) -> None:
        """An answer passes bulk that has waited longer; among equals the one that is longest due goes first."""
        for name, priority, due in (("old", 1, -50), ("older", 1, -60), ("bulk", 2, -90), ("answer", 0, -1)):
            await enqueued(store, name, f"chat_{name}", priority=priority, due_at=after(due))
        order = [names(await store.claim(NOW, LEASE, 1)) for _ in range(4)]
        assert [["answer"], ["older"], ["old"], ["bulk"]] == order

    async def test_a_lane_has_the_priority_of_its_head(self, store: Store) -> None:
        """An answer behind bulk in the same chat does not pull it forward, and takes over when the bulk is done."""
        await enqueued(store, "bulk", CHAT, priority=2)
        await enqueued(store, "answer", CHAT, priority=0, due_at=after(1))
        await enqueued(store, "plain", OTHER, due_at=after(1))
        order = []
        for _ in range(3):
            [work] = await store.claim(after(2), LEASE, 1)
            order += names([work])
            await store.settle(work, finished(work, at=after(2)))
        assert ["plain", "bulk", "answer"] == order

    async def test_connections_can_be_skipped(self, store: Store) -> None:
        """Lanes of connections in `skip` stay where they are."""
        await enqueued(store, "1", CHAT, connection="stopped")
        await enqueued(store, "2", OTHER, connection="main")
        assert ["2"] == names(await store.claim(NOW, LEASE, 10, {"stopped", "unheard of"}))
        assert [] == await store.claim(NOW, LEASE, 10, ["stopped"])
        assert ["1"] == names(await store.claim(NOW, LEASE, 10))

    async def test_no_more_is_claimed_than_asked_for(self, store: Store) -> None:
        """The limit is kept; zero claims nothing."""
        for number in range(5):
            await enqueued(store, str(number), f"chat_{number}")
        assert [0, 2, 2, 1] == [len(await store.claim(NOW, LEASE, limit)) for limit in (0, 2, 2, 2)]

    async def test_a_long_lane_does_not_keep_the_others(self, store: Store) -> None:
        """Hundreds that wait behind one head leave the other lanes free."""
        await asyncio.gather(*(enqueued(store, f"{number:03}") for number in range(300)))
        [work] = await store.claim(NOW, LEASE, 10)
        await store.settle(work, finished(work, MessageState.QUEUED, StepState.WAITING, next_at=after(3600)))
        await enqueued(store, "x", OTHER)
        assert ["x"] == names(await store.claim(NOW, LEASE, 10))
        assert 301 == await store.depth("main")

    async def test_the_depth_is_what_waits_to_leave(self, store: Store) -> None:
        """Rows count from when they are enqueued until they end or are parked, by connection."""
        await enqueued(store, "1", "chat_1", due_at=after(900))
        await enqueued(store, "2", "chat_2")
        await enqueued(store, "3", "chat_3", connection="other")
        assert [2, 1, 0] == [await store.depth(name) for name in ("main", "other", "unheard of")]
        works = {work.message.id: work for work in await store.claim(NOW, LEASE, 10)}
        assert [2, 1] == [await store.depth(name) for name in ("main", "other")]
        await store.settle(work := works[MessageId("msg_2")], finished(work, MessageState.REFUSED))
        unknown = works[MessageId("msg_3")]
        row = replace(unknown.message, state=MessageState.UNKNOWN, parked=True)
        await store.settle(unknown, finished(unknown, message=row))
        assert [1, 0] == [await store.depth(name) for name in ("main", "other")]
