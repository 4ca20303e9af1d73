"""`gateway connections list` and `show`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from pydantic import JsonValue
from rich.table import Table
from rich.text import Text

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_at, service_if
from gateway.cli.completing import complete_connection as complete_there
from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag, gateway_for
from gateway.cli.screen import Screen
from gateway.cli.tables import clock, marked, quiet_table

if TYPE_CHECKING:
    from gateway.client import Gateway
    from gateway.connections import Connection

__all__ = ["There", "account", "advise", "facts", "list_", "show"]

There: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="CONNECTION", help="A connection of the service: its name or id.", autocompletion=complete_there
    ),
]


def list_(
    ctx: typer.Context,
    *,
    config: ConfigFile = DEFAULT,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """List the connections of a service, or else of the configuration; no secrets."""
    screen: Screen = ctx.obj
    service = service_if(ctx, url, key_file)
    if service is not None:
        found = service.run(Api.connections)
        if json:
            screen.data(found)
        elif found:
            screen.show(_there(found))
        else:
            screen.note("the service has no connections; add one: gateway connections add VENDOR")
        return
    gateway = gateway_for(config)
    try:
        if json:
            screen.data([_described(gateway, connection) for connection in gateway.connections])
        elif gateway.connections:
            screen.show(_listed(gateway))
        else:
            screen.note(f"{config} has no connections")
    finally:
        asyncio.run(gateway.aclose())


def _described(gateway: Gateway, connection: Connection) -> dict[str, JsonValue]:
    return {
        "name": connection.name,
        "provider": connection.provider.name,
        "title": connection.provider.title or connection.provider.name,
        "policy": (connection.policy or gateway.policy).value,
        "labels": dict(connection.labels),
        "api": connection.provider.bases().get("api"),
        "webhook_path": f"/webhooks/{connection.name}",
    }


def _listed(gateway: Gateway) -> Table:
    table = quiet_table("connection", "provider", "policy", "labels", "api")
    for connection in gateway.connections:
        policy = (connection.policy or gateway.policy).value
        api = connection.provider.bases().get("api", "")
        labels = _labels(dict(connection.labels))
        table.add_row(Text(connection.name, "bold"), connection.provider.name, policy, labels, api)
    return table


def _there(found: list[dict[str, Any]]) -> Table:
    table = quiet_table("connection", "provider", "state", "policy", "labels", "id")
    for each in found:
        options = each["options"]
        policy, labels = options.get("policy") or "", _labels(options.get("labels") or {})
        name = Text(each["name"], "bold")
        table.add_row(name, each["provider"], marked(each["state"]), policy, labels, Text(each["id"], "dim"))
    return table


def _labels(labels: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels.items())


# ── one of them ───────────────────────────────────────────────────────────────────────────────────────────────────


def show(
    ctx: typer.Context,
    connection: There,
    *,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Show a connection of a service: settings that are not secret, how it does, and where its vendor delivers to."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> tuple[dict[str, Any], dict[str, Any]]:
        where = await api.connection(connection)
        return await api.get(path("connections", where)), await api.get(path("connections", where, "health"))

    told, health = service_at(url, key_file).run(ask)
    if json:
        screen.data({**told, "health": health})
        return
    screen.facts([*facts(told), *_doing(health)])
    if not health["last_event_at"]:
        advise(screen, told)


async def account(api: Api, name: str) -> dict[str, Any]:
    """Give what the service says of a connection, by its name or id."""
    told: dict[str, Any] = await api.get(path("connections", await api.connection(name)))
    return told


def facts(told: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Say of a connection what a person wants to see."""
    options = {name: value for name, value in told["options"].items() if value not in (None, {}, False)}
    return [
        ("connection", told["name"]),
        ("id", told["id"]),
        ("provider", told["provider"]),
        ("state", ": ".join(part for part in (told["state"], told["reason"]) if part)),
        *((name, _plain(value)) for name, value in told["settings"].items()),
        ("secrets", ", ".join(told["secrets"]) or "none"),
        ("old secrets", f"count until {clock(told['overlap_until'])}" if told["overlap_until"] else None),
        *((name, _plain(value)) for name, value in options.items()),
        ("webhook", told["webhook_url"] or f"{told['webhook_path']}, below the service's public URL"),
    ]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={item}" for name, item in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _doing(health: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [("waiting", f"{health['waiting']} to leave"), ("last event", clock(health["last_event_at"]) or "none yet")]


def advise(screen: Screen, told: dict[str, Any]) -> None:
    """Say how the vendor gets to deliver here."""
    if told["registers_webhook"]:
        screen.note(f"have the vendor deliver here: gateway connections register {told['name']}")
        return
    screen.note("have the vendor deliver here:")
    for number, step in enumerate(told["how_to_register"], 1):
        screen.note(f"  {number}. {step}")
