"""The protocol lint: what an application does that will hurt in the field."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.simulator import Fault, FaultKind, Simulation, Stage
from gateway.simulator.lint import lint
from tests.fronts.simulator.conftest import THEIRS, Stand
from tests.fronts.simulator.receiver import Receiver
from tests.loopback import NO_TLS


def found(stand: Stand) -> list[str]:
    """The rules that were broken."""
    return [finding.rule for finding in lint(stand.sim.scene)]


async def say(stand: Stand, text: str = "hello") -> None:
    """Let the contact write, and the application hear of it."""
    stand.sim.contact(THEIRS).write(text, vendor="echo")
    await stand.sim.clock.advance(1)


async def test_a_bot_that_behaves_is_clean(stand: Stand) -> None:
    """Two messages that are answered alike, two answers that differ, and the same answer later."""
    await say(stand, "one")
    await say(stand, "two")
    for text in ("yes", "yes"):
        await stand.send(text)
    await say(stand, "three")
    for text in ("yes", "of course"):
        await stand.send(text)
    await stand.sim.clock.advance(3600)
    assert [] == found(stand)


async def test_the_same_answer_twice_is_found(stand: Stand) -> None:
    """It is about the second of the two, and says nothing of the words."""
    await say(stand)
    await stand.send("a secret word")
    second = (await stand.send("a secret word")).json()["id"]
    (finding,) = lint(stand.sim.scene)
    assert ("double-reply", "echo", second) == (finding.rule, finding.vendor, finding.message)
    assert "secret word" not in finding.words
    assert finding.entry == finding.json()["entry"]


async def test_an_answer_to_a_webhook_that_came_twice_is_a_missing_dedupe(stand: Stand) -> None:
    """Whether the vendor told it twice by itself, or because it was refused the first time."""
    stand.sim.faults.add(Fault(stage=Stage.WEBHOOK, kind=FaultKind.DUPLICATE))
    await say(stand)
    for _ in range(2):
        await stand.send("yes")
    assert ["missing-dedupe"] == found(stand)
    stand.app.answers = [500]
    await say(stand, "again")
    await stand.sim.clock.advance(60)
    for _ in range(2):
        await stand.send("yes")
    assert ["missing-dedupe", "missing-dedupe"] == found(stand)


async def test_an_answer_to_its_own_message_is_found(stand: Stand) -> None:
    """A bot that repeats what it hears, and hears itself."""
    await say(stand)
    for text in ("You said: hello", "You said: You said: hello"):
        await stand.send(text)
    assert ["own-echo"] == found(stand)


async def test_dots_that_nobody_takes_away_are_found(stand: Stand) -> None:
    """Not those that end by themselves, with a message or by a stop, nor those that are shown just now."""
    thread = stand.sim.contact(THEIRS).thread("echo")
    world, clock = stand.sim.world, stand.sim.clock
    world.set_typing(thread, on=True, seconds=5)
    await clock.advance(100)
    world.set_typing(thread, on=True)
    world.set_typing(thread, on=False)
    world.set_typing(thread, on=True)
    await stand.send("there")
    world.set_typing(thread, on=True)
    await clock.advance(30)
    assert [] == found(stand)
    await clock.advance(31)
    assert ["typing-left-on"] == found(stand)
    await stand.send("too late")
    assert ["typing-left-on"] == found(stand)


async def test_secrets_in_urls_are_found_once_for_each_place(stand: Stand) -> None:
    """By their value where it is known, by their name where it is not; names are told, values never."""
    url, key = stand.sim.base_url("echo"), stand.sim.api_keys["echo"]
    for _ in range(2):
        await stand.http.get(f"{url}/chats", params={"verbose": key, "limit": "5"})
        await stand.http.get(f"{url}/chats", params={"API_KEY": "somebody's own"})
        await stand.http.get(f"{url}/chats/{key}")
    stand.sim.set_webhook("echo", f"{stand.app.url}?token=abc")
    await say(stand)
    words = [finding.words.partition(":")[0] for finding in lint(stand.sim.scene)]
    assert [
        "a secret in the query of a call (verbose)",
        "a secret in the query of a call (API_KEY)",
        "a secret in the path of a call",
        "a secret in the URL of the webhooks (token)",
    ] == words
    assert {"secret-in-url"} == {*found(stand)}


async def test_a_handler_that_is_too_slow_is_found(stand: Stand) -> None:
    """One that answers nothing, and one that takes more than a quarter of a minute."""
    stand.app.answers = [0]
    await say(stand)
    assert ["slow-handler"] == found(stand)
    common = {"webhook": 1, "event": "message", "message": None, "status": 200, "accepted": True, "error": None}
    for milliseconds in (15_000, 15_001):
        stand.sim.journal.record("attempt", "echo", milliseconds=milliseconds, **common)  # type: ignore[arg-type]
    assert ["slow-handler", "slow-handler"] == found(stand)
    assert lint(stand.sim.scene)[-1].words.startswith("the answer to message took 15 s")


@pytest.fixture
async def proven() -> AsyncIterator[Stand]:
    """A vendor whose provider is installed, so that proofs can be checked."""
    async with (
        Receiver() as app,
        Simulation(["echo"], seed=7, clock="virtual", webhooks={"echo": app.url}) as sim,
        httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http,
    ):
        yield Stand(sim, app, http)


@pytest.mark.parametrize("kind", [FaultKind.SIGNATURE, FaultKind.STALE])
async def test_a_forgery_that_is_taken_is_found(proven: Stand, kind: FaultKind) -> None:
    """Not one that is refused."""
    proven.sim.faults.add(Fault(stage=Stage.WEBHOOK, kind=kind, times=2))
    proven.app.answers = [401]
    await say(proven)
    assert [] == found(proven)
    await say(proven)
    assert {"accepts-forgery"} == {*found(proven)}
