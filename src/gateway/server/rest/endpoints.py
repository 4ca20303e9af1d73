"""Endpoints that events are forwarded to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, Field
from pydantic_core import to_json

from gateway.forward import Endpoint, EndpointSecrets, Format, KeyKind, Progress
from gateway.server.access import Needs, service_of
from gateway.server.repeating import IdempotencyKey, Repeatable
from gateway.server.rest.connections import After, Limit
from gateway.server.rest.content import Input
from gateway.server.rest.deliveries import DeliveryOut, EndpointPath
from gateway.server.rest.shown import Output, PageOut, page_out
from gateway.store.records.endpoints import EndpointState, Wanted
from gateway.tenancy import ADMIN, Caller

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1", tags=["endpoints"], route_class=Repeatable)

Url = Annotated[str, Field(min_length=8, max_length=2048, pattern=r"^https?://\S+$")]
ProgressQuery = Annotated[
    bool, Query(description="Tell how far it is: a line of JSON with `done` and `total` after each few hundred.")
]
_TOLD: dict[int | str, dict[str, Any]] = {202: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}}
Names = Annotated[tuple[Annotated[str, Field(max_length=128)], ...], Field(max_length=100)]


class EndpointIn(Input):
    """A URL that is to receive events."""

    url: Url = Field(repr=False)
    description: str = Field(default="", max_length=500)
    types: Names = ()
    """Types of events; all of them without."""
    connections: Names = ()
    """Connections whose events it gets; all of them without."""
    format: Format = Format.STANDARD
    kinds: tuple[KeyKind, ...] = Field(default=(KeyKind.V1,), min_length=1, max_length=2)
    """How deliveries are signed."""


class EndpointChange(Input):
    """What changes; the rest stays."""

    url: Url | None = Field(default=None, repr=False)
    description: str | None = Field(default=None, max_length=500)
    types: Names | None = None
    connections: Names | None = None
    format: Format | None = None


class EndpointRotate(Input):
    """New secrets."""

    overlap_hours: float = Field(default=24, ge=0, le=24 * 30)
    """How long the former ones go on signing, beside the new ones."""
    kinds: tuple[KeyKind, ...] | None = Field(default=None, min_length=1, max_length=2)


class ReasonIn(Input):
    """Why."""

    reason: str = Field(default="", max_length=500)


class KeyOut(Output):
    """What may be seen of a signing key."""

    kind: KeyKind
    begins: AwareDatetime
    ends: AwareDatetime | None
    public: str | None
    """`whpk_…` of an ed25519 pair."""


class EndpointOut(Output):
    """A URL that receives events."""

    id: str
    url: str = Field(repr=False)
    description: str
    types: tuple[str, ...]
    connections: tuple[str, ...]
    format: Format
    state: EndpointState
    reason: str | None
    failing_since: AwareDatetime | None
    closed_until: AwareDatetime | None
    """Until when everything is kept back, because it fails or asked for it."""
    keys: tuple[KeyOut, ...]
    created_at: AwareDatetime
    updated_at: AwareDatetime

    @classmethod
    def of(cls, endpoint: Endpoint) -> EndpointOut:
        """Show an endpoint."""
        return cls.model_validate(asdict(endpoint))


class EndpointSecretsOut(Output):
    """An endpoint with its new secrets, shown this once."""

    endpoint: EndpointOut
    secrets: tuple[str, ...] = Field(repr=False)
    """What the receiver verifies with: `whsec_…`, or the public `whpk_…`."""

    @classmethod
    def of(cls, made: EndpointSecrets) -> EndpointSecretsOut:
        """Show an endpoint and its secrets."""
        return cls(endpoint=EndpointOut.of(made.endpoint), secrets=made.secrets)


class RangeIn(Input):
    """A time to send the events of again."""

    since: AwareDatetime
    until: AwareDatetime | None = None
    """Now without it."""
    missing: bool = False
    """Only events of which the endpoint has no delivery."""
    types: Names = ()
    """Only these types of events; all that the endpoint takes without."""
    connections: Names = ()
    """Only events of these connections."""

    @property
    def only(self) -> Wanted:
        """What is asked for beside the time."""
        return Wanted(self.types, self.connections)


class SinceIn(Input):
    """Since when."""

    since: AwareDatetime


class CountOut(Output):
    """How many."""

    count: int


class SampleIn(Input):
    """A test event."""

    type: str = Field(default="message.received", max_length=64)


@router.post("/endpoints", status_code=201, summary="Add an endpoint")
async def create(
    request: Request, body: EndpointIn, caller: Annotated[Caller, Needs(ADMIN)], idempotency_key: IdempotencyKey = None
) -> EndpointSecretsOut:
    """Have events forwarded to a URL, signed; the secret is in this answer and nowhere else."""
    made = await service_of(request).endpoints.create(
        caller.tenant,
        body.url,
        description=body.description,
        types=body.types,
        connections=body.connections,
        form=body.format,
        kinds=body.kinds,
        actor=caller.key_id,
    )
    return EndpointSecretsOut.of(made)


@router.get("/endpoints", summary="List endpoints")
async def list_(
    request: Request, caller: Annotated[Caller, Needs(ADMIN)], after: After = None, limit: Limit = 50
) -> PageOut[EndpointOut]:
    """List the endpoints, oldest first."""
    return page_out(await service_of(request).endpoints.list(caller.tenant, after=after, limit=limit), EndpointOut.of)


@router.get("/endpoints/{endpoint}", summary="Look at an endpoint")
async def get(request: Request, endpoint: EndpointPath, caller: Annotated[Caller, Needs(ADMIN)]) -> EndpointOut:
    """Give an endpoint, without its secrets."""
    return EndpointOut.of(await service_of(request).endpoints.get(caller.tenant, endpoint))


@router.patch("/endpoints/{endpoint}", summary="Change an endpoint")
async def change(
    request: Request, endpoint: EndpointPath, body: EndpointChange, caller: Annotated[Caller, Needs(ADMIN)]
) -> EndpointOut:
    """Change what is given."""
    changed = await service_of(request).endpoints.update(
        caller.tenant,
        endpoint,
        url=body.url,
        description=body.description,
        types=body.types,
        connections=body.connections,
        form=body.format,
        actor=caller.key_id,
    )
    return EndpointOut.of(changed)


@router.delete("/endpoints/{endpoint}", status_code=204, summary="Remove an endpoint")
async def remove(request: Request, endpoint: EndpointPath, caller: Annotated[Caller, Needs(ADMIN)]) -> None:
    """Forget an endpoint with its deliveries."""
    await service_of(request).endpoints.remove(caller.tenant, endpoint, actor=caller.key_id)


@router.post("/endpoints/{endpoint}/rotate", summary="Give an endpoint new secrets")
async def rotate(
    request: Request,
    endpoint: EndpointPath,
    caller: Annotated[Caller, Needs(ADMIN)],
    body: EndpointRotate | None = None,
    idempotency_key: IdempotencyKey = None,
) -> EndpointSecretsOut:
    """Sign with new secrets, and with those before for a while."""
    asked = body or EndpointRotate()
    made = await service_of(request).endpoints.rotate(
        caller.tenant, endpoint, overlap=asked.overlap_hours * 3600, kinds=asked.kinds, actor=caller.key_id
    )
    return EndpointSecretsOut.of(made)


@router.post("/endpoints/{endpoint}/pause", summary="Pause an endpoint")
async def pause(
    request: Request, endpoint: EndpointPath, caller: Annotated[Caller, Needs(ADMIN)], body: ReasonIn | None = None
) -> EndpointOut:
    """Keep everything back until it is resumed."""
    reason = body.reason if body else ""
    found = await service_of(request).endpoints.pause(caller.tenant, endpoint, reason=reason, actor=caller.key_id)
    return EndpointOut.of(found)


@router.post("/endpoints/{endpoint}/disable", summary="Disable an endpoint")
async def disable(
    request: Request, endpoint: EndpointPath, caller: Annotated[Caller, Needs(ADMIN)], body: ReasonIn | None = None
) -> EndpointOut:
    """Send it nothing more; what happens meanwhile is not for it, until it is replayed."""
    reason = body.reason if body else ""
    found = await service_of(request).endpoints.disable(caller.tenant, endpoint, reason=reason, actor=caller.key_id)
    return EndpointOut.of(found)


@router.post("/endpoints/{endpoint}/resume", summary="Resume an endpoint")
async def resume(request: Request, endpoint: EndpointPath, caller: Annotated[Caller, Needs(ADMIN)]) -> EndpointOut:
    """Make it active; what waits goes."""
    return EndpointOut.of(await service_of(request).endpoints.resume(caller.tenant, endpoint, actor=caller.key_id))


@router.post("/endpoints/{endpoint}/test", status_code=202, summary="Send a test event")
async def try_out(
    request: Request, endpoint: EndpointPath, caller: Annotated[Caller, Needs(ADMIN)], body: SampleIn | None = None
) -> DeliveryOut:
    """Deliver a made-up event of a type."""
    kind = (body or SampleIn()).type
    return DeliveryOut.of(await service_of(request).deliveries.test(caller.tenant, endpoint, kind, actor=caller.key_id))


@router.post(
    "/endpoints/{endpoint}/recover",
    status_code=202,
    summary="Send again all that failed",
    response_model=CountOut,
    responses=_TOLD,
)
async def recover(
    request: Request,
    endpoint: EndpointPath,
    body: SinceIn,
    caller: Annotated[Caller, Needs(ADMIN)],
    progress: ProgressQuery = False,
) -> CountOut | Response:
    """Send again everything that came to nothing since a time, in order per chat."""
    deliveries = service_of(request).deliveries
    return await _counted(
        deliveries.recover(caller.tenant, endpoint, body.since, actor=caller.key_id), progress=progress
    )


@router.post("/endpoints/{endpoint}/replay/preview", summary="Count what a replay would send")
async def preview(
    request: Request, endpoint: EndpointPath, body: RangeIn, caller: Annotated[Caller, Needs(ADMIN)]
) -> CountOut:
    """Count the events of a time that a replay would send."""
    service = service_of(request)
    until = body.until or service.now()
    return CountOut(
        count=await service.deliveries.preview(
            caller.tenant, endpoint, body.since, until, missing=body.missing, only=body.only
        )
    )


@router.post(
    "/endpoints/{endpoint}/replay",
    status_code=202,
    summary="Send the events of a time again",
    response_model=CountOut,
    responses=_TOLD,
)
async def replay(
    request: Request,
    endpoint: EndpointPath,
    body: RangeIn,
    caller: Annotated[Caller, Needs(ADMIN)],
    progress: ProgressQuery = False,
) -> CountOut | Response:
    """Send all events of a time again, delivered before or not, in order per chat."""
    service = service_of(request)
    until = body.until or service.now()
    steps = service.deliveries.replay(
        caller.tenant, endpoint, body.since, until, missing=body.missing, only=body.only, actor=caller.key_id
    )
    return await _counted(steps, progress=progress)


async def _counted(steps: AsyncIterator[Progress], *, progress: bool) -> CountOut | Response:
    """Have it all done and count it, or tell after each step how far it is; what it raises at first is an answer."""
    told = await anext(steps)
    count = told.done
    if not progress:
        async for further in steps:
            count = further.done
        return CountOut(count=count)

    async def lines() -> AsyncIterator[bytes]:
        yield to_json(asdict(told)) + b"\n"
        async for further in steps:
            yield to_json(asdict(further)) + b"\n"

    return StreamingResponse(lines(), 202, media_type="application/x-ndjson")
