"""The way in over HTTP: `POST /webhooks/{connection}`, plain ASGI, around the gateway's own ingress."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json, to_json

from gateway.exchange import Reply
from gateway.ingress import Ingress
from gateway.server.body import Message, Receive, Scope, Send
from gateway.server.problems import MEDIA_TYPE
from gateway.server.requests import current_request, new_request_id
from gateway.server.service import Service

__all__ = ["Webhooks"]


class _Route:
    """What the route of webhooks is called in metrics and traces: the id in the path is half a secret."""

    path = "/webhooks/{connection}"


_ROUTE = _Route()


@dataclass(slots=True)
class _Answer:
    """The ingress's answer on its way out, with what the service adds to it."""

    send: Send
    request_id: str
    status: int = 0
    held: dict[str, Any] = field(default_factory=dict)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), (b"x-request-id", self.request_id.encode())]
            self.held = {**message, "headers": headers}
            return
        if self.held:
            message = {**message, "body": self._told(message.get("body", b""))}
            await self.send(self.held)
            self.held = {}
        await self.send(message)

    def _told(self, body: bytes) -> bytes:
        """Make a problem one of the service's, with the id of the request."""
        headers = dict(self.held["headers"])
        if headers.get(b"content-type") != MEDIA_TYPE.encode() or not body:
            return body
        document = from_json(body)
        document |= {
            "type": f"/problems/{document['code']}",
            "instance": _ROUTE.path,
            "request_id": self.request_id,
            "retryable": self.status in {408, 429, 503},
        }
        body = to_json(document)
        kept = [pair for pair in self.held["headers"] if pair[0] != b"content-length"]
        self.held["headers"] = [*kept, (b"content-length", str(len(body)).encode())]
        return body


class Webhooks:
    """Takes webhooks in, and counts how long that takes."""

    def __init__(self, service: Service) -> None:
        engine = service.engine
        self._service = service
        self._ingress = Ingress(
            self._receive, None, start=engine.start, stop=engine.close, deadline=service.config.limits.receive
        )
        self._telemetry = service.telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = time.perf_counter()
        answer = _Answer(send, new_request_id())
        token = current_request.set(answer.request_id)
        try:
            with self._telemetry.request(scope) as span:
                await self._ingress(scope, receive, answer)
                seconds = time.perf_counter() - started
                self._telemetry.answered(span, {**scope, "route": _ROUTE}, answer.status, seconds)
        finally:
            current_request.reset(token)
            self._telemetry.ack.observe(time.perf_counter() - started)

    async def _receive(
        self, connection: str, headers: list[tuple[str, str]], body: bytes, *, method: str = "POST", query: str = ""
    ) -> Reply:
        """Take one in; one for a connection that another process has just made, too."""
        await self._service.follow(connection)
        return await self._service.gateway.receive(connection, headers, body, method=method, query=query)
