"""`gateway reparse`: let the parsers of today read the webhooks that were kept."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from gateway.cli.configured import (
    DEFAULT,
    ConfigFile,
    JsonFlag,
    check_connection,
    complete_connection,
    lasting_gateway,
    moment,
)
from gateway.cli.failing import Usage
from gateway.cli.screen import Screen, printable
from gateway.client import Gateway
from gateway.reparse import Reparsed

__all__ = ["reparse"]


def reparse(
    ctx: typer.Context,
    *,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="All that came from then on; 2026-01-31, or with a time of day.")
    ] = None,
    quarantined: Annotated[
        bool, typer.Option("--quarantined", help="Those that no parser could read, whenever they came.")
    ] = False,
    via: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only those of one connection.", autocompletion=complete_connection),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most webhooks to read, the newest.")] = 10_000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be new, and keep nothing.")] = False,
    config: ConfigFile = DEFAULT,
    json: JsonFlag = False,
) -> None:
    """Parse kept webhooks again, and say what differs from what was made of them then.

    New events are kept, and handlers get them from the next process that has some; what was handed over stays as it is.
    """
    if (since is not None) == quarantined:
        raise Usage("which webhooks?", hint="give either --since TIME or --quarantined")
    screen: Screen = ctx.obj
    start = moment(since, "--since") if since is not None else None
    found = asyncio.run(_reparse(lasting_gateway(config), start, via=via, apply=not dry_run, limit=limit))
    if json:
        screen.data(found.model_dump(mode="json"))
    else:
        _tell(screen, found)


async def _reparse(gateway: Gateway, since: datetime | None, *, via: str | None, apply: bool, limit: int) -> Reparsed:
    async with gateway:
        if via is not None:
            check_connection(gateway, via)
        return await gateway.reparse(since, connection=via, apply=apply, limit=limit)


def _tell(screen: Screen, found: Reparsed) -> None:
    new = f"{len(found.new)}{'' if found.applied else ', not kept'}"
    counts = {"webhooks": found.webhooks, "new": new, "changed": len(found.changed), "gone": len(found.gone)}
    screen.facts([*((name, str(count)) for name, count in counts.items()), ("unchanged", str(found.unchanged))])
    for name, events in (("new", found.new), ("changed", found.changed), ("gone", found.gone)):
        for event in events:
            screen.show(f"{name:<9}  {event}")
    for failing in found.failing:
        when = f"{failing.received_at.astimezone():%Y-%m-%d %H:%M:%S}"
        screen.show(f"unread     {failing.connection}, {when}: {printable(failing.problem, most=200)}")
    if not found.complete:
        screen.note("there are older ones; give a larger --limit")
