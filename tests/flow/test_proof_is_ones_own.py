"""What proves a send is its own: two equal texts are not taken for each other, and old news is not told last."""

from __future__ import annotations

import pytest

from gateway import DeliveryState, DeliveryUpdated, Ticket
from gateway.plugins import load
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from tests.flow.paced import Paced, paced
from tests.flow.stage import PHONE, VENDORS

UNKEYED = [vendor for vendor in VENDORS if load().provider(vendor).proof.key_window is None]
"""The vendors that recognise no key: only proof tells what became of a lost answer."""

pytestmark = pytest.mark.parametrize("vendor", UNKEYED)


def lost(vendor: str, stage: At = At.REQUEST) -> Fault:
    """Have the next send end without an answer, before the vendor reads it or after."""
    return Fault(vendor=vendor, stage=stage, kind=FaultKind.RESET, method="POST")


async def looked_for(it: Paced) -> None:
    """Let the time pass in which proof is looked for."""
    for _ in range(20):
        await it.go_on(60)


async def accepted(it: Paced, *tickets: Ticket) -> int:
    """Count the sends that are accepted, by what the vendor says when it is asked."""
    statuses = [await it.gateway.status(ticket, refresh=True) for ticket in tickets]
    return [status.outcome for status in statuses].count("accepted")


async def test_a_message_that_another_step_owns_is_no_proof(vendor: str) -> None:
    """The same word twice within seconds: the one that arrived says nothing about the one that never left."""
    async with paced(vendor) as it:
        await it.greeted()
        first = await it.gateway.enqueue(PHONE, "ok")
        await it.until(lambda: it.texts() == ["ok"])
        await it.go_on(2)
        it.sim.faults.add(lost(vendor))
        second = await it.gateway.enqueue(PHONE, "ok")
        await looked_for(it)

        # a vendor that can say for certain that it has nothing gets the lost one again: then there are two
        assert len(it.texts()) == await accepted(it, first, second)


async def test_what_was_sent_anew_is_no_proof_of_what_was_lost(vendor: str) -> None:
    """A person sends the text again as a new message: the lost one stays with the person, whoever asks for it."""
    async with paced(vendor) as it:
        await it.greeted()
        it.sim.faults.add(lost(vendor))
        first = await it.gateway.enqueue(PHONE, "your code is 7")
        await looked_for(it)
        second = await it.gateway.enqueue(PHONE, "your code is 7")
        await it.go_on(60)

        assert len(it.texts()) == await accepted(it, first, second)


async def test_a_proof_is_not_reported_as_queued_after_its_delivery(vendor: str) -> None:
    """The webhook that proves it was handed over already: what the settled send reports is not older than that."""
    async with paced(vendor) as it:
        await it.greeted()
        it.sim.faults.add(lost(vendor, At.ACCEPTED))
        ticket = await it.gateway.enqueue(PHONE, "once")
        await looked_for(it)

        reports = [event for event in it.events if isinstance(event, DeliveryUpdated)]
        gone = [n for n, event in enumerate(reports) if event.state is not DeliveryState.QUEUED]
        assert "accepted" == (await it.gateway.status(ticket)).outcome
        assert gone
        assert [] == [event.state for event in reports[gone[0] :] if event.state is DeliveryState.QUEUED]


async def test_a_proof_reports_how_far_the_message_has_come(vendor: str) -> None:
    """Who follows a message by its id hears of the delivery that was reported while nobody could say whose it is."""
    async with paced(vendor) as it:
        await it.greeted()
        it.sim.faults.add(lost(vendor, At.ACCEPTED))
        ticket = await it.gateway.enqueue(PHONE, "once")
        await looked_for(it)

        ours = [event for event in it.events if isinstance(event, DeliveryUpdated) and event.ours]
        assert {ticket.message_id} == {event.message_id for event in ours if event.message_id}
        status = await it.gateway.status(ticket)
        assert status.state is [event.state for event in ours if event.message_id == ticket.message_id][-1]
