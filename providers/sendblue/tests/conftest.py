"""The twin on loopback in virtual time, a connection to it, and an application that hears of everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
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
from gateway_sendblue import Sendblue, SendblueSettings
from gateway_sendblue.simulator import SendblueTwin

T = TypeVar("T")

VENDOR = SendblueTwin.name
ADA, BEN, CLEO = "+12025550150", "+12025550151", "+12025550152"
LINE, OTHER_LINE = SendblueTwin.lines


@dataclass
class Application:
    """Receives webhooks; `answers` are the next statuses, then 200."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    hooks: list[WebhookRequest] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
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
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[:-1]
        headers = tuple((name.lower(), value) for name, _, value in (line.partition(": ") for line in lines))
        body = await reader.readexactly(int(dict(headers)["content-length"]))
        path, _, query = first.split(" ")[1].partition("?")
        self.paths.append(path)
        self.hooks.append(WebhookRequest(headers=headers, body=body, received_at=self.now(), query=query))
        status = self.answers.pop(0) if self.answers else 200
        writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@dataclass
class Stand:
    """What a test has in its hands."""

    sim: Simulation
    app: Application
    provider: Sendblue
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

    def configured(self, **settings: Any) -> Sendblue:
        """Give a provider with other settings, on the same twin."""
        return Sendblue(SendblueSettings.model_validate({**self.sim.settings(VENDOR), **settings}))

    async def run(self, exchange: Exchange[T]) -> T:
        """Run an exchange against the twin."""
        return await drive(exchange, self.transport.send)

    async def send(self, message: Message | str = "hi", *, to: Chat | str = ADA) -> Receipt:
        """Send a message."""
        self.sends += 1
        chat = Chat.model_validate(to) if isinstance(to, str) else to
        whole = Message(message) if isinstance(message, str) else message
        action = SendMessage(chat=chat, messages=(whole,), key=f"k{self.sends}", token=Token(f"{self.sends:022d}"))
        return await self.run(self.provider.send_message(action))

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
        Simulation([SendblueTwin], seed=3, clock="virtual", webhooks={VENDOR: app.url}) as sim,
    ):
        settings = sim.settings(VENDOR)
        keys = {"sb-api-key-id": settings["api_key_id"], "sb-api-secret-key": settings["api_secret_key"]}
        async with httpx.AsyncClient(headers=keys, trust_env=False) as http:
            app.now = sim.clock.now
            provider = Sendblue(SendblueSettings.model_validate(settings))
            transport = Transport(provider, connection="test")
            yield Stand(sim, app, provider, transport, http)
            await transport.aclose()
