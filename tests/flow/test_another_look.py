"""A send that nobody could prove when its time was over is proven later, once the vendor's records have it."""

from __future__ import annotations

import contextlib

import pytest

from gateway import MessageStatus, Ticket, Unsupported
from gateway.plugins import load
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from tests.flow.paced import Paced, paced
from tests.flow.stage import PHONE, VENDORS

UNKEYED = [vendor for vendor in VENDORS if load().provider(vendor).proof.key_window is None]

pytestmark = pytest.mark.parametrize("vendor", UNKEYED)


async def parked(it: Paced) -> Ticket:
    """Send something whose answer is lost, whose webhooks are, and that is not to be found until faults are cleared."""
    await it.greeted()
    it.sim.faults.add(Fault(vendor=it.vendor, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))
    it.sim.faults.add(Fault(vendor=it.vendor, stage=At.ACCEPTED, kind=FaultKind.RESET, method="POST"))
    ticket = await it.gateway.enqueue(PHONE, "once")
    await it.until(lambda: it.texts() == ["once"])
    it.sim.faults.add(Fault(vendor=it.vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=500, times=None))
    for _ in range(20):
        await it.go_on(60)
        found = await it.gateway.store.message(ticket.message_id)
        if found is not None and found[0].parked:
            break
    else:
        pytest.fail("it was not parked")
    it.sim.faults.clear()
    return ticket


def said(status: MessageStatus) -> tuple[str, int]:
    """Say what became of it, and how many messages the vendor has of it."""
    return status.outcome, len(status.deliveries)


async def test_whoever_asks_for_it_has_the_vendor_asked(vendor: str) -> None:
    """`status(refresh=True)` finds it in the vendor's records; without that, it stays with the person."""
    async with paced(vendor) as it:
        ticket = await parked(it)
        assert ("unknown", 0) == said(await it.gateway.status(ticket))
        assert ("accepted", 1) == said(await it.gateway.status(ticket, refresh=True))
        assert ["once"] == it.texts()


async def test_catching_up_looks_at_what_waits_for_a_person(vendor: str) -> None:
    """After a time in which much was lost nobody has to ask for each message."""
    async with paced(vendor) as it:
        ticket = await parked(it)
        with contextlib.suppress(Unsupported):  # of a vendor that keeps no webhooks the records are asked all the same
            await it.gateway.catch_up("main")
        assert ("accepted", 1) == said(await it.gateway.status(ticket))
        assert ["once"] == it.texts()


async def test_what_is_not_there_stays_with_the_person(vendor: str) -> None:
    """What the vendor never read is not sent again by a look."""
    async with paced(vendor) as it:
        await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.RESET, method="POST"))
        ticket = await it.gateway.enqueue(PHONE, "never")
        for _ in range(20):
            await it.go_on(60)
        outcome = (await it.gateway.status(ticket)).outcome
        again = (await it.gateway.status(ticket, refresh=True)).outcome
        assert (outcome, []) == (again, [text for text in it.texts() if outcome == "unknown"])
