"""The demo on the real service: a store in a file, connections made by its API, and a bot behind an endpoint.

The application that holds the conversation is one of its clients, as it would be anywhere else.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from pydantic import SecretStr

from gateway.cli.demo.bot import Api, Receiver, echo, other
from gateway.cli.demo.doorway import Doorway
from gateway.cli.demo.house import Doors, House, Wanted
from gateway.cli.serving import serving
from gateway.client import Gateway
from gateway.config import GatewaySection, LimitsSection, ServerSection, ServiceConfig
from gateway.events import Event
from gateway.forward import read_key
from gateway.listening import open_port, url_of
from gateway.server import Service, create_app, open_service
from gateway.server.running import running
from gateway.store.records.tenants import DEFAULT_TENANT

__all__ = ["service"]

_DRAIN = 1.0
"""Seconds that requests under way get at the end: somebody waits at a terminal."""
_BRISK = LimitsSection(rate=1000, burst=1000)
"""The conversation asks more often in a second than one program should."""


@contextlib.asynccontextmanager
async def service(wanted: Wanted) -> AsyncIterator[House]:
    """Start the service on a file of its own, which is gone afterwards, and let the application and the bot in."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-demo-")))
        # one time for all, so that a clock that is moved on in the phone moves for the service too
        served = open_service(_config(folder), clock=wanted.simulation.clock)
        doorway = Doorway(create_app(served), served)
        url = await stack.enter_async_context(running(doorway, served))
        key, served.first_key = served.first_key or "", None
        gateway = Gateway.remote(url, key)
        gateway.on(Event, wanted.heard.take)
        # the service makes them when the gateway is entered
        asked = {
            vendor: gateway.connect(vendor, name, **wanted.simulation.settings(vendor))
            for vendor, name in wanted.names.items()
        }
        await stack.enter_async_context(gateway)
        connections = {vendor: account.id or account.name for vendor, account in asked.items()}
        for vendor, id_ in connections.items():
            wanted.simulation.set_webhook(vendor, f"{url}/webhooks/{id_}")
        secret = await _with_bot(stack, served, wanted, Api(url, key), connections)
        accounts = served.tenancy.accounts
        made = {vendor: accounts.running(DEFAULT_TENANT, id_) for vendor, id_ in connections.items()}
        stack.callback(_draining, served)
        yield House(
            gateway=gateway,
            doors=Doors(
                webhooks=f"{url}/webhooks/…",
                api=f"{url}/v1",
                key=key,
                console=doorway.url(url),
                secret=secret if wanted.forward_to else "",
            ),
            connections=connections,
            tables={vendor: each.provider.capabilities() for vendor, each in made.items()},
        )


def _config(folder: Path) -> ServiceConfig:
    """Configure it as at a desk; it has to know its own URL, so the port is chosen before."""
    with contextlib.closing(open_port("127.0.0.1", 0)) as plug:
        port = plug.getsockname()[1]
    return ServiceConfig(
        gateway=GatewaySection(
            store=SecretStr(f"sqlite:///{folder / 'demo.db'}"), public_url=url_of("127.0.0.1", port)
        ),
        server=ServerSection(port=port, drain=_DRAIN),
        limits=_BRISK,
    )


def _draining(served: Service) -> None:
    """Let streams end by themselves, so that an open page holds nobody up."""
    served.draining = True


async def _with_bot(
    stack: contextlib.AsyncExitStack, served: Service, wanted: Wanted, api: Api, connections: Mapping[str, str]
) -> str:
    """Let the bot in: a program on a port of its own, that the service forwards messages to. Gives its secret."""
    think, name = (other(wanted.forward_to), "your bot") if wanted.forward_to else (echo, "the bot")
    bot = Receiver(think, wanted.simulation.clock, wanted.show, wanted.trouble, name=name)
    where = await stack.enter_async_context(serving(bot))
    made = await served.endpoints.create(
        DEFAULT_TENANT, f"{where}/", description=f"{name} of the demo", types=("message.received",)
    )
    (secret,) = made.secrets
    bot.keys, bot.api = (read_key(secret),), api
    bot.vendors = {id_: vendor for vendor, id_ in connections.items()}
    return secret
