"""A phone for the tests of a bot: write as a contact would, and wait for what the bot answers.

In `conftest.py`, one line makes the fixture; each test gets a fresh world, a fresh contact and free ports, so tests run
beside each other in any order:

    phone = phone_fixture(add_bot, "vendor")

    async def test_greeting(phone):
        phone.says("hi")
        await phone.wait_for_message("hello")

Several vendors run every test once for each. Nothing sleeps: who waits is woken by what happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import pytest

from gateway.actions import DeliveryState
from gateway.client import Gateway
from gateway.model import Effect, Reaction
from gateway.simulator import Bubble, Contact, Simulation, Thread
from gateway.simulator.lint import Finding, lint
from gateway.simulator.listener import LoopServer, open_port, url_of
from gateway.simulator.scenario import Played, Scenario, play

__all__ = ["Bot", "TestPhone", "phone_fixture", "phone_for"]

FoundT = TypeVar("FoundT")
Bot: TypeAlias = Callable[[Gateway], object] | str
"""What is tested: a function that gives a gateway its handlers, or the URL where a bot takes webhooks."""

_PATIENCE = 5.0
"""Seconds after which something is taken as not happening; what does happen takes milliseconds."""
_BRISK = 0.02
_LONGEST_SHOWN = 80


class TestPhone:
    """A contact's phone on one vendor, in the hands of a test."""

    __test__ = False  # the name is what it is, and not a collection of tests

    def __init__(self, simulation: Simulation, contact: Contact, vendor: str, gateway: Gateway | None) -> None:
        self.simulation = simulation
        self.contact = contact
        self.vendor = vendor
        self.gateway: Gateway | None = gateway
        """The bot's gateway, connected as the vendor's name; None where the bot is somewhere else."""
        self._seen = 0

    # ── what the contact does ─────────────────────────────────────────────────────────────────────────────────────

    def says(self, text: str | None = None, *attachments: str, effect: str | None = None, **more: Any) -> Bubble:
        """Write to the bot: text, URLs of attachments, and whatever else `Contact.write` takes."""
        shown = Effect(effect) if effect else None
        return self.contact.write(text, vendor=self.vendor, attachments=attachments, effect=shown, **more)

    def replies(self, text: str, to: Bubble | None = None) -> Bubble:
        """Answer a message of the bot in its thread, by default the last one."""
        return self.contact.reply(text, vendor=self.vendor, message=to.vendor_id if to else None)

    def reacts(self, reaction: str, to: Bubble | None = None) -> Bubble:
        """React to a message, by default the last one of the bot: one of the six words, or an emoji."""
        return self.contact.react(reaction, vendor=self.vendor, message=to.vendor_id if to else None)

    def unreacts(self, reaction: str, to: Bubble | None = None) -> Bubble:
        """Take a reaction back."""
        return self.contact.unreact(reaction, vendor=self.vendor, message=to.vendor_id if to else None)

    def types(self, *, on: bool = True) -> Thread:
        """Begin or stop typing."""
        return self.contact.type(vendor=self.vendor, on=on)

    def reads(self) -> list[Bubble]:
        """Open the chat, for a phone that does not read by itself (`switch(reads=False)`)."""
        return self.contact.read(vendor=self.vendor)

    def calls(self) -> Thread:
        """Try to call."""
        return self.contact.call(vendor=self.vendor)

    def opts_in(self, link: str | None = None, text: str = "START") -> Bubble:
        """Opt in, by a link or by writing."""
        return self.contact.opt_in(vendor=self.vendor, link=link, text=text)

    def stops(self) -> Bubble:
        """Say STOP."""
        return self.contact.stop(vendor=self.vendor)

    def switch(self, **switches: bool | str) -> None:
        """Change the phone: offline, blocked, imessage, rcs, receipts, reads, name."""
        self.contact.switch(**switches)

    # ── what the phone shows ──────────────────────────────────────────────────────────────────────────────────────

    @property
    def address(self) -> str:
        """The contact's address, as text."""
        return self.contact.address.text

    @property
    def messages(self) -> list[Bubble]:
        """Everything that the bot sent to this contact, in order."""
        return [bubble for thread in self._threads() for bubble in thread.bubbles if bubble.ours]

    async def wait_for_message(
        self, text: str | re.Pattern[str] | None = None, *, seconds: float = _PATIENCE
    ) -> Bubble:
        """Give the bot's next message after the one that was waited for before, or the next with such a text.

        A string has to be the whole text; a pattern is searched for. Raises `AssertionError` that shows what came
        instead.
        """

        def found() -> Bubble | None:
            return next((bubble for bubble in self.messages[self._seen :] if _fits(bubble.text, text)), None)

        wanted = "a message" if text is None else f"the message {_shown(text)}"
        bubble = await self._until(found, wanted, seconds)
        self._seen = self.messages.index(bubble) + 1
        return bubble

    async def wait_for_reaction(self, reaction: str, to: Bubble | None = None, *, seconds: float = _PATIENCE) -> Bubble:
        """Wait until the bot reacts, to a message or to any; gives the message."""
        wanted = Reaction.parse(reaction)

        def found() -> Bubble | None:
            bubbles = [to] if to else [bubble for thread in self._threads() for bubble in thread.bubbles]
            return next((bubble for bubble in bubbles if bubble.reactions.get(bubble.thread.line) == wanted), None)

        return await self._until(found, f"the reaction {reaction}", seconds)

    async def wait_for_typing(self, *, seconds: float = _PATIENCE) -> None:
        """Wait until the bot shows typing dots."""
        began = {thread.id: thread.typing_round for thread in self._threads() if not thread.typing}
        await self._until(
            lambda: any(t.typing or t.typing_round > began.get(t.id, t.typing_round) for t in self._threads()) or None,
            "typing dots",
            seconds,
        )

    async def wait_for_read(self, bubble: Bubble, *, seconds: float = _PATIENCE) -> None:
        """Wait until the bot has marked a message of the contact as read."""
        await self.wait_for_state(bubble, DeliveryState.READ, seconds=seconds)

    async def wait_for_state(self, bubble: Bubble, state: DeliveryState | str, *, seconds: float = _PATIENCE) -> None:
        """Wait until a message has come to a state, such as `delivered`."""
        wanted = DeliveryState(state)
        await self._until(lambda: wanted in bubble.times or None, f"the state {wanted.value}", seconds)

    async def plays(self, scenario: Scenario | Path) -> Played:
        """Play a scenario, or the file of one, with the bot; raises `AssertionError` that names the step which failed.

        The contact of the test is none of the scenario's phones, unless a step names the address.
        """
        whole = Scenario.load(scenario) if isinstance(scenario, Path) else scenario
        played = await play(whole, self.simulation.scene, self.vendor)
        failed = next((step for step in played.steps if not step.fine), None)
        assert failed is None, f"{whole.name}: step {failed.number} ({failed.what}): {failed.words}"
        return played

    @property
    def findings(self) -> list[Finding]:
        """What the protocol lint found so far: `assert not phone.findings` at the end of a test."""
        return lint(self.simulation.scene)

    async def stays_silent(self, *, seconds: float = 0.3) -> None:
        """Wait for a while, and raise `AssertionError` where the bot sends anything meanwhile."""
        before = len(self.messages)
        with contextlib.suppress(AssertionError):
            await self._until(lambda: len(self.messages) > before or None, "anything", seconds)
        said = self.messages[before:]
        assert not said, f"the bot was to stay silent, and sent {_shown(said[0].text)}"

    # ── how ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _threads(self) -> list[Thread]:
        threads = self.simulation.world.threads(self.vendor)
        return [thread for thread in threads if self.contact.address in thread.members]

    async def _until(self, find: Callable[[], FoundT | None], wanted: str, seconds: float) -> FoundT:
        journal, loop = self.simulation.journal, asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            last = journal.last
            found = find()
            if found is not None:
                return found
            left = deadline - loop.time()
            if left <= 0 or not await journal.wait(since=last, limit=1, seconds=left):
                raise AssertionError(f"{wanted} did not come within {seconds:g} s; {self._instead()}")

    def _instead(self) -> str:
        """Say what did happen, for whoever reads the failure."""
        errors = self.simulation.journal.entries("error")
        if errors:
            return f"the simulator failed: {errors[-1].data['error']} in {errors[-1].data['where']}"
        refused = [entry for entry in self.simulation.journal.entries("attempt") if not entry.data["accepted"]]
        if refused:
            why = refused[-1].data["status"] or refused[-1].data["error"]
            return f"the bot did not take the webhook {refused[-1].data['event']}: {why}"
        said = [_shown(bubble.text) for bubble in self.messages[self._seen :]]
        return f"what came instead: {', '.join(said)}" if said else "nothing came"


