"""What becomes of a send when the road or the vendor fails: never twice, never lost, always said."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway import (
    Cancelled,
    ChatKind,
    Conflict,
    DeliveryState,
    DeliveryUpdated,
    Feature,
    InvalidMessage,
    Message,
    MessageReceived,
    NoRoute,
    NotSettled,
    OutcomeUnknown,
    PartlySent,
    Receipt,
    Refused,
    Unauthorized,
    Unreachable,
)
from gateway.client import Verdict
from gateway.provider import Repeat, SendMessage
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from gateway.store import MessageState
from gateway.transport import Transport
from tests.flow.stage import VENDORS, Stage, stage

pytestmark = pytest.mark.parametrize("vendor", VENDORS)


async def greeted(it: Stage) -> MessageReceived:
    """Let the contact write first."""
    it.phone.write("hello", vendor=it.vendor)
    return await it.event(MessageReceived)


def bubbles(it: Stage) -> list[str]:
    """Give the texts that reached the vendor, in order."""
    return [bubble.text for thread in it.sim.world.threads(it.vendor) for bubble in thread.bubbles if bubble.ours]


async def keyed(it: Stage) -> bool:
    """Tell whether this vendor recognises a key: look at the call itself."""
    event = await it.event(MessageReceived)
    plan = await it.gateway.plan(event, "x")
    action = plan.steps[0].action
    assert isinstance(action, SendMessage)
    exchange = it.gateway.connections[0].provider.send_message(
        action.model_copy(update={"key": "k", "token": "t" * 22})
    )
    call = next(exchange)
    exchange.close()
    return call.repeat is Repeat.KEYED


@pytest.mark.parametrize("status", [429, 503])
async def test_a_vendor_that_asks_to_wait_is_asked_again(vendor: str, status: int) -> None:
    """Certain that nothing was sent, the same message goes again, once."""
    async with stage(vendor) as it:
        event = await greeted(it)
        it.sim.faults.add(
            Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=status, retry_after=0, times=2)
        )
        receipt = await it.gateway.send(event, "patience")

        assert ["patience"] == bubbles(it)
        assert ["accepted"] == [a.outcome for a in await it.gateway.store.attempts(receipt.message_id)][-1:]
        assert 3 == len(await it.gateway.store.attempts(receipt.message_id))


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.MALFORMED, FaultKind.HTML, FaultKind.ANSWER])
async def test_an_answer_that_is_lost_never_sends_twice(vendor: str, kind: FaultKind) -> None:
    """With keys the stored call goes again and the vendor recognises it; without, proof is waited for."""
    async with stage(vendor) as it:
        event = await greeted(it)
        more: dict[str, Any] = {"status": 500} if kind is FaultKind.ANSWER else {}
        it.sim.faults.add(Fault(vendor=vendor, stage=At.ACCEPTED, kind=kind, times=1, **more))
        proven = it.gateway.connections[0].provider.proof.token_returns
        if await keyed(it) or proven:
            receipt = await it.gateway.send(event, "once", wait=20)
            assert 1 == len(receipt.sent)
        else:
            with pytest.raises(OutcomeUnknown):
                await it.gateway.send(event, "once", wait=0.5)

        assert ["once"] == bubbles(it)


async def test_a_keyed_repetition_is_the_stored_call(vendor: str) -> None:
    """Key and bytes of the second copy are those of the first."""
    async with stage(vendor) as it:
        event = await greeted(it)
        if not await keyed(it):
            return
        it.sim.faults.add(Fault(vendor=vendor, stage=At.ACCEPTED, kind=FaultKind.RESET, times=1))
        receipt = await it.gateway.send(event, Message("once", reference="r"))
        calls = [a.call for a in await it.gateway.store.attempts(receipt.message_id)]

        assert 2 == len(calls)
        assert calls[0] == calls[1]
        assert receipt.replayed


async def test_silence_without_keys_is_proven_by_the_webhook(vendor: str) -> None:
    """The vendor took it and never answered: the token in its report settles the send."""
    async with stage(vendor) as it:
        event = await greeted(it)
        if await keyed(it) or not it.gateway.connections[0].provider.proof.token_returns:
            return
        it.sim.faults.add(Fault(vendor=vendor, stage=At.ACCEPTED, kind=FaultKind.HTML, times=1))
        receipt = await it.gateway.send(event, "once")
        row, _ = await it.gateway.store.message(receipt.message_id) or (None, ())

        assert row is not None
        assert MessageState.ACCEPTED is row.state
        assert receipt.vendor_id == it.sim.world.threads(vendor)[0].bubbles[-1].vendor_id


async def test_what_nobody_knows_waits_for_a_verdict(vendor: str) -> None:
    """Without keys, and with no webhook that proves it, the send stays unknown until a person decides."""
    async with stage(vendor) as it:
        event = await greeted(it)
        if await keyed(it):
            return
        it.sim.faults.add(Fault(vendor=vendor, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))
        cases: tuple[tuple[Verdict, int], ...] = (("mark_sent", 1), ("drop", 2), ("resend", 4))
        for verdict, expected in cases:
            it.sim.faults.add(Fault(vendor=vendor, stage=At.ACCEPTED, kind=FaultKind.RESET, times=1))
            with pytest.raises(OutcomeUnknown) as caught:
                await it.gateway.send(event, verdict, wait=0.4)
            message = caught.value.message_id
            assert message is not None
            assert DeliveryState.UNKNOWN is (await it.gateway.status(message)).state
            if verdict == "drop":
                with pytest.raises(Cancelled):
                    await it.gateway.resolve(message, verdict)
            else:
                assert isinstance(await it.gateway.resolve(message, verdict), Receipt)
            assert expected == len(bubbles(it))


async def test_the_same_key_sends_once(vendor: str) -> None:
    """A repeated call, also at the same time, gives the first result; other content under the key is a conflict."""
    async with stage(vendor) as it:
        event = await greeted(it)
        receipts = await asyncio.gather(*(it.gateway.send(event, "once", key="order 7") for _ in range(5)))
        again = await it.gateway.send(event, "once", key="order 7")

        assert {again.message_id} == {receipt.message_id for receipt in receipts}
        assert ["once"] == bubbles(it)
        with pytest.raises(Conflict):
            await it.gateway.send(event, "twice", key="order 7")


async def test_a_cancelled_caller_cancels_only_its_waiting(vendor: str) -> None:
    """The message goes on, and its receipt is in the store."""
    async with stage(vendor) as it:
        event = await greeted(it)
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.DELAY, seconds=0.3, times=1))
        sending = asyncio.create_task(it.gateway.send(event, "go on", key="k"))
        await it.until(lambda: len(it.posts("send")) + len(it.posts("messages")) > 0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        receipt = await it.gateway.send(event, "go on", key="k")

        assert 1 == len(receipt.sent)
        assert ["go on"] == bubbles(it)


async def test_waiting_too_short_is_no_outcome(vendor: str) -> None:
    """`NotSettled` names the ticket, and the send goes on."""
    async with stage(vendor) as it:
        event = await greeted(it)
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.DELAY, seconds=0.3, times=1))
        with pytest.raises(NotSettled) as caught:
            await it.gateway.send(event, "slow", wait=0.05)
        await it.event(DeliveryUpdated, lambda e: e.message_id == caught.value.ticket)

        assert ["slow"] == bubbles(it)


async def test_a_wrong_key_stops_the_connection(vendor: str) -> None:
    """Not only the message: nothing more is tried until the account was checked."""
    async with stage(vendor) as it:
        event = await greeted(it)
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=401, times=1))
        with pytest.raises(Unauthorized):
            await it.gateway.send(event, "one")
        before = len(it.posts())
        with pytest.raises(Unauthorized, match="has stopped"):
            await it.gateway.send(event, "two")
        assert before == len(it.posts())

        await it.gateway.check("main")
        await it.gateway.send(event, "three")
        assert ["three"] == bubbles(it)


async def test_a_sequence_that_stops_half_way_says_so_and_goes_on(vendor: str) -> None:
    """The error holds the receipt of what was sent; `resend` continues at the step that was refused."""
    async with stage(vendor) as it:
        event = await greeted(it)
        table = it.gateway.connections[0].provider.capabilities().find(ChatKind.DIRECT)
        if not table.has(Feature.TYPING):
            return
        # the pause for the dots before the second message leaves the time to make the vendor refuse it
        sending = asyncio.create_task(it.gateway.send(event, ["one", Message("two", typing=0.4), "three"]))
        await it.until(lambda: it.doings("typing", "on") == [True])
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=400, path="*message*"))
        with pytest.raises(PartlySent) as caught:
            await sending
        sent = Receipt.model_validate_json(caught.value.receipt)
        assert (["one"], [0]) == (bubbles(it), [entry.index for entry in sent.sent])
        assert isinstance(caught.value.__cause__, Refused)

        whole = await it.gateway.resend(sent.message_id)
        assert [0, 1, 2] == [entry.index for entry in whole.sent]
        assert ["one", "two", "three"] == bubbles(it)


async def test_nothing_is_sent_for_a_call_that_is_wrong(vendor: str) -> None:
    """Bad recipients, empty messages and unknown connections are errors before anything is kept."""
    async with stage(vendor) as it:
        for to, message in [("hello", "x"), ("+1", "x"), ("+12025550123", ""), ("+12025550123", [])]:
            with pytest.raises(InvalidMessage):
                await it.gateway.send(to, message)
        with pytest.raises(NoRoute, match="mian"):
            await it.gateway.send("+12025550123", "x", via="mian")

        assert [] == await it.gateway.store.messages()


async def test_a_refusal_of_the_vendor_is_an_error_and_an_event(vendor: str) -> None:
    """The caller gets the error, handlers a report that it failed, both with the vendor's code or status."""
    async with stage(vendor) as it:
        event = await greeted(it)
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=400, times=1))
        with pytest.raises(Refused) as caught:
            await it.gateway.send(event, "no")
        report = await it.event(DeliveryUpdated, lambda e: e.state is DeliveryState.FAILED)

        assert (400, "main", vendor) == (caught.value.status, caught.value.connection, caught.value.provider)
        assert caught.value.certain
        assert report.ours
        assert [] == bubbles(it)


async def test_a_closed_port_is_certain_and_tried_again(vendor: str) -> None:
    """Nothing left this machine, so the message may go again until the attempts are used up."""
    async with stage(vendor) as it:
        event = await greeted(it)
        [connection] = it.gateway.connections
        settings = connection.provider.settings.model_copy(update={"base_url": "http://127.0.0.1:9/api/v1"})
        await connection.transport.aclose()
        connection.transport = Transport(type(connection.provider)(settings), connection="main")
        with pytest.raises(Unreachable) as caught:
            await it.gateway.send(event, "x")

        assert caught.value.certain
