"""While a copy of what may be with the vendor waits to leave: it keeps its distance, and its reports find it."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from gateway import DeliveryState, DeliveryUpdated
from gateway.plugins import load
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from tests.flow.paced import Paced, paced
from tests.flow.stage import PHONE, VENDORS

KEYED = [vendor for vendor in VENDORS if load().provider(vendor).proof.key_window is not None]
"""The vendors that recognise a copy by its key."""

APART = 20
"""Seconds that the vendor asks for between two calls: more than the stage's own policy ever waits."""

pytestmark = pytest.mark.parametrize("vendor", KEYED)


def failing(vendor: str, stage: At, times: int) -> Fault:
    """Have the vendor answer that it failed, and when to come again."""
    return Fault(
        vendor=vendor,
        stage=stage,
        kind=FaultKind.ANSWER,
        status=500,
        retry_after=APART,
        method="POST",
        times=times,
    )


async def pauses(it: Paced, message: str) -> list[float]:
    """Tell the seconds from one attempt to the next."""
    row = (await it.gateway.status(message)).message_id
    began = [attempt.started_at for attempt in await it.gateway.store.attempts(row)]
    return [(later - earlier) / timedelta(seconds=1) for earlier, later in pairwise(began)]


async def test_an_expired_copy_keeps_its_distance(vendor: str) -> None:
    """Its time runs out while nobody knows what became of it: copies go on, not faster than before."""
    async with paced(vendor) as it:
        await it.greeted()
        it.sim.faults.add(failing(vendor, At.REQUEST, 2))
        expires = it.sim.clock.now() + timedelta(seconds=2)
        ticket = await it.gateway.enqueue(PHONE, "once", expires=expires)
        for _ in range(12):
            await it.go_on(5)

        found = await pauses(it, ticket.message_id)
        assert 2 == len(found)
        assert APART <= min(found)
        assert "accepted" == (await it.gateway.status(ticket)).outcome
        assert ["once"] == it.texts()


async def test_a_report_while_a_copy_waits_is_ours(vendor: str) -> None:
    """The vendor had read it, and tells of its delivery before the copy leaves: that is known of the message after."""
    async with paced(vendor) as it:
        await it.greeted()
        it.sim.faults.add(failing(vendor, At.ACCEPTED, 1))
        ticket = await it.gateway.enqueue(PHONE, "once")
        for _ in range(12):
            await it.go_on(5)

        told = {DeliveryState.DELIVERED, DeliveryState.READ}
        reports = [event for event in it.events if isinstance(event, DeliveryUpdated) and event.state in told]
        assert reports
        assert (ticket.message_id, True) == (reports[-1].message_id, reports[-1].ours)
        assert "accepted" == (await it.gateway.status(ticket)).outcome
        assert ["once"] == it.texts()


async def test_a_key_is_as_old_as_the_first_copy_that_may_be_there(vendor: str) -> None:
    """What was refused for certain left nothing under it, however long ago that was."""
    async with paced(vendor) as it:
        event = await it.greeted()
        window = it.gateway.connections[0].provider.proof.key_window
        assert window is not None
        refused = Fault(vendor=vendor, kind=FaultKind.ANSWER, status=429, retry_after=int(window.total_seconds()))
        it.sim.faults.add(refused)
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.RESET, method="POST"))
        ticket = await it.gateway.enqueue(event, "once")
        await it.go_on(window.total_seconds() + 60)

        outcomes = [attempt.outcome for attempt in await it.gateway.store.attempts(ticket.message_id)]
        assert ["rate_limited", "vendor_fault", "accepted"] == outcomes
        assert ["once"] == it.texts()
