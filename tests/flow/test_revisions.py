"""Late pictures and split bubbles: the same message again with more in it is a revision, with every vendor."""

from __future__ import annotations

import pytest

from gateway import Attachment, MessageReceived, Text
from gateway.simulator import Bubble
from tests.flow.stage import VENDORS, Stage, stage

pytestmark = pytest.mark.parametrize("vendor", VENDORS)

PICTURE = "https://files.example/late.jpg"


def again(it: Stage, bubble: Bubble) -> None:
    """Have the vendor deliver a message again, as it is now."""
    twin = it.sim.twin(it.vendor)
    for webhook in twin.wrote(bubble):
        twin.context.emit(webhook)


async def test_a_picture_that_comes_later_is_a_revision_of_the_message(vendor: str) -> None:
    """In the same chat, after it, with an id of its own that leads back to the first one."""
    async with stage(vendor) as it:
        bubble = it.phone.write("look", vendor=vendor)
        first = await it.event(MessageReceived)
        bubble.parts = (*bubble.parts, Attachment(url=PICTURE))
        again(it, bubble)
        more = await it.event(MessageReceived, lambda event: event.id != first.id)

        assert (first.id, False) == (more.revises, more.late)
        assert (first.vendor_id, first.chat_id) == (more.vendor_id, more.chat_id)
        assert ("look", [PICTURE]) == (
            more.text,
            [part.url for part in more.message.parts if isinstance(part, Attachment)],
        )


async def test_a_bubble_that_is_delivered_in_pieces_ends_as_one_message(vendor: str) -> None:
    """Each piece is handed over once; the last revision has all of them."""
    async with stage(vendor) as it:
        bubble = it.phone.write("look", vendor=vendor)
        first = await it.event(MessageReceived)
        bubble.parts = (Attachment(url=PICTURE),)
        again(it, bubble)
        more = await it.event(MessageReceived, lambda event: event.revises == first.id)

        assert [Text, Attachment] == [type(part) for part in more.message.parts]


async def test_the_same_content_by_another_webhook_is_a_repetition(vendor: str) -> None:
    """Whatever id the webhook has: a vendor with two subscriptions sends everything twice."""
    async with stage(vendor) as it:
        bubble = it.phone.write("look", vendor=vendor)
        await it.event(MessageReceived)
        again(it, bubble)
        again(it, bubble)
        it.phone.write("after", vendor=vendor)
        await it.event(MessageReceived, lambda event: event.text == "after")
        await it.told()

        assert ["look", "after"] == [event.text for event in it.events if isinstance(event, MessageReceived)]


async def test_an_answer_to_a_revision_reaches_the_same_chat(vendor: str) -> None:
    """A bot may wait for the picture and answer that."""
    async with stage(vendor) as it:
        bubble = it.phone.write("look", vendor=vendor)
        first = await it.event(MessageReceived)
        bubble.parts = (*bubble.parts, Attachment(url=PICTURE))
        again(it, bubble)
        more = await it.event(MessageReceived, lambda event: event.revises == first.id)
        receipt = await it.gateway.send(more, "nice picture")

        assert receipt.chat is not None
        assert first.chat is not None
        assert first.chat.identity == receipt.chat.identity
