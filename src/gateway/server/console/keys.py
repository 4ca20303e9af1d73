"""Keys of the API, and the audit: who did what, in a chain that shows where somebody changed it."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from gateway.errors import InvalidRequest
from gateway.server.console.overview import accounts_of
from gateway.server.console.page import Page, View
from gateway.tenancy import ADMIN, READ, SEND

__all__ = ["VIEWS"]


async def listed(page: Page) -> Response:
    """List the keys, and offer to make one."""
    page.demand(ADMIN)
    found = await page.service.tenancy.keys.list(page.tenant, after=page.query.get("after"))
    return page.show(
        "keys.html",
        title="API keys",
        keys=found.items,
        next=found.next,
        scopes=(READ, SEND, ADMIN),
        accounts=await accounts_of(page),
        now=page.now,
    )


async def mint(page: Page) -> Response:
    """Make a key; it is shown once, here."""
    page.demand(ADMIN)
    scopes = [scope for scope in (READ, SEND, ADMIN) if f"scope.{scope}" in page.form]
    if connection := page.form.get("connection"):
        scopes.append(f"connections:{connection}")
    expires = page.now + timedelta(days=_days(text)) if (text := page.form.get("days", "").strip()) else None
    minted = await page.service.tenancy.keys.mint(
        page.tenant, name=page.filled("name"), scopes=scopes, expires_at=expires, by=page.caller.key_id
    )
    return page.show(
        "secret.html", title="The new key", what=f"key {minted.row.name}", secrets=(minted.text,), back="/keys"
    )


async def act(page: Page) -> Response:
    """Replace a key, or end it."""
    page.demand(ADMIN)
    keys, key, by = page.service.tenancy.keys, page.part("key"), page.caller.key_id
    if page.part("deed") == "revoke":
        await keys.revoke(page.tenant, key, by=by)
        return page.go("/keys", "Revoked: it counts no longer.")
    if page.part("deed") != "rotate":
        raise InvalidRequest("there is no such button", hint="go back and look")
    minted = await keys.rotate(page.tenant, key, by=by)
    return page.show(
        "secret.html", title="The new key", what=f"key {minted.row.name}", secrets=(minted.text,), back="/keys"
    )


async def audit(page: Page) -> Response:
    """Show the chain, the newest line first."""
    page.demand(ADMIN)
    query = page.query
    found = await page.service.tenancy.audit.list(page.tenant, after=query.get("after"), limit=100)
    rows = [
        row
        for row in found.items
        if all(word in f"{row.actor} {row.action} {row.target}" for word in query.get("find", "").split())
    ]
    return page.show("audit.html", title="Audit", rows=rows, next=found.next, asked=query, chain=None)


async def verify(page: Page) -> Response:
    """Look whether the chain holds, from its first line on."""
    page.demand(ADMIN)
    found = await page.service.tenancy.audit.list(page.tenant, limit=100)
    chain = await page.service.tenancy.audit.verify(page.tenant)
    return page.show("audit.html", title="Audit", rows=found.items, next=found.next, asked=page.query, chain=chain)


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 3650):
        raise InvalidRequest("that is no number of days", hint="write one between 1 and 3650")
    return int(text)


VIEWS: tuple[tuple[str, str, View], ...] = (
    ("GET", "/keys", listed),
    ("POST", "/keys", mint),
    ("POST", "/keys/{key}/{deed}", act),
    ("GET", "/audit", audit),
    ("GET", "/audit/verify", verify),
)
