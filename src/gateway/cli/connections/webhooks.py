"""`gateway connections webhooks`, `register`, `unregister`, `catch-up`: what a vendor delivers, and where to."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_at
from gateway.cli.configured import JsonFlag
from gateway.cli.connections.listing import There, account
from gateway.cli.deciding import DryRun, Yes, sure, would
from gateway.cli.progress import waiting
from gateway.cli.screen import Screen, printable
from gateway.cli.tables import quiet_table

__all__ = ["catch_up", "register", "unregister", "webhooks"]


def webhooks(
    ctx: typer.Context,
    connection: There,
    *,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """List where the vendor delivers the webhooks of a connection, where its API says that."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await api.get(path("connections", await api.connection(connection), "webhook"))
        return found

    found = service_at(url, key_file).run(ask)
    if json:
        screen.data(found)
    elif found:
        table = quiet_table("id", "active", "here", "url", folds="url")
        for each in found:
            here = "yes" if each["mine"] else "no"
            table.add_row(each["id"], "yes" if each["active"] else "no", here, printable(each["url"]))
        screen.show(table)
    if not any(each["mine"] and each["active"] for each in found):
        screen.note(f"the vendor does not deliver here; gateway connections register {connection} has it do so")


def register(
    ctx: typer.Context,
    connection: There,
    *,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Have the vendor deliver webhooks here, take the secret that it signs with, and look that it is so.

    Exit code 5: the vendor's API cannot; `gateway connections show` says how a person does it.
    """
    screen: Screen = ctx.obj

    async def ask(api: Api) -> dict[str, Any] | None:
        told = await account(api, connection)
        if dry_run:
            words = f"have {told['provider']} deliver to {told['webhook_url'] or told['webhook_path']}"
            would(screen, words, json=json, connection=told["id"], url=told["webhook_url"])
            return None
        made: dict[str, Any] = await api.post(path("connections", told["id"], "webhook"))
        return made

    made = service_at(url, key_file).run(ask)
    if made is not None:
        if json:
            screen.data(made)
        else:
            active = "yes" if made["active"] else "no"
            screen.facts([("registered", made["id"]), ("delivers to", made["url"]), ("active", active)])


def unregister(
    ctx: typer.Context,
    connection: There,
    registration: Annotated[str, typer.Argument(metavar="ID", help="See `gateway connections webhooks`.")],
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Have the vendor deliver to a URL no longer."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> bool:
        where = await api.connection(connection)
        if dry_run:
            words = f"take the webhook {registration} back"
            would(screen, words, json=json, connection=where, registration=registration)
            return False
        sure(screen, f"Take the webhook {registration} back? What is delivered there is not any more.", yes=yes)
        await api.delete(path("connections", where, "webhook", registration))
        return True

    if service_at(url, key_file).run(ask):
        if json:
            screen.data({"id": registration, "removed": True})
        else:
            screen.facts([("taken back", registration)])


def catch_up(
    ctx: typer.Context,
    connection: There,
    *,
    hours: Annotated[
        float | None,
        typer.Option(min=0.01, max=2160, metavar="HOURS", help="How far to go back; else to where it was left."),
    ] = None,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Fetch the webhooks that the vendor kept and could not deliver; each event is kept once."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> dict[str, Any]:
        where = path("connections", await api.connection(connection), "catch-up")
        found: dict[str, Any] = await api.look(where, {"hours": hours} if hours else None)
        return found

    with waiting(screen, "fetching what was missed"):
        found = service_at(url, key_file).run(ask)
    if json:
        screen.data(found)
    else:
        more = "" if found["complete"] else "; there is more, run it again"
        screen.show(f"{connection}: {found['recovered']} new events in {found['webhooks']} webhooks{more}")
