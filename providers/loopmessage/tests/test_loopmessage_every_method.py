"""Every method of the published clients runs against the twin, and their own models read the answers."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import pytest
from pyloopmessage import LoopMessageClient
from pyloopmessage.beta import BetaLoopMessageClient
from pyloopmessage.beta.models import CampaignMessage
from pyloopmessage.enums import AlertType, MessageStatusEnum, ReactionType, ServiceType

from gateway.provider import Chat, DeliveryState
from gateway.simulator import Simulation
from gateway_loopmessage.simulator import LoopMessageTwin

PHONE = "+12025550123"
LINE, NAME = LoopMessageTwin.lines[0], "ahoy@imsg.tel"
VENDOR = "loopmessage"

Client: TypeAlias = Any
Scenario: TypeAlias = Callable[[Simulation, Client], Awaitable[None]]


@pytest.fixture
async def simulation() -> AsyncIterator[Simulation]:
    """The twin on a port."""
    async with Simulation([LoopMessageTwin], seed=7, latency=0.02) as running:
        yield running


def current(simulation: Simulation) -> BetaLoopMessageClient:
    """A client of the current generation; its status look-up has a constant of its own."""
    base = f"{simulation.url}/{VENDOR}"
    made = BetaLoopMessageClient(simulation.api_keys[VENDOR], f"{base}/api/v1/", timeout=5, max_retries=0)
    made.STATUS_BASE_URL = f"{base}/v1/"
    return made


def older(simulation: Simulation) -> LoopMessageClient:
    """A client of the older generation: two keys, of which the second is the twin's secret."""
    keys = (simulation.api_keys[VENDOR], simulation.secrets[VENDOR])
    return LoopMessageClient(*keys, f"{simulation.url}/{VENDOR}/legacy/api/v1/", timeout=5, max_retries=0)


def payloads(simulation: Simulation) -> list[dict[str, Any]]:
    """What was told by webhooks."""
    return [dict(entry.data["payload"]) for entry in simulation.journal.entries("webhook")]  # type: ignore[arg-type]  # the journal holds JSON


# ── the current generation ────────────────────────────────────────────────────────────────────────────────────────


async def sends(simulation: Simulation, client: Client) -> None:
    """A text."""
    assert (await client.send_message("hi", contact=PHONE, sender=LINE)).message_id


async def sends_audio(simulation: Simulation, client: Client) -> None:
    """A voice note."""
    answer = await client.send_audio_message("https://files.example/a.mp3", contact=PHONE, passthrough="order-7")
    assert PHONE == answer.recipient


async def adds_a_reaction(simulation: Simulation, client: Client) -> None:
    """And the bubble has it."""
    bubble = simulation.contact(PHONE).write("hello", vendor=VENDOR)
    assert (await client.add_reaction(PHONE, bubble.vendor_id, "love"))["success"]
    assert ["love"] == [reaction.text for reaction in bubble.reactions.values()]


async def removes_a_reaction(simulation: Simulation, client: Client) -> None:
    """And the bubble has none."""
    bubble = simulation.contact(PHONE).write("hello", vendor=VENDOR)
    await client.add_reaction(PHONE, bubble.vendor_id, "love")
    await client.remove_reaction(PHONE, bubble.vendor_id, "love")
    assert {} == bubble.reactions


async def shows_typing(simulation: Simulation, client: Client) -> None:
    """By a message."""
    bubble = simulation.contact(PHONE).write("hello", vendor=VENDOR)
    assert (await client.show_typing(message_id=bubble.vendor_id, typing=5, read=False)).success
    assert bubble.thread.typing


async def makes_a_campaign(simulation: Simulation, client: Client) -> None:
    """In both forms."""
    simulation.contact(PHONE).write("hello", vendor=VENDOR)
    hours = {"from_time": "00:00", "to_time": "23:59", "timezone": "UTC", "from_date": "2026-01-01"}
    assert "drop" == (await client.create_campaign("drop", text="hi", contacts=[PHONE], **hours)).name
    messages = [CampaignMessage(contact=PHONE, text="yo")]
    assert (await client.create_campaign("outreach", messages=messages)).id


