"""Webhooks as they came, and the quarantine: what no parser could read, until one can."""

from __future__ import annotations

from starlette.responses import Response

from gateway.errors import InvalidRequest
from gateway.reparse import Reparsed
from gateway.server.console import looks
from gateway.server.console.overview import accounts_of
from gateway.server.console.page import HEADERS, Page, View
from gateway.store.rows import NumberedWebhook
from gateway.tenancy import ADMIN

__all__ = ["VIEWS"]


async def listed(page: Page) -> Response:
    """List webhooks; those in quarantine unless all are asked for."""
    page.demand(ADMIN)
    query = page.query
    everything = query.get("all") == "1"
    found = await page.service.tenancy.listing.webhooks(
        page.tenant,
        connection=query.get("connection"),
        within=page.caller.connections,
        quarantined=not everything,
        after=query.get("after"),
    )
    return page.show(
        "webhooks.html",
        title="Webhooks" if everything else "Quarantine",
        webhooks=found.items,
        next=found.next,
        everything=everything,
        accounts=await accounts_of(page),
        asked=query,
    )


async def look(page: Page) -> Response:
    """Show a webhook: headers, bytes, and what was made of it."""
    return page.show("webhook.html", title="Webhook", item=await _one(page))


async def download(page: Page) -> Response:
    """Give the bytes as a file, to be kept as a sample or sent with a report; veiled while the mask is on."""
    webhook = (await _one(page)).row
    body = looks.raw(webhook.body, masked=True).encode() if page.masked else webhook.body
    name = f"webhook-{webhook.digest[:12]}.json"
    headers = {
        **HEADERS,
        "content-type": "application/octet-stream",
        "content-disposition": f'attachment; filename="{name}"',
    }
    return Response(body, headers=headers)


async def reparse(page: Page) -> Response:
    """Parse again what is in quarantine, on every connection or one; only tell, unless it is to be kept."""
    page.demand(ADMIN)
    wanted = page.form.get("connection") or None
    mine = [account.id for account in await accounts_of(page)]
    if wanted is not None and wanted not in mine:
        raise InvalidRequest("there is no such connection", hint="choose one of the list")
    keep = page.form.get("keep") == "1"
    results = [
        (connection, await page.service.gateway.reparse(connection=connection, apply=keep))
        for connection in ([wanted] if wanted else mine)
    ]
    return page.show("reparsed.html", title="Parsed again", results=results, keep=keep, total=_total(results))


def _total(results: list[tuple[str, Reparsed]]) -> dict[str, int]:
    return {
        "webhooks": sum(found.webhooks for _, found in results),
        "new": sum(len(found.new) for _, found in results),
        "failing": sum(len(found.failing) for _, found in results),
    }


async def _one(page: Page) -> NumberedWebhook:
    number = page.part("number")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise InvalidRequest("a webhook has a number", hint="choose one of the list")
    page.demand(ADMIN)
    return await page.service.tenancy.listing.webhook(page.tenant, int(number), within=page.caller.connections)


VIEWS: tuple[tuple[str, str, View], ...] = (
    ("GET", "/webhooks", listed),
    ("POST", "/webhooks/reparse", reparse),
    ("GET", "/webhooks/{number}", look),
    ("GET", "/webhooks/{number}/download", download),
)
