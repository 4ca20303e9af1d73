"""A service with everything around it: vendors' twins, receivers of its events, and clients that do not give up.

Each process has a port of its own, and its successors have it after it: whoever calls while nobody is there is refused
the connection, as after any crash, and calls again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
from standardwebhooks import Webhook

from gateway.simulator import Simulation
from tests.crash.servants import Post, Servants
from tests.crash.site import PATIENCE, REDELIVERY
from tests.crash.size import CAMPAIGN
from tests.flow.receivers import Got, Receiver, receiving

PAUSE = 1.0 if CAMPAIGN else 0.05
"""Seconds between two looks."""
KEY = "crash-admin-key-0123456789-0123456789"
MASTER = "k1:" + "A" * 43 + "="
ENVIRONMENT = {"GATEWAY__SERVER__ADMIN_KEY": KEY, "GATEWAY__SECURITY__MASTER_KEY": MASTER}
SETTINGS = """\
[gateway]
answers_per_minute = 100000
queue = 100000
pace = {{ connection = "{pace}" }}

[limits]
rate = 100000
burst = 100000
per_address = 0

[forward]
schedule = {schedule}
total = 1.5
"""
"""A service that one machine asks as often as a whole platform does."""


@dataclass(slots=True)
class Service:
    """One process, and the port that it and its successors have."""

    plug: socket.socket
    pid: int | None = None

    @property
    def port(self) -> int:
        """The number."""
        return int(self.plug.getsockname()[1])

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"


def _reserved() -> socket.socket:
    """Take a port without listening on it: nobody else gets it, and a process may listen there."""
    plug = socket.socket()
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    plug.bind(("127.0.0.1", 0))
    return plug


@dataclass(slots=True)
class Subscriber:
    """A receiver of events, with what it was told: each delivery is verified when it comes."""

    receiver: Receiver
    id: str
    types: Sequence[str]
    """Of the events that it wants; all of them without."""
    verifier: Webhook
    wrong: list[str] = field(default_factory=list)

    def moody(self, dice: Random) -> None:
        """Fail now and then, and hang at times, for longer than the service waits."""

        def answer(got: Got) -> tuple[int, dict[str, str]]:
            self._check(got)
            lot = dice.random()
            self.receiver.delay = 2.5 if lot < 0.01 else 0.0
            return (500 if lot < 0.1 else 200), {}

        self.receiver.answer = answer

    def _check(self, got: Got) -> None:
        try:
            self.verifier.verify(got.body, got.headers)
        except Exception as error:  # noqa: BLE001 - the published library raises what its parts raise
            self.wrong.append(f"{got.id}: {type(error).__name__}")


@dataclass(slots=True)
class Premises:
    """Twins, services, receivers and callers."""

    sim: Simulation
    store: str
    folder: Path
    servants: Servants
    vendors: Sequence[str]
    dice: Random
    pace: str
    lease: float
    services: list[Service]
    connections: dict[str, str] = field(default_factory=dict)
    """Ids by vendor."""
    subscribers: list[Subscriber] = field(default_factory=list)
    answered: list[tuple[str, str]] = field(default_factory=list)
    """Every promise that a caller heard: its key, and the id of the message."""
    _client: httpx.AsyncClient = field(
        default_factory=lambda: httpx.AsyncClient(
            headers={"authorization": f"Bearer {KEY}"}, timeout=PATIENCE, trust_env=False
        )
    )

    # ── processes ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self, service: Service) -> None:
        """Start a process at its port, and wait until it says that it is ready."""
        post = Post(
            arguments=["--config", str(self._settings()), "--store", self.store, "--port", str(service.port)],
            environment=ENVIRONMENT,
            log=str(self.folder / "service.log"),
            lease=self.lease,
            settle=0.5,
        )
        service.pid = await asyncio.to_thread(self.servants.start, post)

        async def ready() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return (await self._client.get(f"{service.url}/readyz")).status_code == 200
            return False

        await self.until(ready)

    def _settings(self) -> Path:
        path = self.folder / "gateway.toml"
        path.write_text(SETTINGS.format(pace=self.pace, schedule=[0.05] * 200))
        return path

    async def kill(self, service: Service) -> None:
        """End a process as a power cut would."""
        pid, service.pid = service.pid, None
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            assert -signal.SIGKILL == await asyncio.to_thread(self.servants.ended, pid)

    async def close(self) -> None:
        """End everything."""
        for service in self.services:
            await self.kill(service)
            service.plug.close()
        await self._client.aclose()

    # ── callers ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def call(self, method: str, path: str, body: Any = None, *, key: str | None = None, **params: Any) -> Any:
        """Call until there is an answer, with the same key each time; raises for an answer that no repetition mends."""
        headers = {"idempotency-key": key} if key else {}
        async with asyncio.timeout(4 * PATIENCE):
            while True:
                service = self.dice.choice(self.services)
                with contextlib.suppress(httpx.TransportError):
                    answer = await self._client.request(
                        method, service.url + path, json=body, headers=headers, params=params
                    )
                    if answer.status_code not in {409, 429, 503} or not answer.json().get("retryable"):
                        return answer.raise_for_status().json()
                await asyncio.sleep(self.dice.uniform(0.02, 0.1))

    async def listed(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """List all pages."""
        found: list[dict[str, Any]] = []
        place = None
        while True:
            page = await self.call("GET", path, **params, limit=100, **({"after": place} if place else {}))
            found += page["items"]
            place = page["next"]
            if not place or not page["items"]:
                return found

    async def connect(self, vendor: str, service: Service) -> None:
        """Add an account of a vendor's twin, whose webhooks come to one of the services."""
        settings = {name: _plain(value) for name, value in self.sim.settings(vendor).items()}
        asked = {"provider": vendor, "name": vendor, "settings": settings}
        made = await self.call("POST", "/v1/connections", asked, key=f"connect-{vendor}")
        self.connections[vendor] = made["id"]
        self.sim.set_webhook(vendor, f"{service.url}{made['webhook_path']}")

    async def subscribe(self, receiver: Receiver, types: Sequence[str]) -> Subscriber:
        """Have events delivered to a receiver."""
        asked = {"url": receiver.url, "types": list(types)}
        made = await self.call("POST", "/v1/endpoints", asked, key=f"endpoint-{receiver.url}")
        subscriber = Subscriber(receiver, made["endpoint"]["id"], types, Webhook(made["secrets"][0]))
        self.subscribers.append(subscriber)
        return subscriber

    async def send(self, vendor: str, to: str, texts: Sequence[str], key: str) -> str:
        """Send as a careful caller does, until it is promised; gives the message's id."""
        asked = {"connection": self.connections[vendor], "to": to, "message": list(texts)}
        made = await self.call("POST", "/v1/messages", asked, key=key)
        self.answered.append((key, made["id"]))
        return str(made["id"])

    # ── waiting ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def until(self, condition: Callable[[], Awaitable[Any]], *, seconds: float = PATIENCE) -> Any:
        """Wait until something holds; gives it."""
        async with asyncio.timeout(seconds):
            while not (found := await condition()):
                await asyncio.sleep(PAUSE)
            return found

    async def nothing_open(self) -> bool:
        """Tell whether every message has an outcome or waits for a person, and the vendors have told all."""
        if self.sim.clock.pending or self.sim.scene.sender.untold:
            return False
        if (await self.call("GET", "/v1/messages", outcome="queued", limit=1))["items"]:
            return False
        unknown = await self.listed("/v1/messages", outcome="unknown")
        return all(row["needs_resolution"] for row in unknown)


def _plain(value: Any) -> Any:
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


@contextlib.asynccontextmanager
async def premises(
    vendors: Sequence[str], store: str, folder: Path, servants: Servants, *, processes: int, seed: int, **terms: Any
) -> AsyncIterator[Premises]:
    """Set everything up: services that run, an account of each vendor, two receivers."""
    async with contextlib.AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulation(vendors, seed=seed, latency=0.05))
        receivers = [await stack.enter_async_context(receiving()) for _ in range(2)]
        services = [Service(_reserved()) for _ in range(processes)]
        dice = Random(seed)  # noqa: S311 - made-up misfortune is no secret
        made = Premises(sim, store, folder, servants, vendors, dice, services=services, **terms)
        stack.push_async_callback(made.close)
        for service in services:
            await made.start(service)
        for number, vendor in enumerate(vendors):
            twin: Any = sim.twin(vendor)
            twin.retry_delays, twin.timeout = REDELIVERY, PATIENCE
            await made.connect(vendor, services[number % processes])
        for receiver, types in zip(receivers, ([], ["message.received"]), strict=True):
            (await made.subscribe(receiver, types)).moody(dice)
        yield made
