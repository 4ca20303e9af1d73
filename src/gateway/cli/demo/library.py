"""The demo on the library alone, where the service is not installed: the gateway and the bot live in this process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from gateway.cli.demo.elsewhere import add_bot_at
from gateway.cli.demo.house import Doors, House, Wanted
from gateway.cli.demo.story import add_bot
from gateway.cli.serving import serving
from gateway.client import Gateway
from gateway.events import Event

__all__ = ["library"]


@contextlib.asynccontextmanager
async def library(wanted: Wanted) -> AsyncIterator[House]:
    """Start a gateway in memory and its receiver of webhooks."""
    simulation = wanted.simulation
    async with (
        # one time for all, so that a clock that is moved on in the phone moves for the application too
        Gateway(clock=simulation.clock) as gateway,
        serving(gateway.asgi()) as url,
    ):
        for vendor, name in wanted.names.items():
            gateway.connect(vendor, name, **simulation.settings(vendor))
            simulation.set_webhook(vendor, f"{url}/webhooks/{name}")
        if wanted.forward_to is None:
            add_bot(gateway)
        else:
            add_bot_at(gateway, wanted.forward_to, wanted.trouble)
        gateway.on(Event, wanted.heard.take)
        providers = {each.name: each.provider for each in gateway.connections}
        yield House(
            gateway=gateway,
            doors=Doors(webhooks=f"{url}/webhooks/…"),
            connections=wanted.names,
            tables={vendor: providers[name].capabilities() for vendor, name in wanted.names.items()},
        )
