"""An application that receives webhooks: keeps what came, and answers as it was told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic_core import from_json

from gateway.testing.answering import answering


@dataclass(frozen=True, slots=True)
class Received:
    """One webhook as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        """The made-up vendor's word."""
        return self.headers["x-echo-event"]

    def json(self) -> Any:
        """The body as JSON."""
        return from_json(self.body)


@dataclass
class Receiver:
    """Listens on a free port; `answers` are the next statuses, 0 is silence, then 200."""

    answers: list[int] = field(default_factory=list)
    hooks: list[Received] = field(default_factory=list)
    url: str = ""
    came: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the first one came."""

    async def __aenter__(self) -> Self:
        """Listen."""
        self._listening = answering(self._serve)
        self.url = f"http://127.0.0.1:{await self._listening.__aenter__()}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Listen no more."""
        await self._listening.__aexit__(None, None, None)

    @property
    def events(self) -> list[str]:
        """The events in the order they came."""
        return [hook.event for hook in self.hooks]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[1:-1]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.hooks.append(Received(headers, body))
        self.came.set()
        status = self.answers.pop(0) if self.answers else 200
        if status:
            writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok".encode())
            await writer.drain()
        else:
            await reader.read()
