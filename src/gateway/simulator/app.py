"""One ASGI application: twins under their names, the control API under `/_sim/`, the phone under `/_phone/`.

Plain ASGI: a twin's route is matched on the raw path, and a reset reaches through to the server's transport.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, MutableMapping
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from pydantic_core import to_json

from gateway.simulator.asgi import (
    Receive,
    Scope,
    Send,
    TooLarge,
    answer,
    body_of,
    headers_of,
    raw_path_of,
    reset,
)
from gateway.simulator.control import Control
from gateway.simulator.faults import Fault, FaultKind, Stage
from gateway.simulator.journal import Entry
from gateway.simulator.keeping import Keeper
from gateway.simulator.phone import MOUNT, PhonePage
from gateway.simulator.router import Router
from gateway.simulator.scene import Scene
from gateway.simulator.twin import Deliver, Twin, TwinReply, TwinRequest

__all__ = ["SimulatorApp"]

_BODY_BYTES = 16 * 1024 * 1024
_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"

Handler = Callable[[TwinRequest], TwinReply | Deliver]


class SimulatorApp:
    """Answers for every vendor of a scene."""

    def __init__(
        self,
        scene: Scene,
        *,
        names: frozenset[str] = frozenset(),
        token: str | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        self._scene = scene
        self._keeper = keeper
        self._control = Control(scene, names=names)
        self._phone = PhonePage(scene, app=self, names=names, token=token or secrets.token_urlsafe(18))
        self._routers: dict[str, tuple[Twin, Router[Handler]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        mount, rest = _split(raw_path_of(scope))
        try:
            body = await body_of(receive, _BODY_BYTES)
        except TooLarge:
            await answer(send, 413, {"connection": "close"})
            return
        if body is None:
            return
        if mount in self._scene.twins:
            talk = _Conversation(self._scene, self._router(mount), receive, send, self._keeper)
            await talk.run(_request(scope, rest, body))
            return
        send = self._kept(scope, send)
        if mount == MOUNT:
            await self._phone.respond(scope, rest or "/", body, receive, send)
        else:
            path = (rest or "/") if mount == "_sim" else None
            status, value, headers = await self._control.respond(scope["method"], path, scope, body)
            await answer(send, status, {"content-type": "application/json", **headers}, to_json(value))

    def _kept(self, scope: Scope, send: Send) -> Send:
        """Write the world down before a page or a program hears what changed in it."""
        keeper = self._keeper
        if keeper is None:
            return send

        async def keep_and_send(message: MutableMapping[str, Any]) -> None:
            # what a person does to a phone is not all in the journal
            keeper.save(anyway=scope["method"] != "GET" and message["type"] == "http.response.start")
            await send(message)

        return keep_and_send

    def _router(self, vendor: str) -> tuple[Twin, Router[Handler]]:
        twin = self._scene.twins[vendor]
        known = self._routers.get(vendor)
        # after a reset there is another twin under the same name
        if known is None or known[0] is not twin:
            known = twin, Router((route.method, route.pattern, route.handler) for route in twin.routes())
            self._routers[vendor] = known
        return known


class _Conversation:
    """One request to a twin and its answer, with what faults make of them."""

    def __init__(
        self,
        scene: Scene,
        routed: tuple[Twin, Router[Handler]],
        receive: Receive,
        send: Send,
        keeper: Keeper | None,
    ) -> None:
        self._scene = scene
        self._keeper = keeper
        self._twin, self._router = routed
        self._receive = receive
        self._send = send

    async def run(self, request: TwinRequest) -> None:
        entry = self._note(request)
        vendor = self._twin.name
        fault = self._scene.faults.request(Stage.REQUEST, vendor, request.method, request.path)
        if fault is not None:
            await self._pause(fault.seconds)
            if fault.kind is not FaultKind.DELAY:
                await self._suffer(entry, fault, None)
                return
        with self._scene.clock.working():
            reply = await self._handle(request)
            done = reply.status < 300
            fault = self._scene.faults.request(Stage.ACCEPTED, vendor, request.method, request.path) if done else None
            if fault is None:
                await self._answer(entry, reply)
                return
        await self._pause(fault.seconds)
        await self._suffer(entry, fault, reply)

    async def _handle(self, request: TwinRequest) -> TwinReply:
        found = self._router.find(request.method, request.raw_path)
        if found is None:
            return TwinReply(404)
        if found.target is None:
            return TwinReply(405, headers={"allow": ", ".join(found.allowed)})
        try:
            reply = found.target(_with_params(request, dict(found.params)))
            if isinstance(reply, Deliver):
                return reply.answer(await self._scene.sender.deliver(self._twin, reply.webhook))
            return reply
        except Exception as error:  # noqa: BLE001 - a border: a twin that fails is a server that fails
            self._scene.failed(error)
            return TwinReply(500)

    async def _suffer(self, entry: Entry, fault: Fault, reply: TwinReply | None) -> None:
        """Let a fault strike; `reply` is what was to be said, None when the twin was not asked."""
        if fault.kind is FaultKind.DELAY and reply is not None:
            await self._answer(entry, reply)
        elif fault.kind is FaultKind.ANSWER:
            await self._answer(entry, self._refusal(fault))
        elif fault.kind is FaultKind.MALFORMED:
            await self._answer(entry, _broken(fault, reply))
        elif fault.kind is FaultKind.HTML:
            await self._answer(entry, TwinReply(fault.http_status, headers={"content-type": "text/html"}, body=_HTML))
        else:
            self._note_answer(entry, lost=fault.kind.value)
            if fault.kind is FaultKind.SILENCE:
                await self._silence()
            else:
                await reset(self._receive, self._send)

    def _refusal(self, fault: Fault) -> TwinReply:
        reply = self._twin.fault(fault.http_status, fault.code, fault.message)
        if fault.retry_after is None:
            return reply
        headers = {**reply.headers, "retry-after": str(fault.retry_after)}
        return TwinReply(reply.status, reply.json, headers, reply.body)

    async def _silence(self) -> None:
        """Say nothing until the client leaves or the simulator ends."""
        gone = asyncio.ensure_future(self._receive())
        ended = asyncio.ensure_future(self._scene.ended.wait())
        await asyncio.wait({gone, ended}, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not gone.done():
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            await reset(self._receive, self._send)

    async def _pause(self, seconds: float) -> None:
        """Wait by the world's clock; the end of the simulator ends it too."""
        if seconds <= 0:
            return
        slept = asyncio.ensure_future(self._scene.clock.sleep(seconds))
        ended = asyncio.ensure_future(self._scene.ended.wait())
        await asyncio.wait({slept, ended}, return_when=asyncio.FIRST_COMPLETED)
        for task in (slept, ended):
            task.cancel()

    async def _answer(self, entry: Entry, reply: TwinReply) -> None:
        content = reply.content()
        kind = {"content-type": "application/json"} if reply.json is not None and reply.body is None else {}
        headers = {**kind, **{name.lower(): value for name, value in reply.headers.items()}}
        journal = self._scene.journal
        self._note_answer(entry, status=reply.status, headers=journal.headers(headers), body=journal.body(content))
        if self._keeper is not None:
            self._keeper.save()
        # the vendor's date, by the vendor's clock
        date = format_datetime(self._scene.clock.now(), usegmt=True)
        await answer(self._send, reply.status, {"date": date, **headers}, content)

    def _note(self, request: TwinRequest) -> Entry:
        journal = self._scene.journal
        entry = journal.record(
            "request",
            self._twin.name,
            method=request.method,
            path=request.path,
            raw_path=request.raw_path,
            query=dict(request.query),
            headers=journal.headers(request.headers),
            body=journal.body(request.body),
        )
        self._scene.originals.keep(entry.seq, request.headers, request.body)
        return entry

    def _note_answer(self, entry: Entry, **data: object) -> None:
        self._scene.journal.record("answer", self._twin.name, request=entry.seq, path=entry.data["path"], **data)  # type: ignore[arg-type]


def _split(raw_path: str) -> tuple[str, str]:
    """Take the mount point from the rest of the path."""
    mount, slash, rest = raw_path.removeprefix("/").partition("/")
    return unquote(mount), slash + rest


def _request(scope: Scope, raw_path: str, body: bytes) -> TwinRequest:
    query = scope.get("query_string", b"").decode("latin-1")
    return TwinRequest(
        method=scope["method"],
        path=unquote(raw_path),
        raw_path=raw_path,
        params={},
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers=headers_of(scope),
        body=body,
    )


def _with_params(request: TwinRequest, params: dict[str, str]) -> TwinRequest:
    return TwinRequest(
        request.method, request.path, request.raw_path, params, request.query, request.headers, request.body
    )


def _broken(fault: Fault, reply: TwinReply | None) -> TwinReply:
    """Break an answer off in the middle of its JSON."""
    whole = reply.content() if reply is not None and reply.content() else b'{"message": "this answer breaks off"}'
    return TwinReply(fault.http_status, headers={"content-type": "application/json"}, body=whole[: len(whole) // 2])
