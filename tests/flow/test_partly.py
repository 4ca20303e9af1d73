"""Which messages are sent in part: dots are no part of one, and what is behind old news goes on by a person.

So does what is too late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest

from gateway import ChatKind, Feature, Message, Receipt, Ticket
from gateway.plugins import load
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from tests.flow.paced import Paced, paced
from tests.flow.stage import PHONE, VENDORS

UNKEYED = [vendor for vendor in VENDORS if load().provider(vendor).proof.key_window is None]
"""The vendors that recognise no copy: what nobody knows of comes to a person."""

each = pytest.mark.parametrize("vendor", VENDORS)
unkeyed = pytest.mark.parametrize("vendor", UNKEYED)


# ── dots ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def dots(it: Paced, *, expires: float | None = None) -> Ticket | None:
    """Have dots shown for three seconds before a message, and let one pass; None where the vendor has no dots."""
    event = await it.greeted()
    if not it.gateway.connections[0].provider.capabilities().find(ChatKind.DIRECT).has(Feature.TYPING):
        return None
    ends = it.sim.clock.now() + timedelta(seconds=expires) if expires else None
    ticket = await it.gateway.enqueue(event, Message("hi", typing=3), policy="graceful", expires=ends)
    await it.go_on(1)
    assert [True] == it.doings("typing", "on")[:1]
    return ticket


@each
async def test_what_was_taken_back_while_dots_are_shown_is_cancelled(vendor: str) -> None:
    """Nothing of it was sent, so nothing of it is left."""
    async with paced(vendor) as it:
        if ticket := await dots(it):
            await it.gateway.cancel(ticket)
            await it.go_on(10)
            assert ("cancelled", []) == ((await it.gateway.status(ticket)).outcome, it.texts())


@each
async def test_what_is_refused_behind_dots_is_refused(vendor: str) -> None:
    """The caller gets the vendor's own error, not that some of it arrived."""
    async with paced(vendor) as it:
        if ticket := await dots(it):
            it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=400, method="POST"))
            await it.go_on(10)
            assert ("refused", []) == ((await it.gateway.status(ticket)).outcome, it.texts())


@each
async def test_what_expires_while_dots_are_shown_is_expired(vendor: str) -> None:
    """Its time ends before the dots do."""
    async with paced(vendor) as it:
        if ticket := await dots(it, expires=2):
            await it.go_on(10)
            assert ("expired", []) == ((await it.gateway.status(ticket)).outcome, it.texts())


# ── old news ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def found_late(it: Paced) -> Ticket:
    """Send a message of two whose first one is found when the chat has long gone on."""
    await it.greeted()
    it.sim.faults.add(Fault(vendor=it.vendor, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))
    it.sim.faults.add(Fault(vendor=it.vendor, stage=At.ACCEPTED, kind=FaultKind.RESET, method="POST"))
    ticket = await it.gateway.enqueue(PHONE, ["your driver is here", "he waits five minutes"])
    await it.until(lambda: it.texts() == ["your driver is here"])
    it.sim.faults.add(Fault(vendor=it.vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=500, times=None))
    for _ in range(20):
        await it.go_on(60)
    it.sim.faults.clear()
    await it.gateway.enqueue(PHONE, "how was your ride?")
    await it.go_on(60)
    await it.gateway.status(ticket, refresh=True)
    return ticket


@unkeyed
async def test_the_rest_of_a_message_is_not_sent_hours_later_by_itself(vendor: str) -> None:
    """It may be old news by now: the message is partly sent, and that is for somebody to decide."""
    async with paced(vendor) as it:
        ticket = await found_late(it)
        await it.go_on(60)
        assert "partly" == (await it.gateway.status(ticket)).outcome
        assert ["your driver is here", "how was your ride?"] == it.texts()


@unkeyed
async def test_whoever_decides_so_has_the_rest_sent(vendor: str) -> None:
    """`resend` goes on behind what was found."""
    async with paced(vendor) as it:
        ticket = await found_late(it)
        going_on = asyncio.create_task(it.gateway.resend(ticket.message_id))
        while not going_on.done():
            await it.go_on(10)
        assert 2 == len((await going_on).sent)
        assert "he waits five minutes" == it.texts()[-1]


# ── too late ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def in_time(it: Paced, going_on: Coroutine[Any, Any, Receipt]) -> Receipt:
    """Let time pass until somebody's word has been carried out."""
    task = asyncio.create_task(going_on)
    while not task.done():
        await it.go_on(10)
    return await task


@each
async def test_what_was_too_late_is_sent_by_whoever_says_so(vendor: str) -> None:
    """The rest of a sequence whose time ran out goes on: who says `resend` knows how late it is."""
    async with paced(vendor, pace={"recipient": "1/min"}) as it:
        await it.greeted()
        ends = it.sim.clock.now() + timedelta(seconds=30)
        ticket = await it.gateway.enqueue(PHONE, ["one", "two"], expires=ends)
        await it.go_on(120)
        if len(it.texts()) == 2:
            return
        assert ("partly", ["one"]) == ((await it.gateway.status(ticket)).outcome, it.texts())
        receipt = await in_time(it, it.gateway.resend(ticket.message_id))

        assert (2, ["one", "two"]) == (len(receipt.sent), it.texts())
        row, _ = await it.gateway.store.message(ticket.message_id) or (None, ())
        assert row is not None
        assert row.expires_at is None


@unkeyed
async def test_what_nobody_knows_of_is_sent_again_past_its_time(vendor: str) -> None:
    """It is not ended as if it had never left: somebody decided what is to become of it."""
    async with paced(vendor) as it:
        await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.RESET, method="POST"))
        # nor do the vendor's records tell: what it does not have there may still come
        it.sim.faults.add(
            Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=404, method="GET", times=None)
        )
        ends = it.sim.clock.now() + timedelta(seconds=60)
        ticket = await it.gateway.enqueue(PHONE, "your code is 1234", expires=ends)
        for _ in range(30):
            await it.go_on(10)
        assert ("unknown", []) == ((await it.gateway.status(ticket)).outcome, it.texts())
        await in_time(it, it.gateway.resolve(ticket.message_id, "resend"))

        assert ("accepted", ["your code is 1234"]) == ((await it.gateway.status(ticket)).outcome, it.texts())
