"""Where a vendor has no threads, the gateway knows what was answered, and quotes it."""

from __future__ import annotations

from typing import Any

from gateway.capabilities import Feature
from gateway.model import Attachment, Message, MessageRef
from tests.unit.able_vendor import Vendor, able
from tests.unit.plain_vendor import PHONE, PROOF, body_of, written


def sent(vendor: Vendor) -> list[str]:
    """The texts that reached the vendor."""
    return [part["text"] for each in vendor.asked for part in each["messages"][0]["parts"] if "text" in part]


async def answer(gateway: Any, ref: MessageRef, **options: Any) -> None:
    """Reply, whatever it takes."""
    await gateway.send(PHONE, Message("yes", reply_to=ref), policy="graceful", **options)


async def test_a_reply_quotes_what_the_contact_wrote() -> None:
    """By the event that brought it; a message that nobody knows here, and one without text, are not quoted."""
    gateway, vendor = able(Feature.REPLY)
    async with gateway:
        body = body_of(written("m1", "Shall we meet?"), written("m2", Attachment(url="https://a.example/b.jpg")))
        await gateway.receive("main", {PROOF[0]: PROOF[1]}, body)
        for name in ("m1", "m2", "m3"):
            await answer(gateway, MessageRef(vendor_id=name))
        await answer(gateway, MessageRef(guid="g"))

    assert ["> Shall we meet?\nyes", "yes", "yes", "yes"] == sent(vendor)


async def test_a_reply_quotes_what_we_wrote() -> None:
    """By our own id of the message, or the vendor's."""
    gateway, vendor = able(Feature.REPLY)
    async with gateway:
        receipt = await gateway.send(PHONE, "At noon?")
        await answer(gateway, MessageRef(message=receipt.message_id))
        await answer(gateway, MessageRef(vendor_id=receipt.vendor_id))

    assert ["At noon?", "> At noon?\nyes", "> At noon?\nyes"] == sent(vendor)


async def test_a_plan_shows_the_quote_that_would_be_sent() -> None:
    """And nothing is quoted where there are threads."""
    gateway, vendor = able(Feature.REPLY)
    threads, _ = able()
    async with gateway, threads:
        body = body_of(written("m1", "Shall we meet?"))
        for each in (gateway, threads):
            await each.receive("main", {PROOF[0]: PROOF[1]}, body)
        ask = {"message": Message("yes", reply_to=MessageRef(vendor_id="m1")), "policy": "graceful"}
        plans = [await each.plan(PHONE, **ask) for each in (gateway, threads)]

    assert ["> Shall we meet?\nyes", "yes"] == [plan.steps[0].action.message.text for plan in plans]
    assert [] == vendor.asked
