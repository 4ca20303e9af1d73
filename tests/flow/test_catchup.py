"""After an outage: what the vendor gave up on is fetched from what it kept, and each message comes exactly once."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway import CaughtUp, DeliveryState, DeliveryUpdated, Event, Gateway, MessageReceived, Stale, Unsupported
from gateway.plugins import load
from gateway.provider import Exchange, Missed, Provider
from gateway.simulator import Fault, FaultKind, Simulation, served
from gateway.simulator.faults import Stage as At
from gateway.store import Store
from tests.flow.stage import OTHER, PHONE, QUICK, VENDORS

KEEPERS = [name for name in VENDORS if load().provider(name).missed is not Provider.missed]
"""The vendors that keep webhooks: to be able is to override."""

keepers = pytest.mark.parametrize("vendor", KEEPERS)


class Site:
    """A vendor in virtual time, and gateways over one store that come and go."""

    def __init__(self, vendor: str, sim: Simulation, reopen: Callable[[], Store | str]) -> None:
        self.vendor = vendor
        self.sim = sim
        self.reopen = reopen
        self.seen: list[Event] = []

    @contextlib.asynccontextmanager
    async def gateway(self, **options: Any) -> AsyncIterator[Gateway]:
        """Run a gateway for a while, by the vendor's clock; before and after, nobody listens on its port."""
        gateway = Gateway(self.reopen(), clock=self.sim.clock, retry=QUICK, **options)
        gateway.connect(self.vendor, "main", **self.sim.settings(self.vendor))
        gateway.on(Event, self.seen.append)
        async with served(gateway.asgi()) as url:
            self.sim.set_webhook(self.vendor, f"{url}/webhooks/main")
            async with gateway:
                yield gateway

    @property
    def texts(self) -> Counter[str]:
        """The texts that came, with how often."""
        return Counter(event.text for event in self.seen if isinstance(event, MessageReceived))

    async def until(self, condition: Callable[[], bool], *, step: float = 0.0) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.005)
                if step:
                    await self.sim.clock.advance(step)

    def write(self, *texts: str) -> None:
        """Have two contacts write in turns."""
        for number, text in enumerate(texts):
            self.sim.contact((PHONE, OTHER)[number % 2]).write(text, vendor=self.vendor)


@pytest.fixture
async def site(vendor: str, reopen: Callable[[], Store | str]) -> AsyncIterator[Site]:
    """A vendor and two contacts, and no gateway yet."""
    async with Simulation([vendor], clock="virtual", latency=0.02) as sim:
        yield Site(vendor, sim, reopen)


@keepers
async def test_after_hours_without_a_gateway_each_message_comes_exactly_once(vendor: str, site: Site) -> None:
    """Delivered before, given up on during, delivered after: by itself after the restart, without anybody asking."""
    async with site.gateway():
        site.write("a1", "b1", "a2")
        await site.sim.clock.advance(5)
        await site.until(lambda: len(site.seen) >= 3)
    for number in range(3, 9):
        site.write(f"a{number}", f"b{number}")
        await site.sim.clock.advance(1800)
    # longer than any vendor goes on trying
    await site.sim.clock.advance(12 * 3600)
    assert 3 == len(site.seen)
    async with site.gateway(catch_up=True) as gateway:
        site.write("a9", "b9")
        await site.until(lambda: len(site.texts) >= 17, step=1)
        found = await gateway.catch_up("main")
        await site.sim.clock.advance(1)

    assert ({1}, 17) == (set(site.texts.values()), len(site.texts))
    ids = [event.id for event in site.seen]
    assert len(set(ids)) == len(ids)
    assert (0, True) == (found.recovered, found.complete)
    assert {f"a{n}" for n in range(3, 9)} | {f"b{n}" for n in range(3, 9)} == {
        event.text for event in site.seen if isinstance(event, MessageReceived) and event.stale
    }
    first = [event.text for event in site.seen if isinstance(event, MessageReceived) and event.text[0] == "a"]
    # what is new may come while what is old is fetched; what is old comes in its order
    assert [f"a{n}" for n in range(1, 9)] == [text for text in first if text != "a9"]


@keepers
async def test_what_was_missed_can_be_kept_back(vendor: str, site: Site) -> None:
    """A bot that should not answer yesterday's messages is not called for them; they are there all the same."""
    async with site.gateway():
        pass
    site.write("old")
    await site.sim.clock.advance(20 * 3600)
    async with site.gateway(stale=Stale(after=timedelta(hours=2), dispatch=False)) as gateway:
        found = await gateway.catch_up("main")
        site.write("new")
        await site.until(lambda: "new" in site.texts, step=1)
        [kept] = [row.event for row in await gateway.store.events() if row.event.stale]
        assert (1, {"new": 1}) == (found.recovered, site.texts)
        await gateway.replay(kept)
        assert {"old": 1, "new": 1} == site.texts