def _fits(text: str, wanted: str | re.Pattern[str] | None) -> bool:
    if wanted is None:
        return True
    return text == wanted if isinstance(wanted, str) else wanted.search(text) is not None


def _shown(text: str | re.Pattern[str]) -> str:
    words = text if isinstance(text, str) else f"/{text.pattern}/"
    return repr(words if len(words) <= _LONGEST_SHOWN else words[:_LONGEST_SHOWN] + "…")


@contextlib.asynccontextmanager
async def phone_for(
    bot: Bot, vendor: str, *, address: str = "+12025550150", port: int = 0, **options: Any
) -> AsyncIterator[TestPhone]:
    """Run a bot against a vendor's twin, and give the phone of a contact who has never written.

    `options` are those of `Simulation`, such as `seed`. A bot that is a function gets a gateway of its own, served for
    webhooks on this machine; one that is a URL gets the vendor's webhooks there, and calls the twin on `port`.
    """
    async with Simulation([vendor], port=port, **{"latency": _BRISK, **options}) as simulation:
        contact = simulation.contact(address)
        if isinstance(bot, str):
            simulation.set_webhook(vendor, bot)
            yield TestPhone(simulation, contact, vendor, None)
            return
        async with Gateway(clock=simulation.clock) as gateway, _served(gateway) as url:
            gateway.connect(vendor, name=vendor, **simulation.settings(vendor))
            simulation.set_webhook(vendor, f"{url}/webhooks/{vendor}")
            added = bot(gateway)
            if inspect.isawaitable(added):
                await added
            yield TestPhone(simulation, contact, vendor, gateway)


