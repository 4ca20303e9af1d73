"""`gateway tenants`: whoever has connections, keys and endpoints of their own on a service. For its operator."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import typer
from pydantic import JsonValue

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_at
from gateway.cli.commands import group
from gateway.cli.completing import complete_tenant
from gateway.cli.configured import JsonFlag
from gateway.cli.deciding import DryRun, would
from gateway.cli.failing import Usage
from gateway.cli.keys import Save, make_key, show_key
from gateway.cli.screen import Screen
from gateway.cli.tables import clock, quiet_table

__all__ = ["app"]

app: typer.Typer = group("The tenants of a service, for its operator.")

TenantArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="TENANT", help="The id of a tenant, tn_….", autocompletion=complete_tenant)
]
RawDays: TypeAlias = Annotated[
    int | None,
    typer.Option(min=0, metavar="DAYS", help="How long raw webhooks and vendors' answers are kept; 0 is for ever."),
]
BodiesDays: TypeAlias = Annotated[
    int | None,
    typer.Option(min=0, metavar="DAYS", help="How long texts, files and bodies of deliveries are kept."),
]
MetadataDays: TypeAlias = Annotated[
    int | None, typer.Option(min=0, metavar="DAYS", help="How long everything else about a message is kept.")
]


@app.command("create")
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Your name for it.")],
    *,
    raw_days: RawDays = None,
    bodies_days: BodiesDays = None,
    metadata_days: MetadataDays = None,
    save: Save = None,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Make a tenant, and a key that may do everything there. Its secret is shown this once, or written to a file."""
    screen: Screen = ctx.obj
    retention = _retention(raw_days, bodies_days, metadata_days)

    async def ask(api: Api) -> dict[str, Any] | None:
        if dry_run:
            would(screen, f"make a tenant {name!r} with a key of its own", json=json, name=name, retention=retention)
            return None
        return await make_key(api, path("tenants"), {"name": name, "retention": retention}, save)

    made = service_at(url, key_file).run(ask)
    if made is not None and not json:
        screen.facts([("tenant", made["tenant"]["id"])])
    show_key(screen, made, save, json=json)


@app.command("list")
def list_(ctx: typer.Context, *, url: ServiceUrl = None, key_file: KeyFile = None, json: JsonFlag = False) -> None:
    """List the tenants of a service, with what is kept otherwise than the configuration says."""
    screen: Screen = ctx.obj
    found = service_at(url, key_file).run(lambda api: api.all(path("tenants")))
    if json:
        screen.data(found)
        return
    table = quiet_table("tenant", "name", "created", "kept")
    for each in found:
        table.add_row(each["id"], each["name"], clock(each["created_at"]), _days(each["retention"]))
    screen.show(table)


@app.command("update")
def update(
    ctx: typer.Context,
    tenant: TenantArgument,
    *,
    raw_days: RawDays = None,
    bodies_days: BodiesDays = None,
    metadata_days: MetadataDays = None,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Change how long things of a tenant are kept; what is not named stays."""
    screen: Screen = ctx.obj
    retention = _retention(raw_days, bodies_days, metadata_days)
    if not retention:
        raise Usage("there is nothing to change", hint="give --raw-days, --bodies-days or --metadata-days")

    async def ask(api: Api) -> dict[str, Any] | None:
        before: dict[str, Any] = await api.get(path("tenants", tenant))
        if dry_run:
            would(screen, f"keep things of {before['name']!r} so: {_days(retention)}", json=json, retention=retention)
            return None
        told: dict[str, Any] = await api.patch(path("tenants", tenant), {"retention": retention})
        return told

    changed = service_at(url, key_file).run(ask)
    if changed is not None and json:
        screen.data(changed)
    elif changed is not None:
        screen.facts([("tenant", changed["id"]), ("name", changed["name"]), ("kept", _days(changed["retention"]))])


@app.command("key")
def key(
    ctx: typer.Context,
    tenant: TenantArgument,
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="Your name for the key.")] = "admin",
    save: Save = None,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Make a further key that may do everything in a tenant, for people who lost theirs; its audit shows it."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> dict[str, Any] | None:
        before = await api.get(path("tenants", tenant))
        if dry_run:
            would(screen, f"make a key {name!r} for the tenant {before['name']!r}", json=json, name=name, tenant=tenant)
            return None
        return await make_key(api, path("tenants", tenant, "keys"), {"name": name}, save)

    show_key(screen, service_at(url, key_file).run(ask), save, json=json)


def _retention(raw: int | None, bodies: int | None, metadata: int | None) -> dict[str, JsonValue]:
    days: dict[str, JsonValue] = {"raw_days": raw, "bodies_days": bodies, "metadata_days": metadata}
    return {name: value for name, value in days.items() if value is not None}


def _days(retention: dict[str, Any]) -> str:
    """Say how long things are kept, where that is otherwise than with others."""
    own = {name.removesuffix("_days"): days for name, days in retention.items() if days is not None}
    return ", ".join(f"{name} {f'{days} days' if days else 'for ever'}" for name, days in own.items())
