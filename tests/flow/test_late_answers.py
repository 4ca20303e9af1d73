"""Answers that come when the lane is another worker's: they are proof all the same, of a yes and of a no."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway import OutcomeUnknown, RateLimited, StoreError, Ticket, outbox
from gateway.clock import Clock
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from gateway.store import AttemptRow, Bucket, Marked, MemoryStore, MessageState, Settlement, StepRow, Work
from tests.flow.paced import Paced, paced
from tests.flow.stage import PHONE, VENDORS

pytestmark = pytest.mark.parametrize("vendor", VENDORS)


class Taken(MemoryStore):
    """A store whose lanes, once `lost` is set, the gateway's own worker does not get."""

    lost = False

    async def claim(self, now: datetime, lease: float, limit: int, skip: Collection[str] = ()) -> list[Work]:
        """Give nothing to the worker."""
        return [] if self.lost else await super().claim(now, lease, limit, skip)

    async def take(self, now: datetime) -> Work:
        """Take the one lane that is due, as another worker would."""
        [work] = await super().claim(now, 600, 1)
        return work

    async def give_up(self, it: Paced, work: Work) -> bool:
        """Settle as unknown, for a person to look at."""
        [step] = work.steps
        error = OutcomeUnknown("the gateway stopped")
        settled = outbox.unknown(
            work.message, step, error, None, it.gateway.connections[0], it.sim.clock.now(), until=None
        )
        return await self.settle(work, settled)


async def lost_lane(it: Paced, store: Taken, fault: Fault) -> tuple[Ticket, Work]:
    """Send something whose answer comes after 70 seconds, and take its lane after 65; no webhook tells of it."""
    await it.greeted()
    it.sim.faults.add(Fault(vendor=it.vendor, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))
    it.sim.faults.add(fault)
    ticket = await it.gateway.enqueue(PHONE, "once")
    await it.until(lambda: bool(it.posts("once")))
    for task in asyncio.all_tasks():
        if task.get_name() == "gateway leases":
            task.cancel()
    store.lost = True
    await it.go_on(65)
    return ticket, await store.take(it.sim.clock.now() + timedelta(seconds=60))


def late(vendor: str, kind: FaultKind = FaultKind.DELAY, status: int | None = None, retry: int | None = None) -> Fault:
    """Let the answer come after 70 seconds."""
    return Fault(vendor=vendor, stage=At.REQUEST, kind=kind, seconds=70, status=status, retry_after=retry)


async def ended(it: Paced, ticket: Ticket) -> tuple[str, list[str | None]]:
    """Say what became of a message, and of its attempts."""
    attempts = await it.gateway.store.attempts(ticket.message_id)
    return (await it.gateway.status(ticket)).outcome, [attempt.outcome for attempt in attempts]


async def test_an_acceptance_proves_what_was_given_up(vendor: str) -> None:
    """The other worker has given the step up, and nobody else knows better."""
    store = Taken()
    async with paced(vendor, store=store) as it:
        ticket, work = await lost_lane(it, store, late(vendor))
        assert await store.give_up(it, work)
        assert ("unknown", [None]) == await ended(it, ticket)
        await it.go_on(10)

        assert ("accepted", ["accepted"]) == await ended(it, ticket)
        assert ["once"] == it.texts()


async def test_an_acceptance_waits_for_who_has_not_decided_yet(vendor: str) -> None:
    """The answer is there before the other worker gives the step up: it is not forgotten meanwhile."""
    store = Taken()
    async with paced(vendor, store=store) as it:
        ticket, work = await lost_lane(it, store, late(vendor))
        await it.go_on(10)
        assert ("queued", [None]) == await ended(it, ticket)
        assert await store.give_up(it, work)
        await it.go_on(1)

        assert ("accepted", ["accepted"]) == await ended(it, ticket)


async def test_a_refusal_proves_that_nothing_was_sent(vendor: str) -> None:
    """It was the one call that was made, and the vendor has not carried it out: nobody has to look at a phone."""
    store = Taken()
    async with paced(vendor, store=store) as it:
        ticket, work = await lost_lane(it, store, late(vendor, FaultKind.ANSWER, 400))
        assert await store.give_up(it, work)
        await it.go_on(10)

        outcome, [attempt] = await ended(it, ticket)
        assert "refused" == outcome
        assert attempt is not None
        assert [] == it.texts()


