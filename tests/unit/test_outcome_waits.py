"""Who waits for a message is told of that message, and looks for what others may have done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.errors import StoreError
from gateway.ids import MessageId
from gateway.outcomes import Outcomes
from gateway.store import MemoryStore, MessageState
from gateway.testing.stores.samples import LEASE, NOW, enqueued, finished, message_row, steps_of

ONE, OTHER = MessageId("msg_1"), MessageId("msg_2")


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    """A store that is open."""
    store = MemoryStore()
    await store.open()
    yield store
    await store.close()


async def test_only_those_are_told_who_wait_for_the_message(store: MemoryStore) -> None:
    """What was settled here comes with the row and all steps, and the others go on waiting."""
    await enqueued(store, "1", steps=2)
    [work] = await store.claim(NOW, LEASE, 1)
    outcomes = Outcomes(store)
    waiting = [asyncio.create_task(outcomes.change(name, store.version)) for name in (ONE, ONE, OTHER)]
    await asyncio.sleep(0)
    settled = finished(work, MessageState.QUEUED, index=1)

    outcomes.tell(settled, work.steps)

    told = (settled.message, (steps_of(work.message)[0], settled.step))
    assert [told, told] == await asyncio.gather(*waiting[:2])
    assert not waiting[2].done()
    await outcomes.close()
    assert None is await waiting[2]


async def test_what_others_write_makes_them_look(store: MemoryStore) -> None:
    """Also when it was written while they were looking."""
    outcomes = Outcomes(store)
    before = store.version
    late = asyncio.create_task(outcomes.change(ONE, store.version))
    await asyncio.sleep(0)
    await enqueued(store, "1")
    early = asyncio.create_task(outcomes.change(OTHER, before))

    assert None is await late
    assert None is await early
    await outcomes.close()


async def test_a_store_that_is_closed_lets_them_go(store: MemoryStore) -> None:
    """They look, and the store tells them itself."""
    outcomes = Outcomes(store)
    waiting = asyncio.create_task(outcomes.change(ONE, store.version))
    await asyncio.sleep(0)
    await store.close()

    assert None is await waiting
    with pytest.raises(StoreError):
        await store.enqueue(message_row("1"), [])
    await outcomes.close()
