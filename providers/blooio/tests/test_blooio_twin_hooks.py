"""What happens on the phones, as the twin tells it and the provider reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.provider import (
    Address,
    Attachment,
    Channel,
    Chat,
    DeliveryUpdated,
    Message,
    MessageReceived,
    MessageRef,
    PollUpdated,
    Reaction,
    ReactionAdded,
    ReactionRemoved,
    TypingStarted,
    TypingStopped,
    Voice,
)
from gateway_blooio.simulator import BlooioTwin

if TYPE_CHECKING:
    from providers.blooio.tests.conftest import Stand

VENDOR = BlooioTwin.name
ADA = Address.parse("+12025550150")
BEN = Address.parse("+12025550151")
FIRST, SECOND = BlooioTwin.lines


async def test_a_contact_writes(stand: Stand) -> None:
    """The whole event: who, where, by which line and network, when."""
    written = stand.ada.write("hi", vendor=VENDOR)
    (event,) = await stand.events()
    expected = MessageReceived(
        key=event.key,
        vendor_id=written.vendor_id,
        sender=ADA,
        message=Message("hi"),
        channel=Channel.IMESSAGE,
        chat=Chat.direct(ADA, line=FIRST),
        occurred_at=event.occurred_at,
        raw=event.raw,
    )
    assert expected == event
    assert abs(written.created_at.timestamp() - event.occurred_at.timestamp()) < 0.002  # type: ignore[union-attr]


@pytest.mark.parametrize("shape", ["full", "named", "url"])
async def test_a_contact_sends_files_in_any_shape(stand: Stand, shape: str) -> None:
    """All three shapes of attachments give the same parts, but for the name that a bare URL lacks."""
    stand.switch("attachments", shape)
    stand.ada.write("look", vendor=VENDOR, attachments=["https://a.example/1.png"])
    stand.ada.write(vendor=VENDOR, parts=[Voice(url="https://a.example/memo.caf")])
    picture, memo = await stand.events()
    assert isinstance(picture, MessageReceived)
    assert isinstance(memo, MessageReceived)
    name = None if shape == "url" else "1.png"
    assert Message("look", Attachment(url="https://a.example/1.png", name=name)) == picture.message
    assert ["voice"] == [part.type for part in memo.message.parts]


async def test_a_contact_replies(stand: Stand) -> None:
    """The event names the message that was answered."""
    receipt = await stand.send("how?")
    await stand.events()
    stand.ada.reply("so", vendor=VENDOR, message=receipt.vendor_id, part=1)
    (event,) = await stand.events()
    assert isinstance(event, MessageReceived)
    assert Message("so", reply_to=MessageRef(vendor_id=receipt.vendor_id, part=1)) == event.message


async def test_a_contact_reacts_and_takes_it_back(stand: Stand) -> None:
    """Tapbacks and emoji, with who did it; not ours."""
    receipt = await stand.send("how?")
    await stand.events()
    stand.ada.react("love", vendor=VENDOR)
    stand.ada.unreact("love", vendor=VENDOR)
    stand.ada.react("🔥", vendor=VENDOR)
    events = await stand.events()
    target = MessageRef(vendor_id=receipt.vendor_id)
    assert [
        (ReactionAdded, target, Reaction.parse("love"), ADA, False),
        (ReactionRemoved, target, Reaction.parse("love"), ADA, False),
        (ReactionAdded, target, Reaction.parse("🔥"), ADA, False),
    ] == [
        (type(event), event.target, event.reaction, event.sender, event.ours)
        for event in events
        if isinstance(event, ReactionAdded | ReactionRemoved)
    ]
    history = (await stand.ask("GET", f"/chats/{ADA.value}/messages")).json()["messages"][0]["reactions"]
    assert [("love", False), ("🔥", True)] == [(item["reaction"], item["is_added"]) for item in history]


async def test_a_contact_types(stand: Stand) -> None:
    """Dots come and go."""
    stand.ada.type(vendor=VENDOR)
    stand.ada.type(vendor=VENDOR, on=False)
    started, stopped = await stand.events()
    assert isinstance(started, TypingStarted)
    assert isinstance(stopped, TypingStopped)
    assert (ADA, ADA, Chat.direct(ADA)) == (started.sender, stopped.sender, started.chat and Chat.direct(ADA))


async def test_a_contact_makes_a_group(stand: Stand) -> None:
    """The chat of the event is the group, with its name and members, and can be answered."""
    stand.ada.start_group([BEN], "hi all", vendor=VENDOR, name="Us")
    (event,) = await stand.events()
    assert isinstance(event, MessageReceived)
    assert event.chat is not None
    assert ("Us", (ADA, BEN), FIRST, ADA) == (event.chat.name, event.chat.addresses, event.chat.line, event.sender)
    await stand.send("hi", to=event.chat)
    (group,) = stand.sim.world.threads(VENDOR)
    assert ["hi all", "hi"] == [bubble.text for bubble in group.bubbles]


async def test_stop_is_an_ordinary_message(stand: Stand) -> None:
    """The vendor has no opt-out of its own."""
    stand.ada.stop(vendor=VENDOR)
    (event,) = await stand.events()
    assert isinstance(event, MessageReceived)
    assert event.text == "STOP"


async def test_a_poll_is_told_and_counted(stand: Stand) -> None:
    """A poll is made in a chat that there is, and has no votes yet."""
    await stand.send("hi")
    await stand.events()
    made = (await stand.ask("POST", f"/chats/{ADA.value}/polls", {"title": "When?", "options": ["a", "b"]})).json()
    told = next(event for event in await stand.events() if isinstance(event, PollUpdated))
    assert (made["poll_id"], "created", "When?", ("a", "b")) == (told.poll_id, told.change, told.title, told.options)
    results = await stand.ask("GET", f"/chats/{ADA.value}/polls/{made['poll_id']}")
    assert (200, 0) == (results.status_code, results.json()["total_votes"])


# ── deliveries ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_delivery_has_the_vendors_headers(stand: Stand) -> None:
    """Event and message id are told beside the signature."""
    written = stand.ada.write("hi", vendor=VENDOR)
    await stand.sim.clock.advance(1)
    (hook,) = stand.app.hooks
    assert ("message.received", written.vendor_id, "application/json") == tuple(
        hook.header(name) for name in ("x-blooio-event", "x-blooio-message-id", "content-type")
    )


async def test_a_refused_delivery_is_repeated_and_signed_anew(stand: Stand) -> None:
    """Four more times, with growing pauses; it is the same event each time."""
    stand.app.answers = [500, 302, 404, 429, 503]
    stand.ada.write("hi", vendor=VENDOR)
    events = await stand.events(3600)
    attempts = stand.sim.journal.entries("attempt")
    assert [5, 30, 120, 600, None] == [entry.data["again_in"] for entry in attempts]
    assert (5, 1) == (len(events), len({event.key for event in events}))


async def test_the_first_time_may_be_kept(stand: Stand) -> None:
    """If the vendor does not sign anew, a late repetition is outside the window."""
    stand.switch("first_timestamp", value=True)
    stand.app.answers = [500, 500]
    stand.ada.write("hi", vendor=VENDOR)
    await stand.sim.clock.advance(60)
    assert 1 == len({hook.header("x-blooio-signature") for hook in stand.app.hooks})


@pytest.mark.parametrize(
    ("webhook_type", "expected"),
    [
        ("all", {"message.received", "delivery.updated", "typing.started"}),
        ("message", {"message.received", "delivery.updated"}),
        ("status", {"delivery.updated"}),
        ("poll", set()),
    ],
)
async def test_a_subscription_gets_its_kind(stand: Stand, webhook_type: str, expected: set[str]) -> None:
    """Which events come depends on the type of the subscription."""
    stand.switch("webhook_type", webhook_type)
    await stand.send("hi")
    stand.ada.write("hi", vendor=VENDOR)
    stand.ada.type(vendor=VENDOR)
    assert expected == {event.type for event in await stand.events()}


async def test_queued_is_told_where_it_is_switched_on(stand: Stand) -> None:
    """v2 subscribers may not get it."""
    stand.switch("queued_webhook", value=True)
    await stand.send("hi")
    states = [event.state for event in await stand.events() if isinstance(event, DeliveryUpdated)]
    assert ["queued", "sent", "delivered", "read"] == states
