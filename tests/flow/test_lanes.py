"""Lanes: who waits for whom, who is taken back, and what a worker that dies or sleeps leaves to the next one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from gateway import (
    Cancelled,
    Conflict,
    DeliveryState,
    DeliveryUpdated,
    Gateway,
    InvalidMessage,
    NotFound,
    OutcomeUnknown,
    PartlySent,
)
from gateway.exchange import Repeat
from gateway.provider import SendMessage
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from gateway.store import MemoryStore, StepState
from gateway.worker import Worker
from tests.flow.paced import Paced, paced
from tests.flow.stage import OTHER, PHONE, QUICK, VENDORS

pytestmark = pytest.mark.parametrize("vendor", VENDORS)


class Lasting(MemoryStore):
    """A store that outlives its gateway, as one on a disk does."""

    async def close(self) -> None:
        """Stay."""


async def keyed(it: Paced) -> bool:
    """Tell whether this vendor recognises a key."""
    plan = await it.gateway.plan(PHONE, "x")
    action = plan.steps[0].action
    assert isinstance(action, SendMessage)
    exchange = it.gateway.connections[0].provider.send_message(
        action.model_copy(update={"key": "k", "token": "t" * 22})
    )
    call = next(exchange)
    exchange.close()
    return call.repeat is Repeat.KEYED


async def outcome(it: Paced, message: Any) -> str:
    """Say where a message stands."""
    return (await it.gateway.status(message)).outcome


# ── unknown ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_lane_waits_for_proof_and_then_goes_on(vendor: str) -> None:
    """For as long as the vendor declares; what nobody can prove stays visible, and its chat is not dead."""
    async with paced(vendor) as it:
        await it.greeted()
        if await keyed(it):
            return
        it.sim.faults.add(Fault(vendor=vendor, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.RESET))
        lost = await it.gateway.enqueue(PHONE, "nobody knows")
        await it.go_on(0.001)
        after = await it.gateway.enqueue(PHONE, "and then")
        settle = it.gateway.connections[0].provider.proof.settle.total_seconds()
        await it.go_on(settle - 1)
        assert ("unknown", "queued") == (await outcome(it, lost), await outcome(it, after))
        await it.go_on(2)
        if "accepted" == await outcome(it, lost):
            # this vendor's records prove that it was not sent, and so it was sent then, before the next one
            assert ["nobody knows", "and then"] == it.texts()
            return

        assert ("unknown", "accepted") == (await outcome(it, lost), await outcome(it, after))
        assert ["and then"] == it.texts()
        row, _ = await it.gateway.store.message(lost.message_id) or (None, ())
        assert row is not None
        assert row.parked
        with pytest.raises(OutcomeUnknown, match="nobody knows"):
            await it.gateway._engine.outcome(lost.message_id, 1)
        with pytest.raises(Conflict, match="unknown"):
            await it.gateway.cancel(lost)


# ── what a worker leaves behind ───────────────────────────────────────────────────────────────────────────────────


def worker_of(gateway: Gateway) -> Worker:
    """Take the worker of a gateway."""
    return gateway._engine._worker


async def dies(gateway: Gateway) -> None:
    """End a gateway as a crash does: nothing is finished, nothing is written."""
    tasks = [*gateway._engine._tasks, *worker_of(gateway)._works]
    for task in reversed(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for connection in gateway.connections:
        await connection.transport.aclose()


@contextlib.asynccontextmanager
async def another(it: Paced) -> AsyncIterator[Gateway]:
    """Start another gateway on the same store and account."""
    gateway = Gateway(it.gateway.store, clock=it.sim.clock, retry=QUICK)
    gateway.connect(it.vendor, "main", **it.sim.settings(it.vendor))
    async with gateway:
        yield gateway


@pytest.mark.parametrize("stage", [At.REQUEST, At.ACCEPTED])
async def test_a_crash_between_marker_and_answer_never_sends_twice(vendor: str, stage: At) -> None:
    """With a key the stored call goes again; without one it is proven by the vendor, or stays unknown."""
    async with paced(vendor, store=Lasting()) as it:
        await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, stage=stage, kind=FaultKind.SILENCE))
        ticket = await it.gateway.enqueue(PHONE, "once")
        await it.until(lambda: bool(it.posts("once")))
        await it.rested()
        await dies(it.gateway)
        [step] = (await it.gateway.store.message(ticket.message_id) or ((), ()))[1]
        assert StepState.STARTED is step.state
        async with another(it) as second:
            proof = it.gateway.connections[0].provider.proof
            # a vendor that returns no token is asked for its records once the settle time is over
            await it.go_on(62 if proof.token_returns else 62 + proof.settle.total_seconds())
            status = await second.status(ticket)
            attempts = await second.store.attempts(ticket.message_id)
            can_repeat, proven = await keyed(it), stage is At.ACCEPTED

            assert ("accepted" if can_repeat or proven else "unknown") == status.outcome
            assert (["once"] if can_repeat or proven else []) == it.texts()
            assert (2 if can_repeat else 1) == len(attempts)
            assert 1 == len({attempt.call for attempt in attempts})


async def test_a_key_is_not_used_when_its_time_is_over(vendor: str) -> None:
    """A gateway that was down for longer than the vendor remembers a key does not repeat the call."""
    async with paced(vendor, store=Lasting()) as it:
        await it.greeted()
        window = it.gateway.connections[0].provider.proof.key_window
        if window is None:
            return
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.SILENCE))
        ticket = await it.gateway.enqueue(PHONE, "once")
        await it.until(lambda: bool(it.posts("once")))
        await it.rested()
        await dies(it.gateway)
        await it.sim.clock.advance(window.total_seconds())
        async with another(it) as second:
            await it.go_on(1)

            assert "unknown" == (await second.status(ticket)).outcome
            assert 1 == len(it.posts("once"))


async def test_a_worker_that_slept_past_its_lease_harms_nobody(vendor: str) -> None:
    """Its call still arrives, once; its answer comes too late to be written, and is proof all the same."""
    async with paced(vendor, store=Lasting()) as it:
        await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.DELAY, seconds=70))
        ticket = await it.gateway.enqueue(PHONE, "once")
        await it.until(lambda: bool(it.posts("once")))
        for task in asyncio.all_tasks():
            if task.get_name() == "gateway leases":
                task.cancel()
        async with another(it) as second:
            await it.go_on(65)
            assert ("accepted" if await keyed(it) else "unknown") == await outcome(it, ticket)
            await it.go_on(10)

            assert "accepted" == (await second.status(ticket)).outcome
            assert ["once"] == it.texts()


async def test_a_long_call_keeps_its_lane(vendor: str) -> None:
    """Its lease is renewed: another worker does not take it for left behind."""
    async with paced(vendor, store=Lasting()) as it:
        await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.DELAY, seconds=200))
        ticket = await it.gateway.enqueue(PHONE, "slow")
        await it.until(lambda: bool(it.posts("slow")))
        async with another(it):
            for _ in range(11):
                await it.go_on(18)
            assert "queued" == await outcome(it, ticket)
            await it.go_on(10)

            assert "accepted" == await outcome(it, ticket)
            assert 1 == len(await it.gateway.store.attempts(ticket.message_id))
            assert ["slow"] == it.texts()


async def test_closing_waits_for_calls_under_way(vendor: str) -> None:
    """What has left is settled before the store is closed."""
    async with paced(vendor, store=Lasting()) as it:
        await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.DELAY, seconds=5))
        ticket = await it.gateway.enqueue(PHONE, "last words")
        await it.until(lambda: bool(it.posts("last words")))
        closing = asyncio.create_task(it.gateway.aclose())
        await it.go_on(6)
        await closing
        row, _ = await it.gateway.store.message(ticket.message_id) or (None, ())

        assert row is not None
        assert "accepted" == row.state.value
        assert ["last words"] == it.texts()


async def test_closing_does_not_wait_for_ever(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that does not end is what a crash leaves behind: started, and nothing more."""
    monkeypatch.setattr("gateway.worker.DRAIN", 0.05)
    async with paced(vendor, store=Lasting()) as it:
        await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.SILENCE))
        ticket = await it.gateway.enqueue(PHONE, "last words")
        await it.until(lambda: bool(it.posts("last words")))
        await it.rested()
        async with asyncio.timeout(60):
            await it.gateway.aclose()
        _, steps = await it.gateway.store.message(ticket.message_id) or (None, ())

        assert [StepState.STARTED] == [step.state for step in steps]


