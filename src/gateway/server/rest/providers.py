"""Providers: which vendors there are, what they ask, and what they can carry."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request

from gateway.capabilities import Feature, Level
from gateway.server.access import Needs, service_of
from gateway.server.rest.shown import Output, ProviderOut
from gateway.tenancy import READ, Caller

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1", tags=["providers"])


class ProvidersOut(Output):
    """All vendors."""

    items: tuple[ProviderOut, ...]


class FeaturesOut(Output):
    """What can be asked of any vendor."""

    features: tuple[Feature, ...]
    levels: tuple[Level, ...]


@router.get("/providers", summary="List providers")
async def list_(request: Request, caller: Annotated[Caller, Needs(READ)]) -> ProvidersOut:
    """List the vendors that connections can be made for, with the schema of their settings."""
    offers = service_of(request).tenancy.accounts.offers()
    return ProvidersOut(items=tuple(ProviderOut.of(offer) for offer in offers))


@router.get("/providers/{provider}", summary="Look at a provider")
async def get(
    request: Request, provider: Annotated[str, Path(max_length=64)], caller: Annotated[Caller, Needs(READ)]
) -> ProviderOut:
    """Give one vendor."""
    return ProviderOut.of(service_of(request).tenancy.accounts.offer(provider))


@router.get("/features", summary="List what can be asked for")
async def features(caller: Annotated[Caller, Needs(READ)]) -> FeaturesOut:
    """Name every feature that a vendor may carry, and the levels of it."""
    return FeaturesOut(features=tuple(Feature), levels=tuple(Level))
