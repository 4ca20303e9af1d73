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
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import pytest

from gateway.actions import DeliveryState
from gateway.addresses import Address
from gateway.client import Gateway
from gateway.model import Attachment, Effect, Opaque, Reaction, Voice
from gateway.simulator import Bubble, Contact, Impossible, Simulation, Thread
from gateway.simulator.lint import Finding, lint
from gateway.simulator.listener import served
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

    def __init__(
        self,
        simulation: Simulation,
        contact: Contact,
        vendor: str,
        gateway: Gateway | None,
        group: str | None = None,
    ) -> None:
        self.simulation = simulation
        self.contact = contact
        self.vendor = vendor
        self.gateway: Gateway | None = gateway
        """The bot's gateway, connected as the vendor's name; None where the bot is somewhere else."""
        self.group = group
        """The vendor's id of the group that this phone is in; None in the chat with the bot alone."""
        self._seen = 0

    # ── others, and groups ────────────────────────────────────────────────────────────────────────────────────────

    def of(self, address: str) -> TestPhone:
        """Give the phone of another contact in the same world."""
        return TestPhone(self.simulation, self.simulation.contact(address), self.vendor, self.gateway, self.group)

    def starts_group(self, others: Iterable[str], text: str, *, name: str | None = None) -> TestPhone:
        """Make a group with the bot and other contacts, and write into it; gives this phone in that group."""
        parsed = [Address.parse(other) for other in others]
        bubble = self.contact.start_group(parsed, text, vendor=self.vendor, name=name)
        return TestPhone(self.simulation, self.contact, self.vendor, self.gateway, bubble.thread.group)

    def renames(self, name: str) -> Thread:
        """Give the group another name."""
        return self.contact.rename(name, **self._there)

    def pictures(self, url: str | None) -> Thread:
        """Give the group another picture, by URL; None takes it away."""
        return self.contact.set_icon(Attachment(url=url) if url else None, **self._there)

    def adds(self, other: str) -> Thread:
        """Add another contact to the group."""
        return self.contact.add(Address.parse(other), **self._there)

    def removes(self, other: str) -> Thread:
        """Take another contact out of the group."""
        return self.contact.remove(Address.parse(other), **self._there)

    def leaves(self) -> Thread:
        """Leave the group."""
        return self.contact.leave(**self._there)

    # ── what the contact writes ───────────────────────────────────────────────────────────────────────────────────

    def says(self, text: str | None = None, *attachments: str, effect: str | None = None, **more: Any) -> Bubble:
        """Write to the bot: text, URLs of attachments, and whatever else `Contact.write` takes."""
        shown = Effect(effect) if effect else None
        return self.contact.write(text, attachments=attachments, effect=shown, **{**self._where, **more})

    def replies(self, text: str, to: Bubble | None = None, *, part: int = 0) -> Bubble:
        """Answer a message of the bot in its thread, by default the last one, or one part of it."""
        return self.contact.reply(text, message=_id_of(to), part=part, **self._where)

    def speaks(self, url: str) -> Bubble:
        """Send a voice note, by its URL."""
        return self.says(parts=[Voice(url=url)])

    def sends(self, *urls: str) -> Bubble:
        """Send files without words, by their URLs."""
        return self.says(None, *urls)

    def polls(self, title: str, *options: str) -> Bubble:
        """Send a poll."""
        return self.says(parts=[Opaque(kind="poll", data={"title": title, "options": list(options)})])

    def locates(self, latitude: float, longitude: float) -> Bubble:
        """Send a place, in degrees."""
        return self.says(parts=[Opaque(kind="location", data={"latitude": latitude, "longitude": longitude})])

    def stickers(self, name: str = "Sticker") -> Bubble:
        """Send a sticker; `sticks` puts one on a message."""
        return self.says(parts=[Opaque(kind="sticker", data={"name": name})])

    def introduces(self, other: str) -> Bubble:
        """Send another contact's card."""
        return self.says(parts=[self.simulation.scene.card_of(Address.parse(other))])

    def edits(self, text: str, message: Bubble | None = None) -> Bubble:
        """Change what a message of the contact says, by default the last one."""
        return self.contact.edit(self._own(message), text, **self._where)

    def unsends(self, message: Bubble | None = None) -> Bubble:
        """Take a message of the contact back, by default the last one."""
        return self.contact.unsend(self._own(message), **self._where)

    # ── what the contact does with messages ───────────────────────────────────────────────────────────────────────

    def reacts(self, reaction: str, to: Bubble | None = None, *, part: int = 0) -> Bubble:
        """React to a message, by default the last one of the bot: one of the six words, or an emoji."""
        return self.contact.react(reaction, message=_id_of(to), part=part, **self._where)

    def unreacts(self, reaction: str, to: Bubble | None = None, *, part: int = 0) -> Bubble:
        """Take a reaction back."""
        return self.contact.unreact(reaction, message=_id_of(to), part=part, **self._where)

    def sticks(self, to: Bubble | None = None) -> Bubble:
        """Put a sticker on a message, by default the last one of the bot, or take it off again."""
        return self.contact.stick(message=_id_of(to), **self._where)

    def votes(self, option: str, to: Bubble | None = None) -> Bubble:
        """Vote in a poll, by default the last message of the bot."""
        return self.contact.vote(option, message=_id_of(to), **self._where)

    def unvotes(self, option: str, to: Bubble | None = None) -> Bubble:
        """Take a vote back."""
        return self.contact.vote(option, message=_id_of(to), removed=True, **self._where)

    def retries(self, message: Bubble | None = None) -> Bubble:
        """Let the vendor try a message of the bot again, by default the last one that was not delivered."""
        return self.contact.try_again(message=_id_of(message), **self._where)

    # ── what the contact does beside that ─────────────────────────────────────────────────────────────────────────

    def types(self, *, on: bool = True) -> Thread:
        """Begin or stop typing."""
        return self.contact.type(on=on, **self._where)

    def reads(self) -> list[Bubble]:
        """Open the chat, for a phone that does not read by itself (`switch(reads=False)`)."""
        return self.contact.read(**self._where)

    def calls(self) -> Thread:
        """Try to call."""
        return self.contact.call(vendor=self.vendor)

    def shares(self) -> Thread:
        """Share the phone's name and picture with the bot."""
        return self.contact.share(**self._where)

    def opts_in(self, link: str | None = None, text: str = "START") -> Bubble:
        """Opt in, by a link or by writing."""
        return self.contact.opt_in(vendor=self.vendor, link=link, text=text)

    def stops(self) -> Bubble:
        """Say STOP."""
        return self.contact.stop(vendor=self.vendor)

    def pins(self, *, on: bool = True) -> None:
        """Keep the chat on top of the phone's list, or let it go."""
        thread = self.contact.thread(**self._where)
        self.contact.pin(vendor=thread.vendor, line=thread.line, group=thread.group, on=on)

    def switch(self, **switches: bool | str) -> None:
        """Change the phone: offline, blocked, imessage, rcs, receipts, reads, filters, slow, known, limits, name."""
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

    @property
    def _where(self) -> dict[str, Any]:
        return {"vendor": self.vendor, "group": self.group}

    @property
    def _there(self) -> dict[str, str]:
        if self.group is None:
            raise Impossible("this phone is in no group", hint="use the phone that starts_group gives", status=422)
        return {"vendor": self.vendor, "group": self.group}

    def _own(self, message: Bubble | None) -> str:
        """Name a message of the contact; raises `Impossible` where there is none."""
        bubbles = reversed(self.contact.thread(**self._where).bubbles)
        found = message or next((b for b in bubbles if b.sender == self.address and b.unsent_at is None), None)
        if found is None:
            raise Impossible("the contact has written nothing here", hint="let it say something first")
        return found.vendor_id

    def _threads(self) -> list[Thread]:
        """Give the group that this phone is in, or else everything that the contact has."""
        threads = [t for t in self.simulation.world.threads(self.vendor) if self.contact.address in t.members]
        return [thread for thread in threads if self.group in (None, thread.group)]

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


def _id_of(bubble: Bubble | None) -> str | None:
    return bubble.vendor_id if bubble else None


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
        async with Gateway(clock=simulation.clock) as gateway, served(gateway.asgi()) as url:
            gateway.connect(vendor, name=vendor, **simulation.settings(vendor))
            simulation.set_webhook(vendor, f"{url}/webhooks/{vendor}")
            added = bot(gateway)
            if inspect.isawaitable(added):
                await added
            yield TestPhone(simulation, contact, vendor, gateway)


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
