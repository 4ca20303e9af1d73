from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.model import Channel, Effect
from gateway.simulator import Impossible
from tests.fronts.echo_twin import LINE
from tests.fronts.simulator.conftest import THEIRS, Stand

QUEUED, SENT, DELIVERED, READ, FAILED = (
    DeliveryState(word) for word in ("queued", "sent", "delivered", "read", "failed")
)


async def sent(stand: Stand, **more: str) -> str:
    """Send a message and give its id."""
    answer = await stand.send(**more)
    assert 202 == answer.status_code
    return str(answer.json()["id"])


async def test_a_message_is_sent_delivered_and_read_with_a_webhook_for_each(stand: Stand) -> None:
    """A message of ours is sent, delivered and read, and the application hears of each state."""
    message = await sent(stand)
    bubble = stand.sim.world.find("echo", message)
    assert bubble is not None
    assert QUEUED is bubble.state
    await stand.sim.clock.advance(60)
    assert ["sent", "delivered", "read"] == stand.app.events
    assert [QUEUED, SENT, DELIVERED, READ] == list(bubble.times)
    assert sorted(bubble.times.values()) == list(bubble.times.values())


async def test_an_offline_phone_keeps_a_message_waiting(stand: Stand) -> None:
    """What is sent to an offline phone is delivered when it is online again, and nothing is repeated."""
    contact = stand.sim.contact(THEIRS)
    contact.switch(offline=True)
    await sent(stand)
    await stand.sim.clock.advance(3600)
    assert ["sent"] == stand.app.events
    contact.switch(offline=False)
    await stand.sim.clock.advance(60)
    assert ["sent", "delivered", "read"] == stand.app.events


async def test_a_group_waits_only_while_all_its_phones_are_offline(stand: Stand) -> None:
    """One phone that comes back lets the message go on."""
    ada, bea = stand.sim.contact(THEIRS), stand.sim.contact("+12025550151")
    ada.switch(offline=True)
    bea.switch(offline=True)
    stand.sim.world.make_group("echo", LINE, [ada.address, bea.address], "g-1")
    await sent(stand, to="g-1")
    await stand.sim.clock.advance(60)
    assert ["sent"] == stand.app.events
    bea.switch(offline=False)
    await stand.sim.clock.advance(60)
    assert ["sent", "delivered", "read"] == stand.app.events


@pytest.mark.parametrize(
    ("switches", "events", "channel"),
    [
        ({"blocked": True}, ["failed"], Channel.IMESSAGE),
        ({"imessage": False}, ["sent", "delivered"], Channel.SMS),
        ({"receipts": False}, ["sent", "delivered"], Channel.IMESSAGE),
        ({"reads": False}, ["sent", "delivered"], Channel.IMESSAGE),
    ],
)
async def test_the_switches_of_a_phone_decide(
    stand: Stand, switches: dict[str, bool], events: list[str], channel: Channel
) -> None:
    """Blocked fails, no iMessage goes by SMS, receipts off and a phone left alone are never read."""
    stand.sim.contact(THEIRS).switch(**switches)
    message = await sent(stand)
    await stand.sim.clock.advance(60)
    bubble = stand.sim.world.find("echo", message)
    assert bubble is not None
    assert (events, channel) == (stand.app.events, bubble.channel)


async def test_a_failure_has_the_vendors_code(stand: Stand) -> None:
    """Code and reason are on the message before its twin tells of the failure."""
    stand.sim.contact(THEIRS).switch(blocked=True)
    await sent(stand)
    await stand.sim.clock.advance(60)
    assert ["E7"] == [hook.json()["code"] for hook in stand.app.hooks]


async def test_a_contact_that_reads_is_reported_once(stand: Stand) -> None:
    """Reading by hand reports what was delivered; what was read already is not reported again."""
    contact = stand.sim.contact(THEIRS).switch(reads=False)
    await sent(stand)
    await stand.sim.clock.advance(60)
    reader = stand.sim.contact(contact.address)
    assert 1 == len(reader.read(vendor="echo"))
    assert [] == reader.read(vendor="echo")
    await stand.sim.clock.advance(60)
    assert ["sent", "delivered", "read"] == stand.app.events


async def test_reading_before_the_fate_does_is_not_reported_twice(stand: Stand) -> None:
    """A message that was read by hand is not read once more by its fate."""
    await sent(stand)
    while "delivered" not in stand.app.events:
        await stand.sim.clock.advance(0.1)
    stand.sim.contact(THEIRS).read(vendor="echo")
    await stand.sim.clock.advance(60)
    assert ["sent", "delivered", "read"] == stand.app.events


