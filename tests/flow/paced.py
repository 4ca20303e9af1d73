"""A stage in virtual time: the gateway and the twin share a clock that only moves when a test moves it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from gateway import Event, Gateway, MessageReceived
from gateway.simulator import Simulation, served
from gateway.store import Store
from tests.flow.stage import PHONE, QUICK, Stage

__all__ = ["Paced", "paced"]


@dataclass(slots=True)
class Paced(Stage):
    """One gateway, one twin, and their time."""

    async def go_on(self, seconds: float) -> None:
        """Let time pass, and what falls due be done, before and after."""
        await self.rested()
        await self.sim.clock.advance(seconds, grace=0.02)
        await self.rested()

    async def rested(self) -> None:
        """Wait, in real time, until everything is done that can be done now."""
        quiet = 0
        while quiet < 3:
            before = (self.gateway.store.version, self.sim.journal.last)
            await asyncio.sleep(0.01)
            quiet = quiet + 1 if before == (self.gateway.store.version, self.sim.journal.last) else 0

    async def greeted(self, phone: str = PHONE, text: str = "hello") -> MessageReceived:
        """Let a contact write, and wait until that has arrived."""
        bubble = self.sim.contact(phone).write(text, vendor=self.vendor)
        await self.go_on(1)
        async with asyncio.timeout(60):
            while True:
                for event in self.events:
                    if isinstance(event, MessageReceived) and event.vendor_id == bubble.vendor_id:
                        return event
                # on a crowded machine what brings it may have begun to wait only after the second had passed
                await self.go_on(0.1)

    def sent_at(self) -> list[datetime]:
        """Tell by the twin's clock when each message of ours reached it."""
        bubbles = [b for thread in self.sim.world.threads(self.vendor) for b in thread.bubbles if b.ours]
        return sorted(bubble.created_at for bubble in bubbles)

    def gaps(self) -> list[float]:
        """Tell the seconds from one message to the next."""
        times = self.sent_at()
        return [(later - earlier) / timedelta(seconds=1) for earlier, later in pairwise(times)]

    def texts(self) -> list[str]:
        """Give the texts that reached the vendor, in the order they came."""
        bubbles = [b for thread in self.sim.world.threads(self.vendor) for b in thread.bubbles if b.ours]
        return [bubble.text for bubble in sorted(bubbles, key=lambda bubble: bubble.created_at)]


@contextlib.asynccontextmanager
async def paced(
    vendor: str, *, settings: dict[str, Any] | None = None, store: Store | str = "memory:", **terms: Any
) -> AsyncIterator[Paced]:
    """Set the stage; `settings` go to the provider, `terms` to the connection."""
    async with contextlib.AsyncExitStack() as stack:
        # nothing is looked at now and then: whatever falls due has to wake the loops by itself
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for loop in ("gateway.worker", "gateway.dispatch"):
            patch.setattr(f"{loop}.IDLE", 30 * 86_400.0)
        sim = await stack.enter_async_context(Simulation([vendor], clock="virtual", latency=0.02))
        gateway = Gateway(store, clock=sim.clock, retry=QUICK)
        url = await stack.enter_async_context(served(gateway.asgi()))
        sim.set_webhook(vendor, f"{url}/webhooks/main")
        gateway.connect(vendor, "main", **{**sim.settings(vendor), **(settings or {})}, **terms)
        stack.push_async_callback(gateway.aclose)
        made = Paced(gateway, sim, vendor)
        gateway.on(Event, made.note)
        yield made