# ── taken back ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_has_not_left_is_taken_back(vendor: str) -> None:
    """For certain: it never reaches the vendor, its waiter and the handlers hear of it, and the chat goes on."""
    async with paced(vendor) as it:
        await it.greeted()
        later = it.sim.clock.now() + timedelta(minutes=5)
        ticket = await it.gateway.enqueue(PHONE, "never mind", at=later)
        waiting = asyncio.create_task(it.gateway.send(PHONE, "nor this", at=later))
        await it.rested()
        [other] = [row for row in await it.gateway.store.messages() if row.id != ticket.message_id]
        await it.gateway.cancel(ticket)
        await it.gateway.cancel(other.id)
        await it.gateway.cancel(ticket)
        with pytest.raises(Cancelled):
            await waiting
        await it.gateway.send(PHONE, "but this")
        await it.go_on(301)

        assert ["but this"] == it.texts()
        status = await it.gateway.status(ticket)
        assert ("cancelled", DeliveryState.CANCELLED) == (status.outcome, status.state)
        report = await it.event(DeliveryUpdated, lambda event: event.message_id == ticket.message_id)
        assert DeliveryState.CANCELLED is report.state


async def test_what_has_left_cannot_be_taken_back(vendor: str) -> None:
    """Neither when it was accepted, nor while it is on its way; and nothing that is not there."""
    async with paced(vendor) as it:
        event = await it.greeted()
        receipt = await it.gateway.send(event, "gone")
        with pytest.raises(Conflict, match="accepted"):
            await it.gateway.cancel(receipt)
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.DELAY, seconds=60))
        ticket = await it.gateway.enqueue(PHONE, "going")
        await it.until(lambda: bool(it.posts("going")))
        with pytest.raises(Conflict, match="leaving"):
            await it.gateway.cancel(ticket, wait=0.1)
        with pytest.raises(NotFound):
            await it.gateway.cancel("msg_nowhere")
        await it.go_on(61)

        assert ["gone", "going"] == it.texts()


