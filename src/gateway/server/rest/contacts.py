"""Contacts: consent, reachability, opt-in links; erased and exported. An address is in a body, never in a URL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, Field, JsonValue
from pydantic_core import to_json

from gateway.actions import OptInLinks, Reachability
from gateway.asking import address_of, chat_of
from gateway.server.access import Needs, service_of
from gateway.server.rest.connections import After, Limit
from gateway.server.rest.content import Input
from gateway.server.rest.shown import Output, PageOut, page_out
from gateway.store.rows import ConsentRow
from gateway.tenancy import ADMIN, READ, SEND, Caller
from gateway.tenancy.erasing import Erased
from gateway.tenancy.listing import ContactItem

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1", tags=["contacts"])

ConnectionQuery = Annotated[str | None, Query(alias="connection", max_length=128)]
Address = Annotated[str, Field(min_length=1, max_length=600, repr=False)]


class ConsentOut(Output):
    """What an address said about being written to, last."""

    connection: str
    address: str = Field(repr=False)
    agreed: bool
    source: str
    """Where that comes from: an event's id, a vendor's code, `operator`."""
    changed_at: AwareDatetime

    @classmethod
    def of(cls, row: ConsentRow) -> ConsentOut:
        """Show a word of an address."""
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class ContactOut(Output):
    """Somebody in a direct chat."""

    address: str = Field(repr=False)
    connection: str
    chat_id: str
    last_event: str
    last_at: AwareDatetime
    consent: ConsentOut | None

    @classmethod
    def of(cls, item: ContactItem) -> ContactOut:
        """Show a contact."""
        return cls(
            address=item.address.text,
            connection=item.connection,
            chat_id=item.chat,
            last_event=item.last.id,
            last_at=item.last.event.received_at,
            consent=ConsentOut.of(item.consent) if item.consent else None,
        )


class ContactIn(Input):
    """One contact on one connection."""

    address: Address
    """A phone with country code, an email, or `contact:ID`."""
    connection: str | None = Field(default=None, max_length=128)


class SomebodyIn(Input):
    """Somebody, on all connections."""

    address: Address


class UnsubscribedOut(Output):
    """Nothing is sent to the contact here any more."""

    vendor_told: bool
    """Whether the vendor keeps such a book, and has it in it."""


class SlotOut(Output):
    """When the next message may go."""

    at: AwareDatetime


class LinkIn(Input):
    """A link by which a person opts in."""

    body: str = Field(min_length=1, max_length=1000)
    """What the person will send."""
    connection: str | None = Field(default=None, max_length=128)
    parameters: dict[str, JsonValue] = Field(default={}, max_length=50)
    """Come back on the `opted.in` event."""


class ErasedOut(Output):
    """What was erased, in numbers."""

    events: int
    messages: int
    webhooks: int
    files: int
    suppressed: tuple[str, ...]
    """Connections on which the contact had opted out, and stays so."""
    leaving: tuple[str, ...]
    """Messages that were leaving at that moment and are still there: erase once more in a minute."""

    @classmethod
    def of(cls, erased: Erased) -> ErasedOut:
        """Show what was erased."""
        return cls.model_validate({name: getattr(erased, name) for name in cls.model_fields})


class ErasableOut(Output):
    """What there is of somebody, in numbers; the files that go with it are not counted."""

    events: int
    messages: int
    webhooks: int


@router.get("/contacts", summary="List contacts")
async def list_(
    request: Request,
    caller: Annotated[Caller, Needs(READ)],
    connection: ConnectionQuery = None,
    after: After = None,
    limit: Limit = 50,
) -> PageOut[ContactOut]:
    """List who is in a direct chat, the latest first."""
    page = await service_of(request).tenancy.listing.contacts(
        caller.tenant, connection=connection, within=caller.connections, after=after, limit=limit
    )
    return page_out(page, ContactOut.of)


@router.get("/consents", summary="List consents")
async def consents(
    request: Request,
    caller: Annotated[Caller, Needs(READ)],
    connection: ConnectionQuery = None,
    agreed: bool | None = None,
    after: After = None,
    limit: Limit = 50,
) -> PageOut[ConsentOut]:
    """List what addresses said about being written to."""
    page = await service_of(request).tenancy.listing.consents(
        caller.tenant, connection=connection, within=caller.connections, agreed=agreed, after=after, limit=limit
    )
    return page_out(page, ConsentOut.of)


@router.post("/contacts/reachability", summary="See how a contact can be reached")
async def reachability(request: Request, body: ContactIn, caller: Annotated[Caller, Needs(READ)]) -> Reachability:
    """Ask the vendor by which networks an address can be written to; sends nothing."""
    service = service_of(request)
    found = service.running(caller, body.connection, READ)
    return await service.gateway.reachability(address_of(body.address), via=found.name)


@router.post("/contacts/slot", summary="See when the next message may go")
async def slot(request: Request, body: ContactIn, caller: Annotated[Caller, Needs(READ)]) -> SlotOut:
    """Tell when the next message to a contact may go, by limits and the rests of their chat; takes nothing."""
    service = service_of(request)
    found = service.running(caller, body.connection, READ)
    chat, _ = chat_of(body.address)
    return SlotOut(at=await service.gateway.next_slot(chat, via=found.name))


@router.post("/contacts/unsubscribe", summary="Write to a contact no more")
async def unsubscribe(request: Request, body: ContactIn, caller: Annotated[Caller, Needs(SEND)]) -> UnsubscribedOut:
    """Note that a contact no longer agrees; told to the vendor too, where it keeps such a book."""
    service = service_of(request)
    found = service.running(caller, body.connection, SEND)
    return UnsubscribedOut(vendor_told=await service.gateway.unsubscribe(address_of(body.address), via=found.name))


@router.post("/opt-in-links", status_code=201, summary="Make a link to opt in")
async def opt_in_link(request: Request, body: LinkIn, caller: Annotated[Caller, Needs(SEND)]) -> OptInLinks:
    """Make links by which a person opts in to be written to."""
    service = service_of(request)
    found = service.running(caller, body.connection, SEND)
    reserved = {"via", "body"}
    parameters = {name: value for name, value in body.parameters.items() if name not in reserved}
    return await service.gateway.opt_in_link(body.body, via=found.name, **parameters)


@router.post("/contacts/erase", summary="Erase a contact")
async def erase(request: Request, body: SomebodyIn, caller: Annotated[Caller, Needs(ADMIN)]) -> ErasedOut:
    """Erase somebody everywhere: messages, events, raw webhooks, deliveries, files. Who opted out stays so."""
    erasing = service_of(request).tenancy.erasing
    return ErasedOut.of(await erasing.erase(caller.tenant, body.address, within=caller.connections, by=caller.key_id))


@router.post("/contacts/erase/preview", summary="See what would be erased")
async def erase_preview(request: Request, body: SomebodyIn, caller: Annotated[Caller, Needs(ADMIN)]) -> ErasableOut:
    """Count what there is of somebody, and erase nothing."""
    erasing = service_of(request).tenancy.erasing
    found = await erasing.preview(caller.tenant, body.address, within=caller.connections)
    return ErasableOut(events=found.events, messages=found.messages, webhooks=found.webhooks)


@router.post(
    "/contacts/export",
    summary="Export a contact",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
async def export(request: Request, body: SomebodyIn, caller: Annotated[Caller, Needs(ADMIN)]) -> StreamingResponse:
    """Give all that is kept of somebody, one JSON object a line."""
    address = address_of(body.address)
    found = service_of(request).tenancy.erasing.export(
        caller.tenant, address.text, within=caller.connections, by=caller.key_id
    )

    async def lines() -> AsyncIterator[bytes]:
        async for item in found:
            yield to_json(item) + b"\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")