async def test_a_message_that_its_vendor_cancelled_goes_no_further(stand: Stand) -> None:
    """A twin may set a message to cancelled while it waits."""
    bubble = stand.sim.world.find("echo", await sent(stand))
    assert bubble is not None
    bubble.state = DeliveryState.CANCELLED
    await stand.sim.clock.advance(60)
    assert [] == stand.app.events


async def test_a_contact_writes(stand: Stand) -> None:
    """What a contact writes is in the thread and reaches the application, with everything that was given."""
    contact = stand.sim.contact(THEIRS)
    bubble = contact.write(
        "hello", vendor="echo", attachments=["https://example.com/a.png"], subject="S", effect=Effect.SLAM
    )
    await stand.sim.clock.advance(1)
    assert [
        {"event": "message", "message": bubble.vendor_id, "sender": THEIRS, "text": "hello"},
    ] == [hook.json() for hook in stand.app.hooks]
    assert ["text", "attachment"] == [part.type for part in bubble.parts]
    assert ("S", Effect.SLAM, LINE) == (bubble.subject, bubble.effect, bubble.thread.line)


async def test_a_contact_goes_on_in_the_line_that_was_used_last(stand: Stand) -> None:
    """Without a line the contact writes where the conversation is."""
    contact = stand.sim.contact(THEIRS)
    contact.write("hello", vendor="echo", line="+12025550101")
    assert "+12025550101" == contact.write("again", vendor="echo").thread.line


async def test_a_contact_replies_reacts_and_takes_it_back(stand: Stand) -> None:
    """Deeds without a message are about the last one of ours."""
    message = await sent(stand)
    contact = stand.sim.contact(THEIRS)
    assert message == contact.reply("yes", vendor="echo", part=1).reply_to
    contact.react("love", vendor="echo")
    contact.unreact("love", vendor="echo", message=message)
    await stand.sim.clock.advance(0.1)
    told = [hook.json() for hook in stand.app.hooks if hook.event == "reaction"]
    assert [
        {"event": "reaction", "message": message, "word": "love", "removed": False},
        {"event": "reaction", "message": message, "word": "love", "removed": True},
    ] == told


async def test_a_contact_types_calls_opts_in_and_says_stop(stand: Stand) -> None:
    """Each deed is told in the vendor's words, in order."""
    contact = stand.sim.contact(THEIRS)
    contact.type(vendor="echo")
    contact.type(vendor="echo", on=False)
    contact.call(vendor="echo")
    contact.opt_in(vendor="echo", link="l-1", text="YES")
    contact.stop(vendor="echo")
    await stand.sim.clock.advance(1)
    assert ["typing", "typing", "call", "opt-in", "message"] == stand.app.events
    assert "STOP" == stand.app.hooks[-1].json()["text"]
    assert ["YES", "STOP"] == [bubble.text for bubble in contact.thread("echo").bubbles]


async def test_a_contact_makes_a_group_and_its_members_write_in_it(stand: Stand) -> None:
    """The twin names the group; whoever is not in it cannot write there."""
    ada, bea, ivo = (stand.sim.contact(f"+1202555015{digit}") for digit in range(3))
    group = ada.start_group([bea.address], "hello all", vendor="echo", name="Us").thread
    assert ("Us", (ada.address, bea.address)) == (group.name, group.members)
    assert group is bea.write("hi", vendor="echo", group=group.group).thread
    with pytest.raises(Impossible, match="in no such group"):
        ivo.write("hi", vendor="echo", group=group.group)


async def test_what_a_contact_cannot_do_is_refused_with_a_hint(stand: Stand) -> None:
    """Every refusal says what to do instead."""
    contact = stand.sim.contact(THEIRS)
    deeds: dict[str, Callable[[], object]] = {
        "there is no vendor 'nobody' here": lambda: contact.write("hi", vendor="nobody"),
        "the account has no such line": lambda: contact.write("hi", vendor="echo", line="+1"),
        "there is nothing to write": lambda: contact.write(vendor="echo"),
        "there is no such message in the thread": lambda: contact.reply("hi", vendor="echo"),
        "a phone has no switch 'colour'": lambda: contact.switch(colour="red"),
        "a group needs another contact": lambda: contact.start_group([], "hi", vendor="echo"),
    }
    for message, deed in deeds.items():
        with pytest.raises(Impossible) as refused:
            deed()
        assert message == refused.value.message
        assert refused.value.hint
    await sent(stand)
    with pytest.raises(Impossible, match="no such reaction"):
        contact.unreact("love", vendor="echo")
    contact.switch(offline=True)
    with pytest.raises(Impossible, match="offline"):
        contact.write("hi", vendor="echo")


async def test_an_address_is_one_contact_in_every_spelling(stand: Stand) -> None:
    """Two spellings of a number are one phone."""
    stand.sim.contact("tel:+1 (202) 555-0150").switch(offline=True)
    assert stand.sim.contact(Address.parse(THEIRS)).phone.offline
