"""Connections: vendor accounts, made and changed while the service runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import AwareDatetime, Field, JsonValue

from gateway.catchup import CaughtUp
from gateway.provider import Registration
from gateway.server.access import Needs, service_of
from gateway.server.repeating import IdempotencyKey, Repeatable
from gateway.server.rest.content import Input
from gateway.server.rest.shown import ConnectionOut, Output, PageOut, page_out
from gateway.tenancy import ADMIN, READ, SEND, Caller, Options

__all__ = ["After", "ConnectionPath", "Limit", "router"]

router: APIRouter = APIRouter(prefix="/v1/connections", tags=["connections"], route_class=Repeatable)

ConnectionPath = Annotated[str, Path(alias="connection", min_length=1, max_length=128, description="`pc_…`")]
After = Annotated[str | None, Query(max_length=512, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=100, description="Items of a page, at most.")]


class ConnectionIn(Input):
    """A vendor account to be added."""

    provider: str = Field(min_length=1, max_length=64)
    """One of `GET /v1/providers`."""
    name: str | None = Field(default=None, min_length=1, max_length=128)
    """Your name for it, once among your connections."""
    settings: dict[str, JsonValue] = Field(default={}, repr=False)
    """As the provider's schema has them, secrets included."""
    options: Options = Options()


class ConnectionChange(Input):
    """What changes; the rest stays."""

    name: str | None = Field(default=None, min_length=1, max_length=128)
    settings: dict[str, JsonValue] | None = Field(default=None, repr=False)
    """Settings to be set; one that is null goes."""
    options: Options | None = None


class RotateIn(Input):
    """New secrets."""

    secrets: dict[str, JsonValue] = Field(min_length=1, repr=False)
    """By the names of the settings: `{"api_key": "…"}`."""
    overlap_hours: float = Field(default=24, ge=0, le=24 * 30)
    """How long webhooks may still be signed by those before."""


class ReasonIn(Input):
    """Why."""

    reason: str | None = Field(default=None, max_length=500)


class TestOut(Output):
    """The credentials work."""

    ok: bool = True
    says: str
    """One line about the account."""


class RegistrationOut(Output):
    """Where a vendor delivers to."""

    id: str
    url: str
    active: bool
    mine: bool
    """Whether that is this connection's webhook."""


class HealthOut(Output):
    """How a connection is doing."""

    state: str
    reason: str | None
    waiting: int
    """Messages that wait to leave."""
    last_event_at: AwareDatetime | None
    """When something last came in."""


class CatchUpIn(Input):
    """How far to go back."""

    hours: float | None = Field(default=None, gt=0, le=24 * 90)
    """Hours; without it, from where it was left the last time."""


@router.post("", status_code=201, summary="Add a connection")
async def create(
    request: Request,
    body: ConnectionIn,
    caller: Annotated[Caller, Needs(ADMIN)],
    idempotency_key: IdempotencyKey = None,
) -> ConnectionOut:
    """Add a vendor account; from this answer on it sends and receives.

    The answer says where the vendor has to deliver to (`webhook_url`) and how that is set up there.
    """
    service = service_of(request)
    service.allow(body.settings)
    account = await service.tenancy.accounts.create(
        caller.tenant, body.provider, body.settings, name=body.name, options=body.options, by=caller.key_id
    )
    return ConnectionOut.of(account, service)


@router.get("", summary="List connections")
async def list_(
    request: Request, caller: Annotated[Caller, Needs(READ)], after: After = None, limit: Limit = 50
) -> PageOut[ConnectionOut]:
    """List the vendor accounts, oldest first."""
    service = service_of(request)
    page = await service.tenancy.accounts.list(caller.tenant, after=after, limit=limit)
    shown = page_out(page, lambda account: ConnectionOut.of(account, service))
    mine = tuple(item for item in shown.items if caller.may(READ, item.id))
    return PageOut(items=mine, next=shown.next)


@router.get("/{connection}", summary="Look at a connection")
async def get(request: Request, connection: ConnectionPath, caller: Annotated[Caller, Needs(READ)]) -> ConnectionOut:
    """Give a vendor account, without its secrets."""
    caller.demand(READ, connection)
    service = service_of(request)
    return ConnectionOut.of(await service.tenancy.accounts.get(caller.tenant, connection), service)


@router.patch("/{connection}", summary="Change a connection")
async def change(
    request: Request, connection: ConnectionPath, body: ConnectionChange, caller: Annotated[Caller, Needs(ADMIN)]
) -> ConnectionOut:
    """Change name, settings or options; secrets that change here count at once, see also `rotate`."""
    service = service_of(request)
    service.allow(body.settings or {})
    options = body.options.model_dump(exclude_unset=True) if body.options else None
    account = await service.tenancy.accounts.update(
        caller.tenant, connection, name=body.name, settings=body.settings, options=options, by=caller.key_id
    )
    return ConnectionOut.of(account, service)


@router.delete("/{connection}", status_code=204, summary="Remove a connection")
async def remove(request: Request, connection: ConnectionPath, caller: Annotated[Caller, Needs(ADMIN)]) -> None:
    """Forget a vendor account and its secrets; what it sent and received stays until it is erased."""
    await service_of(request).tenancy.accounts.remove(caller.tenant, connection, by=caller.key_id)


