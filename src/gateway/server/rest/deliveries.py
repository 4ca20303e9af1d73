"""Deliveries: what was sent of each event to each endpoint, and what came of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import AwareDatetime

from gateway.server.access import Needs, service_of
from gateway.server.repeating import Repeatable
from gateway.server.rest.connections import After, Limit
from gateway.server.rest.shown import Output, PageOut, page_out
from gateway.store.records.deliveries import DeliveryRow, Standing, TryRow
from gateway.tenancy import ADMIN, Caller

__all__ = ["DeliveryOut", "EndpointPath", "router"]

router: APIRouter = APIRouter(prefix="/v1", tags=["endpoints"], route_class=Repeatable)

EndpointPath = Annotated[str, Path(alias="endpoint", min_length=1, max_length=128, description="`ep_…`")]
DeliveryPath = Annotated[str, Path(alias="delivery", min_length=1, max_length=128, description="`dlv_…`")]


class TryOut(Output):
    """One attempt."""

    number: int
    started_at: AwareDatetime
    ended_at: AwareDatetime
    status: int | None
    error: str | None
    answer: str | None
    """What the receiver said, cut."""


class DeliveryOut(Output):
    """The attempts to deliver one event to one endpoint."""

    id: str
    endpoint: str
    event: str
    state: Standing
    attempts: int
    next_at: AwareDatetime
    status: int | None
    error: str | None
    created_at: AwareDatetime
    ended_at: AwareDatetime | None
    manual: bool
    """Asked for by a person: a replay or a test."""

    @classmethod
    def of(cls, row: DeliveryRow) -> DeliveryOut:
        """Show a delivery."""
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class DeliveryStoryOut(Output):
    """A delivery with all that was tried."""

    delivery: DeliveryOut
    attempts: tuple[TryOut, ...]


@router.get("/endpoints/{endpoint}/deliveries", summary="List deliveries", tags=["deliveries"])
async def list_(
    request: Request,
    endpoint: EndpointPath,
    caller: Annotated[Caller, Needs(ADMIN)],
    state: Standing | None = None,
    after: After = None,
    limit: Limit = 50,
) -> PageOut[DeliveryOut]:
    """List the deliveries to an endpoint, newest first."""
    page = await service_of(request).deliveries.list(caller.tenant, endpoint, state=state, after=after, limit=limit)
    return page_out(page, DeliveryOut.of)


@router.get("/deliveries", summary="List the deliveries of an event", tags=["deliveries"])
async def of_event(
    request: Request,
    caller: Annotated[Caller, Needs(ADMIN)],
    event: Annotated[str, Query(min_length=1, max_length=128, description="`evt_…`")],
    after: After = None,
    limit: Limit = 50,
) -> PageOut[DeliveryOut]:
    """List where an event was delivered to, newest first."""
    service = service_of(request)
    page = await service.deliveries.list(caller.tenant, event=event, after=after, limit=limit)
    if not page.items and after is None:
        await service.event(caller, event)  # raises where it is not the caller's
    return page_out(page, DeliveryOut.of)


@router.get("/deliveries/{delivery}", summary="Look at a delivery", tags=["deliveries"])
async def get(request: Request, delivery: DeliveryPath, caller: Annotated[Caller, Needs(ADMIN)]) -> DeliveryStoryOut:
    """Give a delivery with everything that was tried."""
    story = await service_of(request).deliveries.get(caller.tenant, delivery)
    return DeliveryStoryOut(delivery=DeliveryOut.of(story.delivery), attempts=tuple(map(_tried, story.attempts)))


@router.post("/deliveries/{delivery}/resend", status_code=202, summary="Send a delivery again", tags=["deliveries"])
async def resend(request: Request, delivery: DeliveryPath, caller: Annotated[Caller, Needs(ADMIN)]) -> DeliveryOut:
    """Send one delivery again, from the start of its schedule."""
    found = await service_of(request).deliveries.resend(caller.tenant, delivery, actor=caller.key_id)
    return DeliveryOut.of(found)


def _tried(row: TryRow) -> TryOut:
    return TryOut.model_validate({name: getattr(row, name) for name in TryOut.model_fields})
