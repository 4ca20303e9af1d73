"""What a phone's switches change, and how its list shows it: unread chats, pins, unknown senders, a slow network."""

import re

from gateway.actions import DeliveryState
from gateway.model import Channel
from gateway.simulator.phone.place import Held, Place
from tests.fronts.echo_twin import LINE
from tests.phone.conftest import Page, words
from tests.phone.test_phone_chat import states


async def listed(page: Page) -> str:
    """The page with the list of chats."""
    return words(await page.get(Place((Held(page.contact.address),))))


async def test_where_nobody_knows_imessage_is_tried_first(page: Page) -> None:
    """Then the message goes as text, and from then on it is known."""
    await page.fine("switch", name="imessage", on="unknown")
    assert "tried as iMessage" in words(await page.get())
    bubble = await page.send()
    await page.sim.clock.advance(2)
    assert (Channel.IMESSAGE, DeliveryState.QUEUED) == (bubble.channel, bubble.state)
    await page.sim.clock.advance(10)
    assert (Channel.SMS, DeliveryState.DELIVERED, True) == (bubble.channel, bubble.state, page.contact.phone.known)
    assert ["Delivered · Sent as Text Message"] == states(await page.get())
    second = await page.send()
    await page.sim.clock.advance(2)
    assert DeliveryState.DELIVERED is second.state


async def test_airplane_mode_says_what_waits(page: Page) -> None:
    """What was sent meanwhile arrives once it is off."""
    await page.fine("switch", name="offline", on="on")
    bubble = await page.send()
    await page.sim.clock.advance(5)
    assert ["Sent · waits for the phone"] == states(await page.get())
    await page.fine("switch", name="offline", on="")
    await page.sim.clock.advance(5)
    assert DeliveryState.READ is bubble.state


async def test_a_slow_network_takes_its_time_both_ways(page: Page) -> None:
    """What the contact writes is being sent for a while, and the application hears of it afterwards."""
    await page.fine("switch", name="slow", on="on")
    await page.fine("write", text="hello")
    assert ("Sending…", 0) == (states(await page.get())[-1], len(page.sim.journal.entries("webhook")))
    await page.sim.clock.advance(9)
    assert ("Delivered", 1) == (states(await page.get())[-1], len(page.sim.journal.entries("webhook")))
    bubble = await page.send()
    await page.sim.clock.advance(3)
    reached = [bubble.state]
    await page.sim.clock.advance(20)
    assert [DeliveryState.SENT, DeliveryState.READ] == [*reached, bubble.state]


async def test_what_is_taken_back_on_a_slow_network_never_leaves(page: Page) -> None:
    """The application hears of the unsending only."""
    await page.fine("switch", name="slow", on="on")
    await page.fine("write", text="oops")
    await page.fine("unsend", message=page.last().vendor_id)
    await page.sim.clock.advance(20)
    assert ["unsend"] == [entry.data["event"] for entry in page.sim.journal.entries("webhook")]


async def test_unknown_senders_wait_apart_and_unread(page: Page) -> None:
    """Until the contact writes to them."""
    await page.fine("switch", name="filters", on="on")
    bubble = await page.send("buy this")
    await page.sim.clock.advance(30)
    said = await listed(page)
    apart = "Unknown Senders E Echo", "Unknown Senders 1 unread E Echo"
    assert (any(each in said for each in apart), DeliveryState.DELIVERED, "1 unread" in said) == (
        True,
        bubble.state,
        True,
    )
    await page.fine("write", text="who is this?")
    answered = await page.send("us")
    await page.sim.clock.advance(30)
    said = await listed(page)
    assert (any(each in said for each in apart), answered.state) == (False, DeliveryState.READ)


async def test_a_chat_is_unread_until_somebody_looks(page: Page) -> None:
    """With read receipts or without; who reads by itself takes a moment."""
    for name in ("reads", "receipts"):
        await page.fine("switch", name=name, on="")
    await page.send("one")
    await page.send("two")
    await page.sim.clock.advance(5)
    assert "2 unread" in await listed(page)
    await page.fine("read")
    assert not re.search(r"\d unread", await listed(page))
    await page.send("three")
    await page.sim.clock.advance(5)
    assert "1 unread" in await listed(page)
    await page.fine("switch", name="reads", on="on")
    assert not re.search(r"\d unread", await listed(page))


async def test_a_pinned_chat_is_on_top(page: Page) -> None:
    """In the order in which they were pinned, until it is let go; a reset forgets it."""
    await page.fine("write", text="the latest", chat=f"second~{LINE}")
    await page.fine("pin", on="on")
    said = await listed(page)
    assert said.index(f"Echo {LINE}") < said.index("the latest")
    assert [("echo", LINE, None)] == page.contact.phone.pins
    await page.fine("pin", on="")
    said = await listed(page)
    assert said.index("the latest") < said.index(f"Echo {LINE}")


async def test_dots_that_stay_say_for_how_long(page: Page) -> None:
    """A bot that forgets to take them away is seen by it."""
    page.sim.world.set_typing(page.contact.thread("echo", line=LINE), on=True)
    assert "12 s" not in words(await page.get())
    await page.sim.clock.advance(12)
    assert "12 s" in words(await page.get())
