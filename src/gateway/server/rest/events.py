"""Events: as a list, by long poll, and as a stream that goes on where it was left."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, JsonValue
from pydantic_core import to_json

from gateway.errors import InvalidMessage
from gateway.server.access import Needs, service_of
from gateway.server.problems import Fault
from gateway.server.rest.connections import Limit
from gateway.server.rest.shown import Output
from gateway.server.schemas import event_json, event_types
from gateway.server.service import Service
from gateway.server.streaming import EventStream
from gateway.store.rows import EventRow, NumberedWebhook
from gateway.tenancy import ADMIN, READ, Caller
from gateway.tenancy.paging import cursor, place_of

__all__ = ["WebhookOut", "router"]

router: APIRouter = APIRouter(prefix="/v1/events", tags=["events"])

HEARTBEAT = 15.0
"""Seconds after which a quiet stream says that it is still there."""
LOOK = 1.0
"""Seconds after which the store is asked when nothing told that it changed: another process may have written."""

EventPath = Annotated[str, Path(alias="event", min_length=1, max_length=128, description="`evt_…`")]
ConnectionQuery = Annotated[str | None, Query(alias="connection", max_length=128, description="Of one connection.")]
ChatQuery = Annotated[str | None, Query(alias="chat", max_length=128, description="Of one chat: `chat_…`.")]
TypesQuery = Annotated[
    list[str] | None, Query(alias="type", max_length=20, description="Of these types; may be repeated.")
]
SinceQuery = Annotated[
    AwareDatetime | None,
    Query(description="From then on, where no `after` says more; what was fetched later may be older."),
]
MessageQuery = Annotated[str | None, Query(alias="message", max_length=128, description="About one message.")]


class EventsOut(Output):
    """Some events, in the order they came."""

    items: tuple[dict[str, JsonValue], ...]
    next: str
    """Asks for what came after these, as `after`; there always is one, but behind the oldest of `newest`."""
    more: bool
    """Whether there is more already."""


class WebhookOut(Output):
    """A webhook as it came."""

    number: int
    connection: str
    received_at: str
    digest: str
    """SHA-256 of the body."""
    headers: tuple[tuple[str, str], ...]
    """Without those that prove something."""
    body: str
    """As text, wrong bytes replaced."""
    quarantine: str | None
    """Why no parser could read it."""
    repeats: int
    """How often it came again."""
    events: tuple[str, ...]
    """What was made of it."""

    @classmethod
    def of(cls, item: NumberedWebhook) -> WebhookOut:
        """Show a webhook."""
        row = item.row
        return cls(
            number=item.sequence,
            connection=row.connection,
            received_at=row.received_at.isoformat(),
            digest=row.digest,
            headers=row.headers,
            body=row.body.decode("utf-8", "replace"),
            quarantine=row.quarantine,
            repeats=row.repeats,
            events=row.events,
        )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which events somebody wants."""

    caller: Caller
    connection: str | None
    chat: str | None
    types: tuple[str, ...]
    message: str | None = None

    async def after(self, service: Service, place: int, limit: int) -> list[EventRow]:
        """List those that came after a place."""
        return await service.tenancy.listing.follow(
            self.caller.tenant,
            after=place,
            connection=self.connection,
            within=self.caller.connections,
            chat=self.chat,
            types=self.types,
            message=self.message,
            limit=limit,
        )

    async def latest(self, service: Service, before: str | None, limit: int) -> dict[str, Any]:
        """List the latest, or those before them, newest first."""
        page = await service.tenancy.listing.events(
            self.caller.tenant,
            connection=self.connection,
            within=self.caller.connections,
            chat=self.chat,
            types=self.types,
            message=self.message,
            after=before,
            limit=limit,
        )
        items = [event_json(row.event) for row in page.items]
        return {"items": items, "next": page.next or "", "more": page.next is not None}


@router.get("", summary="List events", response_model=EventsOut)
async def list_(
    request: Request,
    caller: Annotated[Caller, Needs(READ)],
    connection: ConnectionQuery = None,
    chat: ChatQuery = None,
    types: TypesQuery = None,
    message: MessageQuery = None,
    after: Annotated[
        str | None,
        Query(max_length=512, description="`next` of the answer before; `latest` begins with what is to come."),
    ] = None,
    limit: Limit = 50,
    wait: Annotated[float, Query(ge=0, le=30, description="Seconds to wait where there is none yet.")] = 0,
    since: SinceQuery = None,
    newest: Annotated[bool, Query(description="The latest first; `next` then asks for those before these.")] = False,
) -> Response:
    """List events in the order they came; with `wait` this is a long poll."""
    service = service_of(request)
    wanted = _Wanted(caller, connection, chat, _types(types), message)
    if newest:
        if since is not None or wait:
            raise InvalidMessage("the latest first goes without `since` and `wait`", hint="leave them out")
        return _json(await wanted.latest(service, after, limit))
    place = await _place(service, after, since)
    rows = await wanted.after(service, place, limit)
    if not rows and wait:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while not rows and not service.draining:
                    version = service.store.version
                    rows = await wanted.after(service, place, limit)
                    if not rows:
                        await _changed(service, version, LOOK)
    items = [event_json(row.event) for row in rows]
    after_these = _cursor(rows[-1].sequence if rows else place)
    return _json({"items": items, "next": after_these, "more": len(rows) == limit})


