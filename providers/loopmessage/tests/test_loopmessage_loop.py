"""The whole round over real HTTP: gateway, provider, twin, and webhooks coming back."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

import pytest

from gateway import (
    Attachment,
    Chat,
    DeliveryState,
    DeliveryUpdated,
    Event,
    Gateway,
    Message,
    MessageReceived,
    NotOptedIn,
    OptedIn,
    ReactionAdded,
    SendError,
    Unsupported,
    Voice,
)
from gateway.plugins import load
from gateway.simulator import Bubble, Fault, FaultKind, Simulation, Stage, served
from gateway_loopmessage import api, wire

EventT = TypeVar("EventT", bound=Event)

PHONE = "+12025550123"


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
        async with served(gateway.asgi()) as url:
            simulation.set_webhook("loopmessage", f"{url}/webhooks/main")
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


async def test_audio_without_a_text_is_refused_or_heard(round_: Round) -> None:
    """The vendor wants a text with attachments and none with a voice note; a picture alone stays refused."""
    song = Message(Attachment(url="https://files.example/a.mp3"))
    with pytest.raises(Unsupported):
        await round_.gateway.send(PHONE, song)
    receipt = await round_.gateway.send(PHONE, song, policy="graceful")
    assert ["attachment"] == [change.feature.value for change in receipt.adaptations]
    assert [["voice"]] == [[part.type for part in bubble.parts] for bubble in round_.bubbles()]
    with pytest.raises(Unsupported):
        await round_.gateway.send(PHONE, Message(Attachment(url="https://files.example/a.png")), policy="graceful")


async def test_what_the_vendor_keeps_is_asked_for_in_our_words(round_: Round) -> None:
    """Chats, a chat's history, whether a contact agrees; and after the end of that nothing is sent."""
    round_.contact.write("ping", vendor="loopmessage")
    (event,) = await round_.hears(MessageReceived)
    await round_.gateway.send(event, "pong")
    assert [Chat.direct(PHONE)] == [summary.chat async for summary in round_.gateway.chats()]
    told = [(item.ours, item.text) async for item in round_.gateway.history(PHONE, limit=1)]
    assert [(True, "pong"), (False, "ping")] == told
    assert (await round_.gateway.reachability(PHONE)).agreed
    assert await round_.gateway.unsubscribe(PHONE)
    assert (await round_.gateway.reachability(PHONE)).agreed is False
    with pytest.raises(NotOptedIn):
        await round_.gateway.send(PHONE, "again")


async def test_the_vendors_own_operations_run_on_a_connection(round_: Round) -> None:
    """Lists by item, an order, and a pool; what must not happen twice is not repeated after a lost answer."""
    run, pages = round_.gateway.run, round_.gateway.pages
    assert ["hello@imsg.tel", "ahoy@imsg.tel"] == [one.name async for one in pages("main", api.sender.senders())]
    plan = (await run("main", api.sender.plans())).items[0]
    order = wire.SenderOrder(plan_id=str(plan.id), phone_region="US")
    fault = Fault(stage=Stage.ACCEPTED, kind=FaultKind.RESET, vendor="loopmessage")
    round_.simulation.faults.add(fault)
    with pytest.raises(SendError) as unread:
        await run("main", api.sender.order(order, test=True))
    assert not unread.value.certain
    assert 3 == len((await run("main", api.sender.senders())).items)
    round_.simulation.faults.add(fault)
    assert 3 == len(await run("main", api.collected(api.sender.senders(per_page=1))))
