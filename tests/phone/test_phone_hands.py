"""Whatever the hand can do on the page can be said in a scenario and in a test, and is written down in a recording."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.client import Gateway
from gateway.events import MessageReceived
from gateway.model import Opaque
from gateway.simulator import Bubble, Impossible, Simulation
from gateway.simulator.phone import MOUNT
from gateway.simulator.phone.cards import card_of
from gateway.simulator.phone.groups import GroupHands
from gateway.simulator.phone.hands import Hands
from gateway.simulator.scenario import Scenario, play, record
from gateway.simulator.scenario.script import DOING
from gateway.testing.phone import TestPhone, phone_fixture, phone_for

EVERYTHING = """
name = "everything"

[[step]]
phone = 1
opts_in = "START"

[[step]]
says = "helo"

[[step]]
expect = "you said helo"

[[step]]
edits = "hello"

[[step]]
replies = "why?"

[[step]]
expect = "you said why?"

[[step]]
says = "that one"
subject = "Which?"
to = "you said helo"

[[step]]
expect = "you said that one"

[[step]]
says = "oops"
subject = "News"
effect = "slam"
attachments = ["https://example.com/a.png"]

[[step]]
expect = "you said oops"

[[step]]
unsends = true

[[step]]
says = "stays"

[[step]]
expect = "you said stays"

[[step]]
edits = "was edited"
to = -2

[[step]]
reacts = "love"

[[step]]
unreacts = "love"

[[step]]
reacts = "🎉"
to = "you said why?"

[[step]]
sticks = true

[[step]]
speaks = "https://example.com/a.m4a"

[[step]]
expect = "you said "

[[step]]
sends = ["https://example.com/a.pdf", "https://example.com/b.pdf"]

[[step]]
expect = "you said "

[[step]]
polls = { title = "Dessert?", options = ["Gelato", "Cake"] }

[[step]]
votes = "Cake"

[[step]]
votes = "Gelato"

[[step]]
unvotes = "Cake"

[[step]]
locates = { latitude = 41.0, longitude = 29.0 }

[[step]]
stickers = "Party hat"

[[step]]
types = true

[[step]]
reads = true

[[step]]
calls = true

[[step]]
shares = true

[[step]]
pins = true

[[step]]
switch = { slow = true, name = "Somebody" }

[[step]]
switch = { slow = false }

[[step]]
starts_group = { others = ["2", "3", "4"], text = "hi all", name = "Lunch" }

[[step]]
group = false
expect = "you said hi all"

[[step]]
group = true
renames = "Dinner"

[[step]]
pictures = "https://example.com/us.png"

[[step]]
pictures = ""

[[step]]
adds = 5

[[step]]
removes = "4"

[[step]]
phone = 2
reacts = "like"
to = "hi all"

[[step]]
phone = 3
leaves = true

[[step]]
phone = 1
says = "bye"

[[step]]
group = false
expect = "you said bye"

[[step]]
group = "Dinner"
says = "so long"

[[step]]
group = false
expect = "you said so long"

[[step]]
stops = "STOP"
"""


def add_bot(gateway: Gateway) -> None:
    """Repeat what is said, but for what opts in and out."""

    @gateway.on(MessageReceived)
    async def answer(event: MessageReceived) -> None:
        if event.text not in {"START", "STOP"}:
            await gateway.send(event, f"you said {event.text}")


phone = phone_fixture(add_bot, "echo")


def world_of(sim: Simulation) -> list[Any]:
    """What is in the chats at the end, without ids and times."""
    return [
        (thread.name, [member.text for member in thread.members], thread.icon, [seen(b) for b in thread.bubbles])
        for thread in sim.world.threads()
    ]


def seen(bubble: Bubble) -> tuple[object, ...]:
    """All of a bubble that a person sees."""
    thread = bubble.thread.bubbles
    parent = next((number for number, each in enumerate(thread) if each.vendor_id == bubble.reply_to), None)
    parts = [part.model_dump(exclude={"data"} if not isinstance(part, Opaque) else set()) for part in bubble.parts]
    votes = {option: voters for option, voters in bubble.votes.items() if voters}
    state = (bubble.unsent_at is not None, len(bubble.edits), parent, bubble.reply_part)
    return (bubble.sender, parts, bubble.subject, bubble.effect, bubble.reactions, bubble.stickers, votes, *state)


async def test_everything_is_played_recorded_and_played_again(phone: TestPhone) -> None:
    """The recording of a session makes the same world, and its recording is the same file."""
    first = await phone.plays(Scenario.read(EVERYTHING))
    recorded = record(phone.simulation.scene, "mine")
    async with phone_for(add_bot, "echo") as other:
        second = await other.plays(Scenario.read(recorded))
        assert recorded == record(other.simulation.scene, "mine")
        assert world_of(phone.simulation) == world_of(other.simulation)
    assert (True, True) == (first.fine, second.fine)
    whats = [step.what for step in Scenario.read(EVERYTHING).step]
    assert whats == [step.what for step in Scenario.read(recorded).step]
    # a card is a file of this simulator, a failure needs a fault, and time is nobody's deed
    assert {"introduces", "retries", "fault", "advance"} == {*DOING} - {*whats}


async def test_a_message_that_failed_is_tried_again_and_a_card_is_a_file(phone: TestPhone) -> None:
    """The rest of the deeds: the card can be fetched by the bot."""
    played = await phone.plays(
        Scenario.read(
            """
            name = "again"
            [[step]]
            fault = { stage = "delivery", kind = "failed", code = "blocked" }
            [[step]]
            says = "hi"
            [[step]]
            expect = "you said hi"
            [[step]]
            expect_state = "failed"
            [[step]]
            retries = true
            [[step]]
            expect_state = "delivered"
            [[step]]
            introduces = 2
            [[step]]
            advance = 1
            """
        )
    )
    (thread,) = phone.simulation.world.threads("echo")
    card = next(part for bubble in thread.bubbles for part in bubble.parts if getattr(part, "name", None))
    assert ("text/vcard", True) == (card.media_type, f"/{MOUNT}/files/" in (card.url or ""))  # type: ignore[union-attr]
    assert played.fine
    assert "retries = true" in record(phone.simulation.scene)


def test_no_deed_of_the_page_is_missing() -> None:
    """Each form of a phone's hand has its step; what is only about the page or the account has none."""
    steps = {
        "write": "says edits replies speaks sends",
        "react": "reacts unreacts",
        "type": "types",
        "read": "reads",
        "call": "calls",
        "opt-in": "opts_in",
        "stop": "stops",
        "switch": "switch",
        "rename": "switch",
        "again": "retries",
        "unsend": "unsends",
        "stick": "sticks",
        "vote": "votes unvotes",
        "card": "polls locates stickers introduces",
        "share": "shares",
        "pin": "pins",
        "group": "starts_group",
        "name-group": "renames",
        "icon": "pictures",
        "add": "adds",
        "remove": "removes",
        "leave": "leaves",
    }
    scene = Simulation(["echo"], clock="virtual").scene
    hands, groups = Hands(scene, scene.files, card_of), GroupHands(scene, scene.files)
    assert {*hands.deeds, *groups.deeds} == {*steps}
    assert {*DOING} - {"fault", "advance"} == {step for names in steps.values() for step in names.split()}
    gestures = {step for names in steps.values() for step in names.split()}
    assert [] == [step for step in sorted(gestures) if not callable(getattr(TestPhone, step, None))]


