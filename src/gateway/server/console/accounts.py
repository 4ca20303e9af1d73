"""Connections: added by a wizard that waits for the first webhook, looked at, tested, changed, removed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import JsonValue
from pydantic_core import from_json
from starlette.responses import Response

from gateway.errors import InvalidRequest, NoRoute
from gateway.server.console.overview import accounts_of, glance
from gateway.server.console.page import Page, View, read_hours
from gateway.tenancy import ADMIN, READ, SEND

__all__ = ["VIEWS", "settings_of"]

_KINDS = {"string": "text", "integer": "number", "number": "number", "boolean": "checkbox"}


async def listed(page: Page) -> Response:
    """List the connections, and offer to add one."""
    page.demand(READ)
    accounts = page.service.tenancy.accounts
    return page.show(
        "connections.html", title="Connections", accounts=await accounts_of(page), offers=accounts.offers()
    )


async def blank(page: Page) -> Response:
    """Show the form of a provider: its settings, as its schema has them."""
    page.demand(ADMIN)
    offer = page.service.tenancy.accounts.offer(page.part("provider"))
    return page.show("connection_new.html", title=f"Add {offer.title}", offer=offer, fields=_fields(offer.schema))


async def create(page: Page) -> Response:
    """Add a connection, prove its credentials, and register its webhook where that is possible."""
    page.demand(ADMIN)
    accounts = page.service.tenancy.accounts
    offer = accounts.offer(page.part("provider"))
    settings = settings_of(page.form, offer.schema)
    page.service.allow(settings)
    account = await accounts.create(
        page.tenant, offer.provider, settings, name=page.form.get("name", "").strip() or None, by=page.caller.key_id
    )
    return page.go(f"/connections/{account.id}/setup")


async def setup(page: Page) -> Response:
    """Show what is left to do until the first webhook has come."""
    connection = page.part("connection")
    page.demand(READ, connection)
    return page.show("connection_setup.html", title="Set up", **await _setup(page, connection))


async def waiting(page: Page) -> Response:
    """Give the part of that page which waits; asked for again and again."""
    connection = page.part("connection")
    page.demand(READ, connection)
    return page.show("connection_waiting.html", **await _setup(page, connection))


async def _setup(page: Page, connection: str) -> dict[str, Any]:
    accounts = page.service.tenancy.accounts
    account = await accounts.get(page.tenant, connection)
    offer = accounts.offer(account.provider)
    url = accounts.webhook_url(connection) or account.webhook_path
    first = await page.service.tenancy.listing.webhooks(page.tenant, connection=connection, limit=1)
    return {
        "account": account,
        "offer": offer,
        "url": url,
        "public": accounts.webhook_url(connection) is not None,
        "steps": [step.replace("{url}", url) for step in offer.how_to_register],
        "arrived": first.items[0] if first.items else None,
        "knocks": page.knocks.at(connection),
    }


async def look(page: Page) -> Response:
    """Show a connection: how it is, what it can carry, what can be done with it."""
    connection = page.part("connection")
    page.demand(READ, connection)
    accounts = page.service.tenancy.accounts
    account = await accounts.get(page.tenant, connection)
    offer = accounts.offer(account.provider)
    try:
        rows = accounts.running(page.tenant, connection).table.rows
    except NoRoute:
        rows = ()
    return page.show(
        "connection.html",
        title=account.name,
        account=account,
        offer=offer,
        glance=await glance(page, account),
        rows=rows,
        url=accounts.webhook_url(connection) or account.webhook_path,
        fields=_fields(offer.schema, account.settings),
        knocks=page.knocks.at(connection),
    )


async def test(page: Page) -> Response:
    """Prove the credentials."""
    connection = page.part("connection")
    page.demand(SEND, connection)
    says = await page.service.tenancy.accounts.check(page.tenant, connection)
    return page.go(f"/connections/{connection}", f"The vendor answers: {says}")


async def change(page: Page) -> Response:
    """Change settings that are no secrets."""
    connection = page.part("connection")
    page.demand(ADMIN)
    accounts = page.service.tenancy.accounts
    account = await accounts.get(page.tenant, connection)
    offer = accounts.offer(account.provider)
    settings = settings_of(page.form, offer.schema, empty=None)
    given = {key: value for key, value in settings.items() if key not in offer.secrets}
    page.service.allow(given)
    await accounts.update(page.tenant, connection, settings=given, by=page.caller.key_id)
    return page.go(f"/connections/{connection}", "Changed.")


async def rotate(page: Page) -> Response:
    """Replace secrets; those before still prove webhooks for a while."""
    connection = page.part("connection")
    page.demand(ADMIN)
    accounts = page.service.tenancy.accounts
    account = await accounts.get(page.tenant, connection)
    offer = accounts.offer(account.provider)
    secrets: dict[str, JsonValue] = {
        name: value for name, value in settings_of(page.form, offer.schema).items() if name in offer.secrets
    }
    if not secrets:
        raise InvalidRequest("no new secret was filled in", hint="fill in the one that changes")
    overlap = timedelta(hours=read_hours(page.form.get("overlap_hours", "24")))
    await accounts.rotate(page.tenant, connection, secrets, overlap=overlap, by=page.caller.key_id)
    return page.go(f"/connections/{connection}", "Replaced.")


async def act(page: Page) -> Response:
    """Disable, enable, remove, register the webhook, or fetch what was missed."""
    connection, deed = page.part("connection"), page.part("deed")
    page.demand(ADMIN)
    accounts, by = page.service.tenancy.accounts, page.caller.key_id
    match deed:
        case "disable":
            await accounts.disable(page.tenant, connection, reason=page.form.get("reason") or None, by=by)
        case "enable":
            await accounts.enable(page.tenant, connection, by=by)
        case "remove":
            if page.filled("name") != (await accounts.get(page.tenant, connection)).name:
                raise InvalidRequest("that is not the connection's name", hint="write its name to remove it")
            await accounts.remove(page.tenant, connection, by=by)
            return page.go("/connections", "Removed.")
        case "register":
            await accounts.register(page.tenant, connection, by=by)
            return page.go(f"/connections/{connection}/setup", "The vendor delivers here now.")
        case "catch-up":
            found = accounts.running(page.tenant, connection)
            hours = page.form.get("hours")
            since = page.now - timedelta(hours=read_hours(hours)) if hours else None
            caught = await page.service.gateway.catch_up(found.name, since=since, seconds=20)
            more = "" if caught.complete else " There is more: run it again."
            done = f"{caught.recovered} events found that had not arrived, among {caught.webhooks} webhooks.{more}"
            return page.go(f"/connections/{connection}", done)
        case _:
            raise InvalidRequest("there is no such button", hint="go back and look")
    return page.go(f"/connections/{connection}", "Done.")


def settings_of(form: Mapping[str, str], schema: Mapping[str, Any], *, empty: Any = ...) -> dict[str, JsonValue]:
    """Read settings from a form, by the schema; what is left empty is left out, or what `empty` says."""
    found: dict[str, JsonValue] = {}
    for name, field in schema.get("properties", {}).items():
        text = form.get(f"settings.{name}", "").strip()
        kind = _kind(field)
        if kind == "checkbox":
            if f"settings.{name}.there" in form:
                found[name] = bool(text)
        elif text:
            found[name] = _value(name, text, kind)
        elif empty is not ... and f"settings.{name}" in form:
            found[name] = empty
    return found


def _value(name: str, text: str, kind: str) -> JsonValue:
    if kind == "text":
        return text
    try:
        value: JsonValue = from_json(text)
    except ValueError:
        hint = "write a number" if kind == "number" else 'write JSON, such as ["one", "two"]'
        raise InvalidRequest(f"{name} cannot be read", hint=hint) from None
    return value


def _fields(schema: Mapping[str, Any], values: Mapping[str, JsonValue] | None = None) -> list[dict[str, Any]]:
    """Make the fields of a form; those that must be filled in come first."""
    required = set(schema.get("required", ()))
    made = [
        {
            "name": name,
            "label": name.replace("_", " "),
            "help": str(field.get("description", "")).replace("`", ""),
            "kind": _kind(field),
            "secret": _first(field, "writeOnly") is True,
            "required": name in required,
            "default": field.get("default"),
            "value": (values or {}).get(name),
        }
        for name, field in schema.get("properties", {}).items()
    ]
    return sorted(made, key=lambda field: not field["required"])


def _kind(field: Mapping[str, Any]) -> str:
    found = _first(field, "type")
    return _KINDS.get(str(found), "json")


def _first(field: Mapping[str, Any], key: str) -> Any:
    """Look a word of a schema up, through what may be null."""
    if key in field:
        return field[key]
    choices = (choice for choice in field.get("anyOf", ()) if choice.get("type") != "null")
    return next((choice[key] for choice in choices if key in choice), None)


VIEWS: tuple[tuple[str, str, View], ...] = (
    ("GET", "/connections", listed),
    ("GET", "/connections/new/{provider}", blank),
    ("POST", "/connections/new/{provider}", create),
    ("GET", "/connections/{connection}", look),
    ("GET", "/connections/{connection}/setup", setup),
    ("GET", "/connections/{connection}/waiting", waiting),
    ("POST", "/connections/{connection}/test", test),
    ("POST", "/connections/{connection}/change", change),
    ("POST", "/connections/{connection}/rotate", rotate),
    ("POST", "/connections/{connection}/{deed}", act),
)
