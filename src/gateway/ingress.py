"""Webhooks over HTTP: plain ASGI, no framework; mounts in any of them.

`POST …/webhooks/{connection}`: the last segment of the path names the connection, so the application may be mounted
under any prefix. Nothing that comes from the network makes a 500, a hang or unbounded growth: a request has a deadline
and a size, all of them together have a number and a size, and what is too much is told to come again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Protocol, TypeAlias
from urllib.parse import unquote

from pydantic_core import to_json

from gateway.errors import GatewayError, NoRoute, StoreError, WebhookError
from gateway.exchange import Reply
from gateway.files import Files
from gateway.log import logger

__all__ = ["ASGIApp", "Ingress", "Receiver"]

_log = logger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI 3 application."""

MAX_BODY = 1024 * 1024
"""Bytes of a webhook; vendors' are a few thousand."""
DEADLINE = 10.0
"""Seconds for the whole request to arrive."""
ACCEPT = 10.0
"""Seconds for it to be kept; vendors wait 10 to 15."""
MOST_OPEN = 1000
"""Requests at the same time, those that are still arriving included."""
MOST_BYTES = 64 * 1024 * 1024
"""Bytes of all bodies that are in memory at the same time."""
AGAIN = 5
"""Seconds after which a vendor may try again, by the header `Retry-After`."""
LONGEST_NAME = 128
"""Characters of a connection's name."""


class Receiver(Protocol):
    """Takes a webhook in (`Gateway.receive`); the names of its headers are in lower case."""

    async def __call__(
        self, connection: str, headers: list[tuple[str, str]], body: bytes, *, method: str = ..., query: str = ...
    ) -> Reply:
        """Commit it and say what to answer."""


class _TooLargeError(Exception):
    pass


class _TooMuchError(Exception):
    pass


class Ingress:
    """The ASGI application that receives webhooks."""

    def __init__(
        self,
        receive: Receiver,
        files: Files | None,
        *,
        start: Callable[[], Awaitable[None]],
        stop: Callable[[], Awaitable[None]],
        deadline: float = DEADLINE,
    ) -> None:
        self._receive = receive
        self._files = files
        self._start = start
        self._stop = stop
        self._deadline = _Patience(deadline)
        self._accepting = _Patience(ACCEPT)
        self._open = 0
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the server."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            self._open += 1
            try:
                reply = await self._guarded(scope, receive, send)
            finally:
                self._open -= 1
            if reply is not None:
                await _answer(scope, send, reply)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._start()
                except Exception as error:  # a border: the server is to say why it does not start
                    await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
                    raise
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> Reply | None:
        """Answer whatever comes; what should never happen is told to come again, since nothing of it is kept."""
        if self._open > MOST_OPEN:
            return _later("too many requests at once", "overload")
        try:
            if self._files is not None and self._files.serve.asked(scope):
                await self._files.serve(scope, receive, send)
                return None
            if scope["method"] != "POST":
                return _not_posted(scope["method"])
            return await self._webhook(scope, receive)
        except StoreError as error:
            return _later("the store is not there", error.slug)
        except Exception as error:  # noqa: BLE001 - a border: no input makes a 500
            return _later("something went wrong here", type(error).__name__)

    async def _webhook(self, scope: Scope, receive: Receive) -> Reply | None:
        """Read a webhook and hand it on; gives None when nobody waits for the answer any more."""
        name = unquote(scope["path"].rstrip("/").rpartition("/")[2])
        if len(name) > LONGEST_NAME:
            return _problem(404, "not found", "there is no such connection")
        headers = [(key.decode("latin-1").lower(), value.decode("latin-1")) for key, value in scope["headers"]]
        held = _Held(self)
        waiting = _Waiting(self._deadline)
        try:
            with waiting:
                body = await held.body(headers, receive)
                if body is None:
                    return None
                waiting.on(self._accepting)
                return await self._receive(name, headers, body, query=scope.get("query_string", b"").decode("latin-1"))
        except StoreError:
            raise
        except (TimeoutError, _TooLargeError, _TooMuchError, GatewayError) as error:
            return self._refused(error, arriving=waiting.patience is self._deadline)
        finally:
            held.release()

    def _refused(self, error: TimeoutError | _TooLargeError | _TooMuchError | GatewayError, *, arriving: bool) -> Reply:
        match error:
            case TimeoutError() if arriving:
                seconds = self._deadline.seconds
                return _problem(408, "request timeout", f"send the whole body within {seconds:g} seconds")
            case TimeoutError():
                return _later("the store is slow", "timeout")
            case _TooLargeError():
                return _problem(413, "content too large", f"a webhook has at most {MAX_BODY} bytes")
            case _TooMuchError():
                return _later("too much at once", "overload")
        return _refusal(error)

    def hold(self, size: int) -> None:
        """Count bytes that are in memory; raises when they are too many."""
        if self._bytes + size > MOST_BYTES:
            raise _TooMuchError
        self._bytes += size

    def free(self, size: int) -> None:
        """Count bytes that no longer are."""
        self._bytes -= size


