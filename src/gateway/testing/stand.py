"""A stand for the tests of one provider: its twin on loopback in virtual time, and whoever hears its webhooks.

The contract proves what holds for every provider; what is special about one is tried here, call by call.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, Self, TypeVar

from pydantic import JsonValue

from gateway.drive import drive
from gateway.ids import Token
from gateway.model import Chat, Message
from gateway.provider import Event, Exchange, Provider, Receipt, SendMessage, WebhookRequest
from gateway.simulator import Contact, Simulation, Twin
from gateway.testing.answering import answering
from gateway.transport import Transport

__all__ = ["CONTACT", "Hearer", "Stand"]

T = TypeVar("T")
P = TypeVar("P", bound=Provider[Any])

CONTACT = "+12025550150"
"""Whom a stand writes to unless it is told otherwise."""


@dataclass
class Hearer:
    """Receives webhooks as they are on the wire; `answers` are the next statuses, then 200."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    hooks: list[WebhookRequest] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    url: str = ""

    async def __aenter__(self) -> Self:
        self._listening = answering(self._serve)
        self.url = f"http://127.0.0.1:{await self._listening.__aenter__()}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._listening.__aexit__(None, None, None)

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


@dataclass
class Stand(Generic[P]):
    """What a test has in its hands; a provider's tests may add to it in a subclass."""

    sim: Simulation
    app: Hearer
    provider: P
    transport: Transport
    sends: int = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, provider: type[P], twin: type[Twin], *, seed: int = 3) -> AsyncIterator[Self]:
        """Set a stand up for one account at the vendor, and clear it away."""
        async with (
            Hearer() as app,
            Simulation([twin], seed=seed, clock="virtual", webhooks={twin.name: app.url}) as sim,
        ):
            app.now = sim.clock.now
            made = provider(provider.Settings.model_validate(sim.settings(twin.name)))
            transport = Transport(made, connection="test")
            try:
                yield cls(sim, app, made, transport)
            finally:
                await transport.aclose()

    @property
    def vendor(self) -> str:
        """The vendor's name in the simulation."""
        return self.sim.vendors[0]

    @property
    def url(self) -> str:
        """Where the twin is, for asking it without the provider."""
        return self.sim.base_url(self.vendor)

    @property
    def contact(self) -> Contact:
        """The contact."""
        return self.sim.contact(CONTACT)

    def switch(self, name: str, value: JsonValue) -> None:
        """Change one of the twin's switches."""
        self.sim.twin(self.vendor).context.switches[name] = value

    def configured(self, **settings: Any) -> P:
        """Give a provider with other settings, on the same twin."""
        kind = type(self.provider)
        return kind(kind.Settings.model_validate({**self.sim.settings(self.vendor), **settings}))

    async def run(self, exchange: Exchange[T]) -> T:
        """Run an exchange against the twin."""
        return await drive(exchange, self.transport.send)

    async def send(self, *messages: Message | str, to: Chat | str = CONTACT, key: str | None = None) -> Receipt:
        """Send, in one call; each send has a key and a token of its own."""
        self.sends += 1
        chat = Chat.model_validate(to) if isinstance(to, str) else to
        whole = tuple(Message(each) if isinstance(each, str) else each for each in messages or ("hi",))
        action = SendMessage(
            chat=chat, messages=whole, key=key or f"key-{self.sends}", token=Token(f"{self.sends:022d}")
        )
        return await self.run(self.provider.send_message(action))

    async def events(self, seconds: float = 60) -> list[Event]:
        """Let time pass, and give every event since the last time; each webhook has to prove itself."""
        await self.sim.clock.advance(seconds)
        hooks, self.app.hooks = self.app.hooks, []
        for hook in hooks:
            self.provider.verify(hook)
        return [event for hook in hooks for event in self.provider.parse(hook)]