@router.get(
    "/stream",
    summary="Stream events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def stream(
    request: Request,
    caller: Annotated[Caller, Needs(READ)],
    connection: ConnectionQuery = None,
    chat: ChatQuery = None,
    types: TypesQuery = None,
    after: Annotated[
        str | None, Query(max_length=512, description="Where to begin; with what is to come without it.")
    ] = None,
    since: SinceQuery = None,
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", max_length=512, description="Where it was left; goes before `after`.")
    ] = None,
) -> StreamingResponse:
    """Stream events as they come (server-sent events); `Last-Event-ID` goes on where a stream was cut."""
    service = service_of(request)
    wanted = _Wanted(caller, connection, chat, _types(types))
    place = await _place(service, last_event_id or after or (None if since else "latest"), since)
    # asked once before the stream begins: what is wrong with the question is an answer, not a broken stream
    await wanted.after(service, place, 1)
    if not service.streams.enter(caller.tenant):
        raise Fault(
            429,
            "too_many_requests",
            "too many event streams are open already",
            hint="close one, or read the events by GET /v1/events",
            retry_after=15,
        )
    pieces = _streamed(service, wanted, place)
    return EventStream(pieces, service.streams, caller.tenant, {"x-accel-buffering": "no"})


@router.get("/{event}", summary="Look at an event", response_model=dict[str, JsonValue])
async def get(request: Request, event: EventPath, caller: Annotated[Caller, Needs(READ)]) -> Response:
    """Give one event."""
    return _json(event_json(await service_of(request).event(caller, event)))


@router.get("/{event}/webhooks", summary="See what an event was made of")
async def webhooks(
    request: Request, event: EventPath, caller: Annotated[Caller, Needs(READ)]
) -> tuple[WebhookOut, ...]:
    """List the webhooks that an event was made of, as they came."""
    found = await service_of(request).tenancy.listing.webhooks_of(caller.tenant, event, within=caller.connections)
    return tuple(WebhookOut.of(item) for item in found)


@router.post(
    "/{event}/replay", status_code=202, summary="Hand an event over again", response_model=dict[str, JsonValue]
)
async def replay(request: Request, event: EventPath, caller: Annotated[Caller, Needs(ADMIN)]) -> Response:
    """Hand a parked event to the handlers of this process again."""
    service = service_of(request)
    found = await service.event(caller, event)
    await service.gateway.replay(found)
    return _json(event_json(found), status=202)


async def _streamed(service: Service, wanted: _Wanted, place: int) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    quiet = 0.0
    while not service.draining:
        version = service.store.version
        rows = await wanted.after(service, place, 100)
        for row in rows:
            place = row.sequence
            data = to_json(event_json(row.event))
            yield b"id: %s\nevent: %s\ndata: %s\n\n" % (_cursor(place).encode(), row.event.type.encode(), data)
        if rows:
            quiet = 0.0
            continue
        await _changed(service, version, LOOK)
        quiet += LOOK
        if quiet >= HEARTBEAT:
            quiet = 0.0
            yield b": still here\n\n"


async def _changed(service: Service, version: int, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await service.store.changed(version)


async def _place(service: Service, after: str | None, since: datetime | None) -> int:
    """Say where to go on: behind a cursor, or else with what came from a time on."""
    if after == "latest":
        return await service.tenancy.listing.last()
    if after is None and since is not None:
        return await service.tenancy.listing.before(since)
    (place,) = place_of("stream", after, (0,))
    return int(place)


def _cursor(place: int) -> str:
    return cursor("stream", (place,))


def _types(types: list[str] | None) -> tuple[str, ...]:
    for type_ in types or ():
        if type_ not in event_types():
            raise InvalidMessage(
                f"there is no event type {type_[:40]!r}", hint=f"there are: {', '.join(event_types())}"
            )
    return tuple(types or ())


def _json(value: Any, status: int = 200) -> Response:
    return Response(to_json(value), status, media_type="application/json")
