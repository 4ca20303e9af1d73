"""Who looks at the console: a key, kept in a cookie that says which key it was, and not the key itself.

The cookie is signed; what the key may do is looked up with each request, so that a key that was revoked looks at
nothing any more. `SameSite=Strict` and the check of Origin keep other pages from acting.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from datetime import datetime, timedelta

from starlette.requests import Request

from gateway.clock import Clock
from gateway.errors import NotFound, Unauthenticated
from gateway.server.service import Service
from gateway.store.records.tenants import DEFAULT_TENANT
from gateway.tenancy import ADMIN, Caller

__all__ = ["COOKIE", "Sessions", "same_origin"]

COOKIE = "gateway_console"
LASTS = timedelta(hours=12)
CONFIGURED = "key_configured"
"""The key of the configuration, which has no row."""


class Sessions:
    """Makes and reads the cookies of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._clock: Clock = service.engine.clock
        # the same in every process of a service; without a master key, a cookie ends with its process
        self._secret = service.sealer.derived("console sessions") or os.urandom(32)

    def made(self, caller: Caller) -> str:
        """Write a cookie for a caller."""
        until = int((self._clock.now() + LASTS).timestamp())
        text = f"{caller.tenant}.{caller.key_id}.{until}"
        return f"{text}.{self._mac(text, caller.key_id)}"

    async def caller(self, cookie: str) -> Caller:
        """Say who a cookie stands for; raises `Unauthenticated`."""
        text, _, mac = cookie.rpartition(".")
        tenant, key, until = text.split(".") if text.count(".") == 2 else ("", "", "")
        if not hmac.compare_digest(self._mac(text, key).encode(), mac.encode()):
            raise Unauthenticated("this session is not valid", hint="sign in again")
        if self._clock.now().timestamp() >= int(until):
            raise Unauthenticated("this session has ended", hint="sign in again")
        return await self._of_key(tenant, key, self._clock.now())

    async def _of_key(self, tenant: str, key: str, now: datetime) -> Caller:
        if key == CONFIGURED and self._service.config.server.admin_key is not None:
            return Caller(DEFAULT_TENANT, CONFIGURED, frozenset({ADMIN}))
        try:
            row = await self._service.tenancy.keys.get(tenant, key)
        except NotFound:
            row = None
        if row is None or not row.lives(now):
            raise Unauthenticated("the key of this session counts no longer", hint="sign in with another one")
        return Caller(tenant, row.id, frozenset(row.scopes))

    def _mac(self, text: str, key: str) -> str:
        """Sign a cookie; one of a configured key ends with its text, since there is no row that could be revoked."""
        given = self._service.config.server.admin_key if key == CONFIGURED else None
        mac = hmac.new(self._secret, text.encode(), hashlib.sha256)
        if given is not None:
            mac.update(b"\0" + given.get_secret_value().encode())
        return mac.hexdigest()


def same_origin(request: Request) -> bool:
    """Tell whether a request that changes something comes from a page of this console, as far as browsers say so."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return True
    # behind a proxy the scheme that we see may be another one
    return origin.partition("://")[2] == request.headers.get("host", "")
