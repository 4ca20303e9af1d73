"""A page looks again only at what changed, and sees every change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.actions import DeliveryState
from gateway.model import Channel, Effect, Text
from gateway.simulator import Bubble, Simulation
from gateway.simulator.phone.album import Album, revision_of
from gateway.simulator.phone.looks import BubbleLook, look_at
from gateway.simulator.world import Edit
from tests.fronts.echo_twin import LINE, EchoTwin

CHANGES: dict[str, Callable[[Bubble], object]] = {
    "parts": lambda b: setattr(b, "parts", (Text(text="other"),)),
    "state": lambda b: b.reach(DeliveryState.READ, b.created_at),
    "channel": lambda b: setattr(b, "channel", Channel.SMS),
    "created_at": lambda b: setattr(b, "created_at", b.created_at - timedelta(hours=1)),
    "subject": lambda b: setattr(b, "subject", "News"),
    "effect": lambda b: setattr(b, "effect", Effect.SLAM),
    "cut": lambda b: setattr(b, "cut", 7),
    "unsent_at": lambda b: setattr(b, "unsent_at", b.created_at),
    "edits": lambda b: b.edits.append(Edit(b.parts, b.created_at)),
    "stickers": lambda b: b.stickers.append(b.sender),
    "reply_to": lambda b: setattr(b, "reply_to", "unknown"),
}


@pytest.fixture
def sim() -> Simulation:
    """A world that stands still."""
    return Simulation([EchoTwin], seed=7, clock="virtual")


def written(sim: Simulation, count: int = 3) -> list[Bubble]:
    """Let somebody write."""
    contact = sim.contact(sim.world.phones()[0].address)
    return [contact.write(f"number {number}", vendor="echo", line=LINE) for number in range(count)]


def looks(sim: Simulation, album: Album[BubbleLook] | None = None) -> list[BubbleLook]:
    """Look at the chat."""
    (thread,) = sim.world.threads("echo")
    return look_at(thread, thread.members[0], sim.world, sim.scene.near, 100, album)


def test_what_did_not_change_is_the_same_look(sim: Simulation) -> None:
    """A further message makes its own look anew, and that of the one before, which is the last no longer."""
    written(sim)
    album: Album[BubbleLook] = Album()
    before = looks(sim, album)
    assert [True] * 3 == [old is new for old, new in zip(before, looks(sim, album), strict=True)]
    written(sim, 0)
    sim.contact(sim.world.phones()[0].address).write("more", vendor="echo", line=LINE)
    assert [True, True, False] == [old is new for old, new in zip(before, looks(sim, album), strict=False)]


@pytest.mark.parametrize("name", list(CHANGES))
def test_every_change_is_seen(sim: Simulation, name: str) -> None:
    """Whatever a phone shows of a bubble is part of its revision: with an album it looks as without one."""
    bubbles = written(sim)
    album: Album[BubbleLook] = Album()
    looks(sim, album)
    revision = revision_of(bubbles[1])
    CHANGES[name](bubbles[1])
    assert revision != revision_of(bubbles[1])
    assert looks(sim) == looks(sim, album)


def test_a_name_and_a_phone_that_is_offline_are_seen(sim: Simulation) -> None:
    """They are around the bubbles, not in them."""
    written(sim)
    album: Album[BubbleLook] = Album()
    looks(sim, album)
    sim.contact(sim.world.phones()[0].address).switch(name="Somebody", offline=True)
    assert looks(sim) == looks(sim, album)


def test_an_album_forgets_what_is_not_shown() -> None:
    """Else a page that is open for days would keep every bubble."""
    album: Album[str] = Album()
    for name in ("one", "two"):
        album.find(name, 1, lambda: "made")
    album.keep_only({"two"})
    assert ("again", "made") == (album.find("one", 1, lambda: "again"), album.find("two", 1, lambda: "again"))
