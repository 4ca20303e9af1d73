"""What stands around every request: an id, a span, a place in the log and in the metrics, and an answer come what may.

Plain ASGI. Bodies are read and held to their limits here, before a route sees them; whatever is raised becomes a
problem document here, also what no route catches.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from gateway.config import LimitsSection
from gateway.errors import ConfigurationError, GatewayError
from gateway.log import logger
from gateway.server.body import BodyLimits, Receive, Scope, Send, check_json, read_body, replayed, timed
from gateway.server.problems import Fault, fault_of
from gateway.server.requests import current_request, new_request_id
from gateway.server.telemetry import Telemetry, route_of

__all__ = ["App", "Frame", "Streamed"]

_log = logger(__name__)

App = Callable[[Scope, Receive, Send], Awaitable[None]]

Streamed = Callable[[str, str], bool]
"""Tells whether a method and a path take a long body, which the route reads as it comes."""

JSON_ONLY = ("/v1/", "/graphql")
"""Paths below which every body is JSON."""

_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


@dataclass(slots=True)
class _Answer:
    """How far the answer to one request has come."""

    send: Send
    request_id: str
    scope: Scope
    status: int = 0
    extra: dict[str, str] = field(default_factory=dict)

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._headers(message.get("headers", ()))}
        await self.send(message)

    def _headers(self, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        headers = [(bytes(name).lower(), bytes(value)) for name, value in given]
        names = {name for name, _ in headers}
        state = self.scope.get("state", {})
        more = {**state.get("answer_headers", {}), **self.extra, "x-request-id": self.request_id}
        headers += [(name.encode(), value.encode()) for name, value in more.items() if name.encode() not in names]
        headers += [pair for pair in _SAFE if pair[0] not in names]
        if b"cache-control" not in names:
            headers.append((b"cache-control", b"no-store"))
        if self.status in {408, 413} and b"connection" not in names and self.scope["http_version"].startswith("1"):
            # nobody will read the rest of the body
            headers.append((b"connection", b"close"))
        return headers


class Frame:
    """Stands around an application."""

    def __init__(self, app: App, limits: LimitsSection, telemetry: Telemetry, *, streamed: Streamed) -> None:
        self._app = app
        self._limits = limits
        self._telemetry = telemetry
        self._streamed = streamed
        self._json = BodyLimits(
            limits.json_bytes, limits.receive, limits.json_depth, limits.json_keys, limits.json_text
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the server."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1000})
            else:
                await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = new_request_id()
        token = current_request.set(request_id)
        scope.setdefault("state", {})
        answer = _Answer(send, request_id, scope)
        try:
            with self._telemetry.request(scope) as span:
                await self._guarded(scope, receive, answer)
                self._telemetry.answered(span, scope, answer.status, time.perf_counter() - started)
        finally:
            current_request.reset(token)
            _note(scope, answer, time.perf_counter() - started)

    async def _guarded(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            bounded = await self._bounded(scope, receive)
            if bounded is not None:
                await self._app(scope, bounded, answer)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if not isinstance(error, Fault | GatewayError | ConfigurationError):
                _log.error("request_failed", request_id=answer.request_id, exc_info=error)
            if answer.status:
                raise  # the answer has begun: all that is left is to hang up
            await problem(scope, answer, fault_of(error))

    async def _bounded(self, scope: Scope, receive: Receive) -> Receive | None:
        """Give the body as the route may read it; None when the client has left."""
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        if self._streamed(scope["method"], scope["path"]):
            return timed(receive, size=self._limits.upload_bytes, seconds=self._limits.upload, headers=headers)
        body = await read_body(receive, headers, self._json)
        if body is None:
            return None
        if body and scope["path"].startswith(JSON_ONLY):
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json" and not kind.endswith("+json"):
                raise Fault(415, "unsupported_media_type", "a body has to be application/json", hint="name its type")
            scope["state"]["json"] = check_json(body, self._json)
        return replayed(body, receive)


async def problem(scope: Scope, send: Send, fault: Fault) -> None:
    """Answer with a problem document."""
    status, headers, body = fault.answer(path=scope["path"], request_id=current_request.get())
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _note(scope: Scope, answer: _Answer, seconds: float) -> None:
    """Log a request by its route: a path may hold what should not be in a log."""
    caller = scope["state"].get("caller")
    _log.info(
        "request",
        request_id=answer.request_id,
        method=scope["method"],
        route=route_of(scope),
        status=answer.status,
        ms=round(seconds * 1000, 1),
        key=caller.key_id if caller else None,
    )