async def looks_the_status_up(simulation: Simulation, client: Client) -> None:
    """Beside `/api`."""
    answer = await client.send_message("hi", contact=PHONE)
    assert answer.message_id == (await client.get_message_status(answer.message_id)).message_id


async def makes_opt_in_links(simulation: Simulation, client: Client) -> None:
    """With parameters."""
    assert (await client.generate_opt_in_url("Ready? [opt-in-code]", click_id="x")).imessage


async def parses_webhooks(simulation: Simulation, client: Client) -> None:
    """What the twin tells, in every spelling that has an event of its own there."""
    contact = simulation.contact(PHONE)
    contact.write("hello", vendor=VENDOR)
    twin = simulation.twin(VENDOR)
    twin.context.switches["opt_in_event"] = "opt-in"
    contact.opt_in(vendor=VENDOR)
    read = [client.parse_webhook(payload) for payload in payloads(simulation)]
    assert ["message_inbound", "opt-in"] == [event.event.value for event in read]


async def closes(simulation: Simulation, client: Client) -> None:
    """Its own connections."""
    await client.close()


# ── the older generation ──────────────────────────────────────────────────────────────────────────────────────────


async def sends_in_the_older_words(simulation: Simulation, client: Client) -> None:
    """To a recipient and to a group, with everything that was there."""
    before = simulation.contact(PHONE).write("hello", vendor=VENDOR)
    answer = await client.send_message(
        PHONE,
        text="hi",
        sender_name=NAME,
        attachments=["https://files.example/a.png"],
        timeout=30,
        passthrough="order-7",
        status_callback="https://app.example/status",
        status_callback_header="Bearer status",
        reply_to_id=before.vendor_id,
        subject="Title",
        service=ServiceType.IMESSAGE,
    )
    assert (True, PHONE, "hi") == (answer.success, answer.recipient, answer.text)
    bubble = simulation.world.find(VENDOR, answer.message_id)
    assert bubble is not None
    assert ("Title", before.vendor_id) == (bubble.subject, bubble.reply_to)
    others = [Chat.direct("+12025550124").address]
    group = simulation.contact(PHONE).start_group(others, "hi all", vendor=VENDOR).thread.group
    answer = await client.send_message(group=group, text="hi", sender_name=NAME)
    assert answer.group is not None
    assert group == answer.group.group_id


async def sends_audio_in_the_older_words(simulation: Simulation, client: Client) -> None:
    """With the flag that it needed, and a text."""
    media = "https://files.example/a.mp3"
    answer = await client.send_audio_message(PHONE, text="listen", media_url=media, sender_name=NAME)
    bubble = simulation.world.find(VENDOR, answer.message_id)
    assert bubble is not None
    assert ["voice"] == [part.type for part in bubble.parts]


async def reacts_in_the_older_words(simulation: Simulation, client: Client) -> None:
    """With `exclaim`, and a text that nobody sees."""
    bubble = simulation.contact(PHONE).write("hello", vendor=VENDOR)
    answer = await client.send_reaction(
        PHONE, text="x", message_id=bubble.vendor_id, reaction=ReactionType.EXCLAIM, sender_name=NAME
    )
    assert answer.success
    assert ["emphasize"] == [reaction.text for reaction in bubble.reactions.values()]


async def looks_the_older_status_up(simulation: Simulation, client: Client) -> None:
    """`processing`, and `sent` when it arrived."""
    answer = await client.send_message(PHONE, text="hi", sender_name=NAME, passthrough="order-7")
    assert MessageStatusEnum.PROCESSING is (await client.get_message_status(answer.message_id)).status
    await simulation.clock.advance(2)
    status = await client.get_message_status(answer.message_id)
    assert (MessageStatusEnum.SENT, "order-7", NAME) == (status.status, status.passthrough, status.sender_name)


