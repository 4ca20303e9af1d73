"""Tenants: whoever has connections, keys and endpoints of their own. They are the operator's to make."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import AwareDatetime, Field

from gateway.server.access import Needs, service_of
from gateway.server.repeating import IdempotencyKey, Repeatable
from gateway.server.rest.connections import After, Limit
from gateway.server.rest.content import Input
from gateway.server.rest.keys import KeyOut, MintedOut
from gateway.server.rest.shown import Output, PageOut, page_out
from gateway.store.records.tenants import TenantRow
from gateway.tenancy import ADMIN, Caller
from gateway.tenancy.operator import retention_of

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1/tenants", tags=["tenants"], route_class=Repeatable)

TenantPath = Annotated[str, Path(alias="tenant", min_length=1, max_length=128, description="`tn_…`")]
Operates = Annotated[Caller, Needs(ADMIN, operator=True)]

_Days = Annotated[int, Field(ge=0, le=36_500)]


class RetentionIn(Input):
    """How long things of a tenant are kept, in days: 0 keeps for ever, none is as the service's configuration says."""

    raw_days: _Days | None = None
    """Raw webhooks and what vendors answered."""
    bodies_days: _Days | None = None
    """Texts, files and the bodies of deliveries."""
    metadata_days: _Days | None = None
    """Everything else about a message."""


class TenantIn(Input):
    """A tenant to be made."""

    name: str = Field(min_length=1, max_length=128)
    """Your name for it."""
    retention: RetentionIn = RetentionIn()


class TenantChangeIn(Input):
    """What is to be otherwise; what is not named stays."""

    retention: RetentionIn


class AdmitIn(Input):
    """A key to be made for a tenant's people."""

    name: str = Field(default="admin", min_length=1, max_length=128)
    """Your name for it."""


class RetentionOut(Output):
    """How long things of a tenant are kept, in days, where that is otherwise than with others."""

    raw_days: int | None = None
    bodies_days: int | None = None
    metadata_days: int | None = None


class TenantOut(Output):
    """A tenant."""

    id: str
    name: str
    created_at: AwareDatetime
    retention: RetentionOut

    @classmethod
    def of(cls, row: TenantRow) -> TenantOut:
        """Show a tenant."""
        retention = RetentionOut.model_validate(retention_of(row.settings))
        return cls(id=row.id, name=row.name, created_at=row.created_at, retention=retention)


class AdmittedOut(MintedOut):
    """A new tenant, and its first key."""

    tenant: TenantOut


@router.post("", status_code=201, summary="Make a tenant")
async def create(
    request: Request, body: TenantIn, caller: Operates, idempotency_key: IdempotencyKey = None
) -> AdmittedOut:
    """Make a tenant, and a key that may do everything there; its secret is in this answer and nowhere else."""
    retention = body.retention.model_dump(exclude_none=True)
    operator = service_of(request).tenancy.operator
    row, minted = await operator.create(body.name, retention=retention, by=caller.key_id)
    return AdmittedOut(tenant=TenantOut.of(row), key=KeyOut.of(minted.row), secret=minted.text)


@router.get("", summary="List tenants")
async def list_(request: Request, caller: Operates, after: After = None, limit: Limit = 50) -> PageOut[TenantOut]:
    """List the tenants; the one with the name `default` is the operator's own."""
    return page_out(await service_of(request).tenancy.operator.list(after=after, limit=limit), TenantOut.of)


@router.get("/{tenant}", summary="Look at a tenant")
async def get(request: Request, tenant: TenantPath, caller: Operates) -> TenantOut:
    """Give a tenant."""
    return TenantOut.of(await service_of(request).tenancy.operator.get(tenant))


@router.patch("/{tenant}", summary="Change a tenant")
async def change(request: Request, tenant: TenantPath, body: TenantChangeIn, caller: Operates) -> TenantOut:
    """Change how long things of a tenant are kept."""
    retention = body.retention.model_dump(exclude_unset=True)
    return TenantOut.of(await service_of(request).tenancy.operator.keep(tenant, retention, by=caller.key_id))


@router.post("/{tenant}/keys", status_code=201, summary="Let a tenant's people in")
async def admit(
    request: Request,
    tenant: TenantPath,
    caller: Operates,
    body: AdmitIn | None = None,
    idempotency_key: IdempotencyKey = None,
) -> MintedOut:
    """Make a further key that may do everything in a tenant, for people who lost theirs; its audit shows it."""
    operator = service_of(request).tenancy.operator
    minted = await operator.admit(tenant, name=(body or AdmitIn()).name, by=caller.key_id)
    return MintedOut(key=KeyOut.of(minted.row), secret=minted.text)
