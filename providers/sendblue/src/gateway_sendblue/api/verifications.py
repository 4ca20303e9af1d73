"""Verify: a person proves a number by sending us a code (an inverted one-time password)."""

from __future__ import annotations

from pydantic import JsonValue

from gateway.provider import Call, Exchange, path
from gateway_sendblue import wire
from gateway_sendblue.api.answers import ask, look_up

__all__ = ["create", "get", "listed"]

_OF_SERVICE = "/api/v2/verify/services/{service}/verifications"


def create(service: str, to: str, *, hosted: dict[str, JsonValue] | None = None) -> Exchange[wire.Verification]:
    """POST `…/services/{service_sid}/verifications`; with `hosted` (`parent_origin`, …) a page for it is made too."""
    body: dict[str, JsonValue] = {"to": to}
    if hosted is not None:
        body["hosted"] = hosted
    return ask(Call("POST", path(_OF_SERVICE, service=service), json=body), wire.Verification)


def get(service: str, verification: str) -> Exchange[wire.Verification]:
    """GET `…/verifications/{verification_sid}`: `pending`, `approved`, `expired` or `canceled`."""
    where = path(_OF_SERVICE + "/{verification}", service=service, verification=verification)
    return look_up(where, wire.Verification)


def listed(
    *, limit: int | None = None, offset: int | None = None, updated_at_gte: str | None = None
) -> Exchange[wire.VerificationList]:
    """GET `/api/v2/verify/verifications`."""
    where = path("/api/v2/verify/verifications")
    return look_up(where, wire.VerificationList, limit=limit, offset=offset, updated_at_gte=updated_at_gte)
