"""A bot in another program: the demo hands it each message, and sends what it answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest

from gateway.cli.demo.elsewhere import add_bot_at
from gateway.simulator import served
from gateway.testing.phone import phone_for
from tests.fronts.cli_runs import run

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Elsewhere:
    """A bot that answers what it was told to."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""
        self.heard: list[dict[str, Any]] = []

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Send
    ) -> None:
        """Take a message."""
        self.heard.append(json.loads((await receive())["body"]))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": self.body})


async def test_a_bot_elsewhere_gets_the_event_and_its_answer_is_sent() -> None:
    """The event is the gateway's, the same for every vendor; text, effect and reaction are possible."""
    bot, troubles = Elsewhere(), list[str]()
    bot.body = json.dumps({"text": "HI", "effect": "confetti", "react": "love"}).encode()
    async with (
        served(bot) as url,
        phone_for(lambda gateway: add_bot_at(gateway, url, troubles.append), "echo") as phone,
    ):
        asked = phone.says("hi")
        answer = await phone.wait_for_message("HI")
        await phone.wait_for_reaction("love", to=asked)
    (heard,) = bot.heard
    parts = heard["data"]["message"]["parts"]
    assert ("message.received", [{"type": "text", "text": "hi"}]) == (heard["type"], parts)
    assert ([], "confetti") == (troubles, answer.effect and answer.effect.value)


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (500, b"", "it answered 500"),
        (200, b"hello", "its answer is wrong: the whole"),
        (200, b'{"say": "x"}', "its answer is wrong: say"),
    ],
)
async def test_a_bot_that_answers_nonsense_is_named(status: int, body: bytes, why: str) -> None:
    """The demo goes on, and says what was wrong with the answer."""
    bot, troubles = Elsewhere(), list[str]()
    bot.status, bot.body = status, body
    async with (
        served(bot) as url,
        phone_for(lambda gateway: add_bot_at(gateway, url, troubles.append), "echo") as phone,
    ):
        phone.says("hi")
        await phone.simulation.journal.wait("attempt")
        await phone.stays_silent(seconds=0.2)
    assert troubles
    assert why in troubles[0]


async def test_a_bot_that_says_nothing_sends_nothing() -> None:
    """An empty answer is silence, and one that cannot be reached is trouble."""
    bot, troubles = Elsewhere(), list[str]()
    bot.status = 204
    async with (
        served(bot) as url,
        phone_for(lambda gateway: add_bot_at(gateway, url, troubles.append), "echo") as phone,
    ):
        phone.says("hi")
        await phone.stays_silent(seconds=0.2)
        assert [] == troubles
    nowhere = "http://127.0.0.1:9/"
    async with phone_for(lambda gateway: add_bot_at(gateway, nowhere, troubles.append), "echo") as phone:
        phone.says("hi")
        await phone.stays_silent(seconds=0.3)
    assert troubles
    assert "it cannot be reached" in troubles[0]


@pytest.mark.parametrize("arguments", [("--once", "--forward-to", "http://127.0.0.1:1/"), ("--forward-to", "nonsense")])
def test_a_bot_elsewhere_is_named_by_a_url_and_stays(arguments: tuple[str, ...]) -> None:
    """Anything else is a usage that makes no sense."""
    assert 2 == run("demo", "echo", *arguments).exit_code