@contextlib.asynccontextmanager
async def _served(gateway: Gateway) -> AsyncIterator[str]:
    plug = open_port("127.0.0.1", 0)
    server = LoopServer(gateway.asgi())
    serving = asyncio.create_task(server.serve(sockets=[plug]))
    await server.ready.wait()
    try:
        yield url_of("127.0.0.1", plug.getsockname()[1])
    finally:
        server.end()
        await serving


def phone_fixture(bot: Bot, *vendors: str, **options: Any) -> Any:
    """Make a pytest fixture of `phone_for`; with several vendors each test runs once for each.

    It is a fixture of pytest-asyncio where that is installed, and else one that anyio's plugin runs.
    """
    if not vendors:
        raise ValueError("name a vendor at least, whose twin the bot is tested against")

    async def phone(request: pytest.FixtureRequest) -> AsyncIterator[TestPhone]:
        async with phone_for(bot, request.param, **options) as held:
            yield held

    return _fixture()(params=vendors)(phone)


def _fixture() -> Callable[..., Callable[[Callable[..., AsyncIterator[TestPhone]]], Any]]:
    try:
        import pytest_asyncio  # noqa: PLC0415 - the tests of a user may run on anyio alone
    except ImportError:
        return pytest.fixture
    return pytest_asyncio.fixture
