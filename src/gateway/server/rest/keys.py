"""API keys and the audit: who may do what, and who did."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import AwareDatetime, Field, JsonValue

from gateway.server.access import Needs, service_of
from gateway.server.repeating import IdempotencyKey, Repeatable
from gateway.server.rest.connections import After, Limit
from gateway.server.rest.content import Input
from gateway.server.rest.shown import Output, PageOut, page_out
from gateway.store.records.audit import AuditRow
from gateway.store.records.keys import KeyRow
from gateway.tenancy import ADMIN, READ, Caller, Minted

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1", tags=["keys"], route_class=Repeatable)

KeyPath = Annotated[str, Path(alias="key", min_length=1, max_length=128, description="`key_…`")]


class KeyIn(Input):
    """A key to be made."""

    name: str = Field(min_length=1, max_length=128)
    """Your name for it."""
    scopes: tuple[str, ...] = Field(min_length=1, max_length=100)
    """`send`, `read`, `admin`, and `connections:pc_…` to bind it to connections."""
    expires_at: AwareDatetime | None = None


class KeyRotateIn(Input):
    """How a key is replaced."""

    overlap_hours: float = Field(default=24, ge=0, le=24 * 30)
    """How long the key before still counts."""


class KeyOut(Output):
    """A key, without its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    last_used_at: AwareDatetime | None
    revoked_at: AwareDatetime | None
    replaces: str | None
    """The key that this one takes the place of."""

    @classmethod
    def of(cls, row: KeyRow) -> KeyOut:
        """Show a key."""
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class MintedOut(Output):
    """A new key."""

    key: KeyOut
    secret: str = Field(repr=False)
    """What to send as `Authorization: Bearer …`; shown this once."""


class MeOut(Output):
    """Whose key it is."""

    tenant: str
    key: str
    scopes: tuple[str, ...]
    connections: tuple[str, ...] | None
    """The connections that the key is bound to; none where it knows all."""


class AuditOut(Output):
    """One line of the audit."""

    number: int
    at: AwareDatetime
    actor: str
    """Who: the id of a key, `operator` or `gateway`."""
    action: str
    target: str
    """The id of what it was done to."""
    detail: dict[str, JsonValue]
    previous: str
    hash: str
    """SHA-256 of the line and the hash before it."""

    @classmethod
    def of(cls, row: AuditRow) -> AuditOut:
        """Show a line."""
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class ChainOut(Output):
    """Whether the audit is whole."""

    whole: bool
    lines: int
    """How many lines are whole, from the first on."""
    head: str
    broken_at: int | None
    """The first line that is missing, was changed, or does not follow."""


@router.get("/me", summary="See whose key this is")
async def me(caller: Annotated[Caller, Needs(READ)]) -> MeOut:
    """Say tenant and scopes of the key that is used."""
    bound = caller.connections
    return MeOut(
        tenant=caller.tenant,
        key=caller.key_id,
        scopes=tuple(sorted(caller.scopes)),
        connections=None if bound is None else tuple(sorted(bound)),
    )


@router.post("/keys", status_code=201, summary="Make a key")
async def create(
    request: Request, body: KeyIn, caller: Annotated[Caller, Needs(ADMIN)], idempotency_key: IdempotencyKey = None
) -> MintedOut:
    """Make a key; its secret is in this answer and nowhere else."""
    keys = service_of(request).tenancy.keys
    return _minted(
        await keys.mint(caller.tenant, name=body.name, scopes=body.scopes, expires_at=body.expires_at, by=caller.key_id)
    )


@router.get("/keys", summary="List keys")
async def list_(
    request: Request, caller: Annotated[Caller, Needs(ADMIN)], after: After = None, limit: Limit = 50
) -> PageOut[KeyOut]:
    """List the keys, oldest first, those that have ended included."""
    return page_out(await service_of(request).tenancy.keys.list(caller.tenant, after=after, limit=limit), KeyOut.of)


@router.get("/keys/{key}", summary="Look at a key")
async def get(request: Request, key: KeyPath, caller: Annotated[Caller, Needs(ADMIN)]) -> KeyOut:
    """Give a key, without its secret."""
    return KeyOut.of(await service_of(request).tenancy.keys.get(caller.tenant, key))


@router.post("/keys/{key}/rotate", status_code=201, summary="Replace a key")
async def rotate(
    request: Request,
    key: KeyPath,
    caller: Annotated[Caller, Needs(ADMIN)],
    body: KeyRotateIn | None = None,
    idempotency_key: IdempotencyKey = None,
) -> MintedOut:
    """Make a key in the place of another one, which counts for a while longer."""
    overlap = timedelta(hours=(body or KeyRotateIn()).overlap_hours)
    return _minted(await service_of(request).tenancy.keys.rotate(caller.tenant, key, overlap=overlap, by=caller.key_id))


@router.delete("/keys/{key}", status_code=204, summary="End a key")
async def revoke(request: Request, key: KeyPath, caller: Annotated[Caller, Needs(ADMIN)]) -> None:
    """End a key at once."""
    await service_of(request).tenancy.keys.revoke(caller.tenant, key, by=caller.key_id)


@router.get("/audit", summary="Read the audit", tags=["audit"])
async def audit(
    request: Request, caller: Annotated[Caller, Needs(ADMIN)], after: After = None, limit: Limit = 50
) -> PageOut[AuditOut]:
    """List who did what, newest first."""
    return page_out(await service_of(request).tenancy.audit.list(caller.tenant, after=after, limit=limit), AuditOut.of)


@router.get("/audit/chain", summary="Check the audit", tags=["audit"])
async def chain(request: Request, caller: Annotated[Caller, Needs(ADMIN)]) -> ChainOut:
    """Look whether every line is as it was written and follows the one before."""
    found = await service_of(request).tenancy.audit.verify(caller.tenant)
    return ChainOut(whole=found.broken_at is None, lines=found.lines, head=found.head, broken_at=found.broken_at)


def _minted(minted: Minted) -> MintedOut:
    return MintedOut(key=KeyOut.of(minted.row), secret=minted.text)
