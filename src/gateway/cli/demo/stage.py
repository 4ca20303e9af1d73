"""What runs: the simulator, a gateway wired to it, and the conversation on them."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TypeAlias

from gateway import plugins
from gateway.cli.demo.heard import Heard
from gateway.cli.demo.house import House, Wanted
from gateway.cli.demo.media import media
from gateway.cli.demo.phone import Hand
from gateway.cli.demo.story import Step, converse
from gateway.cli.demo.telling import Place, Telling
from gateway.cli.demo.trace import Seen, Trace
from gateway.cli.demo.verdict import Outcome, Verdict
from gateway.cli.serving import until_interrupted
from gateway.simulator import Simulation

__all__ = ["Script", "Stage", "play", "staged"]

_BRISK = 0.04
"""Phones and vendors of the demo are this much faster than those of `gateway simulate`."""

Open: TypeAlias = Callable[[str], object]
"""Opens a page."""


@dataclass(frozen=True, slots=True)
class Script:
    """What is to be played, and where."""

    vendors: list[str]
    port: int = 0
    forward_to: str | None = None
    """Where the user's own bot is; then there is no conversation but the user's."""
    house: str = "service"
    """On what the application stands: `service`, or `library` where that is not installed."""
    once: bool = False
    """Whether it is over when the conversation is."""
    show: Open | None = None
    """Opens pages in a browser, where there is one."""


async def play(teller: Callable[[Place], Telling], script: Script) -> bool:
    """Play the conversation on each vendor, then stay for the user unless it is `once`.

    Tells whether everything happened that had to. Raises `ConfigurationError`.
    """
    async with staged(teller, script) as stage:
        began = time.monotonic()
        if script.show is not None:
            for page in filter(None, (stage.place.phone, stage.house.doors.console)):
                await asyncio.to_thread(script.show, page)
        if script.forward_to is not None:
            await _stay(stage)
            return True
        for vendor in stage.place.vendors:
            await stage.converse(vendor)
        fine = stage.is_fine()
        stage.telling.closing(time.monotonic() - began, stage.counts, fine=fine)
        if not script.once:
            await _stay(stage)
    return fine


async def _stay(stage: Stage) -> None:
    """Leave it to the user, who wants to see the marks come and go."""
    stage.simulation.set_latency(1.0)
    stage.telling.invitation()
    await until_interrupted()
    stage.telling.farewell()


@dataclass(slots=True)
class Stage:
    """Everything that runs, and what came of it so far."""

    telling: Telling
    simulation: Simulation
    place: Place
    heard: Heard = field(default_factory=Heard)
    trace: Trace = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)
    _house: House | None = None
    _missed: int = 0

    def __post_init__(self) -> None:
        self.trace = Trace(self.simulation, self.show)

    @property
    def house(self) -> House:
        """The gateway with all that belongs to it."""
        assert self._house is not None  # noqa: S101 - nobody is let onto the stage before
        return self._house

    def move_in(self, house: House) -> None:
        """Have the application live there."""
        self._house = house
        self.telling.opening(house.doors)

    async def converse(self, vendor: str) -> None:
        """Hold the whole conversation on a vendor."""
        self.telling.section(self.place.vendors[vendor])
        house = self.house
        name, table = house.connections[vendor], house.tables[vendor]
        await converse(house.gateway, name, table, self.hand(vendor), self.heard, self)

    def hand(self, vendor: str) -> Hand:
        """Give the contact's side on a vendor."""
        first, second = (phone.address for phone in self.simulation.world.phones()[:2])
        return Hand(self.simulation, vendor, first, second)

    def show(self, seen: Seen) -> None:
        """Tell what was seen."""
        self.counts[seen.kind] += 1
        if seen.kind in {"webhook", "forward"} and not seen.fine:
            self._missed += 1
        self.telling.seen(self.place.vendors[seen.vendor], seen)

    async def begin(self, vendor: str, number: int, step: Step) -> None:
        """Tell of a step."""
        self.telling.step(self.place.vendors[vendor], number, step)

    async def end(self, vendor: str, step: Step, verdict: Verdict) -> None:
        """Tell what came of it, after all that belongs to it."""
        await self.trace.quiet()
        self._missed += verdict.outcome is Outcome.MISSED
        self.telling.verdict(self.place.vendors[vendor], step, verdict)

    def is_fine(self) -> bool:
        """Tell whether everything happened; a twin that failed or a webhook that was refused is told here."""
        for entry in self.simulation.journal.entries("error"):
            self._missed += 1
            self.telling.trouble(f"the twin itself failed: {entry.data['error']} in {entry.data['where']}")
        # told, so it need not be raised once more when the simulator ends
        self.simulation.failures.clear()
        return self._missed == 0


@contextlib.asynccontextmanager
async def staged(teller: Callable[[Place], Telling], script: Script) -> AsyncIterator[Stage]:
    """Start the simulator and a gateway, and wire them together."""
    async with contextlib.AsyncExitStack() as stack:
        simulation = await stack.enter_async_context(Simulation(script.vendors, port=script.port, latency=_BRISK))
        for url, media_type, content in media():
            simulation.stand_in(url, media_type, content)
        place = _place(simulation, script.vendors)
        stage = Stage(teller(place), simulation, place)
        stage.telling.phones()
        wanted = Wanted(
            simulation, place.vendors, stage.heard, stage.trace.note, stage.telling.trouble, script.forward_to
        )
        house = await stack.enter_async_context((await _builder(script.house))(wanted))
        stage.move_in(house)
        following = asyncio.create_task(stage.trace.run())
        try:
            yield stage
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _builder(house: str) -> Callable[[Wanted], AbstractAsyncContextManager[House]]:
    """Give what builds a house; beside the loop, for its import takes a while and the phone is there already."""
    module = await asyncio.to_thread(importlib.import_module, f"gateway.cli.demo.{house}")
    builder: Callable[[Wanted], AbstractAsyncContextManager[House]] = getattr(module, house)
    return builder


def _place(simulation: Simulation, vendors: list[str]) -> Place:
    providers = plugins.load().providers
    connections = {vendor: f"{vendor}-demo" for vendor in vendors}
    contact = simulation.world.phones()[0]
    return Place(
        connections={name: providers[vendor].title or vendor for vendor, name in connections.items()},
        vendors=connections,
        base_urls={vendor: simulation.base_url(vendor) for vendor in vendors},
        control=simulation.control_url,
        contact=contact.address.text,
        name=contact.name,
        phone=simulation.phone_url,
    )