async def test_a_test_has_every_gesture(phone: TestPhone) -> None:
    """Each by the word of the scenario; in a group by the phone that began it, and by those of the others."""
    said = phone.says("helo")
    await phone.wait_for_message("you said helo")
    phone.edits("hello")
    phone.replies("why?")
    answer = await phone.wait_for_message("you said why?")
    for deed in (phone.reacts, phone.unreacts):
        deed("love", answer)
    phone.sticks(answer)
    poll = phone.polls("Dessert?", "Gelato", "Cake")
    phone.votes("Cake", poll)
    phone.votes("Gelato", poll)
    phone.unvotes("Cake", poll)
    for bubble in (phone.locates(41, 29), phone.stickers("Hat"), phone.speaks("https://example.com/a.m4a")):
        phone.unsends(bubble)
    phone.introduces("+12025550123")
    phone.shares()
    phone.pins()
    phone.pins(on=False)
    before = [edit.parts[0].text for edit in said.edits if edit.parts[0].type == "text"]
    assert ("hello", ["helo"], [phone.address]) == (said.text, before, answer.stickers)
    assert ({"Cake": [], "Gelato": [phone.address]}, []) == (poll.votes, phone.contact.phone.pins)


async def test_a_test_speaks_for_several_people_in_a_group(phone: TestPhone) -> None:
    """What is said there is waited for there."""
    people = ["+12025550123", "+12025550124", "+12025550125"]
    group = phone.starts_group(people, "hi all", name="Lunch")
    await phone.wait_for_message("you said hi all")
    second = group.of(people[0])
    second.says("me too")
    # this vendor knows no groups, and answers whoever wrote
    assert "you said me too" == (await phone.of(people[0]).wait_for_message("you said me too")).text
    group.renames("Dinner")
    group.pictures("https://example.com/us.png")
    group.pictures(None)
    group.adds("+12025550126")
    group.removes(people[1])
    second.leaves()
    (thread,) = [thread for thread in phone.simulation.world.threads("echo") if thread.group]
    left = [phone.address, people[2], "+12025550126"]
    assert ("Dinner", sorted(left)) == (thread.name, sorted(member.text for member in thread.members))
    assert [] == group.of("+12025550199").messages
    with pytest.raises(Impossible, match="this phone is in no group"):
        phone.leaves()


async def test_what_the_application_makes_is_waited_for() -> None:
    """A group that it names, and a message that it marks as read."""
    async with phone_for(add_bot, "echo") as phone:
        group = phone.starts_group(["+12025550123"], "hi", name="Lunch")
        sim = phone.simulation
        thread = next(thread for thread in sim.world.threads("echo") if thread.group == group.group)
        scenario = Scenario.read(
            f'name = "x"\n[[step]]\nphone = "{phone.address}"\ngroup = "Dinner"\nexpect_name = "Dinner"\n'
            "[[step]]\nexpect_read = true\n"
        )
        playing = asyncio.create_task(play(scenario, sim.scene, "echo"))
        await asyncio.sleep(0)
        sim.world.rename(thread, "Dinner")
        sim.world.mark_read(thread)
        assert [] == [step.words for step in (await playing).steps if not step.fine]
