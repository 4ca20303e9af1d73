"""A desk: the service on a port of this machine, a vendor's twin beside it, and a client with the first key."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.config import ServiceConfig, load_service
from gateway.server import Service, create_app, open_service
from gateway.server.running import running
from gateway.simulator import Contact, Simulation
from tests.loopback import NO_TLS

ON_BOTH_STORES = pytest.mark.parametrize("at", ["sqlite", "postgresql"], indirect=True)
"""For what goes through all of the service: the same on SQLite and on PostgreSQL."""

VENDOR = "echo"
PHONE = "+12025550123"
MASTER = "k1:" + "A" * 43 + "="
ADMIN_KEY = "test-admin-key-0123456789-0123456789"


@dataclass(slots=True)
class Desk:
    """One service, one twin, one client."""

    service: Service
    sim: Simulation
    client: httpx.AsyncClient
    url: str

    @property
    def phone(self) -> Contact:
        """The contact."""
        return self.sim.contact(PHONE)

    async def connection(self, **options: Any) -> str:
        """Add a connection to the twin, and have the twin deliver to it; gives its id."""
        settings = {name: plain(value) for name, value in self.sim.settings(VENDOR).items()}
        answer = await self.client.post("/v1/connections", json={"provider": VENDOR, "settings": settings, **options})
        assert 201 == answer.status_code, answer.text
        made = answer.json()
        self.sim.set_webhook(VENDOR, f"{self.url}{made['webhook_path']}")
        return str(made["id"])

    async def key(self, *scopes: str, tenant: str = "tn_default", **more: Any) -> str:
        """Make a key; gives its text."""
        minted = await self.service.tenancy.keys.mint(tenant, name="test", scopes=scopes, **more)
        return minted.text

    def as_(self, key: str | None) -> httpx.AsyncClient:
        """Give a client with another key."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30, trust_env=False, verify=NO_TLS)

    async def until(self, condition: Callable[[], Awaitable[Any]], seconds: float = 20) -> Any:
        """Wait until something holds, and give it."""
        async with asyncio.timeout(seconds):
            while not (found := await condition()):
                await asyncio.sleep(0.02)
            return found


def plain(value: Any) -> Any:
    """Give a setting as it is sent."""
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


def config_of(folder: Path, **settings: Mapping[str, Any]) -> ServiceConfig:
    """Make a configuration over a SQLite file in a folder, on a free port; sections replace what stands here."""
    sections: dict[str, dict[str, Any]] = {
        "gateway": {"store": f"sqlite:///{folder / 'gateway.db'}"},
        "server": {"port": 0, "admin_key": ADMIN_KEY},
        "security": {"master_key": MASTER},
    }
    for section, values in settings.items():
        sections.setdefault(section, {}).update(values)
    flags: dict[tuple[str, ...], tuple[str, Any]] = {
        (section, key): (f"--{key}", value) for section, values in sections.items() for key, value in values.items()
    }
    return load_service(flags=flags)


@contextlib.asynccontextmanager
async def desk(config: ServiceConfig) -> AsyncIterator[Desk]:
    """Set a desk up, and clear it away."""
    service = open_service(config)
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(create_app(service), service))
        sim = await stack.enter_async_context(Simulation([VENDOR], latency=0.02))
        client = httpx.AsyncClient(
            base_url=url, headers={"authorization": f"Bearer {ADMIN_KEY}"}, timeout=30, trust_env=False, verify=NO_TLS
        )
        await stack.enter_async_context(client)
        yield Desk(service, sim, client, url)