async def test_what_waits_behind_another_is_taken_back_at_once(vendor: str) -> None:
    """Nobody is at it, though its lane is held for the one before it."""
    async with paced(vendor) as it:
        await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.DELAY, seconds=1))
        first = await it.gateway.enqueue(PHONE, "first")
        await it.until(lambda: bool(it.posts("first")))
        await it.sim.clock.advance(0.001)
        later = it.sim.clock.now() + timedelta(minutes=5)
        second = await it.gateway.enqueue(PHONE, "second", at=later)
        behind = await it.gateway.enqueue(PHONE, "behind")
        await asyncio.gather(it.gateway.cancel(second), it.gateway.cancel(behind))
        assert "queued" == await outcome(it, first)
        await it.go_on(301)

        assert ["first"] == it.texts()


async def test_what_may_be_with_the_vendor_is_not_taken_back(vendor: str) -> None:
    """A call that is to be repeated with its key may have been carried out the first time."""
    async with paced(vendor, pace={"recipient": "1/min"}) as it:
        await it.greeted()
        if not await keyed(it):
            return
        it.sim.faults.add(Fault(vendor=vendor, stage=At.ACCEPTED, kind=FaultKind.RESET))
        ticket = await it.gateway.enqueue(PHONE, "x")
        await it.go_on(1)
        assert "queued" == await outcome(it, ticket)
        with pytest.raises(Conflict, match="may have"):
            await it.gateway.cancel(ticket)
        await it.go_on(61)

        assert "accepted" == await outcome(it, ticket)


