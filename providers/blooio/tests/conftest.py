"""The twin on loopback in virtual time, a connection to it, and an application that hears of everything."""

from __future__ import annotations

import inspect
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from gateway.simulator import Contact
from gateway.testing.stand import CONTACT
from gateway.testing.stand import Stand as AnyStand
from gateway_blooio import Blooio
from gateway_blooio.simulator import BlooioTwin

VENDOR = BlooioTwin.name
ADA = CONTACT

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""The twin speaks plain HTTP: no certificates are read, which takes longer than a test."""


@dataclass
class Stand(AnyStand[Blooio]):
    """What a test has in its hands."""

    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(verify=PLAIN, trust_env=False))

    @property
    def ada(self) -> Contact:
        """A contact."""
        return self.contact

    async def ask(self, method: str, path: str, json: object = None, **more: Any) -> httpx.Response:
        """Ask the twin without the provider."""
        return await self.http.request(method, f"{self.url}{path}", json=json, **more)


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    """One account of the vendor in virtual time, over loopback."""
    async with Stand.of(Blooio, BlooioTwin) as stand, stand.http:
        stand.http.headers["authorization"] = f"Bearer {stand.sim.api_keys[VENDOR]}"
        yield stand


# ── the vendor's own client ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def client_methods() -> set[str]:
    """Every public method of the installed client, dotted (`chats.messages.send`), found by walking through it."""
    client = pytest.importorskip("blooio", reason="the vendor's client is in the development tools")
    with client.Blooio(api_key="k", base_url="http://127.0.0.1") as blocking:
        found = _methods_of(blocking)
    assert found == _methods_of(client.AsyncBlooio(api_key="k", base_url="http://127.0.0.1"))
    return found


def _methods_of(client: Any) -> set[str]:
    """Every public method that calls the vendor, dotted: `chats.messages.send`."""
    return {name for prefix, resource in _resources(client) for name in _methods(prefix, resource)}


def _resources(parent: Any) -> Iterator[tuple[str, Any]]:
    """The resources of a client or of another resource; the wrappers around them are other classes."""
    for name, member in vars(type(parent)).items():
        if not name.startswith("_") and not inspect.isfunction(member):
            value = getattr(parent, name)
            if type(value).__name__.endswith("Resource"):
                yield name, value


def _methods(prefix: str, resource: Any) -> Iterator[str]:
    for name, member in vars(type(resource)).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            yield f"{prefix}.{name}"
    for inner, nested in _resources(resource):
        yield from _methods(f"{prefix}.{inner}", nested)
