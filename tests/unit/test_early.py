"""Reports that came before the answer to their send: whom they wait for, and that they never wait for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway import dispatch
from gateway.early import JOIN_GRACE, JOIN_WAIT, Looked, joined
from gateway.events import DeliveryUpdated
from gateway.ids import ChatId, MessageId, chat_id
from gateway.model import Chat
from gateway.store import MemoryStore
from gateway.store.rows import MessageState, StepState, Work
from gateway.testing.stores.samples import LEASE, attempt_of, enqueued, finished, started
from tests.unit.plain_vendor import NOW, OTHER, PHONE, after, reported

LANE = chat_id("main", Chat.direct(PHONE).identity)
OLD = after(-7200)
"""When the vendor sent what is caught up on."""


def report(vendor_id: str = "v1", at: datetime = OLD) -> DeliveryUpdated:
    """A report as it was taken in, of a message that nobody knows yet."""
    return reported(vendor_id, reference="order-7").stamped(connection="main", provider="plain", received_at=at)


async def begun(store: MemoryStore, name: str = "1", at: datetime = NOW, lane: ChatId = LANE) -> Work:
    """Have a send on its way: its call has left, and nobody knows what came of it."""
    await enqueued(store, name, lane, created_at=at, due_at=at)
    [work] = await store.claim(at, LEASE, 1)
    step = started(work, at)
    assert not (await store.mark(work, step, attempt_of(step, at))).lost
    return work._replace(steps=(step,))


async def look(store: MemoryStore, event: DeliveryUpdated, now: datetime, **more: Any) -> Looked:
    """Look at a report that is here since `NOW`, for a process that began then."""
    return await joined(event, store, now, **{"seen": NOW, "began": NOW, "wait": JOIN_WAIT, **more})


async def test_what_the_vendor_sent_long_ago_waits_for_a_send_that_is_undecided() -> None:
    """Once that is known to be accepted, the report is ours; how old it is by the vendor's time says nothing."""
    store = MemoryStore()
    work = await begun(store, at=OLD)
    assert Looked(report(), JOIN_WAIT - 3) == await look(store, report(), after(3))
    await store.settle(work, finished(work, sent=("v1",)))
    event, seconds = await look(store, report(), after(4))
    assert (MessageId("msg_1"), True, 0.0) == (event.message_id, event.ours, seconds)


@pytest.mark.parametrize("state", [StepState.UNKNOWN, StepState.WAITING])
async def test_a_lost_answer_is_waited_for_until_somebody_has_to_decide(state: StepState) -> None:
    """Whether the send is looked for or is to be repeated; for a person no report waits."""
    store = MemoryStore()
    work = await begun(store)
    rows = MessageState.UNKNOWN if state is StepState.UNKNOWN else MessageState.QUEUED
    lost = finished(work, rows, state)
    lost = replace(lost, step=replace(lost.step, doubt=True))
    await store.settle(work, lost)
    assert JOIN_WAIT == (await look(store, report(), NOW)).seconds
    await store.amend(replace(lost, message=replace(lost.message, parked=True)), expect=rows)
    event, seconds = await look(store, report(), NOW)
    assert (None, False, 0.0) == (event.message_id, event.ours, seconds)


async def test_all_that_wait_for_one_send_end_together() -> None:
    """However many there are, and whenever each is looked at: a send that is never decided holds no chat for ever."""
    store = MemoryStore()
    await begun(store, at=OLD)
    end = after(JOIN_WAIT)
    for number in range(3):
        assert 1 == (await look(store, report(f"v{number}"), end - timedelta(seconds=1), seen=after(number))).seconds
        event, seconds = await look(store, report(f"v{number}"), end, seen=end)
        assert (None, False, 0.0) == (event.message_id, event.ours, seconds)


async def test_a_send_that_begins_later_is_not_waited_for() -> None:
    """A report cannot be about what was not there yet; nor is one of another chat waited for."""
    store = MemoryStore()
    await begun(store, at=after(1))
    await begun(store, "2", lane=chat_id("main", Chat.direct(OTHER).identity))
    assert 0 == (await look(store, report(), after(2))).seconds
    assert JOIN_GRACE / 2 == (await look(store, report(at=NOW), after(JOIN_GRACE / 2))).seconds


async def test_what_is_decided_between_two_looks_is_joined() -> None:
    """The send is no longer undecided, and was not joined yet: it is looked for once more."""

    class Quick(MemoryStore):
        async def undecided(self, lane: ChatId) -> list[datetime]:
            await self.settle(work, finished(work, sent=("v1",)))
            return await super().undecided(lane)

    store = Quick()
    work = await begun(store)
    event, seconds = await look(store, report(), after(60))
    assert (MessageId("msg_1"), True, 0.0) == (event.message_id, event.ours, seconds)


def test_a_report_waits_less_long_than_a_chat_for_a_handler() -> None:
    """Else another process would take it, and hand it over too."""
    assert JOIN_WAIT < dispatch.LEASE