async def parses_older_webhooks(simulation: Simulation, client: Client) -> None:
    """Reports of what it sent, and with the switch everything else."""
    contact = simulation.contact(PHONE)
    simulation.twin(VENDOR).context.switches["webhook_form"] = "legacy"
    contact.write("hello", vendor=VENDOR)
    await client.send_message(PHONE, text="hi", sender_name=NAME)
    contact.react("emphasize", vendor=VENDOR)
    contact.call(vendor=VENDOR)
    await simulation.clock.advance(2)
    read = [client.parse_webhook(payload) for payload in payloads(simulation)]
    alerts = {event.alert_type for event in read}
    assert {
        AlertType.MESSAGE_INBOUND,
        AlertType.MESSAGE_SENT,
        AlertType.MESSAGE_REACTION,
        AlertType.INBOUND_CALL,
    } == alerts
    assert [True] == [event.success for event in read if event.alert_type is AlertType.MESSAGE_SENT]


async def answers_a_webhook(simulation: Simulation, client: Client) -> None:
    """With what the twin follows where it is told to."""
    assert {"typing": 5, "read": True} == client.create_webhook_response(5, mark_as_read=True)


CURRENT: dict[str, Scenario] = {
    "add_reaction": adds_a_reaction,
    "close": closes,
    "create_campaign": makes_a_campaign,
    "generate_opt_in_url": makes_opt_in_links,
    "get_message_status": looks_the_status_up,
    "parse_webhook": parses_webhooks,
    "remove_reaction": removes_a_reaction,
    "send_audio_message": sends_audio,
    "send_message": sends,
    "show_typing": shows_typing,
}
OLDER: dict[str, Scenario] = {
    "close": closes,
    "create_webhook_response": answers_a_webhook,
    "get_message_status": looks_the_older_status_up,
    "parse_webhook": parses_older_webhooks,
    "send_audio_message": sends_audio_in_the_older_words,
    "send_message": sends_in_the_older_words,
    "send_reaction": reacts_in_the_older_words,
}


class Watched:
    """A client whose calls are noted by name."""

    def __init__(self, client: object) -> None:
        self.client = client
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        """Note the name and hand on."""
        self.called.add(name)
        return getattr(self.client, name)


def methods(client: type) -> set[str]:
    """Every public method of a client, by introspection."""
    return {name for name, _ in inspect.getmembers(client, inspect.isroutine) if not name.startswith("_")}


def test_no_method_of_a_published_client_is_left_out() -> None:
    """A method that a later release adds fails here until the twin has been shown to answer it."""
    assert (methods(BetaLoopMessageClient), methods(LoopMessageClient)) == (set(CURRENT), set(OLDER))


@pytest.mark.parametrize("method", sorted(CURRENT))
async def test_every_method_of_the_current_client_works(simulation: Simulation, method: str) -> None:
    """And the scenario that is told to call it does."""
    async with current(simulation) as client:
        watched = Watched(client)
        await CURRENT[method](simulation, watched)
    assert method in watched.called


@pytest.mark.parametrize("method", sorted(OLDER))
async def test_every_method_of_the_older_client_works(simulation: Simulation, method: str) -> None:
    """And the scenario that is told to call it does."""
    async with older(simulation) as client:
        watched = Watched(client)
        await OLDER[method](simulation, watched)
    assert method in watched.called


async def test_a_message_that_is_too_slow_times_out() -> None:
    """In the older generation a message may have a time; then it is given up and told so."""
    async with Simulation([LoopMessageTwin], seed=7, clock="virtual") as simulation, older(simulation) as client:
        contact = simulation.contact(PHONE)
        contact.switch(offline=True)
        answer = await client.send_message(PHONE, text="hi", sender_name=NAME, timeout=30)
        await simulation.clock.advance(31)
        assert MessageStatusEnum.TIMEOUT is (await client.get_message_status(answer.message_id)).status
        (told,) = payloads(simulation)
        assert ("message_timeout", 130) == (told["alert_type"], told["error_code"])
        contact.switch(offline=False)
        await simulation.clock.advance(31)
        bubble = simulation.world.find(VENDOR, answer.message_id)
        assert bubble is not None
        assert bubble.state is DeliveryState.CANCELLED
