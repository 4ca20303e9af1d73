"""Who asks: the key of a request, what it may do, and how often.

A route says what it needs by the parameter `caller: Annotated[Caller, Needs("read")]`; nothing else lets anybody in,
and a test goes through all routes to see that each has one.
"""

from __future__ import annotations

import hmac
import time
from typing import Any, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.errors import Forbidden, Unauthenticated
from gateway.server.service import Service
from gateway.store.records.tenants import DEFAULT_TENANT
from gateway.tenancy import ADMIN, Caller

__all__ = ["BEARER", "Needs", "Scope", "bearer_of", "caller_of", "configured", "operates", "service_of"]

BEARER = HTTPBearer(auto_error=False, scheme_name="key", description="An API key, `gw_live_…`, in `Authorization`.")


def service_of(request: Request) -> Service:
    """Give the service that a request is for."""
    return cast("Service", request.app.state.service)


class Scope:
    """What a route needs; a dependency that gives the caller."""

    def __init__(self, scope: str, *, operator: bool = False) -> None:
        self.scope = scope
        self._operator = operator

    async def __call__(
        self,
        request: Request,
        credentials: HTTPAuthorizationCredentials | None = Depends(BEARER),  # noqa: B008 - how FastAPI takes it
    ) -> Caller:
        """Let a caller in; raises `Unauthenticated`, `Forbidden`, and `Fault` for one who calls too often."""
        caller = await caller_of(request, credentials.credentials if credentials else None)
        caller.demand(self.scope)
        if self._operator:
            operates(caller)
        return caller


def operates(caller: Caller) -> None:
    """Let nobody but the operator go on, whose own tenant is the default one; raises `Forbidden`."""
    if caller.tenant != DEFAULT_TENANT:
        raise Forbidden("this is the operator's", hint=f"use an admin key of the tenant {DEFAULT_TENANT}")


async def caller_of(request: Request, bearer: str | None) -> Caller:
    """Say whose key it is, once for a request."""
    state = request.scope["state"]
    if "caller" not in state:
        if not bearer:
            raise Unauthenticated("there is no key", hint="send the header `Authorization: Bearer gw_live_…`")
        service = service_of(request)
        caller = configured(service, bearer) or await service.tenancy.keys.authenticate(bearer)
        state["caller"] = caller
        state["answer_headers"] = service.rates.take(caller.key_id, time.monotonic()).headers
    return cast("Caller", state["caller"])


def configured(service: Service, bearer: str) -> Caller | None:
    """Recognise a key of the configuration; None for any other."""
    given = service.config.server.admin_key
    keys = given.get_secret_value().split(",") if given else []
    # each is compared, so that the time it takes says nothing
    same = sum(hmac.compare_digest(bearer.encode(), key.strip().encode()) for key in keys if len(key.strip()) >= 32)
    return Caller(DEFAULT_TENANT, "key_configured", frozenset({ADMIN})) if same else None


def bearer_of(request: Request) -> str | None:
    """Read the key of a request, in the one place where it may be."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() or None if scheme.lower() == "bearer" else None


def Needs(scope: str, *, operator: bool = False) -> Any:  # noqa: N802 - stands where FastAPI's own markers stand
    """Mark the parameter of a route that takes the caller; `operator` keeps it to the operator's own tenant."""
    return Depends(Scope(scope, operator=operator))
