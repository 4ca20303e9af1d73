"""Two open sends of one chat have the same text: it proves them only where the vendor has as many as there are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gateway import Ticket, outbox
from gateway.actions import SendMessage
from gateway.plugins import load
from gateway.provider import Attempt
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from gateway.store import MessageState
from tests.flow.conftest import Reopen
from tests.flow.paced import Paced, paced
from tests.flow.stage import PHONE, VENDORS

UNKEYED = [vendor for vendor in VENDORS if load().provider(vendor).proof.key_window is None]
"""The vendors that recognise no key: only proof tells what became of a lost answer."""

of_every_vendor = pytest.mark.parametrize("vendor", UNKEYED)


def silent(it: Paced) -> None:
    """Have the vendor tell nothing by webhooks: what is left is the text."""
    it.sim.faults.add(Fault(vendor=it.vendor, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))


async def lost(it: Paced, text: str, *, arrives: bool) -> Ticket:
    """Send a text whose answer is lost, before the vendor reads it or after, and that waits for a person then."""
    silent(it)
    stage = At.ACCEPTED if arrives else At.REQUEST
    before = len(it.sim.journal.entries("request"))
    it.sim.faults.add(Fault(vendor=it.vendor, stage=stage, kind=FaultKind.RESET, method="POST"))
    ticket = await it.gateway.enqueue(PHONE, text)
    while not (attempts := await it.gateway.store.attempts(ticket.message_id)) or attempts[0].ended_at is None:
        await it.go_on(10)
    assert before < len(it.sim.journal.entries("request")) or not arrives
    # no look is answered, until it is given up
    it.sim.faults.add(Fault(vendor=it.vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=500, times=None))
    while not await parked(it, ticket):
        await it.go_on(60)
    it.sim.faults.clear()
    silent(it)
    return ticket


async def parked(it: Paced, ticket: Ticket) -> bool:
    """Tell whether a send waits for a person."""
    found = await it.gateway.store.message(ticket.message_id)
    assert found is not None
    return found[0].parked


async def asked(it: Paced, tickets: Sequence[Ticket]) -> dict[str, tuple[str, ...]]:
    """Ask the vendor about each, twice; gives the vendor's ids of those that are accepted."""
    for ticket in (*tickets, *tickets):
        await it.gateway.status(ticket, refresh=True)
    statuses = [await it.gateway.status(ticket) for ticket in tickets]
    return {
        status.message_id: tuple(delivery.vendor_id for delivery in status.deliveries)
        for status in statuses
        if status.outcome == MessageState.ACCEPTED
    }


async def named(it: Paced, ticket: Ticket) -> bool:
    """Tell whether the vendor's records name a send, so that its text does not matter."""
    kept = await it.gateway.store.message(ticket.message_id)
    assert kept is not None
    row, (step, *_) = kept
    action = outbox.action_of(step)
    assert isinstance(action, SendMessage)
    attempt = Attempt(action=action, started_at=step.first_at or row.created_at)
    found = await it.gateway.run("main", it.gateway.connections[0].provider.find(attempt))
    return not found.alike


def shown(it: Paced) -> list[str]:
    """Name the messages that the vendor has of ours, in the order they came."""
    bubbles = [bubble for thread in it.sim.world.threads(it.vendor) for bubble in thread.bubbles if bubble.ours]
    return [str(bubble.vendor_id) for bubble in sorted(bubbles, key=lambda bubble: bubble.created_at)]


@of_every_vendor
@pytest.mark.parametrize("arrives", [(True, False), (False, True)])
@pytest.mark.parametrize("backwards", [False, True])
async def test_fewer_than_there_are_open_ones_prove_none(
    vendor: str, arrives: tuple[bool, bool], *, backwards: bool
) -> None:
    """One text stands in the history: nobody can say whose it is, and both stay with a person.

    Of a vendor whose records name the send itself, that one is proven all the same.
    """
    async with paced(vendor) as it:
        await it.greeted()
        tickets = [await lost(it, "ok", arrives=each) for each in arrives]
        [one] = shown(it)
        arrived = tickets[arrives.index(True)]
        expected = {arrived.message_id: (one,)} if await named(it, arrived) else {}
        assert expected == await asked(it, tickets[::-1] if backwards else tickets)


@of_every_vendor
async def test_as_many_as_there_are_open_ones_are_theirs_in_order(vendor: str, reopen: Reopen) -> None:
    """Also where the later one is asked about first; another text between them is left out."""
    async with paced(vendor, store=reopen()) as it:
        await it.greeted()
        first = await lost(it, "ok", arrives=True)
        other = await lost(it, "no", arrives=True)
        second = await lost(it, "ok", arrives=True)
        one, no, two = shown(it)
        expected = {first.message_id: (one,), second.message_id: (two,), other.message_id: (no,)}
        assert expected == await asked(it, [second, other, first])


@of_every_vendor
async def test_what_another_send_owns_is_not_counted(vendor: str) -> None:
    """The same text was sent again and accepted: the one that is left is the lost one's."""
    async with paced(vendor) as it:
        await it.greeted()
        first = await lost(it, "ok", arrives=True)
        second = await it.gateway.enqueue(PHONE, "ok")
        await it.until(lambda: len(shown(it)) == 2)
        await it.rested()
        one, two = shown(it)
        assert {first.message_id: (one,), second.message_id: (two,)} == await asked(it, [first, second])


@of_every_vendor
async def test_what_is_under_way_counts_as_open(vendor: str) -> None:
    """The vendor has it and has not answered yet: it is no proof of an older one that never left."""
    async with paced(vendor) as it:
        await it.greeted()
        first = await lost(it, "ok", arrives=False)
        it.sim.faults.add(
            Fault(vendor=vendor, stage=At.ACCEPTED, kind=FaultKind.DELAY, method="POST", seconds=5, times=1)
        )
        second = await it.gateway.enqueue(PHONE, "ok")
        await it.until(lambda: len(shown(it)) == 1)
        early = asyncio.create_task(it.gateway.status(first, refresh=True))
        await it.until(early.done)
        assert (MessageState.UNKNOWN, MessageState.QUEUED) == (
            early.result().outcome,
            (await it.gateway.status(second)).outcome,
        )
        await it.go_on(10)
        assert {second.message_id: tuple(shown(it))} == await asked(it, [first, second])
