"""Reports that are caught up on before it is known what became of the send that they are about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway import DeliveryUpdated, Event, Gateway, RetryPolicy
from gateway.simulator import Fault, FaultKind, Simulation, served
from gateway.simulator.faults import Stage as At
from gateway.store import EventOutcome
from tests.flow.conftest import Reopen
from tests.flow.stage import PHONE
from tests.flow.test_catchup import KEEPERS

NOWHERE = "http://127.0.0.1:9/webhooks/main"


@dataclass(slots=True)
class Site:
    """A vendor, and one gateway after the other over the same store."""

    vendor: str
    sim: Simulation
    reopen: Reopen
    events: list[Event] = field(default_factory=list)

    @asynccontextmanager
    async def gateway(self, **options: Any) -> AsyncIterator[Gateway]:
        """Run a gateway that the vendor reaches."""
        patient = RetryPolicy(attempts=4, first=5, most=5)
        made = Gateway(self.reopen(), clock=self.sim.clock, retry=patient, **options)
        made.connect(self.vendor, "main", **self.sim.settings(self.vendor))
        made.on(Event, self.events.append)
        async with served(made.asgi()) as url, made:
            self.sim.set_webhook(self.vendor, f"{url}/webhooks/main")
            yield made

    async def until(self, done: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something holds, while time passes."""
        async with asyncio.timeout(60):
            while not await done():
                await asyncio.sleep(0.01)
                await self.sim.clock.advance(0.5)

    async def wrote(self) -> bool:
        """Tell whether anything was handed over."""
        return bool(self.events)


@pytest.fixture
async def site(vendor: str, reopen: Reopen) -> AsyncIterator[Site]:
    """A vendor at work."""
    async with Simulation([vendor], clock="virtual", latency=0.02) as sim:
        yield Site(vendor, sim, reopen)


@pytest.mark.parametrize("vendor", KEEPERS)
async def test_they_wait_until_a_lost_answer_is_proven(site: Site) -> None:
    """The answer was lost and the process ended; hours later the vendor tells what became of it, and it is ours."""
    async with site.gateway() as first:
        site.sim.contact(PHONE).write("hello", vendor=site.vendor)
        await site.until(site.wrote)
        site.sim.set_webhook(site.vendor, NOWHERE)
        cut = Fault(vendor=site.vendor, stage=At.ACCEPTED, kind=FaultKind.RESET, method="POST", times=None)
        lost = site.sim.faults.add(cut)
        ticket = await first.enqueue(site.events[0], "the answer", key="once")
        async with asyncio.timeout(60):
            while not lost.struck:
                await asyncio.sleep(0.01)
    site.sim.faults.clear()
    await site.sim.clock.advance(7200)
    site.events.clear()

    async with site.gateway(catch_up=True) as second:

        async def all_is_told() -> bool:
            rows = await second.store.events(limit=1000)
            accepted = (await second.status(ticket)).outcome == "accepted"
            return accepted and all(row.outcome is EventOutcome.DONE for row in rows)

        await site.until(all_is_told)

    reports = [event for event in site.events if isinstance(event, DeliveryUpdated) and event.raw is not None]
    assert reports
    assert {(ticket.message_id, True)} == {(event.message_id, event.ours) for event in reports}
