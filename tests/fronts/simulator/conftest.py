"""A simulation in virtual time with the made-up vendor, its API client and an application that hears of everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from gateway.simulator import Simulation
from tests.fronts.echo_twin import EchoTwin
from tests.fronts.simulator.receiver import Receiver
from tests.loopback import NO_TLS

THEIRS = "+12025550150"
"""A contact's number, kept for fiction like all of them."""


@dataclass
class Stand:
    """What a test has in its hands."""

    sim: Simulation
    app: Receiver
    http: httpx.AsyncClient

    async def send(self, text: str = "hi", to: str = THEIRS, **more: Any) -> httpx.Response:
        """Ask the made-up vendor to send."""
        return await self.http.post(f"{self.sim.base_url('echo')}/chats/{to}/messages", json={"text": text}, **more)

    async def control(
        self,
        method: str,
        path: str,
        json: object = None,
        **more: Any,
    ) -> httpx.Response:
        """Ask the control API."""
        return await self.http.request(method, f"{self.sim.control_url}{path}", json=json, **more)


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    """One made-up vendor in virtual time, over loopback."""
    async with (
        Receiver() as app,
        Simulation([EchoTwin], seed=7, clock="virtual", webhooks={"echo": app.url}) as sim,
        httpx.AsyncClient(
            headers={"authorization": f"Bearer {sim.api_keys['echo']}"}, trust_env=False, verify=NO_TLS
        ) as http,
    ):
        yield Stand(sim, app, http)
