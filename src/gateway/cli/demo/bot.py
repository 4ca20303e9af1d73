"""The demo's bot as a program of its own would be: it takes signed events at a URL, and answers over the API.

Nothing of the gateway is used but the check of the signature, for which there are libraries in every language.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from gateway.cli.demo.elsewhere import Answer, Unusable, asked
from gateway.cli.demo.trace import Seen
from gateway.clock import Clock
from gateway.forward import Verdict, verify
from gateway.forward.signing import VerifyingKey
from gateway.ingress import Receive, Scope, Send
from gateway.transport import ClientError, plain_client

__all__ = ["Api", "Receiver", "echo", "other"]

_MOST_BYTES = 64 * 1024
_PATIENCE = 12.0
_SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")

Think = Callable[[Mapping[str, str], bytes], Awaitable[Answer]]
"""What a bot makes of an event: its signed headers, and its bytes."""


@dataclass(frozen=True, slots=True)
class Api:
    """The API of the service, as any program calls it."""

    url: str
    key: str = field(repr=False)

    async def post(self, path: str, body: Mapping[str, Any], key: str) -> None:
        """Have something done, once for a `key`; raises `Unusable`."""
        headers = {"authorization": f"Bearer {self.key}", "idempotency-key": key}
        async with plain_client(_PATIENCE) as client:
            try:
                answer = await client.post(f"{self.url}{path}", json=dict(body), headers=headers)
            except ClientError as error:
                raise Unusable(f"the API cannot be reached ({type(error).__name__})") from error
        if answer.status_code >= 300:
            raise Unusable(f"the API refused: {from_json(answer.content).get('detail')}")


class Receiver:
    """Takes deliveries, and does what the bot thinks of each; a plain ASGI application."""

    def __init__(
        self, think: Think, clock: Clock, show: Callable[[Seen], None], trouble: Callable[[str], None], *, name: str
    ) -> None:
        self._think = think
        self._clock = clock
        self._show = show
        self._trouble = trouble
        self._name = name
        self.keys: tuple[VerifyingKey, ...] = ()
        """What deliveries are proven with."""
        self.api: Api | None = None
        self.vendors: dict[str, str] = {}
        """Vendor by the id of a connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one delivery."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        status = await self._taken(headers, await _read(receive))
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def _taken(self, headers: Mapping[str, str], body: bytes) -> int:
        began, at = time.perf_counter(), self._clock.now()
        said = verify(headers, body, self.keys, now=int(at.timestamp()))
        if said is not Verdict.GENUINE:
            self._trouble(f"{self._name} refused a delivery: {said.value}")
            return 401
        event = from_json(body)
        status = await self._answered(headers, body, event["data"])
        self._tell(event, status, at, time.perf_counter() - began)
        return status

    async def _answered(self, headers: Mapping[str, str], body: bytes, data: Mapping[str, Any]) -> int:
        """Do what the bot wants; what fails is delivered again, and done once for all that."""
        if data.get("ours") or self.api is None:
            return 204
        try:
            said = await self._think({name: headers[name] for name in _SIGNED}, body)
            await _act(self.api, data["id"], said, headers["webhook-id"])
        except Unusable as error:
            self._trouble(f"{self._name}: {error}")
            return error.status or 503
        return 204

    def _tell(self, event: Mapping[str, Any], status: int, at: datetime, seconds: float) -> None:
        vendor, what = self.vendors[event["data"]["connection"]], f"{event['type']} to {self._name}"
        self._show(Seen(at, vendor, "forward", what, status, round(seconds * 1000, 1), fine=status < 300))


async def echo(_: Mapping[str, str], body: bytes) -> Answer:
    """Say back whatever was written: the whole bot."""
    parts = from_json(body)["data"]["message"]["parts"]
    text = "".join(part["text"] for part in parts if part["type"] == "text")
    return Answer(text=f"You said: {text}")


def other(url: str) -> Think:
    """Ask the bot at a URL; it gets the very bytes, with the signature that the service made."""

    async def think(headers: Mapping[str, str], body: bytes) -> Answer:
        return await asked(url, body, headers)

    return think


async def _act(api: Api, event: str, said: Answer, key: str) -> None:
    """Answer an event, in its chat."""
    if said.react is not None:
        await api.post("/v1/reactions", {"message": event, "reaction": said.react.text}, f"{key}.react")
    if said.text is not None:
        message: dict[str, Any] = {"parts": [{"type": "text", "text": said.text}]}
        message |= {"subject": said.subject} if said.subject else {}
        message |= {"effect": said.effect.value} if said.effect else {}
        await api.post("/v1/messages", {"to": event, "message": message}, key)


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more and len(body) < _MOST_BYTES:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body