async def test_a_vendor_that_had_no_time_is_asked_again(vendor: str) -> None:
    """It has not carried it out and says when to come again: the message goes then, as a first copy."""
    store = Taken()
    async with paced(vendor, store=store) as it:
        ticket, work = await lost_lane(it, store, late(vendor, FaultKind.ANSWER, 429, 5))
        assert await store.give_up(it, work)
        store.lost = False
        await it.go_on(40)

        assert ("accepted", ["rate_limited", "accepted"]) == await ended(it, ticket)
        assert ["once"] == it.texts()


@pytest.mark.parametrize(("status", "attempts"), [(400, 2), (500, 1)], ids=["a copy", "a fault"])
async def test_a_no_that_is_not_certain_proves_nothing(vendor: str, status: int, attempts: int) -> None:
    """Where others tried as well, or the vendor only failed, the message waits for proof."""
    store = Taken()
    async with paced(vendor, store=store) as it:
        ticket, work = await lost_lane(it, store, late(vendor, FaultKind.ANSWER, status))
        step = replace(work.steps[0], attempts=attempts)
        assert await store.give_up(it, work._replace(steps=(step,)))
        await it.go_on(10)

        assert ("unknown", [None]) == await ended(it, ticket)


# ── before the call, and after its answer ─────────────────────────────────────────────────────────────────────────────


class Slow(Taken):
    """A store that says only after 70 seconds of a clock that a marker is written."""

    clock: Clock | None = None

    async def mark(self, work: Work, step: StepRow, attempt: AttemptRow, buckets: Sequence[Bucket] = ()) -> Marked:
        """Write it, and take that long to say so."""
        marked = await super().mark(work, step, attempt, buckets)
        if self.clock is not None:
            await self.clock.sleep(70)
        return marked


async def test_a_call_does_not_leave_after_its_lane_was_given_up(vendor: str) -> None:
    """Its worker stood still between the marker and the call: by then others may have sent it, or taken it back."""
    store = Slow()
    async with paced(vendor, store=store) as it:
        await it.greeted()
        store.clock = it.sim.clock
        ticket = await it.gateway.enqueue(PHONE, "once")
        await it.go_on(1)
        for task in asyncio.all_tasks():
            if task.get_name() == "gateway leases":
                task.cancel()
        store.lost = True
        await it.go_on(64)
        assert await store.give_up(it, await store.take(it.sim.clock.now() + timedelta(seconds=60)))
        await it.go_on(20)

        assert [] == it.texts()
        assert [] == it.posts("once")
        assert "accepted" != (await it.gateway.status(ticket)).outcome


class Blinking(MemoryStore):
    """A store that is away for a moment when what came of a call is to be written."""

    away = 0

    async def settle(self, work: Work, settlement: Settlement) -> bool:
        """Write it, or fail."""
        if self.away:
            self.away -= 1
            raise StoreError("the store is away", code="away")
        return await super().settle(work, settlement)


async def test_an_answer_that_was_read_outlives_a_store_that_blinks(vendor: str) -> None:
    """A refusal is written when the store is back: nobody has to find out what became of the call."""
    store = Blinking()
    async with paced(vendor, store=store) as it:
        await it.greeted()
        store.away = 1
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=400, method="POST"))
        ticket = await it.gateway.enqueue(PHONE, "no")
        await it.go_on(20)

        assert ("refused", 1) == ((await ended(it, ticket))[0], len(await store.attempts(ticket.message_id)))


# ── who waits for a lane ──────────────────────────────────────────────────────────────────────────────────────────────


class Deciding(Taken):
    """A store in which the holder of a lane decides the moment after somebody saw that it is held."""

    decides: Callable[[], Awaitable[object]] | None = None

    async def amend(self, settlement: Settlement, *, expect: MessageState) -> bool:
        """Amend, or have the holder decide before this tells that it cannot be done."""
        done = await super().amend(settlement, expect=expect)
        if not done and self.decides is not None:
            decides, self.decides = self.decides, None
            await decides()
        return done


async def test_taking_back_sees_a_lane_that_is_given_back_while_it_looks(vendor: str) -> None:
    """Nothing else happens after that: whoever waited for the next change would wait in vain."""
    store = Deciding()
    async with paced(vendor, store=store) as it:
        await it.greeted()
        store.lost = True
        ticket = await it.gateway.enqueue(PHONE, "never")
        now = it.sim.clock.now()
        work = await store.take(now)
        later = outbox.waiting(work.message, work.steps[0], RateLimited("later"), now + timedelta(minutes=1), None)
        store.decides = lambda: store.settle(work, later)
        await it.gateway.cancel(ticket)

        assert ("cancelled", []) == ((await it.gateway.status(ticket)).outcome, it.texts())
