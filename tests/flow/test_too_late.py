"""What is too late: it is refused, or ends, and what is behind it in its chat goes on."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from gateway import ChatKind, Expired, Feature, InvalidMessage
from gateway.client import DOTS, MARKS
from gateway.simulator import Fault, FaultKind
from gateway.store import MessageState
from tests.flow.paced import paced
from tests.flow.stage import PHONE, VENDORS

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
