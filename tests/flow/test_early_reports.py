"""Reports that come too early, and reports about what was sent elsewhere."""

from __future__ import annotations

import asyncio

import pytest

from gateway import Chat, DeliveryUpdated, Message, MessageReceived
from gateway.actions import SendMessage
from gateway.ids import Token
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from tests.flow.stage import PHONE, VENDORS, stage

pytestmark = pytest.mark.parametrize("vendor", VENDORS)


async def test_a_report_before_the_answer_is_joined_and_handed_over_after_it(vendor: str) -> None:
    """The handler sees our id and the caller's reference, though the vendor's id was not known when it came."""
    async with stage(vendor) as it:
        it.phone.write("hello", vendor=vendor)
        event = await it.event(MessageReceived)
        it.sim.faults.add(Fault(vendor=vendor, stage=At.ACCEPTED, kind=FaultKind.DELAY, method="POST", seconds=0.7))
        sending = asyncio.create_task(it.gateway.send(event, Message("hello yourself", reference="order-7")))
        async with asyncio.timeout(60):
            while not [row for row in await it.gateway.store.events() if isinstance(row.event, DeliveryUpdated)]:
                await asyncio.sleep(0.01)
        early = not sending.done()
        receipt = await sending
        report = await it.event(DeliveryUpdated, lambda e: e.raw is not None)

        assert early
        assert (receipt.message_id, True, "order-7") == (report.message_id, report.ours, report.reference)
        async with asyncio.timeout(60):
            # written when its handlers are done
            while report.id not in {row.id for row in await it.gateway.store.events_of(receipt.message_id)}:
                await asyncio.sleep(0.01)


async def test_a_report_about_a_message_that_was_sent_elsewhere_is_not_ours(vendor: str) -> None:
    """By the dashboard, or by another program with the same account: it is handed over, and says so."""
    async with stage(vendor) as it:
        it.phone.write("hello", vendor=vendor)
        await it.event(MessageReceived)
        provider = it.gateway.connections[0].provider
        action = SendMessage(
            chat=Chat.direct(PHONE), messages=(Message("from elsewhere"),), key="elsewhere", token=Token("x" * 22)
        )
        sent = await it.gateway.run("main", provider.send_message(action))
        report = await it.event(DeliveryUpdated)

        assert (sent.vendor_id, None, False) == (report.vendor_id, report.message_id, report.ours)
        assert report.id in {fact.source for fact in await it.gateway.store.facts("main", [sent.vendor_id])}


async def test_a_foreign_report_keeps_only_its_own_chat_waiting(vendor: str) -> None:
    """It waits a moment for an answer that it may belong to; others are served meanwhile."""
    async with stage(vendor) as it:
        it.phone.write("hello", vendor=vendor)
        await it.event(MessageReceived)
        action = SendMessage(
            chat=Chat.direct(PHONE), messages=(Message("from elsewhere"),), key="elsewhere", token=Token("x" * 22)
        )
        await it.gateway.run("main", it.gateway.connections[0].provider.send_message(action))
        async with asyncio.timeout(60):
            while not [row for row in await it.gateway.store.events() if isinstance(row.event, DeliveryUpdated)]:
                await asyncio.sleep(0.01)
        it.sim.contact("+12025550177").write("me too", vendor=vendor)
        await it.event(MessageReceived, lambda event: event.text == "me too")

        assert not [event for event in it.events if isinstance(event, DeliveryUpdated)]
