"""A provider without a vendor, and a vendor that is only a socket: for tests of what happens on the road."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from pydantic import SecretStr

from gateway.provider import (
    Call,
    CapabilityTable,
    CodeTable,
    Event,
    Exchange,
    Provider,
    ProviderSettings,
    Receipt,
    SendMessage,
    WebhookRequest,
)
from gateway.testing.answering import answering

SECRET = "canary-key-5f3a9c1e"
PHONE = "+13231112233"


class RoadSettings(ProviderSettings):
    """Where it goes, and with which key."""

    url: str
    key: SecretStr = SecretStr(SECRET)


class RoadProvider(Provider[RoadSettings]):
    """Signs calls and knows its address; it has no vendor, so nothing else is ever asked of it."""

    name = "road"
    Settings = RoadSettings
    codes = CodeTable({})

    def bases(self) -> Mapping[str, str]:
        return {"api": self.settings.url, "files": f"{self.settings.url}/files"}

    def authorize(self, call: Call) -> Call:
        key = self.settings.key.get_secret_value()
        return replace(call, headers={**call.headers, "Authorization": f"Bearer {key}"})

    def capabilities(self) -> CapabilityTable:
        raise AssertionError

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        raise AssertionError

    def verify(self, hook: WebhookRequest) -> None:
        raise AssertionError

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        raise AssertionError


def road_provider(url: str, *, key: str = SECRET) -> RoadProvider:
    """Make the provider for an address."""
    return RoadProvider(RoadSettings(url=url, key=SecretStr(key)))


@dataclass(slots=True)
class Heard:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Wire:
    """One accepted connection, and all that was heard on any."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[Heard]

    async def hear(self) -> Heard:
        """Read one whole request."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        self.heard.append(Heard(head[0], headers, body))
        return self.heard[-1]

    async def say(self, *pieces: bytes) -> None:
        """Write bytes."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def answer(self, body: bytes = b"{}", *headers: str, status: str = "200 OK") -> None:
        """Write a whole answer."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        await self.say("\r\n".join(lines).encode() + body)

    def reset(self) -> None:
        """Drop the connection with a RST in place of a FIN."""
        peer: socket.socket = self.writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script: TypeAlias = Callable[[Wire], Awaitable[None]]
"""What the vendor does with one connection; it is closed when the script ends."""


@dataclass(slots=True)
class Vendor:
    """A vendor on a loopback port."""

    url: str
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def vendor(script: Script) -> AsyncIterator[Vendor]:
    """Serve every connection by the script."""
    shown = Vendor("")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        shown.connections += 1
        await script(Wire(reader, writer, shown.heard))

    async with answering(serve) as port:
        shown.url = f"http://127.0.0.1:{port}"
        yield shown


async def always_fine(wire: Wire) -> None:
    """Answer every request."""
    while True:
        await wire.hear()
        await wire.answer()


def closed_port() -> str:
    """Give the URL of a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
