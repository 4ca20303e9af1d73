"""One-time codes that the vendor computes for the account."""

from __future__ import annotations

from pydantic import JsonValue

from gateway.provider import Call, Exchange, Repeat, path
from gateway_sendblue import wire
from gateway_sendblue.api.answers import ask, look_up

__all__ = ["code", "create", "delete", "listed"]


def create(body: dict[str, JsonValue]) -> Exchange[wire.TotpSecret]:
    """POST `/api/v2/totp/secrets` with `secret` or `uri`; also `label`, `issuer`, `algorithm`, `digits`, `period`."""
    return ask(Call("POST", path("/api/v2/totp/secrets"), json=body), wire.TotpSecret)


def listed() -> Exchange[wire.TotpSecrets]:
    """GET `/api/v2/totp/secrets`."""
    return look_up(path("/api/v2/totp/secrets"), wire.TotpSecrets)


def delete(secret: str) -> Exchange[wire.Answer]:
    """DELETE `/api/v2/totp/secrets/{secret_id}`."""
    where = path("/api/v2/totp/secrets/{secret}", secret=secret)
    return ask(Call("DELETE", where, repeat=Repeat.SAFE), wire.Answer)


def code(secret: str) -> Exchange[wire.TotpCode]:
    """GET `/api/v2/totp/code/{secret_id}`: the code of now, and how many seconds it holds."""
    return look_up(path("/api/v2/totp/code/{secret}", secret=secret), wire.TotpCode)
