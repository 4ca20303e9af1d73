"""A way into the console for whoever started the demo: a link that signs in, since there is no key to copy yet."""

from __future__ import annotations

import hmac
from secrets import token_urlsafe
from urllib.parse import parse_qs

from gateway.ingress import ASGIApp, Receive, Scope, Send
from gateway.server import Service
from gateway.server.console import ROOT
from gateway.server.console.session import COOKIE, LASTS, Sessions
from gateway.store.records.tenants import DEFAULT_TENANT
from gateway.tenancy import ADMIN, Caller

__all__ = ["Doorway"]

_PATH = f"{ROOT}/enter"


class Doorway:
    """A service's application with one more door; whoever has its token comes in as the owner of the first key."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._token = token_urlsafe(18)

    def url(self, base: str) -> str:
        """Give the link; the token is taken out of the address at once."""
        return f"{base}{_PATH}?token={self._token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] == _PATH and self._has_token(scope):
            await self._enter(send)
        else:
            await self._app(scope, receive, send)

    def _has_token(self, scope: Scope) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        return hmac.compare_digest(given.encode(), self._token.encode())

    async def _enter(self, send: Send) -> None:
        page = await self._service.tenancy.keys.list(DEFAULT_TENANT, limit=1)
        caller = Caller(DEFAULT_TENANT, page.items[0].id, frozenset({ADMIN}))
        cookie = f"{COOKIE}={Sessions(self._service).made(caller)}; Path={ROOT}; Max-Age={LASTS.total_seconds():.0f}"
        headers = {
            "location": f"{ROOT}/",
            "set-cookie": f"{cookie}; HttpOnly; SameSite=Strict",
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
        }
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 303, "headers": encoded})
        await send({"type": "http.response.body", "body": b""})
