"""The stage of the service's tests: the service on loopback, a vendor's twin, and a client with a key."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gateway.config import load_service
from gateway.server import Service, create_app, open_service
from gateway.simulator import Simulation, served
from gateway.store.records.tenants import DEFAULT_TENANT, TenantRow
from tests.flow.stage import PHONE
from tests.loopback import NO_TLS

KEY = "gw_test_" + "k" * 40
"""The operator's key, by configuration."""


@dataclass(slots=True)
class Site:
    """One running service."""

    service: Service
    url: str
    http: httpx.AsyncClient
    """With the operator's key."""

    async def client(self, *scopes: str, tenant: str = DEFAULT_TENANT) -> httpx.AsyncClient:
        """Give a client with a key of its own; the caller closes it."""
        await self.service.tenancy.tenants.add(TenantRow(id=tenant, name=tenant, created_at=self.service.now()))
        minted = await self.service.tenancy.keys.mint(tenant, name="test", scopes=scopes, by="test")
        return httpx.AsyncClient(
            base_url=self.url, headers={"authorization": f"Bearer {minted.text}"}, timeout=30, verify=NO_TLS
        )

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask by GraphQL; gives the whole answer."""
        answer = await self.http.post("/graphql", json={"query": query, "variables": variables})
        told: dict[str, Any] = answer.json()
        return told


@contextlib.asynccontextmanager
async def site(folder: Path, **flags: Any) -> AsyncIterator[Site]:
    """Run a service on a store of its own; `section__key=value` sets what differs."""
    given = {
        ("gateway", "store"): f"sqlite:///{folder}/gateway.db",
        ("server", "admin_key"): KEY,
        ("limits", "rate"): 10_000,
        ("limits", "burst"): 10_000,
        **{tuple(name.split("__")): value for name, value in flags.items()},
    }
    config = load_service(flags={words: ("--test", value) for words, value in given.items()})
    service = open_service(config)
    await service.start()
    try:
        async with served(create_app(service)) as url:
            service.gateway.public_url = url
            headers = {"authorization": f"Bearer {KEY}"}
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30, verify=NO_TLS) as http:
                yield Site(service, url, http)
            service.draining = True  # ends what waits for events
    finally:
        await service.stop()


@contextlib.asynccontextmanager
async def account(place: Site, vendor: str, name: str = "main") -> AsyncIterator[tuple[str, Simulation]]:
    """Add an account of a vendor's twin; its contact has written before, so that it may be written to."""
    async with Simulation([vendor], latency=0.01) as sim:
        made = await place.service.tenancy.accounts.create(
            DEFAULT_TENANT, vendor, dict(sim.settings(vendor)), name=name, by="test"
        )
        sim.set_webhook(vendor, f"{place.url}/webhooks/{made.id}")
        sim.contact(PHONE).write("hello there", vendor=vendor)
        async with asyncio.timeout(20):
            while not (await place.service.tenancy.listing.events(DEFAULT_TENANT, connection=made.id)).items:
                await asyncio.sleep(0.01)
        yield made.id, sim
