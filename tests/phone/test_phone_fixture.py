"""The fixture for the tests of bots: what the contact does reaches the bot, and its answer wakes whoever waits."""

from __future__ import annotations

import re

import pytest

from gateway.client import Gateway
from gateway.events import MessageReceived, ReactionAdded
from gateway.model import Message
from gateway.simulator import Fault, FaultKind, Stage
from gateway.testing.phone import TestPhone, phone_fixture, phone_for


def add_bot(gateway: Gateway) -> None:
    """Say hello, or what one was asked to say."""

    @gateway.on(MessageReceived)
    async def answer(event: MessageReceived) -> None:
        if event.text == "secret":
            return
        if event.text == "love":
            await gateway.react(event, "love")
            return
        for word in event.text.split(","):
            await gateway.send(event, Message(word.upper()))

    @gateway.on(ReactionAdded)
    async def thank(event: ReactionAdded) -> None:
        await gateway.send(event, "thanks")


phone = phone_fixture(add_bot, "echo")


async def test_the_bot_answers(phone: TestPhone) -> None:
    """What the contact says comes back as the bot answers it, with its delivery."""
    phone.says("hi")
    bubble = await phone.wait_for_message("HI")
    await phone.wait_for_state(bubble, "read")
    assert [bubble] == phone.messages


async def test_answers_are_waited_for_in_order(phone: TestPhone) -> None:
    """Each wait gives what came after the one before; a pattern skips what does not fit."""
    phone.says("a,b,c,d")
    assert "A" == (await phone.wait_for_message()).text
    assert "C" == (await phone.wait_for_message(re.compile("^[CX]"))).text
    assert "D" == (await phone.wait_for_message()).text


async def test_reactions_go_both_ways(phone: TestPhone) -> None:
    """The contact's reaches the bot, the bot's is on the phone."""
    asked = phone.says("love")
    assert asked is await phone.wait_for_reaction("love")
    phone.says("hi")
    await phone.wait_for_message("HI")
    phone.reacts("like")
    await phone.wait_for_message("thanks")


async def test_silence_is_a_fact_too(phone: TestPhone) -> None:
    """A bot that says nothing passes, one that says something does not."""
    phone.says("secret")
    await phone.stays_silent(seconds=0.1)
    phone.says("hi")
    with pytest.raises(AssertionError, match="was to stay silent, and sent 'HI'"):
        await phone.stays_silent(seconds=5)


async def test_a_failure_says_what_came_instead(phone: TestPhone) -> None:
    """Another message, nothing at all, or a webhook that the bot did not take."""
    phone.says("hi")
    await phone.wait_for_message("HI")
    with pytest.raises(AssertionError, match=r"the message 'HO' did not come within 0.01 s; nothing came"):
        await phone.wait_for_message("HO", seconds=0.01)
    phone.says("he")
    with pytest.raises(AssertionError, match="what came instead: 'HE'"):
        await phone.wait_for_message("HO", seconds=1)
    phone.simulation.faults.add(Fault(stage=Stage.WEBHOOK, kind=FaultKind.SIGNATURE))
    phone.says("ha")
    with pytest.raises(AssertionError, match="the bot did not take the webhook"):
        await phone.wait_for_message("HA", seconds=0.5)


async def test_two_phones_share_nothing() -> None:
    """Each has a world of its own, so tests run beside each other."""
    async with phone_for(add_bot, "echo") as one, phone_for(add_bot, "echo") as other:
        one.says("hi")
        await one.wait_for_message("HI")
        assert (1, 0) == (len(one.messages), len(other.messages))


async def test_a_bot_somewhere_else_gets_the_webhooks_of_the_vendor() -> None:
    """It is named by its URL, and calls the twin."""
    async with phone_for("http://127.0.0.1:9/hooks", "echo", seed=3) as phone:
        phone.says("hi")
        with pytest.raises(AssertionError, match="did not take the webhook"):
            await phone.wait_for_message(seconds=1)
        assert phone.gateway is None


def test_a_fixture_needs_a_vendor() -> None:
    """Nothing can be tested against nobody."""
    with pytest.raises(ValueError, match="name a vendor"):
        phone_fixture(add_bot)
