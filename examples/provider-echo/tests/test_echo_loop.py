"""The whole round over real HTTP: gateway, provider, twin, and webhooks coming back."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

import pytest

from gateway import (
    Attachment,
    DeliveryState,
    DeliveryUpdated,
    Event,
    Gateway,
    InvalidRecipient,
    Message,
    MessageReceived,
    NotOptedIn,
    ReactionAdded,
    Unsupported,
)
from gateway.plugins import load
from gateway.simulator import Bubble, Fault, FaultKind, Simulation, Stage, served

EventT = TypeVar("EventT", bound=Event)

PHONE = "+447700900555"


class Round:
    """A gateway with one connection to the twin, and everything that it heard."""

    def __init__(self, gateway: Gateway, simulation: Simulation) -> None:
        self.gateway = gateway
        self.simulation = simulation
        self.contact = simulation.contact(PHONE)
        self._heard: list[Event] = []
        self._news = asyncio.Condition()
        gateway.on(Event, self._hear)

    async def _hear(self, event: Event) -> None:
        async with self._news:
            self._heard.append(event)
            self._news.notify_all()

    async def hears(self, kind: type[EventT], count: int = 1) -> list[EventT]:
        """Wait for so many events of a kind."""
        async with asyncio.timeout(10), self._news:
            while True:
                found = [event for event in self._heard if isinstance(event, kind)]
                if len(found) >= count:
                    return found
                await self._news.wait()


@pytest.fixture
async def round_() -> AsyncIterator[Round]:
    """A gateway and the twin, connected both ways."""
    async with Simulation(["echo"], seed=7, latency=0.02) as simulation:
        gateway = Gateway()
        gateway.connect("echo", name="main", **simulation.settings("echo"))
        async with served(gateway.asgi()) as url:
            simulation.set_webhook("echo", f"{url}/webhooks/main")
            yield Round(gateway, simulation)


def test_the_provider_is_found_by_its_entry_point() -> None:
    """Nothing of the gateway names it; installing it is enough."""
    (found,) = (plugin for plugin in load().found if plugin.entry == "echo")
    assert ((), ["echo"]) == (found.problems, [provider.name for provider in found.providers])


async def test_a_message_goes_out_and_its_reports_come_back(round_: Round) -> None:
    """They carry our message id, beginning with the acceptance itself, and add up to `read`."""
    receipt = await round_.gateway.send(PHONE, "hello")
    reports = await round_.hears(DeliveryUpdated, 4)
    assert {receipt.message_id} == {report.message_id for report in reports}
    expected = {DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ}
    assert expected == {report.state for report in reports}
    status = await round_.gateway.status(receipt)
    assert [DeliveryState.READ] == [delivery.state for delivery in status.deliveries]


async def test_a_contact_writes_and_is_answered(round_: Round) -> None:
    """An event is where to send to, and what to react to."""
    bubble = round_.contact.write("ping", vendor="echo")
    (event,) = await round_.hears(MessageReceived)
    await round_.gateway.react(event, "like")
    await round_.gateway.send(event, "pong")
    assert ["ping", "pong"] == [shown.text for shown in bubble.thread.bubbles]
    assert ["like"] == [reaction.text for reaction in bubble.reactions.values()]


async def test_a_contact_reacts_to_what_we_sent(round_: Round) -> None:
    """The event says which of our messages it is about."""
    receipt = await round_.gateway.send(PHONE, "hello")
    round_.contact.react("love", vendor="echo")
    (event,) = await round_.hears(ReactionAdded)
    assert (receipt.vendor_id, "love") == (event.target.vendor_id, event.reaction and event.reaction.text)


async def test_what_echo_cannot_carry_is_refused_or_adapted(round_: Round) -> None:
    """Strict refuses before anything is sent; graceful says what it changed."""
    picture = Message("look", Attachment(url="https://files.example/a.png"), effect="lasers")
    with pytest.raises(Unsupported) as refused:
        await round_.gateway.send(PHONE, picture)
    assert {"multipart", "effect"} == set(refused.value.features)
    assert [] == round_.simulation.journal.entries("request")
    receipt = await round_.gateway.send(PHONE, picture, policy="graceful")
    assert {"multipart", "effect"} == {change.feature.value for change in receipt.adaptations}
    assert ["text", "attachment"] == [part.type for bubble in bubbles(round_) for part in bubble.parts]


def bubbles(round_: Round) -> list[Bubble]:
    """Every message in the simulated world."""
    return [bubble for thread in round_.simulation.world.threads() for bubble in thread.bubbles]


async def test_a_refusal_says_what_to_do(round_: Round) -> None:
    """Echo's code, our class, a hint."""
    round_.contact.stop(vendor="echo")
    with pytest.raises(NotOptedIn) as refused:
        await round_.gateway.send(PHONE, "hello")
    assert ("opted_out", "main", "echo") == (refused.value.code, refused.value.connection, refused.value.provider)
    assert refused.value.hint
    with pytest.raises((InvalidRecipient, Unsupported)):
        await round_.gateway.send("ada@example.com", "hello")


async def test_an_accepted_send_whose_answer_was_lost_is_proven_and_not_repeated(round_: Round) -> None:
    """The connection breaks after Echo accepted; the token that comes back on the first report proves it."""
    round_.simulation.faults.add(Fault(stage=Stage.ACCEPTED, kind=FaultKind.RESET, vendor="echo"))
    receipt = await round_.gateway.send(PHONE, "only once")
    assert ["only once"] == [bubble.text for bubble in bubbles(round_)]
    assert receipt.vendor_id


async def test_the_credentials_can_be_checked(round_: Round) -> None:
    """For `gateway connections test`."""
    assert await round_.gateway.check("main") == "Echo twin, lines: 1"
