"""The stage of the flow tests: a gateway and a vendor's twin on loopback, with real webhooks between them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gateway import Event, Gateway, RetryPolicy
from gateway.plugins import load
from gateway.simulator import Contact, Simulation, served
from gateway.store import EventOutcome

EventT = TypeVar("EventT", bound=Event)

VENDORS = sorted(name for name, provider in load().providers.items() if provider.simulator)
"""Every installed provider that has a twin: a flow test runs against each of them."""

PHONE = "+12025550123"
OTHER = "+12025550124"

#: Tries again at once: what is waited for in these tests is the network, not the clock.
QUICK = RetryPolicy(attempts=4, first=0.01, most=0.05)


@dataclass(slots=True)
class Stage:
    """One gateway, one twin, one contact."""

    gateway: Gateway
    sim: Simulation
    vendor: str
    events: list[Event] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def phone(self) -> Contact:
        """The contact."""
        return self.sim.contact(PHONE)

    def note(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)
        self._news.set()

    async def event(
        self, kind: type[EventT], fits: Callable[[EventT], bool] = lambda _: True, *, seconds: float = 60.0
    ) -> EventT:
        """Wait for the first event of a kind that fits."""
        async with asyncio.timeout(seconds):
            while True:
                self._news.clear()
                for event in self.events:
                    if isinstance(event, kind) and fits(event):
                        return event
                await self._news.wait()

    def posts(self, *words: str) -> list[dict[str, Any]]:
        """Give the requests that the twin read, those with all the words in their path."""
        entries = self.sim.journal.entries("request", vendor=self.vendor)
        return [entry.json() for entry in entries if all(word in str(entry.json()) for word in words)]

    def doings(self, what: str, field: str) -> list[Any]:
        """Give one field of what happened in the world, such as `on` of `typing`."""
        entries = (entry.data for entry in self.sim.journal.entries("world", vendor=self.vendor))
        return [data[field] for data in entries if data["what"] == what]

    async def told(self) -> None:
        """Wait until the vendor has told all that it had to tell, and the handlers have had it all."""
        await self.until(lambda: not self.sim.clock.pending and not self.sim.scene.sender.untold)
        while any(row.outcome is EventOutcome.PENDING for row in await self.gateway.store.events()):
            await asyncio.sleep(0.01)

    async def until(self, condition: Callable[[], bool], *, seconds: float = 60.0) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def stage(vendor: str, gateway: Gateway | None = None, **options: Any) -> AsyncIterator[Stage]:
    """Set the stage for one vendor; the contact has written before, so that it may be written to."""
    async with contextlib.AsyncExitStack() as stack:
        gateway = gateway or Gateway(retry=QUICK)
        url = await stack.enter_async_context(served(gateway.asgi()))
        sim = await stack.enter_async_context(
            Simulation([vendor], webhooks={vendor: f"{url}/webhooks/main"}, latency=0.02, **options)
        )
        gateway.connect(vendor, "main", **sim.settings(vendor))
        stack.push_async_callback(gateway.aclose)
        made = Stage(gateway, sim, vendor)
        gateway.on(Event, made.note)
        yield made
