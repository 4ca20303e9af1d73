"""The contract of calls that come at the same time, which a store may write together: each is answered for itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.ids import MessageId, Token
from gateway.store.port import Store
from gateway.store.rows import Marked, MessageState, Work
from gateway.testing.stores.samples import (
    LEASE,
    NOW,
    after,
    attempt_of,
    enqueued,
    finished,
    message_row,
    started,
    steps_of,
)

__all__ = ["AtOnceContract"]

MANY = 6


async def _claimed(store: Store) -> tuple[list[Work], Work]:
    """Enqueue rows in lanes of their own and claim them; gives them, and one that was lost to another claim."""
    for number in range(MANY):
        await enqueued(store, f"{number}", f"chat_{number}")
    await enqueued(store, "lost", "chat_lost")
    works = await store.claim(NOW, LEASE, MANY + 1)
    [lost] = [work for work in works if work.lane == "chat_lost"]
    kept = [work for work in works if work is not lost]
    await store.renew(kept, after(2 * LEASE))
    assert [lost.lane] == [work.lane for work in await store.claim(after(LEASE), LEASE, 1)]
    return kept, lost


class AtOnceContract:
    """`enqueue`, `mark`, `settle`, each by many at once."""

    pytestmark: pytest.MarkDecorator = pytest.mark.asyncio

    async def test_rows_beside_one_whose_key_is_taken_are_kept_with_their_steps(self, store: Store) -> None:
        """Whose key is taken gets what has it; nothing of it is kept."""
        first = await enqueued(store, "first", key="k")
        rows = [message_row(f"{number}", f"chat_{number}", steps=2) for number in range(MANY)]
        rows.insert(2, message_row("second", "chat_second", key="k"))
        answers = await asyncio.gather(*(store.enqueue(row, steps_of(row)) for row in rows))
        assert [first if row.key else row for row in rows] == answers
        assert [None if row.key else (row, tuple(steps_of(row))) for row in rows] == [
            await store.message(row.id) for row in rows
        ]
        assert await store.by_token(steps_of(rows[2])[0].token) is None
        assert MANY + 1 == await store.depth("main")

    async def test_what_comes_sooner_beside_what_comes_later_is_claimed_when_it_is_due(self, store: Store) -> None:
        """In one lane, and in lanes of which some had something before."""
        await enqueued(store, "late", "chat_1", due_at=after(50))
        await asyncio.gather(
            enqueued(store, "b", "chat_1", due_at=after(20)),
            enqueued(store, "a", "chat_1", due_at=after(10)),
            enqueued(store, "later", "chat_2", due_at=after(30)),
            enqueued(store, "c", "chat_3", due_at=after(9)),
        )
        found = [[work.message.id for work in await store.claim(after(at), LEASE, 9)] for at in (8.9, 10, 29, 30)]
        assert [[], ["msg_a", "msg_c"], [], ["msg_later"]] == [sorted(ids) for ids in found]

    async def test_two_rows_with_one_token_are_both_kept(self, store: Store) -> None:
        """The token leads to one of them."""
        rows = [message_row(name, f"chat_{name}") for name in ("a", "b")]
        steps = [replace(steps_of(row)[0], token=Token("one")) for row in rows]
        assert rows == await asyncio.gather(
            *(store.enqueue(row, [step]) for row, step in zip(rows, steps, strict=True))
        )
        assert [(row, (step,)) for row, step in zip(rows, steps, strict=True)] == [
            await store.message(row.id) for row in rows
        ]
        assert await store.by_token(Token("one")) in steps

    async def test_who_lost_a_lane_hinders_nobody_who_marks(self, store: Store) -> None:
        """Only the attempt of the lost lane is not written."""
        kept, lost = await _claimed(store)
        works = [*kept[:2], lost, *kept[2:]]
        marked = await asyncio.gather(*(store.mark(work, started(work), attempt_of(started(work))) for work in works))
        assert [Marked(lost=work is lost) for work in works] == marked
        assert [[] if work is lost else [attempt_of(started(work))] for work in works] == [
            await store.attempts(work.message.id) for work in works
        ]

    async def test_who_lost_a_lane_hinders_nobody_who_settles(self, store: Store) -> None:
        """Nor does who gives a lane back twice: it is lost the second time, and what came first holds."""
        kept, lost = await _claimed(store)
        works = [*kept[:2], lost, *kept[2:], kept[0]]
        ends = [finished(work, MessageState.ACCEPTED) for work in works[:-1]] + [
            finished(kept[0], MessageState.UNKNOWN)
        ]
        settled = await asyncio.gather(*(store.settle(work, end) for work, end in zip(works, ends, strict=True)))
        assert [work is not lost for work in works[:-1]] + [False] == settled
        states = {work.message.id: MessageState.ACCEPTED for work in kept}
        assert states | {MessageId("msg_lost"): MessageState.QUEUED} == {
            row.id: row.state for row in await store.messages()
        }
