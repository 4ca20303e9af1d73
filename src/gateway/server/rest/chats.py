"""Chats: those that something happened in here, and those that the vendor knows; their history; groups."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime, Field, JsonValue
from pydantic_core import to_json

from gateway.actions import ChatSummary, Group, HistoryItem, Member
from gateway.model import Chat
from gateway.server.access import Needs, service_of
from gateway.server.rest.connections import After, Limit
from gateway.server.rest.content import Input
from gateway.server.rest.shown import Output, PageOut, page_out
from gateway.server.schemas import event_json
from gateway.tenancy import READ, SEND, Caller
from gateway.tenancy.listing import ChatItem

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1", tags=["chats"])

ChatPath = Annotated[str, Path(alias="chat", min_length=1, max_length=128, description="`chat_…`")]
ConnectionQuery = Annotated[str | None, Query(alias="connection", max_length=128)]
Named = Annotated[str, Field(min_length=1, max_length=600)]


class ChatOut(Output):
    """A conversation."""

    id: str
    connection: str
    chat: Chat | None = Field(repr=False)
    last_event: str
    """The event that happened in it last."""
    last_type: str
    last_at: AwareDatetime

    @classmethod
    def of(cls, item: ChatItem) -> ChatOut:
        """Show a chat."""
        return cls(
            id=item.id,
            connection=item.connection,
            chat=item.chat,
            last_event=item.last.id,
            last_type=item.last.event.type,
            last_at=item.last.event.received_at,
        )


class HistoryOut(Output):
    """Messages as the vendor keeps them, newest first."""

    items: tuple[HistoryItem, ...]
    until: AwareDatetime | None
    """Give it as `until` for those before; none where the vendor says no time, or at the end."""


class VendorChatsOut(Output):
    """Chats as the vendor lists them."""

    items: tuple[ChatSummary, ...]


class GroupIn(Input):
    """A group to be made."""

    connection: str | None = Field(default=None, max_length=128)
    members: tuple[Named, ...] = Field(min_length=1, max_length=64)
    name: str | None = Field(default=None, min_length=1, max_length=255)
    line: str | None = Field(default=None, max_length=128)
    """Which line of ours takes part."""


class NameIn(Input):
    """A group's name."""

    name: str | None = Field(max_length=255, min_length=1)
    """None takes it away, where the vendor can."""


class MemberIn(Input):
    """Somebody in a group."""

    address: Named


class MembersOut(Output):
    """Who is in a group."""

    items: tuple[Member, ...]


@router.get("/chats", summary="List chats")
async def list_(
    request: Request,
    caller: Annotated[Caller, Needs(READ)],
    connection: ConnectionQuery = None,
    after: After = None,
    limit: Limit = 50,
) -> PageOut[ChatOut]:
    """List the chats in which something happened, the latest first."""
    page = await service_of(request).tenancy.listing.chats(
        caller.tenant, connection=connection, within=caller.connections, after=after, limit=limit
    )
    return page_out(page, ChatOut.of)


@router.get("/chats/{chat}", summary="Look at a chat")
async def get(request: Request, chat: ChatPath, caller: Annotated[Caller, Needs(READ)]) -> ChatOut:
    """Give one chat."""
    listing = service_of(request).tenancy.listing
    return ChatOut.of(await listing.chat(caller.tenant, chat, within=caller.connections))


@router.get("/chats/{chat}/events", summary="See what happened in a chat", response_model=PageOut[dict[str, JsonValue]])
async def events(
    request: Request, chat: ChatPath, caller: Annotated[Caller, Needs(READ)], after: After = None, limit: Limit = 50
) -> Response:
    """List the events of a chat, newest first."""
    service = service_of(request)
    await service.chat(caller, chat)
    page = await service.tenancy.listing.events(
        caller.tenant, chat=chat, within=caller.connections, after=after, limit=limit
    )
    shown = {"items": [event_json(row.event) for row in page.items], "next": page.next}
    return Response(to_json(shown), media_type="application/json")


