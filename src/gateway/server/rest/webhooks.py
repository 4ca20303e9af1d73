"""Webhooks as they came: looked at, those in quarantine above all; parsed again; and what in them is new."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field

from gateway.drift import Drift
from gateway.reparse import PORTION, Reparsed
from gateway.server.access import Needs, service_of
from gateway.server.rest.connections import After, Limit
from gateway.server.rest.content import Input
from gateway.server.rest.events import WebhookOut
from gateway.server.rest.shown import PageOut, page_out
from gateway.tenancy import ADMIN, READ, Caller

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1", tags=["webhooks"])


class ReparseIn(Input):
    """What is parsed again."""

    connection: str = Field(min_length=1, max_length=128)
    hours: float | None = Field(default=None, gt=0, le=24 * 365)
    """All webhooks of the last hours; without it, those that no parser could read."""
    apply: bool = False
    """Keep the events that are new, and hand them over; without it nothing is kept."""
    after: int = Field(default=0, ge=0, lt=2**60)
    """Go on behind the webhook with this number, as the answer before said."""
    limit: int = Field(default=PORTION, ge=1, le=PORTION)
    """Most webhooks, the oldest."""


@router.get("/webhooks", summary="List webhooks")
async def list_(
    request: Request,
    caller: Annotated[Caller, Needs(ADMIN)],
    connection: Annotated[str | None, Query(max_length=128)] = None,
    quarantined: Annotated[bool, Query(description="Only those that no parser could read.")] = False,
    after: After = None,
    limit: Limit = 50,
) -> PageOut[WebhookOut]:
    """List webhooks as they came, newest first, without what proved them."""
    page = await service_of(request).tenancy.listing.webhooks(
        caller.tenant,
        connection=connection,
        within=caller.connections,
        quarantined=quarantined,
        after=after,
        limit=limit,
    )
    return page_out(page, WebhookOut.of)


@router.get("/webhooks/{number}", summary="Look at a webhook")
async def get(
    request: Request, number: Annotated[int, Path(ge=0, lt=2**60)], caller: Annotated[Caller, Needs(ADMIN)]
) -> WebhookOut:
    """Give one webhook."""
    listing = service_of(request).tenancy.listing
    return WebhookOut.of(await listing.webhook(caller.tenant, number, within=caller.connections))


@router.get("/quarantine", summary="List what no parser could read")
async def quarantine(
    request: Request, caller: Annotated[Caller, Needs(ADMIN)], after: After = None, limit: Limit = 50
) -> PageOut[WebhookOut]:
    """List the webhooks in quarantine, newest first; `POST /v1/reparse` tries them again."""
    page = await service_of(request).tenancy.listing.webhooks(
        caller.tenant, within=caller.connections, quarantined=True, after=after, limit=limit
    )
    return page_out(page, WebhookOut.of)


@router.post("/reparse", summary="Parse webhooks again")
async def reparse(request: Request, body: ReparseIn, caller: Annotated[Caller, Needs(ADMIN)]) -> Reparsed:
    """Parse kept webhooks again, the oldest first, and say what differs from what was made of them then.

    An answer that is not `complete` says `after` which webhook to go on.
    """
    service = service_of(request)
    found = service.running(caller, body.connection, READ)
    since = service.now() - timedelta(hours=body.hours) if body.hours else None
    return await service.gateway.reparse(
        since, connection=found.name, apply=body.apply, after=body.after, limit=body.limit
    )


@router.get("/drift", summary="See what vendors send that is new")
async def drift(
    request: Request,
    caller: Annotated[Caller, Needs(READ)],
    connection: Annotated[str, Query(min_length=1, max_length=128)],
    hours: Annotated[float | None, Query(gt=0, le=24 * 365)] = None,
) -> Drift:
    """Count events, fields, words and codes that the provider does not know yet."""
    service = service_of(request)
    found = service.running(caller, connection, READ)
    since = service.now() - timedelta(hours=hours) if hours else None
    return await service.gateway.drift(since, connection=found.name, limit=1000)
