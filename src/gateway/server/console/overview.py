"""The first page, which says whether it works."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.responses import Response

from gateway.server.console.page import Page, View
from gateway.store.rows import MessageState
from gateway.tenancy import READ, Account
from gateway.tenancy.paging import MOST

__all__ = ["VIEWS", "Glance", "accounts_of", "glance"]

DAY = timedelta(hours=24)
_ENDED_BADLY = (MessageState.REFUSED, MessageState.PARTLY, MessageState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Glance:
    """A connection, and how it is doing."""

    account: Account
    waiting: int
    """Messages that wait to leave."""
    oldest: datetime | None
    """When the oldest of them was to leave."""
    last_in: datetime | None
    last_out: datetime | None
    unknown: int
    """Messages that wait for a person."""
    failed: int
    """Messages of the last day that ended badly, as far as one page of them tells."""


async def overview(page: Page) -> Response:
    """Show every connection with its health."""
    page.demand(READ)
    glances = await asyncio.gather(*(glance(page, account) for account in await accounts_of(page)))
    listing = page.service.tenancy.listing
    events = await listing.events(page.tenant, within=page.caller.connections, limit=8)
    quarantined = await listing.webhooks(page.tenant, within=page.caller.connections, quarantined=True, limit=100)
    return page.show(
        "overview.html",
        title="Overview",
        glances=glances,
        events=events.items,
        quarantined=len(quarantined.items),
        states=Counter(each.account.state for each in glances),
        stopped=page.service.stopped_loop(),
    )


async def accounts_of(page: Page) -> list[Account]:
    """List all connections that may be looked at."""
    found: list[Account] = []
    after: str | None = None
    while True:
        accounts = await page.service.tenancy.accounts.list(page.tenant, after=after, limit=MOST)
        found += [account for account in accounts.items if page.caller.may(READ, account.id)]
        after = accounts.next
        if after is None:
            return found


async def glance(page: Page, account: Account) -> Glance:
    """Look at one connection; asks no vendor."""
    listing = page.service.tenancy.listing

    async def messages(state: MessageState | None, limit: int) -> list[datetime]:
        word = state.value if state else None
        found = await listing.messages(page.tenant, connection=account.id, state=word, limit=limit)
        return [row.created_at for row in found.items]

    last_in = await listing.events(page.tenant, connection=account.id, limit=1)
    queued = await messages(MessageState.QUEUED, MOST)
    unknown = await messages(MessageState.UNKNOWN, MOST)
    failed = [when for state in _ENDED_BADLY for when in await messages(state, MOST)]
    return Glance(
        account=account,
        waiting=await page.service.store.depth(account.id),
        oldest=min(queued, default=None),
        last_in=last_in.items[0].event.received_at if last_in.items else None,
        last_out=max(await messages(None, 1), default=None),
        unknown=len(unknown),
        failed=sum(page.now - when < DAY for when in failed),
    )


VIEWS: tuple[tuple[str, str, View], ...] = (("GET", "/", overview),)
