"""A client that others wrote drives the twin: what it expects of the vendor, the twin does."""

from collections.abc import AsyncIterator

import pytest
from pyloopmessage import AuthenticationError, LoopMessageError
from pyloopmessage.beta import BetaLoopMessageClient
from pyloopmessage.beta.enums import ChannelType, MessageEffect, MessageStatusEnum
from pyloopmessage.exceptions import MessageNotFoundError

from gateway.provider import Chat, Effect
from gateway.simulator import Simulation
from gateway_loopmessage.simulator import LoopMessageTwin

PHONE = "+12025550123"
LINE = LoopMessageTwin.lines[0]


@pytest.fixture
async def simulation() -> AsyncIterator[Simulation]:
    """The twin on a port."""
    async with Simulation([LoopMessageTwin], seed=7, latency=0.02) as running:
        yield running


@pytest.fixture
async def client(simulation: Simulation) -> AsyncIterator[BetaLoopMessageClient]:
    """The client; its base URL ends in a slash and does not count for the status, which has a constant of its own."""
    base = f"{simulation.url}/loopmessage"
    made = BetaLoopMessageClient(simulation.api_keys["loopmessage"], f"{base}/api/v1/", timeout=5, max_retries=0)
    made.STATUS_BASE_URL = f"{base}/v1/"
    async with made:
        yield made


async def test_it_sends_and_looks_the_status_up(simulation: Simulation, client: BetaLoopMessageClient) -> None:
    """Every field that it has arrives."""
    before = simulation.contact(PHONE).write("hello", vendor="loopmessage")
    answer = await client.send_message(
        "hi",
        contact="+1 (202) 555-0123",
        subject="Title",
        sender=LINE,
        attachments=["https://files.example/a.png"],
        effect=MessageEffect.SHOOTING_STAR,
        reply_to_id=before.vendor_id,
        passthrough="order-7",
        channel=ChannelType.IMESSAGE,
        contact_file=True,
    )
    assert (True, PHONE, "hi") == (answer.success, answer.contact, answer.text)
    bubble = simulation.world.find("loopmessage", str(answer.message_id))
    assert bubble is not None
    assert ("Title", Effect.SHOOTING_STAR, before.vendor_id) == (bubble.subject, bubble.effect, bubble.reply_to)
    status = await client.get_message_status(bubble.vendor_id)
    assert status.status in {MessageStatusEnum.PROCESSING, MessageStatusEnum.DELIVERED}
    with pytest.raises(MessageNotFoundError):
        await client.get_message_status("M-unknown")


async def test_it_talks_in_a_group(simulation: Simulation, client: BetaLoopMessageClient) -> None:
    """With texts and voice notes; the answer's group is read by it."""
    others = [Chat.direct("+12025550124").address]
    group = simulation.contact(PHONE).start_group(others, "hi all", vendor="loopmessage").thread.group
    answer = await client.send_message("hello", group=group)
    assert answer.group is not None
    assert (group, [PHONE, "+12025550124"]) == (answer.group.group_id, answer.group.participants)
    await client.send_audio_message("https://files.example/a.mp3", group=group)


async def test_it_reacts_types_and_reads(simulation: Simulation, client: BetaLoopMessageClient) -> None:
    """Adding and removing, in both forms of typing."""
    bubble = simulation.contact(PHONE).write("hello", vendor="loopmessage")
    await client.add_reaction(PHONE, bubble.vendor_id, "emphasize")
    assert ["emphasize"] == [reaction.text for reaction in bubble.reactions.values()]
    await client.remove_reaction(PHONE, bubble.vendor_id, "emphasize")
    assert {} == bubble.reactions
    assert (await client.show_typing(message_id=bubble.vendor_id, typing=5)).success
    assert (await client.show_typing(contact=PHONE, sender=LINE, read=True)).success


async def test_it_makes_opt_in_links(client: BetaLoopMessageClient) -> None:
    """By the newer spelling of the path."""
    links = await client.generate_opt_in_url("Ready? [opt-in-code]", click_id="x")
    assert links.url.startswith("https://opt-in.imsg.link/opt-in/")


async def test_it_hears_refusals(simulation: Simulation, client: BetaLoopMessageClient) -> None:
    """By the vendor's code."""
    with pytest.raises(LoopMessageError) as refused:
        await client.send_message("hi", contact="nobody")
    assert refused.value.code == 160
    stranger = BetaLoopMessageClient("wrong", f"{simulation.url}/loopmessage/api/v1/", max_retries=0)
    async with stranger:
        with pytest.raises(AuthenticationError):
            await stranger.send_message("hi", contact=PHONE)


async def test_it_reads_the_twins_webhooks(simulation: Simulation, client: BetaLoopMessageClient) -> None:
    """Messages, reports, reactions and calls have the fields that it wants."""
    contact = simulation.contact(PHONE)
    await client.send_message("hi", contact=PHONE)
    contact.write("hello", vendor="loopmessage")
    contact.react("love", vendor="loopmessage")
    contact.call(vendor="loopmessage")
    contact.opt_in(vendor="loopmessage")
    await simulation.clock.advance(5)
    payloads = [entry.data["payload"] for entry in simulation.journal.entries("webhook")]
    read = [client.parse_webhook(payload) for payload in payloads if isinstance(payload, dict)]
    words = ["inbound_call", "message_delivered", "message_inbound", "message_inbound", "message_reaction"]
    assert words == sorted(event.event.value for event in read)