@keepers
async def test_reports_that_were_missed_are_facts_all_the_same(vendor: str, site: Site) -> None:
    """The delivery of what was sent before the outage is known after it."""
    async with site.gateway() as gateway:
        site.write("hello")
        await site.until(lambda: bool(site.texts), step=1)
        receipt = await gateway.send(site.seen[0], "hello yourself", key="k")
    await site.sim.clock.advance(20 * 3600)
    async with site.gateway() as gateway:
        before = await gateway.status(receipt)
        await gateway.catch_up("main")
        after = await gateway.status(receipt)
        await site.until(
            lambda: any(
                isinstance(event, DeliveryUpdated) and event.message_id == receipt.message_id and event.raw is not None
                for event in site.seen
            ),
            step=1,
        )
    assert before.state is not DeliveryState.DELIVERED
    assert after.state in {DeliveryState.DELIVERED, DeliveryState.READ}


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_vendor_that_keeps_nothing_says_so(vendor: str, site: Site) -> None:
    """Asked for, it is an error; by itself it is a line in the log, and the gateway works."""
    async with site.gateway(catch_up=True) as gateway:
        if vendor in KEEPERS:
            assert CaughtUp(connection="main", pages=1) == await gateway.catch_up("main")
        else:
            with pytest.raises(Unsupported):
                await gateway.catch_up("main")
        site.write("hello")
        await site.until(lambda: bool(site.texts), step=1)
    assert {"hello": 1} == site.texts


@keepers
async def test_a_connection_that_is_made_meanwhile_does_not_end_the_loop(vendor: str, site: Site) -> None:
    """While one is read another one is made: the loop that catches up goes on, and so does the gateway."""
    slow = site.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.DELAY, method="GET", seconds=5))
    async with site.gateway(catch_up=True) as gateway:
        await site.until(lambda: slow.struck > 0)
        gateway.connect(vendor, "other", **site.sim.settings(vendor))
        await site.sim.clock.advance(10, grace=0.02)
        # raises where a loop has stopped
        assert (await gateway.catch_up("other")).complete


@keepers
async def test_a_vendor_whose_clock_is_ahead_keeps_no_chat_waiting(
    vendor: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was fetched is from the future by its time: it is handed over now, and so is what comes after it."""
    async with site.gateway() as gateway:
        kind = type(gateway.connections[0].provider)
    own = kind.missed

    def ahead(provider: Any, cursor: str | None, *, since: datetime | None = None) -> Exchange[Missed]:
        found = yield from own(provider, cursor, since=since)
        hooks = [replace(hook, received_at=hook.received_at + timedelta(days=1)) for hook in found.hooks]
        return replace(found, hooks=hooks)

    monkeypatch.setattr(kind, "missed", ahead)
    site.write("old")
    await site.sim.clock.advance(20 * 3600)
    async with site.gateway() as gateway:
        await gateway.catch_up("main")
        site.write("new")
        # with these steps the time never comes at which the vendor says that it is
        await site.until(lambda: site.texts.total() == 2, step=0.01)
    assert {"old": 1, "new": 1} == site.texts


@keepers
async def test_a_place_that_was_left_before_a_downtime_is_begun_again(
    vendor: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor dropped what was read, and all that is left has moved: each message comes once all the same."""
    async with site.gateway() as gateway:
        kind = type(gateway.connections[0].provider)
    own, dropped = kind.missed, 0

    def by_two(provider: Any, cursor: str | None, *, since: datetime | None = None) -> Exchange[Missed]:
        found = yield from own(provider, None, since=since)
        kept = found.hooks[dropped:]
        place = int(cursor or 0)
        return Missed(kept[place : place + 2], str(place + 2) if place + 2 < len(kept) else None)

    monkeypatch.setattr(kind, "missed", by_two)
    site.write("a1", "b1", "a2", "b2", "a3", "b3")
    await site.sim.clock.advance(20 * 3600)
    async with site.gateway() as gateway:
        found = await gateway.catch_up("main", pages=1)
        await site.until(lambda: bool(site.texts), step=1)
    dropped = 2
    await site.sim.clock.advance(2 * 3600)
    async with site.gateway() as gateway:
        complete = (await gateway.catch_up("main")).complete
        await site.until(lambda: len(site.texts) >= 6, step=1)
    assert (False, True) == (found.complete, complete)
    assert dict.fromkeys(("a1", "b1", "a2", "b2", "a3", "b3"), 1) == site.texts
