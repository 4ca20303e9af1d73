"""Questions to a service that does not do what it should; each answer says what to do next."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from gateway.server.access import Needs, service_of
from gateway.server.doctor import Check, examine
from gateway.server.rest.shown import Output
from gateway.tenancy import ADMIN, Caller

__all__ = ["router"]

router: APIRouter = APIRouter(prefix="/v1", tags=["health"])


class CheckOut(Output):
    """One answer."""

    name: str
    state: Literal["ok", "warn", "fail"]
    """`warn`: it works, and should be looked at; `fail`: it does not work."""
    says: str
    hint: str | None
    """What to do next."""

    @classmethod
    def of(cls, check: Check) -> CheckOut:
        """Show a check."""
        return cls(name=check.name, state=check.state, says=check.says, hint=check.hint)


class DoctorOut(Output):
    """What all checks came to."""

    ok: bool
    """Whether none failed."""
    failed: int
    doubtful: int
    """How many warn."""
    checks: tuple[CheckOut, ...]


@router.get("/doctor", summary="Have the service examined")
async def doctor(
    request: Request,
    caller: Annotated[Caller, Needs(ADMIN)],
    probe: Annotated[
        bool, Query(description="Ask others too: vendors, and the service itself at its public URL.")
    ] = True,
) -> DoctorOut:
    """Make twenty checks of machine, configuration, store, vendors and endpoints; 200 whatever they come to.

    A key of another tenant than the default one is told only of its own connections, endpoints and quarantine.
    """
    host = request.headers.get("host", "")
    checks = await examine(service_of(request), tenant=caller.tenant, host=host, probe=probe)
    failed = sum(check.state == "fail" for check in checks)
    doubtful = sum(check.state == "warn" for check in checks)
    return DoctorOut(ok=not failed, failed=failed, doubtful=doubtful, checks=tuple(map(CheckOut.of, checks)))
