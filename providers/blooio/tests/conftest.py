"""The twin on loopback in virtual time, a connection to it, and an application that hears of everything."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

import httpx
import pytest
from pydantic import JsonValue

from gateway.drive import drive
from gateway.model import Chat, Message
from gateway.provider import Event, Exchange, Receipt, SendMessage, Token, WebhookRequest
from gateway.simulator import Contact, Simulation
from gateway.transport import Transport
from gateway_blooio import Blooio, BlooioSettings
from gateway_blooio.simulator import BlooioTwin

T = TypeVar("T")

VENDOR = BlooioTwin.name
ADA = "+12025550150"


@dataclass
class Application:
    """Receives webhooks; `answers` are the next statuses, then 200."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    hooks: list[WebhookRequest] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    url: str = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[1:-1]
        headers = tuple((name.lower(), value) for name, _, value in (line.partition(": ") for line in lines))
        body = await reader.readexactly(int(dict(headers)["content-length"]))
        self.hooks.append(WebhookRequest(headers=headers, body=body, received_at=self.now()))
        status = self.answers.pop(0) if self.answers else 200
        writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@dataclass
class Stand:
    """What a test has in its hands."""

    sim: Simulation
    app: Application
    provider: Blooio
    transport: Transport
    http: httpx.AsyncClient
    sends: int = 0

    @property
    def ada(self) -> Contact:
        """A contact."""
        return self.sim.contact(ADA)

    def switch(self, name: str, value: JsonValue) -> None:
        """Change one of the twin's switches."""
        self.sim.twin(VENDOR).context.switches[name] = value

    async def run(self, exchange: Exchange[T]) -> T:
        """Run an exchange against the twin."""
        return await drive(exchange, self.transport.send)

    async def send(self, *messages: Message | str, to: Chat | str = ADA, key: str | None = None) -> Receipt:
        """Send, in one call."""
        self.sends += 1
        chat = Chat.model_validate(to) if isinstance(to, str) else to
        whole = tuple(Message(each) if isinstance(each, str) else each for each in messages)
        name = key or f"key-{self.sends}"
        return await self.run(
            self.provider.send_message(SendMessage(chat=chat, messages=whole, key=name, token=Token("t")))
        )

    async def ask(self, method: str, path: str, json: object = None, **more: Any) -> httpx.Response:
        """Ask the twin without the provider."""
        return await self.http.request(method, f"{self.sim.base_url(VENDOR)}{path}", json=json, **more)

    async def events(self, seconds: float = 60) -> list[Event]:
        """Let time pass, and give every event since the last time; each webhook has to prove itself."""
        await self.sim.clock.advance(seconds)
        hooks, self.app.hooks = self.app.hooks, []
        for hook in hooks:
            self.provider.verify(hook)
        return [event for hook in hooks for event in self.provider.parse(hook)]


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    """One account of the vendor in virtual time, over loopback."""
    async with (
        Application() as app,
        Simulation([BlooioTwin], seed=3, clock="virtual", webhooks={VENDOR: app.url}) as sim,
        httpx.AsyncClient(headers={"authorization": f"Bearer {sim.api_keys[VENDOR]}"}, trust_env=False) as http,
    ):
        app.now = sim.clock.now
        provider = Blooio(BlooioSettings.model_validate(sim.settings(VENDOR)))
        transport = Transport(provider, connection="test")
        yield Stand(sim, app, provider, transport, http)
        await transport.aclose()


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
