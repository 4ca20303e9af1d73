"""Whether the process is there, whether it can work, and how it is doing."""

from __future__ import annotations

import asyncio
import time
from importlib.metadata import version
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from gateway.errors import GatewayError
from gateway.server.access import bearer_of, caller_of, operates, service_of
from gateway.server.problems import Fault
from gateway.server.rest.shown import Output
from gateway.server.service import Service
from gateway.server.telemetry import CONTENT_TYPE
from gateway.tenancy import ADMIN

__all__ = ["router"]

router: APIRouter = APIRouter(tags=["health"])

OPEN = "everybody may ask"
"""Why a route here has no key; the tests ask for it."""


class LiveOut(Output):
    """The process is there."""

    status: Literal["ok"] = "ok"
    version: str


class ReadyOut(Output):
    """Whether the service can take requests; what it needs, each with ok or what is wrong."""

    status: Literal["ready", "not ready"]
    checks: dict[str, str]


@router.get("/livez", summary="See whether the process is there", openapi_extra={"security": [], "x-open": OPEN})
async def livez() -> LiveOut:
    """Answer as long as the process does; asks nothing of store or vendors."""
    return LiveOut(version=version("messaging-gateway"))


@router.get(
    "/readyz",
    summary="See whether the service can work",
    response_model=ReadyOut,
    responses={503: {"model": ReadyOut, "description": "Not ready: still starting, ending, or without its store."}},
    openapi_extra={"security": [], "x-open": OPEN},
)
async def readyz(
    request: Request,
    wait: Annotated[
        str, Query(pattern=r"^\d{1,3}(\.\d{1,3})?s?$", description="Seconds to wait until it is: `30` or `30s`.")
    ] = "0",
) -> Response:
    """Say whether the store can be written, the schema is current, and the loops run; a vendor's outage is no part."""
    service = service_of(request)
    until = time.monotonic() + min(float(wait.rstrip("s")), 60)
    while True:
        checks = await _checks(service)
        ready = all(said == "ok" for said in checks.values())
        if ready or time.monotonic() >= until or service.draining:
            break
        await asyncio.sleep(0.1)
    answer = ReadyOut(status="ready" if ready else "not ready", checks=checks)
    return JSONResponse(answer.model_dump(), 200 if ready else 503)


@router.get(
    "/metrics",
    summary="Read the metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    openapi_extra={"security": [{}, {"key": []}], "x-open": OPEN},
)
async def metrics(request: Request) -> Response:
    """Give the metrics in Prometheus' format; whether that takes a key is a setting."""
    service = service_of(request)
    allowed = service.config.server.metrics
    if allowed == "off":
        raise Fault(404, "not_found", "there are no metrics here", hint='[server] metrics = "open" or "key"')
    if allowed == "key":
        caller = await caller_of(request, bearer_of(request))
        caller.demand(ADMIN)
        operates(caller)
    await _gauges(service)
    return Response(service.telemetry.exposed(), media_type=CONTENT_TYPE)


async def _checks(service: Service) -> dict[str, str]:
    """Look at all that the service needs."""
    stopped = service.stopped_loop()
    return {
        "process": "ending" if service.draining else "ok",
        "store": await _store(service),
        "loops": f"{stopped} stopped" if stopped else "ok",
    }


async def _store(service: Service) -> str:
    """Write to the store: that it can be read says little."""
    try:
        async with asyncio.timeout(2):
            await service.store.keep_cursor("readyz", service.now().isoformat())
            await service.engine.start()  # raises when one of the engine's loops has stopped
    except TimeoutError:
        return "slow"
    except GatewayError as error:
        return error.code or error.slug
    return "ok"


async def _gauges(service: Service) -> None:
    """Bring what is counted at the moment it is asked for up to date."""
    waiting: dict[str, int] = {}
    for connection in list(service.engine.connections):
        name = connection.provider.name
        waiting[name] = waiting.get(name, 0) + await service.store.depth(connection.name)
    for provider, depth in waiting.items():
        service.telemetry.depth.labels(provider).set(depth)
    service.telemetry.blocked(sum(service.egress.refusals.values()))
    service.telemetry.oldest.set(await service.oldest_age())
