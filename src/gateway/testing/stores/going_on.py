"""The contract of going on: who settles a lane may keep it for what is next in it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.ids import MessageId
from gateway.store.port import Store
from gateway.store.rows import Marked, MessageState, Settled, StepState, Work
from gateway.testing.stores.lanes import names
from gateway.testing.stores.samples import (
    CHAT,
    LEASE,
    NOW,
    OTHER,
    after,
    attempt_of,
    enqueued,
    finished,
    started,
    steps_of,
)

__all__ = ["GoingOnContract"]


class GoingOnContract:
    """`settle_and_claim`."""

    pytestmark: pytest.MarkDecorator = pytest.mark.asyncio

    async def test_who_settles_may_go_on(self, store: Store) -> None:
        """The next row of the lane is held as by a claim: with a fence of its own, for a lease, and for nobody else."""
        first, second = await enqueued(store, "1"), await enqueued(store, "2", steps=2)
        [work] = await store.claim(NOW, LEASE, 10)
        settled = await store.settle_and_claim(work, finished(work), after(1), LEASE)
        assert settled.next is not None
        assert (
            Settled(written=True, next=Work(work.lane, settled.next.fence, second, tuple(steps_of(second)))) == settled
        )
        assert work.fence < settled.next.fence
        assert (replace(first, state=MessageState.ACCEPTED), [1]) == (
            (await store.messages(MessageState.ACCEPTED))[0],
            [await store.depth("main")],
        )
        assert [] == await store.claim(after(LEASE - 0.001), LEASE, 10)
        assert Settled(written=False) == await store.settle_and_claim(work, finished(work), after(1), LEASE)
        [other] = await store.claim(after(LEASE), LEASE, 10)
        assert (second, settled.next.fence < other.fence) == (other.message, True)
        assert await store.settle(settled.next, finished(settled.next)) is False
        assert await store.settle(other, finished(other))

    async def test_who_goes_on_has_half_a_lease_at_least(self, store: Store) -> None:
        """The lease is the one that was there, where half of one is left; else a new one, also when it had run out."""
        for name in ("1", "2", "3", "4"):
            await enqueued(store, name)
        [work] = await store.claim(NOW, LEASE, 10)
        for at, until in ((LEASE / 2, LEASE), (LEASE * 0.6, LEASE * 1.6), (LEASE * 2, LEASE * 3)):
            settled = await store.settle_and_claim(work, finished(work), after(at), LEASE)
            assert settled.next is not None
            assert [] == await store.claim(after(until - 0.001), LEASE, 10)
            work = settled.next
        assert ["4"] == names(await store.claim(after(LEASE * 3), LEASE, 10))

    async def test_who_goes_on_holds_what_it_was_given(self, store: Store) -> None:
        """The lane can be marked, renewed and settled again; at its end it is free, and knows when it is due."""
        for name in ("1", "2"):
            await enqueued(store, name)
        [work] = await store.claim(NOW, LEASE, 10)
        settled = await store.settle_and_claim(work, finished(work), NOW, LEASE)
        assert settled.next is not None
        step = started(settled.next)
        assert Marked() == await store.mark(settled.next, step, attempt_of(step))
        await store.renew([settled.next], after(500))
        assert [] == await store.claim(after(499), LEASE, 10)
        assert Settled(written=True) == await store.settle_and_claim(settled.next, finished(settled.next), NOW, LEASE)
        await enqueued(store, "3")
        assert ["3"] == names(await store.claim(NOW, LEASE, 10))

    async def test_the_next_step_goes_on_too(self, store: Store) -> None:
        """A row with steps left is its own next one, with what was written of it."""
        await enqueued(store, "1", steps=2)
        await enqueued(store, "2")
        [work] = await store.claim(NOW, LEASE, 10)
        settled = await store.settle_and_claim(work, finished(work, MessageState.QUEUED), NOW, LEASE)
        assert settled.next is not None
        states = [step.state for step in settled.next.steps]
        assert (["1"], [StepState.ACCEPTED, StepState.WAITING]) == (names([settled.next]), states)

    async def test_what_is_not_due_is_given_back(self, store: Store) -> None:
        """A pause between steps, a retry and a row that is scheduled leave the lane free until their time."""
        await enqueued(store, "1", CHAT, steps=2)
        await enqueued(store, "2", OTHER)
        await enqueued(store, "3", "chat_3")
        await enqueued(store, "later", "chat_3", due_at=after(60))
        works = {work.message.id: work for work in await store.claim(NOW, LEASE, 10)}
        paused, tried, done = (works[MessageId(f"msg_{name}")] for name in ("1", "2", "3"))
        outcomes = [
            finished(paused, MessageState.QUEUED, next_at=after(1.5)),
            finished(tried, MessageState.QUEUED, StepState.WAITING, next_at=after(30)),
            finished(done),
        ]
        for work, outcome in zip((paused, tried, done), outcomes, strict=True):
            assert Settled(written=True) == await store.settle_and_claim(work, outcome, after(1), LEASE)
        assert [] == await store.claim(after(1), LEASE, 10)
        assert [["1"], ["2"], ["later"]] == [names(await store.claim(after(at), 500, 10)) for at in (1.5, 30, 60)]

    async def test_many_go_on_at_once(self, store: Store) -> None:
        """Each gets what is at the head of its own lane; who is late for one, or wants nothing more, gets none."""
        for number in range(20):
            for turn in range(2):
                await enqueued(store, f"{number:02}.{turn}", f"chat_{number:02}", due_at=after(turn - 5))
        works = await store.claim(NOW, LEASE, 30)
        settled = await asyncio.gather(
            *(store.settle_and_claim(work, finished(work), NOW, LEASE) for work in works[:15]),
            *(store.settle(work, finished(work)) for work in works[15:]),
            *(store.settle_and_claim(work, finished(work), NOW, LEASE) for work in works[:3]),
        )
        following = [names([one.next])[0] for one in settled[:15] if isinstance(one, Settled) and one.next]
        assert [f"{name[:2]}.1" for name in names(works[:15])] == following
        assert [True] * 5 + [Settled(written=False)] * 3 == settled[15:]
        rest = names(await store.claim(NOW, LEASE, 30))
        assert sorted(f"{name[:2]}.1" for name in names(works[15:])) == sorted(rest)

    async def test_who_links_two_chats_goes_on_too(self, store: Store) -> None:
        """What else a settlement says changes nothing of what is next."""
        await enqueued(store, "1")
        second = await enqueued(store, "2")
        [work] = await store.claim(NOW, LEASE, 10)
        settled = await store.settle_and_claim(work, finished(work, alias=(CHAT, OTHER)), NOW, LEASE)
        assert (True, second) == (settled.written, settled.next and settled.next.message)
        assert CHAT == await store.canonical(OTHER)