async def test_the_rest_of_a_sequence_is_taken_back(vendor: str) -> None:
    """What was accepted stays; the error holds its receipt."""
    async with paced(vendor, pace={"recipient": "1/min"}) as it:
        await it.greeted()
        sending = asyncio.create_task(it.gateway.send(PHONE, ["one", "two", "three"]))
        await it.go_on(1)
        [row] = await it.gateway.store.messages()
        if row.steps == 1:
            await sending
            return
        await it.gateway.cancel(row.id)
        with pytest.raises(PartlySent, match="1 of 3") as caught:
            await sending
        await it.go_on(200)

        assert isinstance(caught.value.__cause__, Cancelled)
        assert ["one"] == it.texts()


# ── who goes first ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_answers_go_before_the_ordinary_and_that_before_bulk(vendor: str) -> None:
    """Among chats that are due; a campaign keeps nobody waiting who asked something."""
    async with paced(vendor, pace={"connection": "1/10s"}) as it:
        event = await it.greeted("+12025550199")
        await it.gateway.send(OTHER, "takes the first place")
        for number in range(3):
            await it.gateway.enqueue(f"+1202555015{number}", "bulk", priority="bulk")
        await it.gateway.enqueue(PHONE, "ordinary")
        await it.gateway.enqueue(event, "answer")
        await it.go_on(60)

        assert ["takes the first place", "answer", "ordinary", "bulk", "bulk", "bulk"] == it.texts()
        with pytest.raises(InvalidMessage, match="urgent"):
            await it.gateway.enqueue(PHONE, "x", priority="urgent")  # type: ignore[arg-type]


async def test_a_chat_keeps_its_order_whatever_has_priority(vendor: str) -> None:
    """Inside a chat nobody overtakes, through waits and repeats."""
    async with paced(vendor, pace={"recipient": "1/10s"}) as it:
        event = await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=503, retry_after=3))
        for number, priority in enumerate(("bulk", "normal", "reply")):
            await it.gateway.enqueue(event, f"{number}", priority=priority)  # type: ignore[arg-type]
            await it.sim.clock.advance(0.001)
        await it.go_on(60)

        assert ["0", "1", "2"] == it.texts()


async def test_a_scheduled_message_does_not_hold_its_chat(vendor: str) -> None:
    """Others go before it; at its time it goes."""
    async with paced(vendor) as it:
        await it.greeted()
        await it.gateway.enqueue(PHONE, "later", at=it.sim.clock.now() + timedelta(minutes=10))
        await it.gateway.send(PHONE, "now")
        await it.go_on(601)

        assert ["now", "later"] == it.texts()


async def test_messages_for_one_time_leave_in_the_order_of_the_calls(vendor: str) -> None:
    """However many there are: nothing else says which of them is first."""
    async with paced(vendor) as it:
        event = await it.greeted()
        later = it.sim.clock.now() + timedelta(minutes=1)
        for number in range(12):
            await it.gateway.enqueue(event, f"{number}", at=later)
        await it.go_on(120)

        assert [f"{number}" for number in range(12)] == it.texts()


async def test_a_time_that_is_over_is_now(vendor: str) -> None:
    """Nobody gets before what was asked for earlier by it, nor into the middle of a sequence."""
    async with paced(vendor, pace={"recipient": "1/10s"}) as it:
        await it.greeted()
        await it.gateway.enqueue(PHONE, ["one", "two", "three"])
        await it.go_on(2)
        await it.gateway.enqueue(PHONE, "after", at=it.sim.clock.now() - timedelta(seconds=30))
        await it.go_on(60)

        assert ["one", "two", "three", "after"] == it.texts()


async def test_a_waiting_chat_costs_the_others_nothing(vendor: str) -> None:
    """A long queue behind one limit is not looked at again and again."""
    async with paced(vendor, pace={"chat": "1/h"}) as it:
        await it.greeted()
        for number in range(200):
            await it.gateway.enqueue(PHONE, f"{number}")
        await it.go_on(1)
        version = it.gateway.store.version
        for number in range(5):
            await it.gateway.send(f"+1202555015{number}", "hello", wait=5)
        await it.go_on(60)

        assert 6 == len(it.texts())
        assert it.gateway.store.version - version < 200
