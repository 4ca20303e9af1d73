"""What runs: the simulator, the gateway and its webhook receiver, wired together, and the conversation on them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from gateway import plugins
from gateway.cli.demo.elsewhere import add_bot_at
from gateway.cli.demo.heard import Heard
from gateway.cli.demo.phone import Hand
from gateway.cli.demo.story import Step, add_bot, converse
from gateway.cli.demo.telling import Place, Telling
from gateway.cli.demo.trace import Seen, Trace
from gateway.cli.demo.verdict import Outcome, Verdict
from gateway.cli.serving import serving, until_interrupted
from gateway.client import Gateway
from gateway.events import Event
from gateway.simulator import Simulation

__all__ = ["Stage", "play", "staged"]

_BRISK = 0.04
"""Phones and vendors of the demo are this much faster than those of `gateway simulate`."""


async def play(
    teller: Callable[[Place], Telling], vendors: list[str], *, port: int, once: bool, forward_to: str | None = None
) -> bool:
    """Play the conversation on each vendor, then stay for the user unless it is `once`.

    With `forward_to` the bot is at that URL, and there is no conversation but the user's.
    Tells whether everything happened that had to. Raises `ConfigurationError`.
    """
    began = time.monotonic()
    async with staged(teller, vendors, port, forward_to) as stage:
        telling = stage.telling
        telling.opening()
        if forward_to is not None:
            await _stay(stage)
            return True
        for vendor, connection in stage.place.vendors.items():
            telling.section(connection)
            await converse(stage.gateway, connection, stage.hand(vendor), stage.heard, stage)
        fine = stage.is_fine()
        telling.closing(time.monotonic() - began, stage.counts, fine=fine)
        if not once:
            await _stay(stage)
        return fine


async def _stay(stage: Stage) -> None:
    """Leave it to the user, who wants to see the marks come and go."""
    stage.simulation.set_latency(1.0)
    stage.telling.invitation()
    await until_interrupted()


@dataclass(slots=True)
class Stage:
    """Everything that runs, and what came of it so far."""

    telling: Telling
    simulation: Simulation
    gateway: Gateway
    place: Place
    heard: Heard = field(default_factory=Heard)
    trace: Trace = field(init=False)
    counts: Counter[str] = field(default_factory=Counter)
    _missed: int = 0

    def __post_init__(self) -> None:
        self.trace = Trace(self.simulation, self.show)

    def hand(self, vendor: str) -> Hand:
        """Give the contact's side on a vendor."""
        first, second = (phone.address for phone in self.simulation.world.phones()[:2])
        return Hand(self.simulation, vendor, first, second)

    def show(self, seen: Seen) -> None:
        """Tell what the journal holds."""
        self.counts[seen.kind] += 1
        if seen.kind == "webhook" and not seen.fine:
            self._missed += 1
        self.telling.seen(self.place.vendors[seen.vendor], seen)

    async def begin(self, connection: str, number: int, step: Step) -> None:
        self.telling.step(connection, number, step)

    async def end(self, connection: str, step: Step, verdict: Verdict) -> None:
        await self.trace.quiet()
        self._missed += verdict.outcome is Outcome.MISSED
        self.telling.verdict(connection, step, verdict)

    def is_fine(self) -> bool:
        """Tell whether everything happened; a twin that failed or a webhook that was refused is told here."""
        for entry in self.simulation.journal.entries("error"):
            self._missed += 1
            self.telling.trouble(f"the twin itself failed: {entry.data['error']} in {entry.data['where']}")
        # told, so it need not be raised once more when the simulator ends
        self.simulation.failures.clear()
        return self._missed == 0


@contextlib.asynccontextmanager
async def staged(
    teller: Callable[[Place], Telling], vendors: list[str], port: int, forward_to: str | None = None
) -> AsyncIterator[Stage]:
    """Start simulator, gateway and webhook receiver, and wire them together."""
    async with (
        Simulation(vendors, port=port, latency=_BRISK) as simulation,
        # one time for all, so that a clock that is moved on in the phone moves for the application too
        Gateway(clock=simulation.clock) as gateway,
        serving(gateway.asgi()) as url,
    ):
        place = _place(simulation, vendors, url)
        stage = Stage(teller(place), simulation, gateway, place)
        for vendor, connection in stage.place.vendors.items():
            gateway.connect(vendor, connection, **simulation.settings(vendor))
            simulation.set_webhook(vendor, f"{url}/webhooks/{connection}")
        if forward_to is None:
            add_bot(gateway)
        else:
            add_bot_at(gateway, forward_to, stage.telling.trouble)
        gateway.on(Event, stage.heard)
        following = asyncio.create_task(stage.trace.run())
        try:
            yield stage
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


def _place(simulation: Simulation, vendors: list[str], url: str) -> Place:
    providers = plugins.load().providers
    connections = {vendor: f"{vendor}-demo" for vendor in vendors}
    contact = simulation.world.phones()[0]
    return Place(
        connections={name: providers[vendor].title or vendor for vendor, name in connections.items()},
        vendors=connections,
        base_urls={vendor: simulation.base_url(vendor) for vendor in vendors},
        webhooks=f"{url}/webhooks/…",
        control=simulation.control_url,
        contact=contact.address.text,
        name=contact.name,
        phone=simulation.phone_url,
    )
