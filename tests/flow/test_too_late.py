"""What is too late: it is refused, or ends, and what is behind it in its chat goes on."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from gateway import ChatKind, DeliveryState, DeliveryUpdated, Expired, Feature, InvalidMessage, Unauthorized
from gateway.client import DOTS, MARKS
from gateway.simulator import Fault, FaultKind
from gateway.store import MessageState
from tests.flow.paced import paced
from tests.flow.stage import OTHER, PHONE, VENDORS

pytestmark = pytest.mark.parametrize("vendor", VENDORS)


async def test_what_would_be_too_late_before_it_may_leave_is_refused(vendor: str) -> None:
    """The two times contradict each other: nothing is kept."""
    async with paced(vendor) as it:
        at = it.sim.clock.now() + timedelta(hours=1)
        for expires in (at, at - timedelta(minutes=1)):
            with pytest.raises(InvalidMessage, match="expires before"):
                await it.gateway.enqueue(PHONE, "x", at=at, expires=expires)
            with pytest.raises(InvalidMessage, match="expires before"):
                await it.gateway.send(PHONE, "x", at=at, expires=expires)

        assert [] == await it.gateway.store.messages()


# ── dots and read marks ───────────────────────────────────────────────────────────────────────────────────────────────


GESTURES = [(Feature.TYPING, DOTS), (Feature.READ, MARKS)]


@pytest.mark.parametrize(("feature", "most"), GESTURES, ids=["typing", "read"])
async def test_what_is_worth_nothing_later_holds_its_chat_no_longer(
    vendor: str, feature: Feature, most: timedelta
) -> None:
    """The vendor fails to take it, perhaps having read it: it ends, and the answer behind it leaves."""
    async with paced(vendor) as it:
        event = await it.greeted()
        if not it.gateway.connections[0].table.find(ChatKind.DIRECT).has(feature):
            return
        seconds, began = most.total_seconds(), it.sim.clock.now()
        pause = int(0.4 * seconds)
        it.sim.faults.add(Fault(vendor=vendor, kind=FaultKind.ANSWER, status=502, retry_after=pause, times=None))
        asked = it.gateway.typing(event) if feature is Feature.TYPING else it.gateway.mark_read(event)
        gesture = asyncio.create_task(asked)
        await it.go_on(0.1)
        await it.gateway.enqueue(event, "the answer")
        await it.go_on(0.9 * seconds)
        it.sim.faults.clear()
        assert [] == it.texts()
        await it.go_on(0.1 * seconds)
        with pytest.raises(Expired, match="before the vendor took it"):
            await gesture

        assert ["the answer"] == it.texts()
        assert most <= it.sent_at()[0] - began < most + timedelta(seconds=1)
        [row] = await it.gateway.store.messages(MessageState.EXPIRED)
        assert 3 == len(await it.gateway.store.attempts(row.id))


async def test_dots_are_taken_away_no_later_than_that_is_worth_something(vendor: str) -> None:
    """Where the vendor shows them until it is told to stop: that has an end too, and they go with any message."""
    async with paced(vendor) as it:
        event = await it.greeted()
        table = it.gateway.connections[0].table.find(ChatKind.DIRECT)
        if not table.has(Feature.TYPING) or table.limits.typing_seconds is not None:
            return
        await it.gateway.typing(event, 5)
        [off, on] = [row for row in await it.gateway.store.messages() if row.kind == "set_typing"]

        assert (None, DOTS) == (on.error, (on.expires_at or on.due_at) - on.due_at)
        assert MARKS == (off.expires_at or off.due_at) - off.due_at


# ── where nothing leaves ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_too_late_ends_on_a_connection_that_stopped(vendor: str) -> None:
    """At its time, wherever it is in its chat; what has no end stays, and nobody calls the vendor."""
    async with paced(vendor) as it:
        event = await it.greeted()
        begins, ends = (it.sim.clock.now() + timedelta(seconds=seconds) for seconds in (20, 60))
        alone = await it.gateway.enqueue(OTHER, "alone", at=begins, expires=ends)
        stays = await it.gateway.enqueue(PHONE, "stays", at=begins)
        behind = await it.gateway.enqueue(PHONE, "behind", at=begins, expires=ends)
        it.sim.faults.add(Fault(vendor=vendor, kind=FaultKind.ANSWER, status=401))
        with pytest.raises(Unauthorized):
            await it.gateway.send(event, "x")
        posts = len(it.posts())
        await it.go_on(58)
        assert ["queued"] * 3 == [(await it.gateway.status(each)).outcome for each in (alone, stays, behind)]
        await it.go_on(2)

        outcomes = [(await it.gateway.status(each)).outcome for each in (alone, stays, behind)]
        assert (["expired", "queued", "expired"], posts) == (outcomes, len(it.posts()))
        await it.event(DeliveryUpdated, lambda e: e.message_id == alone.message_id and e.state is DeliveryState.FAILED)


async def test_what_is_too_late_ends_while_a_connection_rests(vendor: str) -> None:
    """A vendor that says when to come again keeps nobody from hearing that it will be too late."""
    async with paced(vendor) as it:
        event = await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, kind=FaultKind.ANSWER, status=429, retry_after=600))
        first = await it.gateway.enqueue(event, "first")
        await it.go_on(1)
        late = await it.gateway.enqueue(OTHER, "late", expires=it.sim.clock.now() + timedelta(seconds=60))
        await it.go_on(80)

        assert ("queued", "expired") == (
            (await it.gateway.status(first)).outcome,
            (await it.gateway.status(late)).outcome,
        )
        assert [] == it.texts()


async def test_what_may_be_with_the_vendor_does_not_end_so(vendor: str) -> None:
    """Its copies go on once calls do: only the vendor knows whether it was sent."""
    async with paced(vendor) as it:
        event = await it.greeted()
        if it.gateway.connections[0].provider.proof.key_window is None:
            return
        it.sim.faults.add(Fault(vendor=vendor, kind=FaultKind.ANSWER, status=500, retry_after=5, method="POST"))
        it.sim.faults.add(Fault(vendor=vendor, kind=FaultKind.ANSWER, status=401, method="POST"))
        sent = await it.gateway.enqueue(event, "sent?", expires=it.sim.clock.now() + timedelta(seconds=60))
        await it.go_on(1)
        with pytest.raises(Unauthorized):
            await it.gateway.send(OTHER, "x")
        await it.go_on(200)

        assert "queued" == (await it.gateway.status(sent)).outcome