class _Held:
    """The body of one request, as far as it has arrived."""

    def __init__(self, ingress: Ingress) -> None:
        self._ingress = ingress
        self._size = 0

    async def body(self, headers: Iterable[tuple[str, str]], receive: Receive) -> bytes | None:
        """Read it, not further than a webhook may be long; None when the other side has left."""
        if _declared(headers) > MAX_BODY:
            raise _TooLargeError
        chunks: list[bytes] = []
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk = message.get("body", b"")
            size = len(chunk)
            if self._size + size > MAX_BODY:
                raise _TooLargeError
            self._ingress.hold(size)
            self._size += size
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)

    def release(self) -> None:
        """Let go of what was counted."""
        self._ingress.free(self._size)


# ── deadlines ─────────────────────────────────────────────────────────────────────────────────────────────────────


class _Patience:
    """So many seconds for each of many blocks, counted by one timer: two of its own cost a webhook more than its proof.

    Blocks all have the same time, so the one that began first is late first.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.open: dict[_Waiting, None] = {}
        """Blocks under way, the oldest first."""
        self.loop: asyncio.AbstractEventLoop | None = None
        """The loop in which the timer runs."""

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the timer, in a loop in which it does not run yet."""
        self.loop = loop
        loop.call_later(self.seconds, self._look)

    def _look(self) -> None:
        """Cut off the blocks that are late, and look again when the next one may be."""
        loop = asyncio.get_running_loop()
        self.loop = None
        for waiting in list(self.open):
            if waiting.until > loop.time():
                self.loop = loop
                loop.call_at(waiting.until, self._look)
                return
            waiting.cut()


class _Waiting:
    """A block of a task that raises `TimeoutError` when its time is over, as `asyncio.timeout` does."""

    __slots__ = ("_cancelling", "_late", "_loop", "_task", "patience", "until")

    def __init__(self, patience: _Patience) -> None:
        self.patience = patience
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task(self._loop)
        assert task is not None  # noqa: S101 - a server calls an application in a task
        self._task = task

    def on(self, patience: _Patience) -> None:
        """Give what is left of the block another time, which begins now."""
        self.patience.open.pop(self, None)
        self.patience = patience
        self._begin()

    def _begin(self) -> None:
        patience = self.patience
        self.until = self._loop.time() + patience.seconds
        patience.open[self] = None
        if patience.loop is not self._loop:
            patience.watch(self._loop)

    def __enter__(self) -> None:
        self._cancelling = self._task.cancelling()
        self._late = False
        self._begin()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self.patience.open.pop(self, None)
        if self._late and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def cut(self) -> None:
        """End the block."""
        self.patience.open.pop(self, None)
        self._late = True
        self._task.cancel()


# ── what is asked and answered ────────────────────────────────────────────────────────────────────────────────────


def _not_posted(method: str) -> Reply:
    if method in {"GET", "HEAD"}:
        # some vendors and people look whether the address is there
        return Reply(200, {"content-type": "text/plain"}, b"webhooks are received here by POST\n")
    return _problem(405, "method not allowed", "webhooks are POST", {"allow": "GET, HEAD, POST"})


def _declared(headers: Iterable[tuple[str, str]]) -> int:
    """Read how long a body says it is; what is no number, or one without end, is left to what arrives."""
    text = dict(headers).get("content-length", "")
    if not text.isdecimal():
        return 0
    return int(text) if len(text) < 16 else MAX_BODY + 1


def _refusal(error: GatewayError) -> Reply:
    if isinstance(error, NoRoute):
        return _problem(404, "not found", "there is no such connection")
    return _problem(error.answer if isinstance(error, WebhookError) else 400, error.slug, error.hint or "")


def _later(why: str, error: str) -> Reply:
    _log.warning("webhook_put_off", error=error)
    return _problem(503, "service unavailable", f"{why}: deliver it again later", {"retry-after": str(AGAIN)})


def _problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> Reply:
    """Make a problem document (RFC 9457) without anything of the request in it."""
    code = title.replace(" ", "_")
    body = to_json({"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code})
    return Reply(status, {"content-type": "application/problem+json", **(headers or {})}, body)


async def _answer(scope: Scope, send: Send, reply: Reply) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    headers.append((b"content-length", str(len(reply.body)).encode()))
    if reply.status in {408, 413, 503} and scope.get("http_version", "").startswith("1"):
        # nobody will read the rest of the body
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})
