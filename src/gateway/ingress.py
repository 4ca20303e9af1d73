"""Webhooks over HTTP: plain ASGI, no framework; mounts in any of them.

`POST …/webhooks/{connection}`: the last segment of the path names the connection, so the application may be mounted
under any prefix. Nothing that comes from the network makes a 500, a hang or unbounded growth.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol, TypeAlias
from urllib.parse import unquote

from pydantic_core import to_json

from gateway import files
from gateway.errors import GatewayError, NoRoute, StoreError, WebhookError
from gateway.exchange import Reply
from gateway.store.port import Store

__all__ = ["ASGIApp", "Ingress", "Receiver"]

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI 3 application."""

MAX_BODY = 1024 * 1024
"""Bytes of a webhook; vendors' are a few thousand."""
DEADLINE = 10.0
"""Seconds for the whole request to arrive."""


class Receiver(Protocol):
    """Takes a webhook in (`Gateway.receive`)."""

    async def __call__(
        self, connection: str, headers: list[tuple[str, str]], body: bytes, *, method: str = ..., query: str = ...
    ) -> Reply:
        """Commit it and say what to answer."""


class _TooLargeError(Exception):
    pass


class _GoneError(Exception):
    pass


class Ingress:
    """The ASGI application that receives webhooks."""

    def __init__(
        self,
        receive: Receiver,
        store: Store,
        *,
        start: Callable[[], Awaitable[None]],
        stop: Callable[[], Awaitable[None]],
    ) -> None:
        self._receive = receive
        self._store = store
        self._start = start
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            reply = await self._reply(scope, receive)
            if reply is not None:
                await _answer(send, reply)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _reply(self, scope: Scope, receive: Receive) -> Reply | None:
        name = unquote(scope["path"].rstrip("/").rpartition("/")[2])
        if scope["method"] in {"GET", "HEAD"}:
            if f"/{files.PREFIX}/" in scope["path"]:
                return await files.serve(scope["path"], self._store)
            # some vendors and people look whether the address is there
            return Reply(200, {"content-type": "text/plain"}, b"webhooks are received here by POST\n")
        if scope["method"] != "POST":
            return _problem(405, "method not allowed", "webhooks are POST", {"allow": "GET, HEAD, POST"})
        headers = [(key.decode("latin-1").lower(), value.decode("latin-1")) for key, value in scope["headers"]]
        body = await _in_time(dict(headers), receive)
        if not isinstance(body, bytes):
            return body
        query = scope.get("query_string", b"").decode("latin-1")
        return await self._accept(name, headers, body, query)

    async def _accept(self, name: str, headers: list[tuple[str, str]], body: bytes, query: str) -> Reply:
        try:
            return await self._receive(name, headers, body, query=query)
        except WebhookError as error:
            return _problem(error.answer, error.slug, error.hint or "")
        except NoRoute:
            return _problem(404, "not found", "there is no such connection")
        except StoreError:
            return _problem(503, "store unavailable", "deliver it again later", {"retry-after": "5"})
        except GatewayError as error:
            return _problem(400, error.slug, error.hint or "")


async def _in_time(headers: dict[str, str], receive: Receive) -> bytes | Reply | None:
    """Read the body; gives the problem to answer when it is too slow or too large, and None when nobody waits."""
    try:
        async with asyncio.timeout(DEADLINE):
            return await _body(headers, receive)
    except TimeoutError:
        return _problem(408, "request timeout", f"send the whole body within {DEADLINE:g} seconds")
    except _TooLargeError:
        return _problem(413, "content too large", f"a webhook has at most {MAX_BODY} bytes")
    except _GoneError:
        return None


async def _body(headers: dict[str, str], receive: Receive) -> bytes:
    declared = headers.get("content-length", "0")
    if declared.isascii() and declared.isdigit() and int(declared) > MAX_BODY:
        raise _TooLargeError
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _GoneError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            raise _TooLargeError
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> Reply:
    """Make a problem document (RFC 9457) without anything of the request in it."""
    body = to_json({"type": "about:blank", "title": title, "status": status, "detail": detail})
    return Reply(status, {"content-type": "application/problem+json", **(headers or {})}, body)


async def _answer(send: Send, reply: Reply) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
