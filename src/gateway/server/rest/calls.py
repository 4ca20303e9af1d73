"""Calls to a vendor's API as data: what lets a library that is elsewhere run any exchange of a provider.

The exchange runs there, each of its calls here, with the connection's credentials, its bounds and its careful
repetition. Where a call may go is the provider's to say: it names one of its bases, never a host.
"""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, JsonValue

from gateway.drive import BrokenExchange
from gateway.errors import InvalidMessage
from gateway.exchange import Call, Exchange, Repeat, Reply
from gateway.server.access import Needs, service_of
from gateway.server.rest.connections import ConnectionPath
from gateway.server.rest.content import Input
from gateway.server.rest.shown import Output
from gateway.tenancy import ADMIN, Caller

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1/connections", tags=["connections"])

_OURS = frozenset(
    {"authorization", "connection", "content-length", "cookie", "host", "proxy-authorization", "transfer-encoding"}
)
"""Headers that belong to the connection and to its credentials."""

_Text = Annotated[str, Field(max_length=4096)]


class CallIn(Input):
    """One request to the vendor, without credentials and without a host."""

    method: str = Field(pattern=r"^(GET|HEAD|POST|PUT|PATCH|DELETE)$")
    path: str = Field(pattern=r"^/[!-~]*$", max_length=4096)
    """Below the base, every value percent-encoded."""
    json_: JsonValue = Field(default=None, alias="json", repr=False)
    """The body; null is none."""
    params: dict[str, _Text] = Field(default={}, repr=False)
    """The query."""
    headers: dict[str, _Text] = Field(default={}, repr=False)
    base: str = Field(default="api", max_length=64)
    """Which of the provider's hosts."""
    repeat: Repeat = Repeat.NEVER
    """What a second copy of the call would do: `safe`, `keyed`, `traced` or `never`."""


class ReplyOut(Output):
    """What the vendor answered, whatever its status."""

    status: int
    headers: dict[str, str] = Field(repr=False)
    body: str = Field(repr=False)
    """The bytes, in base 64."""


@router.post("/{connection}/calls", summary="Call the vendor's API")
async def call(
    request: Request, connection: ConnectionPath, body: CallIn, caller: Annotated[Caller, Needs(ADMIN)]
) -> ReplyOut:
    """Carry one call to the vendor with the connection's credentials, and give its answer as it came."""
    service = service_of(request)
    found = service.running(caller, connection, ADMIN)
    if body.base not in found.provider.bases():
        raise InvalidMessage("the provider has no such base", hint=f"there are: {', '.join(found.provider.bases())}")
    if refused := sorted({name.lower() for name in body.headers} & _OURS):
        raise InvalidMessage(f"not yours to set: {', '.join(refused)}", hint="leave them out: they are made here")
    asked = Call(
        body.method,
        body.path,
        json=body.json_,
        params=body.params,
        headers=body.headers,
        base=body.base,
        repeat=body.repeat,
    )
    try:
        reply = await service.gateway.run(found.name, _once(asked))
    except BrokenExchange:  # the exchange is this one call, so it is the caller who wrote it
        hint = "percent-encode every value of the path, and have each header on one line"
        raise InvalidMessage("the call cannot be written as a request", hint=hint) from None
    return ReplyOut(status=reply.status, headers=dict(reply.headers), body=base64.b64encode(reply.body).decode("ascii"))


def _once(call: Call) -> Exchange[Reply]:
    return (yield call)