@router.post("/{connection}/test", summary="Test a connection")
async def check(request: Request, connection: ConnectionPath, caller: Annotated[Caller, Needs(SEND)]) -> TestOut:
    """Prove that the credentials work, by a call that changes nothing; lets a stopped connection go on."""
    caller.demand(SEND, connection)
    return TestOut(says=await service_of(request).tenancy.accounts.check(caller.tenant, connection))


@router.post("/{connection}/rotate", summary="Replace secrets")
async def rotate(
    request: Request, connection: ConnectionPath, body: RotateIn, caller: Annotated[Caller, Needs(ADMIN)]
) -> ConnectionOut:
    """Replace secrets; webhooks that are signed by those before still pass for a while."""
    service = service_of(request)
    account = await service.tenancy.accounts.rotate(
        caller.tenant, connection, body.secrets, overlap=timedelta(hours=body.overlap_hours), by=caller.key_id
    )
    return ConnectionOut.of(account, service)


@router.post("/{connection}/disable", summary="Disable a connection")
async def disable(
    request: Request, connection: ConnectionPath, caller: Annotated[Caller, Needs(ADMIN)], body: ReasonIn | None = None
) -> ConnectionOut:
    """Let nothing out and nothing in; what waits to leave goes on waiting."""
    service = service_of(request)
    account = await service.tenancy.accounts.disable(
        caller.tenant, connection, reason=body.reason if body else None, by=caller.key_id
    )
    return ConnectionOut.of(account, service)


@router.post("/{connection}/enable", summary="Enable a connection")
async def enable(
    request: Request, connection: ConnectionPath, caller: Annotated[Caller, Needs(ADMIN)]
) -> ConnectionOut:
    """Let a connection work again."""
    service = service_of(request)
    return ConnectionOut.of(await service.tenancy.accounts.enable(caller.tenant, connection, by=caller.key_id), service)


@router.get("/{connection}/health", summary="See how a vendor is doing")
async def health(request: Request, connection: ConnectionPath, caller: Annotated[Caller, Needs(READ)]) -> HealthOut:
    """Say whether a connection works, how much waits to leave and when something last came in; asks no vendor."""
    caller.demand(READ, connection)
    service = service_of(request)
    account = await service.tenancy.accounts.get(caller.tenant, connection)
    events = await service.tenancy.listing.events(caller.tenant, connection=connection, limit=1)
    return HealthOut(
        state=account.state,
        reason=account.reason,
        waiting=await service.store.depth(connection),
        last_event_at=events.items[0].event.received_at if events.items else None,
    )


@router.get("/{connection}/capabilities", summary="See what a connection can carry")
async def capabilities(
    request: Request, connection: ConnectionPath, caller: Annotated[Caller, Needs(READ)]
) -> dict[str, Any]:
    """Give levels and limits by kind of chat and channel, with what this account's settings make of them."""
    found = service_of(request).running(caller, connection, READ)
    return found.table.model_dump(mode="json")


@router.get("/{connection}/webhook", summary="See where a vendor delivers to")
async def registered(
    request: Request, connection: ConnectionPath, caller: Annotated[Caller, Needs(READ)]
) -> tuple[RegistrationOut, ...]:
    """List where the vendor delivers webhooks of this account, where its API says that."""
    caller.demand(READ, connection)
    service = service_of(request)
    found = await service.tenancy.accounts.registered(caller.tenant, connection)
    return tuple(_registration(item, service.tenancy.accounts.webhook_url(connection)) for item in found)


@router.post("/{connection}/webhook", status_code=201, summary="Register the webhook")
async def register(
    request: Request, connection: ConnectionPath, caller: Annotated[Caller, Needs(ADMIN)]
) -> RegistrationOut:
    """Have the vendor deliver here, take the secret that it signs with, and look that it is so."""
    service = service_of(request)
    made = await service.tenancy.accounts.register(caller.tenant, connection, by=caller.key_id)
    return _registration(made, service.tenancy.accounts.webhook_url(connection))


@router.delete("/{connection}/webhook/{registration}", status_code=204, summary="Take a webhook back")
async def unregister(
    request: Request,
    connection: ConnectionPath,
    registration: Annotated[str, Path(min_length=1, max_length=256)],
    caller: Annotated[Caller, Needs(ADMIN)],
) -> None:
    """Have the vendor deliver to a URL no longer."""
    accounts = service_of(request).tenancy.accounts
    await accounts.unregister(caller.tenant, connection, registration, by=caller.key_id)


@router.post("/{connection}/catch-up", summary="Fetch what was missed")
async def catch_up(
    request: Request, connection: ConnectionPath, caller: Annotated[Caller, Needs(ADMIN)], body: CatchUpIn | None = None
) -> CaughtUp:
    """Fetch the webhooks that the vendor kept and could not deliver; each event is kept once."""
    service = service_of(request)
    found = service.running(caller, connection, READ)
    since = service.now() - timedelta(hours=body.hours) if body and body.hours else None
    return await service.gateway.catch_up(found.name, since=since, seconds=20)


def _registration(found: Registration, mine: str | None) -> RegistrationOut:
    return RegistrationOut(id=found.id, url=found.url, active=found.active, mine=found.url == mine)
