"""`Idempotency-Key`: the same request again gives the first answer, whatever happened in between.

A key belongs to tenant and route; what it was used with is known by a hash of the request. What a request keeps in the
outbox it keeps under a key that is made of the same three things, so that a process which dies between the outbox and
this record leaves nothing that a repetition would do twice. Answers are kept once something was kept; a request that
was refused before that gives its key back.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Header, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from pydantic_core import to_json

from gateway.server.access import Scope, bearer_of, caller_of, service_of
from gateway.server.problems import Fault, fault_of
from gateway.server.requests import current_request
from gateway.server.service import Service
from gateway.store.records.idempotency import Kept, Turn
from gateway.tenancy import Caller

__all__ = ["IdempotencyKey", "Repeatable", "engine_key", "was_kept"]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Your own word for this request, 1 to 255 visible ASCII characters, bare or in quotes. The same"
        " request with the same key is carried out once, and answered as the first time, for 72 hours.",
    ),
]

LEASE = timedelta(seconds=60)
"""How long a request holds its key; longer than any is allowed to take."""

_KEY = re.compile(r'"[!#-~]{1,255}"|[!#-~]{1,255}')
_OURS = ("ratelimit-", "x-request-id", "content-length", "date", "server")


class Repeatable(APIRoute):
    """A route that takes `Idempotency-Key`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        carry_out = super().get_route_handler()
        route = f"{','.join(sorted(self.methods or ()))} {self.path_format}"
        needed = [need.call.scope for need in self.dependant.dependencies if isinstance(need.call, Scope)]

        async def handler(request: Request) -> Response:
            given = request.headers.getlist("idempotency-key")
            if not given:
                return await carry_out(request)
            caller = await caller_of(request, bearer_of(request))
            for scope in needed:  # before an answer is given again that this key could not have had
                caller.demand(scope)
            asked = await _fingerprint(request, caller)
            repetition = _Repetition(service_of(request), caller, route, _read(given), asked)
            return await repetition.answer(request, carry_out)

        return handler


class _Repetition:
    """One request with a key."""

    def __init__(self, service: Service, caller: Caller, route: str, key: str, fingerprint: str) -> None:
        self._service = service
        self._caller = caller
        self._place = (caller.tenant, route, key)
        self._fingerprint = fingerprint

    async def answer(self, request: Request, carry_out: Callable[[Request], Coroutine[Any, Any, Response]]) -> Response:
        now = self._service.now()
        records = self._service.idempotency
        begun = await records.begin(*self._place, fingerprint=self._fingerprint, now=now, until=now + LEASE)
        if begun.turn is Turn.DONE and begun.answer is not None:
            return self._again(begun.answer)
        if begun.turn is not Turn.MINE:
            raise _refusal(begun.turn)
        request.scope["state"]["engine_key"] = _digest(*self._place)
        return await self._carried_out(request, carry_out)

    async def _carried_out(
        self, request: Request, carry_out: Callable[[Request], Coroutine[Any, Any, Response]]
    ) -> Response:
        try:
            response = await carry_out(request)
        except Exception as error:
            fault = fault_of(error)
            if request.scope["state"].get("kept") and fault.status < 500:
                await self._keep(*fault.answer(path=request.url.path, request_id=current_request.get()))
            else:
                await self._service.idempotency.forget(*self._place)
            raise
        if isinstance(response, StreamingResponse):
            # what is told as it goes is told once; what it does under a key of its own is still done once
            await self._service.idempotency.forget(*self._place)
        elif response.status_code < 500:
            await self._keep(response.status_code, dict(response.headers), bytes(response.body))
        return response

    async def _keep(self, status: int, headers: dict[str, str], body: bytes) -> None:
        kept = {name: value for name, value in headers.items() if not name.lower().startswith(_OURS)}
        sealed = await self._service.seal_answer(self._place, body)
        await self._service.idempotency.finish(*self._place, Kept(status, kept, sealed))

    def _again(self, kept: Kept) -> Response:
        body = self._service.open_answer(self._place, kept.body)
        return Response(body, kept.status, {**kept.headers, "idempotency-replayed": "true"})


def engine_key(request: Request) -> str | None:
    """Give the key under which a request keeps what it promises; None where it has none."""
    key = request.scope["state"].get("engine_key")
    return str(key) if key else None


def was_kept(request: Request) -> None:
    """Note that something was kept: from here on a failure is an answer that a repetition gets too."""
    request.scope["state"]["kept"] = True


def _read(given: list[str]) -> str:
    """Read the header, quoted as the draft of the IETF has it, or bare; raises `Fault`."""
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise Fault(
            400,
            "bad_request",
            "Idempotency-Key has to be one word of 1 to 255 visible ASCII characters",
            hint="a UUID is a good one",
        )
    return given[0].strip('"')


async def _fingerprint(request: Request, caller: Caller) -> str:
    """Hash what makes a request this one and no other: where to, and its content, whatever its spelling.

    Of a key that is bound to connections those count too: what one of them was answered is none of another's business.
    """
    state = request.scope["state"]
    body = to_json(_sorted(state["json"])) if "json" in state else await request.body()
    bound = [] if caller.connections is None else [sorted(caller.connections)]
    where = to_json([request.url.path, sorted(request.query_params.multi_items()), *bound])
    return hashlib.sha256(where + b"\n" + body).hexdigest()


def _sorted(value: Any) -> Any:
    match value:
        case dict():
            return {key: _sorted(value[key]) for key in sorted(value)}
        case list():
            return [_sorted(item) for item in value]
    return value


def _digest(tenant: str, route: str, key: str) -> str:
    return "http:" + hashlib.sha256(to_json([tenant, route, key])).hexdigest()


def _refusal(turn: Turn) -> Fault:
    if turn is Turn.OTHER:
        detail = "this Idempotency-Key was used before with another request"
        return Fault(422, "idempotency_mismatch", detail, hint="use a new key, or repeat the very same request")
    return Fault(409, "in_progress", "the first request with this Idempotency-Key is still under way", retry_after=1)
