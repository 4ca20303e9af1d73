"""Who works and who does not: gateways that only keep, loops that stop, and the clock that wakes them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta

import pytest

from gateway import Event, Gateway, NotSettled, StoreError
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from gateway.store import MemoryStore, Work
from gateway.testing.stores.samples import enqueued
from tests.flow.conftest import Reopen
from tests.flow.paced import paced
from tests.flow.stage import OTHER, PHONE, QUICK, VENDORS, stage


class Lasting(MemoryStore):
    """A store that outlives its gateway, and that can be made to break."""

    broken = ""
    """What fails from now on, in a way that no store declares."""

    async def claim(self, now: datetime, lease: float, limit: int, skip: Collection[str] = ()) -> list[Work]:
        """Take lanes, or break."""
        if self.broken == "claim":
            raise ZeroDivisionError
        return await super().claim(now, lease, limit, skip)

    async def changed(self, since: int) -> None:
        """Wait, or break."""
        if self.broken == "changed":
            raise ZeroDivisionError
        await super().changed(since)

    async def close(self) -> None:
        """Stay."""


class Far(Lasting):
    """A store whose answer to a claim is on its way for a while."""

    at_once = False

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.answers = asyncio.Event(), asyncio.Event()

    async def claim(self, now: datetime, lease: float, limit: int, skip: Collection[str] = ()) -> list[Work]:
        """Take lanes, and say so later."""
        works = await super().claim(now, lease, limit, skip)
        if works:
            self.asked.set()
            await self.answers.wait()
        return works


@pytest.mark.parametrize("vendor", VENDORS)
async def test_what_is_claimed_while_a_gateway_closes_is_given_back(vendor: str) -> None:
    """Another worker on the store sends it at once, not only when the lease of the one that is gone has ended."""
    store = Far()
    async with paced(vendor, store=store) as it:
        await it.gateway._engine.start()
        row = await enqueued(store, "1", due_at=it.sim.clock.now())
        await store.asked.wait()
        closing = asyncio.create_task(it.gateway.aclose())
        await asyncio.sleep(0)
        assert [] == await store.claim(it.sim.clock.now(), 60, 10)
        store.answers.set()
        await closing
        [work] = await store.claim(it.sim.clock.now(), 60, 10)

        assert (row, []) == (work.message, await store.attempts(row.id))


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_gateway_that_does_not_work_keeps_for_one_that_does(vendor: str) -> None:
    """It takes in what arrives and what is asked, and has no loops; the next one sends and hands over."""
    store = Lasting()
    async with stage(vendor, Gateway(store, works=False)) as it:
        it.phone.write("hello", vendor=vendor)
        async with asyncio.timeout(60):
            while not await store.events():
                await asyncio.sleep(0.01)
        ticket = await it.gateway.enqueue(PHONE, "kept")
        with pytest.raises(NotSettled):
            await it.gateway.send(PHONE, "kept as well", wait=0)
        assert ([], [], []) == (it.gateway._engine._tasks, it.events, it.posts("kept"))
        await it.gateway._engine.watch()

        heard: list[Event] = []
        async with Gateway(store, retry=QUICK) as other:
            other.connect(vendor, "main", **it.sim.settings(vendor))
            other.on(Event, heard.append)
            await it.until(lambda: len(it.posts("POST", "kept")) >= 2 and bool(heard))
            await other._engine.outcome(ticket.message_id, 10)
        assert [] == it.events


@pytest.mark.parametrize("vendor", [name for name in VENDORS if name == "echo"])
async def test_what_waits_for_a_connection_goes_soon_after_it_is_there(vendor: str) -> None:
    """A worker that finds none looks again in a moment; a lease is not waited for."""
    store = Lasting()
    async with stage(vendor, Gateway(store, works=False)) as it:
        ticket = await it.gateway.enqueue(PHONE, "kept")
        async with Gateway(store, retry=QUICK) as other:
            worker = other._engine._worker
            await it.until(lambda: "main" in worker._missing)
            other.connect(vendor, "main", **it.sim.settings(vendor))
            await other._engine.outcome(ticket.message_id, 20)
        assert ({}, 1) == (worker._missing, len(it.posts("kept")))


@pytest.mark.parametrize("broken", ["claim", "changed"])
async def test_a_loop_that_stops_is_told_to_whoever_watches(broken: str) -> None:
    """Whatever it died of; what is asked after that is refused, and closing closes everything all the same."""
    store = Lasting()
    gateway = Gateway(store)
    await gateway.__aenter__()
    watching = asyncio.create_task(gateway._engine.watch())
    await asyncio.sleep(0)
    store.broken = broken
    await enqueued(store, "1")
    with pytest.raises(StoreError, match="the gateway worker stopped: ZeroDivisionError") as caught:
        await watching
    with pytest.raises(StoreError, match="stopped"):
        await gateway.__aenter__()
    await gateway.aclose()
    assert ("stopped", True) == (caught.value.code, gateway._engine.dispatcher._threads._shutdown)


async def test_who_watches_is_let_go_when_the_gateway_closes() -> None:
    """Then nothing is wrong."""
    gateway = Gateway(Lasting())
    await gateway.__aenter__()
    watching = asyncio.create_task(gateway._engine.watch())
    await asyncio.sleep(0)
    await gateway.aclose()
    assert await watching is None  # type: ignore[func-returns-value]  # that it returns is the point


@pytest.mark.parametrize("vendor", [name for name in VENDORS if name == "echo"])
async def test_the_clock_that_was_given_wakes_every_store(vendor: str, reopen: Reopen) -> None:
    """A message for later, and one that the vendor asks to send later, leave when that clock says so."""
    async with paced(vendor, store=reopen()) as it:
        await it.greeted()
        await it.greeted(OTHER)
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=503, retry_after=90))
        began = it.sim.clock.now()
        await it.gateway.enqueue(PHONE, "again")
        await it.gateway.enqueue(OTHER, "later", at=began + timedelta(minutes=10))
        for _ in range(60):
            await it.go_on(60)
            if it.texts() == ["again", "later"]:
                break

        again, later = it.sent_at()
        assert (True, True) == (again - began >= timedelta(seconds=90), later - began >= timedelta(minutes=10))
