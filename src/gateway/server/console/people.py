"""Contacts and chats: who agreed to be written to, and everything of somebody shown or erased."""

from __future__ import annotations

from pydantic_core import to_json
from starlette.responses import Response

from gateway.addresses import Address
from gateway.errors import InvalidRequest
from gateway.server.console.overview import accounts_of
from gateway.server.console.page import HEADERS, Page, View
from gateway.server.console.scenes import scenario
from gateway.tenancy import ADMIN, READ

__all__ = ["VIEWS"]


async def contacts(page: Page) -> Response:
    """List who is in a direct chat, with their word about being written to."""
    page.demand(READ)
    query = page.query
    listing = page.service.tenancy.listing
    connection, within = query.get("connection"), page.caller.connections
    found = await listing.contacts(page.tenant, connection=connection, within=within, after=query.get("after"))
    refused = await listing.consents(page.tenant, connection=connection, within=within, agreed=False, limit=100)
    return page.show(
        "contacts.html",
        title="Contacts",
        contacts=found.items,
        next=found.next,
        refused=refused.items,
        accounts=await accounts_of(page),
        asked=query,
    )


async def chats(page: Page) -> Response:
    """List conversations, the latest first."""
    page.demand(READ)
    query = page.query
    found = await page.service.tenancy.listing.chats(
        page.tenant, connection=query.get("connection"), within=page.caller.connections, after=query.get("after")
    )
    return page.show(
        "chats.html",
        title="Chats",
        chats=found.items,
        next=found.next,
        accounts=await accounts_of(page),
        asked=query,
    )


async def opt_out(page: Page) -> Response:
    """Keep that somebody is not to be written to, because a person here says so."""
    page.demand(ADMIN)
    connection = page.service.tenancy.accounts.running(page.tenant, page.filled("connection"))
    await page.service.engine.opt_out(connection, Address.parse(page.filled("address")))
    return page.go("/contacts", "They are not written to any more.")


async def erase(page: Page) -> Response:
    """Erase somebody, everywhere and for good; asked twice."""
    page.demand(ADMIN)
    address = page.filled("address")
    if page.form.get("sure") != "ERASE":
        raise InvalidRequest("nothing was erased", hint="write ERASE to say that you are sure")
    erased = await page.service.tenancy.erasing.erase(
        page.tenant, address, within=page.caller.connections, by=page.caller.key_id
    )
    return page.show("erased.html", title="Erased", erased=erased)


async def export(page: Page) -> Response:
    """Give all that is kept of somebody, as lines of JSON."""
    page.demand(ADMIN)
    lines = [
        to_json(item).decode() + "\n"
        async for item in page.service.tenancy.erasing.export(
            page.tenant, page.filled("address"), within=page.caller.connections, by=page.caller.key_id
        )
    ]
    headers = {
        **HEADERS,
        "content-type": "application/x-ndjson",
        "content-disposition": 'attachment; filename="contact.ndjson"',
    }
    return Response("".join(lines), headers=headers)


async def scene(page: Page) -> Response:
    """Give a chat as a scenario for the simulator, without anybody's number or words."""
    page.demand(READ)
    chat = page.part("chat")
    listing = page.service.tenancy.listing
    found = await listing.events(page.tenant, chat=chat, within=page.caller.connections, limit=100)
    item = await listing.chat(page.tenant, chat, within=page.caller.connections)
    account = await page.service.tenancy.accounts.get(page.tenant, item.connection)
    text = scenario([row.event for row in reversed(found.items)], account.provider)
    headers = {
        **HEADERS,
        "content-type": "application/toml",
        "content-disposition": f'attachment; filename="{chat[:16]}.toml"',
    }
    return Response(text, headers=headers)


VIEWS: tuple[tuple[str, str, View], ...] = (
    ("GET", "/contacts", contacts),
    ("POST", "/contacts/opt-out", opt_out),
    ("POST", "/contacts/erase", erase),
    ("POST", "/contacts/export", export),
    ("GET", "/chats", chats),
    ("GET", "/chats/{chat}/scenario", scene),
)
