"""Going on: who ends a message takes what is next in the chat along, while nobody else waits for a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime

import pytest

from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from gateway.store import MemoryStore
from gateway.store.rows import Settled, Settlement, Work
from tests.flow.paced import paced
from tests.flow.stage import OTHER, PHONE, VENDORS

pytestmark = pytest.mark.parametrize("vendor", VENDORS)


class Counting(MemoryStore):
    """A store that notes what was claimed, and can be made to wait before it answers who goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.claimed: list[str] = []
        self.kept: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def close(self) -> None:
        """Stay, as a store on a disk does."""

    async def claim(self, now: datetime, lease: float, limit: int, skip: Collection[str] = ()) -> list[Work]:
        """Take lanes that are due."""
        works = await super().claim(now, lease, limit, skip)
        self.claimed += [work.message.id for work in works]
        return works

    async def settle_and_claim(self, work: Work, settlement: Settlement, now: datetime, lease: float) -> Settled:
        """Settle, and keep the lane."""
        settled = await super().settle_and_claim(work, settlement, now, lease)
        self.kept += [settled.next.message.id] if settled.next else []
        await self.may_answer.wait()
        return settled


async def test_who_holds_a_chat_goes_on_in_it(vendor: str) -> None:
    """Where nobody else waits for a turn, what is next is taken with the commit that ends what went before."""
    async with paced(vendor, store=(store := Counting())) as it:
        await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.DELAY, seconds=5))
        tickets = []
        for text in ("one", "two", "three"):
            tickets.append(await it.gateway.enqueue(PHONE, text))
            await it.sim.clock.advance(0.001)
        await it.go_on(6)
        await it.go_on(300)

        assert ["one", "two", "three"] == it.texts()
        first, *others = (ticket.message_id for ticket in tickets)
        assert ([first], others) == (store.claimed, store.kept)


async def test_chats_take_turns_where_there_is_no_room_for_all(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chat with much to say does not keep those waiting that were there before its next message."""
    monkeypatch.setattr("gateway.worker.PER_CONNECTION", 1)
    async with paced(vendor, store=(store := Counting())) as it:
        await it.greeted()
        await it.greeted(OTHER)
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.DELAY, seconds=5))
        tickets = []
        for number in range(2):
            for phone in (PHONE, OTHER):
                tickets.append(await it.gateway.enqueue(phone, str(number)))
                await it.sim.clock.advance(0.001)
        await it.go_on(6)
        await it.go_on(300)

        ids = [ticket.message_id for ticket in tickets]
        assert (ids[:2], sorted(ids), []) == (store.claimed[:2], sorted(store.claimed), store.kept)
        assert ["0", "0", "1", "1"] == sorted(it.texts())


async def test_who_ends_gives_back_what_it_was_given(vendor: str) -> None:
    """A lane that was kept while the gateway closed is free for the next one at once, not when its lease ends."""
    async with paced(vendor, store=(store := Counting())) as it:
        await it.greeted()
        store.may_answer.clear()
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.DELAY, seconds=5))
        for text in ("one", "two"):
            await it.gateway.enqueue(PHONE, text)
            await it.sim.clock.advance(0.001)
        await it.go_on(6)
        await it.until(lambda: bool(store.kept))
        closing = asyncio.create_task(it.gateway.aclose())
        await it.until(lambda: not it.gateway._engine._worker._takes)
        store.may_answer.set()
        await closing

        assert ["one"] == it.texts()
        assert store.kept == [work.message.id for work in await store.claim(it.sim.clock.now(), 60, 10)]
