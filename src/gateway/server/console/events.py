"""Events: as a list, live, and one by one with everything that is known of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from starlette.responses import Response

from gateway.clock import wait_for_change
from gateway.errors import InvalidRequest
from gateway.server.console.overview import accounts_of
from gateway.server.console.page import HEADERS, Page, View
from gateway.server.console.searching import STATUSES, searched
from gateway.server.schemas import event_json, event_types
from gateway.server.streaming import EventStream
from gateway.store.rows import EventRow
from gateway.tenancy import ADMIN, READ, Account

__all__ = ["VIEWS"]

HEARTBEAT = 15.0
LOOK = 1.0


async def listed(page: Page) -> Response:
    """List events by what is asked for, the newest first; new ones come by themselves."""
    page.demand(READ)
    accounts = await accounts_of(page)
    listing, found, wrong = page.service.tenancy.listing, None, None
    try:
        wanted = _wanted(page, accounts)
        found = await listing.events(page.tenant, **wanted, after=page.query.get("after"), limit=50)
    except InvalidRequest as error:
        wrong = error  # beside what was written, so that it can be put right
    return page.show(
        "events.html",
        422 if wrong else 200,
        title="Events",
        events=found.items if found else (),
        next=found.next if found else None,
        wrong=wrong,
        last=await listing.last(),
        types=event_types(),
        statuses=[(status, status) for status in STATUSES],
        accounts=accounts,
        asked=page.query,
        live="after" not in page.query and not wrong,
    )


async def live(page: Page) -> Response:
    """Stream the rows of that list as they come."""
    page.demand(READ)
    place, wanted = await _place(page), _wanted(page, await accounts_of(page))
    streams = page.service.streams
    if not streams.enter(page.tenant):
        return Response("too many streams are open", 429, {**HEADERS, "retry-after": "5"})
    return EventStream(_stream(page, place, wanted), streams, page.tenant, HEADERS)


async def _stream(page: Page, place: int, wanted: dict[str, Any]) -> AsyncIterator[str]:
    service = page.service
    quiet = 0.0
    while not service.draining:
        version = service.store.version
        rows = await service.tenancy.listing.follow(page.tenant, **wanted, after=place, limit=50)
        for row in rows:
            place = row.sequence
            yield f"id: {place}\nevent: row\ndata: {_line(page, row)}\n\n"
        quiet = 0.0 if rows else quiet + LOOK
        if quiet >= HEARTBEAT:
            quiet = 0.0
            yield ": still here\n\n"
        if not rows:
            await wait_for_change(service.engine.clock, LOOK, service.store.changed(version))
            await asyncio.sleep(0.05)


async def _place(page: Page) -> int:
    """Read from where on the rows come; raises `InvalidRequest`."""
    text = page.request.headers.get("last-event-id") or page.query.get("from")
    if text is None:
        return await page.service.tenancy.listing.last()
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidRequest("this is no place in the stream", hint="begin at the list of events")
    return int(text)


def _line(page: Page, row: EventRow) -> str:
    shown: Any = page.show("event_row.html", row=row)
    return bytes(shown.body).decode().replace("\n", " ")


async def look(page: Page) -> Response:
    """Show an event: what was made of it, of which bytes, and who got it."""
    tenancy = page.service.tenancy
    row = await tenancy.listing.event(page.tenant, page.part("event"), within=page.caller.connections)
    deliveries = page.service.deliveries
    return page.show(
        "event.html",
        title=row.event.type,
        row=row,
        data=event_json(row.event),
        webhooks=await tenancy.listing.webhooks_of(page.tenant, row.id, within=page.caller.connections),
        runs=await page.service.store.runs(row.id),
        # as the API has it: where events of a tenant go is for those who administer it
        deliveries=(await deliveries.list(page.tenant, event=row.id)).items if page.caller.may(ADMIN) else (),
    )


async def again(page: Page) -> Response:
    """Hand an event to the handlers of this process again."""
    page.demand(ADMIN)
    row = await page.service.tenancy.listing.event(page.tenant, page.part("event"), within=page.caller.connections)
    await page.service.gateway.replay(row.id)
    return page.go(f"/events/{row.id}", "Handed over again.")


def _wanted(page: Page, accounts: Iterable[Account]) -> dict[str, Any]:
    return {"within": page.caller.connections, **searched(page.query, accounts).wanted}


VIEWS: tuple[tuple[str, str, View], ...] = (
    ("GET", "/events", listed),
    ("GET", "/events/live", live),
    ("GET", "/events/{event}", look),
    ("POST", "/events/{event}/again", again),
)
