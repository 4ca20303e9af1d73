from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.model import Reaction, Text
from gateway.simulator import Bubble, SimClock, Thread, World
from gateway.simulator.views import phone_json

ADA, BEA, IVO = (Address.parse(f"+1202555015{digit}") for digit in range(3))
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def bubble(thread: Thread, vendor_id: str = "m-1", *, ours: bool = True) -> Bubble:
    """A message in a thread."""
    return Bubble(vendor_id, thread, ours, thread.line, (Text(text="hi"),), NOW)


def test_a_world_begins_with_seeded_phones() -> None:
    """One seed gives the same phones, another seed gives others."""
    first, again, other = ([phone_json(phone) for phone in World(seed=seed).phones()] for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert [True, True, True, False, True] == [phone["imessage"] for phone in first]


def test_a_phone_is_made_on_first_use_with_a_name_that_follows_from_the_address() -> None:
    """The name does not depend on the order in which phones are first used."""
    one, two = World(seed=3), World(seed=3)
    names = (one.phone(ADA).name, one.phone(BEA).name)
    assert names == tuple(reversed((two.phone(BEA).name, two.phone(ADA).name)))
    assert one.phone(ADA) is one.phone(Address.parse("tel:+1 (202) 555-0150"))


def test_a_direct_thread_belongs_to_one_line_of_one_vendor_and_one_contact() -> None:
    """The same three give the same thread, any other gives another."""
    world = World()
    thread = world.direct("a", "line", ADA)
    assert thread is world.direct("a", "line", ADA)
    others = [world.direct("b", "line", ADA), world.direct("a", "other", ADA), world.direct("a", "line", BEA)]
    assert 4 == len({other.id for other in (thread, *others)})
    assert [thread, others[1], others[2]] == world.threads("a")


def test_a_group_is_found_by_its_id_and_by_its_exact_members() -> None:
    """Order does not count, one more member or another line does."""
    world = World()
    group = world.make_group("a", "line", [BEA, ADA], "g-1", "Two")
    assert (ADA, BEA) == group.members
    assert group is world.group("a", "g-1") is world.find_group("a", "line", [ADA, BEA, ADA])
    assert [None] * 4 == [
        world.group("b", "g-1"),
        world.find_group("a", "line", [ADA, BEA, IVO]),
        world.find_group("a", "other", [ADA, BEA]),
        world.find_group("b", "line", [ADA, BEA]),
    ]
    with pytest.raises(ValueError, match="already"):
        world.make_group("a", "line", [ADA, IVO], "g-1")


def test_a_message_is_found_by_its_vendors_id() -> None:
    """An id is known for one vendor only, and is never taken twice."""
    world = World()
    thread = world.direct("a", "line", ADA)
    message = bubble(thread)
    world.submit(message)
    assert message is world.find("a", "m-1")
    assert world.find("b", "m-1") is None
    assert message is thread.last() is thread.last(ours=True)
    assert thread.last(ours=False) is None
    with pytest.raises(ValueError, match="already"):
        world.submit(bubble(thread))


def test_our_reaction_is_kept_under_our_line_until_it_is_taken_back() -> None:
    """Each party has one reaction on a message."""
    world = World()
    message = bubble(world.direct("a", "line", ADA))
    world.submit(message)
    world.react(message, Reaction.parse("love"), removed=False)
    world.react(message, Reaction.parse("😂"), removed=False)
    assert {"line": Reaction.parse("😂")} == message.reactions
    world.react(message, Reaction.parse("😂"), removed=True)
    assert {} == message.reactions


async def test_typing_dots_go_after_their_time_or_with_the_next_message() -> None:
    """A longer indicator is not cut short by an older one."""
    clock = SimClock("virtual")
    world = World(clock)
    thread = world.direct("a", "line", ADA)
    world.set_typing(thread, on=True, seconds=5)
    await clock.advance(4)
    world.set_typing(thread, on=True)
    await clock.advance(30)
    assert thread.typing
    world.submit(bubble(thread))
    shown = [thread.typing]
    world.set_typing(thread, on=True)
    await clock.advance(60)
    assert [False, False] == [*shown, thread.typing]


def test_what_the_contact_wrote_is_marked_as_read() -> None:
    """Our own messages are left alone."""
    world = World()
    thread = world.direct("a", "line", ADA)
    theirs, ours = bubble(thread, "m-1", ours=False), bubble(thread, "m-2")
    world.put(theirs)
    world.put(ours)
    world.mark_read(thread)
    assert [DeliveryState.READ, DeliveryState.QUEUED] == [theirs.state, ours.state]


@pytest.mark.parametrize(
    ("switch", "value", "of_group"),
    [
        ("imessage", False, False),
        ("offline", True, False),
        ("blocked", True, False),
        ("receipts", False, True),
        ("reads", False, True),
    ],
)
def test_one_member_of_a_group_does_not_decide_for_all(switch: str, value: bool, of_group: bool) -> None:  # noqa: FBT001
    """A group needs iMessage of all; one who is offline, blocks or hides receipts holds up nobody else."""
    world = World()
    group = world.make_group("a", "line", [ADA, BEA], "g-1")
    setattr(world.phone(ADA), switch, value)
    assert of_group is getattr(world.recipient(group), switch)
    setattr(world.phone(BEA), switch, value)
    assert value is getattr(world.recipient(group), switch)
