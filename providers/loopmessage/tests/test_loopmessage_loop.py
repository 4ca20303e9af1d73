"""The whole round over real HTTP: gateway, provider, twin, and webhooks coming back."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
import uvicorn

from gateway import (
    Attachment,
    DeliveryState,
    DeliveryUpdated,
    Event,
    Gateway,
    Message,
    MessageReceived,
    OptedIn,
    ReactionAdded,
    Unsupported,
    Voice,
)
from gateway.plugins import load
from gateway.simulator import Bubble, Fault, FaultKind, Simulation, Stage

EventT = TypeVar("EventT", bound=Event)

PHONE = "+12025550123"


class Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def served(gateway: Gateway) -> AsyncIterator[str]:
    """Take webhooks in on a free port; gives where."""
    plug = socket.create_server(("127.0.0.1", 0))
    server = Server(uvicorn.Config(gateway.asgi(), http="h11", ws="none", log_config=None))
    serving = asyncio.create_task(server.serve(sockets=[plug]))
    await server.ready.wait()
    try:
        yield f"http://127.0.0.1:{plug.getsockname()[1]}/webhooks/main"
    finally:
        server.should_exit = True
        await serving
        plug.close()


class Round:
    """A gateway with one connection to the twin, and what it heard."""

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
            while len(found := [event for event in self._heard if isinstance(event, kind)]) < count:
                await self._news.wait()
            return found

    def bubbles(self) -> list[Bubble]:
        """Every message in the simulated world."""
        return [bubble for thread in self.simulation.world.threads() for bubble in thread.bubbles]


@pytest.fixture
async def round_() -> AsyncIterator[Round]:
    """A gateway and the twin, connected both ways."""
    async with Simulation(["loopmessage"], seed=7, latency=0.02) as simulation, Gateway() as gateway:
        gateway.connect("loopmessage", name="main", **simulation.settings("loopmessage"))
        async with served(gateway) as url:
            simulation.set_webhook("loopmessage", url)
            yield Round(gateway, simulation)


def test_the_provider_is_found_by_its_entry_point() -> None:
    """Nothing of the gateway names it; installing it is enough."""
    (found,) = (plugin for plugin in load().found if plugin.entry == "loopmessage")
    assert ((), ["loopmessage"]) == (found.problems, [provider.name for provider in found.providers])


async def test_a_message_goes_out_and_its_report_comes_back(round_: Round) -> None:
    """With our message id and the caller's reference."""
    message = Message(
        "hello", Attachment(url="https://files.example/a.png"), effect="shootingStar", reference="order-7"
    )
    receipt = await round_.gateway.send(PHONE, message)
    reports = await round_.hears(DeliveryUpdated, 2)
    assert {(receipt.message_id, "order-7")} == {(report.message_id, report.reference) for report in reports}
    assert DeliveryState.DELIVERED in {report.state for report in reports}
    (bubble,) = round_.bubbles()
    assert ("hello", message.effect) == (bubble.text, bubble.effect)


async def test_a_contact_writes_and_is_answered(round_: Round) -> None:
    """An event is where to send to and what to react to; typing and reading find its chat."""
    bubble = round_.contact.write("ping", vendor="loopmessage")
    (event,) = await round_.hears(MessageReceived)
    await round_.gateway.mark_read(event)
    await round_.gateway.typing(event, seconds=3)
    await round_.gateway.react(event, "like")
    await round_.gateway.send(event, "pong")
    await round_.gateway.send(event, Message(Voice(url="https://files.example/a.m4a")))
    assert bubble.state is DeliveryState.READ
    assert ["ping", "pong", ""] == [shown.text for shown in bubble.thread.bubbles]
    assert ["like"] == [reaction.text for reaction in bubble.reactions.values()]
    await round_.gateway.unreact(event, "like")
    assert {} == bubble.reactions
    round_.contact.react("love", vendor="loopmessage")
    (reaction,) = await round_.hears(ReactionAdded)
    assert bubble.thread.bubbles[-1].vendor_id == reaction.target.vendor_id


async def test_parts_in_another_order_are_refused_or_sent_one_after_the_other(round_: Round) -> None:
    """Strict refuses before anything is sent; graceful sends a sequence and says so."""
    message = Message("one", Attachment(url="https://files.example/a.png"), "two")
    with pytest.raises(Unsupported) as refused:
        await round_.gateway.send(PHONE, message)
    assert ("multipart",) == refused.value.features
    assert [] == round_.simulation.journal.entries("request")
    receipt = await round_.gateway.send(PHONE, message, policy="graceful")
    assert ["multipart"] == [change.feature.value for change in receipt.adaptations]
    shown = [[part.type for part in bubble.parts] for bubble in round_.bubbles()]
    assert [["text", "attachment"], ["text"]] == shown


async def test_an_opt_in_link_comes_back_with_its_parameters(round_: Round) -> None:
    """Made by the gateway, followed on the phone."""
    links = await round_.gateway.opt_in_link("Count me in [opt-in-code]", click_id="x")
    round_.contact.opt_in(vendor="loopmessage", link=links.url)
    (event,) = await round_.hears(OptedIn)
    assert {"click_id": "x"} == event.parameters


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.MALFORMED, FaultKind.HTML])
async def test_a_send_whose_answer_was_lost_is_proven_by_its_token_and_not_repeated(
    round_: Round, kind: FaultKind
) -> None:
    """The vendor knows no idempotency key; the token that comes back on its report is the proof."""
    round_.simulation.faults.add(Fault(stage=Stage.ACCEPTED, kind=kind, vendor="loopmessage"))
    receipt = await round_.gateway.send(PHONE, "only once")
    (bubble,) = round_.bubbles()
    assert ("only once", bubble.vendor_id) == (bubble.text, receipt.vendor_id)


async def test_a_duplicated_webhook_is_one_event(round_: Round) -> None:
    """The vendor's webhook id stays the same on every attempt."""
    fault = Fault(stage=Stage.WEBHOOK, kind=FaultKind.DUPLICATE, vendor="loopmessage", copies=2)
    round_.simulation.faults.add(fault)
    round_.contact.write("once", vendor="loopmessage")
    round_.contact.write("twice", vendor="loopmessage")
    assert ["once", "twice"] == sorted(event.text for event in await round_.hears(MessageReceived, 2))


async def test_the_credentials_can_be_checked(round_: Round) -> None:
    """For `gateway connections test`."""
    assert await round_.gateway.check("main") == "the key is valid; 2 of 2 senders are active"
