"""The twin on loopback in virtual time, a connection to it, and an application that hears of everything."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from gateway.simulator import Contact
from gateway.testing.stand import CONTACT
from gateway.testing.stand import Stand as AnyStand
from gateway_sendblue import Sendblue
from gateway_sendblue.simulator import SendblueTwin

VENDOR = SendblueTwin.name
ADA, BEN, CLEO = CONTACT, "+12025550151", "+12025550152"
LINE, OTHER_LINE = SendblueTwin.lines

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""The twin speaks plain HTTP: no certificates are read, which takes longer than a test."""


@dataclass
class Stand(AnyStand[Sendblue]):
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
    async with Stand.of(Sendblue, SendblueTwin) as stand, stand.http:
        settings = stand.sim.settings(VENDOR)
        stand.http.headers["sb-api-key-id"] = settings["api_key_id"]
        stand.http.headers["sb-api-secret-key"] = settings["api_secret_key"]
        yield stand