@router.get("/chats/{chat}/history", summary="Read a chat at the vendor")
async def history(
    request: Request,
    chat: ChatPath,
    caller: Annotated[Caller, Needs(READ)],
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    limit: Limit = 50,
) -> HistoryOut:
    """Ask the vendor for the messages of a chat, newest first; what is read here is not kept."""
    service = service_of(request)
    where, connection = await service.chat(caller, chat)
    found = service.running(caller, connection, READ)
    items: list[HistoryItem] = []
    async for item in service.gateway.history(where, since=since, until=until, via=found.name, limit=limit):
        items.append(item)
        if len(items) >= limit:
            break
    times = [item.occurred_at for item in items if item.occurred_at]
    return HistoryOut(items=tuple(items), until=min(times) if len(items) >= limit and times else None)


@router.get("/vendor-chats", summary="List chats at the vendor")
async def vendor_chats(
    request: Request,
    caller: Annotated[Caller, Needs(READ)],
    connection: ConnectionQuery = None,
    limit: Limit = 50,
) -> VendorChatsOut:
    """Ask the vendor for the chats that it knows."""
    service = service_of(request)
    found = service.running(caller, connection, READ)
    items: list[ChatSummary] = []
    async for item in service.gateway.chats(via=found.name, limit=limit):
        items.append(item)
        if len(items) >= limit:
            break
    return VendorChatsOut(items=tuple(items))


# ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/groups", status_code=201, summary="Make a group", tags=["groups"])
async def create_group(request: Request, body: GroupIn, caller: Annotated[Caller, Needs(SEND)]) -> Group:
    """Make a group; its chat can be written to."""
    service = service_of(request)
    found = service.running(caller, body.connection, SEND)
    return await service.gateway.create_group(body.members, name=body.name, line=body.line, via=found.name)


@router.patch("/chats/{chat}/group", summary="Rename a group", tags=["groups"])
async def rename_group(request: Request, chat: ChatPath, body: NameIn, caller: Annotated[Caller, Needs(SEND)]) -> Group:
    """Give a group another name, which every member sees."""
    service = service_of(request)
    where, connection = await service.chat(caller, chat)
    found = service.running(caller, connection, SEND)
    return await service.gateway.rename_group(where, body.name, via=found.name)


@router.get("/chats/{chat}/members", summary="See who is in a group", tags=["groups"])
async def members(
    request: Request, chat: ChatPath, caller: Annotated[Caller, Needs(READ)], limit: Limit = 100
) -> MembersOut:
    """Ask the vendor who is in a group."""
    service = service_of(request)
    where, connection = await service.chat(caller, chat)
    found = service.running(caller, connection, READ)
    items: list[Member] = []
    async for item in service.gateway.members(where, via=found.name, limit=limit):
        items.append(item)
        if len(items) >= limit:
            break
    return MembersOut(items=tuple(items))


@router.post("/chats/{chat}/members", summary="Take someone into a group", tags=["groups"])
async def add_member(request: Request, chat: ChatPath, body: MemberIn, caller: Annotated[Caller, Needs(SEND)]) -> Group:
    """Take someone into a group."""
    service = service_of(request)
    where, connection = await service.chat(caller, chat)
    found = service.running(caller, connection, SEND)
    return await service.gateway.add_member(where, body.address, via=found.name)


@router.post("/chats/{chat}/members/remove", summary="Take someone out of a group", tags=["groups"])
async def remove_member(
    request: Request, chat: ChatPath, body: MemberIn, caller: Annotated[Caller, Needs(SEND)]
) -> Group:
    """Take someone out of a group; by a body, since an address has no place in a URL."""
    service = service_of(request)
    where, connection = await service.chat(caller, chat)
    found = service.running(caller, connection, SEND)
    return await service.gateway.remove_member(where, body.address, via=found.name)
