"""`gateway connections disable`, `enable`, `remove`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_at
from gateway.cli.configured import JsonFlag
from gateway.cli.connections.listing import There, account
from gateway.cli.deciding import DryRun, Yes, sure, would
from gateway.cli.screen import Screen

__all__ = ["disable", "enable", "remove"]


def disable(
    ctx: typer.Context,
    connection: There,
    *,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; it is shown with the connection.")] = None,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Let nothing out and nothing in by a connection; what waits to leave goes on waiting."""
    _switched(ctx.obj, service_at(url, key_file), connection, "disable", {"reason": reason}, dry_run, json=json)


def enable(
    ctx: typer.Context,
    connection: There,
    *,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Let a connection work again; what waited leaves now."""
    _switched(ctx.obj, service_at(url, key_file), connection, "enable", None, dry_run, json=json)


def _switched(
    screen: Screen,
    service: Api,
    connection: str,
    verb: str,
    body: Any,
    dry_run: bool,
    *,
    json: bool,
) -> None:
    async def ask(api: Api) -> dict[str, Any] | None:
        before = await account(api, connection)
        if dry_run:
            words = f"{verb} {before['name']}, which is {before['state']}"
            would(screen, words, json=json, connection=before["id"], state=before["state"])
            return None
        told: dict[str, Any] = await api.post(path("connections", before["id"], verb), body)
        return told

    told = service.run(ask)
    if told is not None:
        if json:
            screen.data(told)
        else:
            screen.facts([("connection", told["name"]), ("state", told["state"]), ("reason", told["reason"])])


def remove(
    ctx: typer.Context,
    connection: There,
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Forget a connection and its secrets; what it sent and received stays until it is erased."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> dict[str, Any] | None:
        before = await account(api, connection)
        if dry_run:
            words = f"remove {before['name']} ({before['provider']}) and its secrets"
            would(screen, words, json=json, connection=before["id"])
            return None
        sure(screen, f"Remove {before['name']} ({before['provider']}) and its secrets?", yes=yes)
        await api.delete(path("connections", before["id"]))
        return before

    gone = service_at(url, key_file).run(ask)
    if gone is not None:
        if json:
            screen.data({"id": gone["id"], "name": gone["name"], "removed": True})
        else:
            screen.facts([("removed", gone["name"]), ("id", gone["id"])])
