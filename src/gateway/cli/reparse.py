"""`gateway reparse`: let the parsers of today read the webhooks that were kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_if
from gateway.cli.configured import (
    DEFAULT,
    ConfigFile,
    JsonFlag,
    check_connection,
    complete_connection,
    lasting_gateway,
    moment,
    opened,
)
from gateway.cli.failing import Usage
from gateway.cli.progress import waiting
from gateway.cli.screen import Screen, printable
from gateway.client import Gateway
from gateway.reparse import Reparsed, by_portions

__all__ = ["reparse", "reparsed", "report"]


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
    limit: Annotated[
        int, typer.Option(min=1, help="Most webhooks, the oldest; of a service, for each connection.")
    ] = 10_000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be new, and keep nothing.")] = False,
    config: ConfigFile = DEFAULT,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Parse kept webhooks again, and say what differs from what was made of them then.

    New events are kept, and handlers get them from the next process that has some; what was handed over stays as it is.
    """
    if (since is not None) == quarantined:
        raise Usage("which webhooks?", hint="give either --since TIME or --quarantined")
    screen: Screen = ctx.obj
    start = moment(since, "--since") if since is not None else None
    service = service_if(ctx, url, key_file)
    with waiting(screen, "parsing again"):
        found = reparsed(screen, service, config, start, via=via, apply=not dry_run, limit=limit)
    report(screen, found, json=json)


def reparsed(
    screen: Screen,
    service: Api | None,
    config: Path,
    since: datetime | None,
    *,
    via: str | None,
    apply: bool,
    limit: int,
) -> Reparsed:
    """Have it done by a service, or else here on the store of a configuration; without a time, the quarantine."""
    if service is None:
        return asyncio.run(_reparse(screen, lasting_gateway(config), since, via=via, apply=apply, limit=limit))
    return service.run(lambda api: _there(api, since, via, apply=apply, limit=limit))


async def _there(api: Api, since: datetime | None, via: str | None, *, apply: bool, limit: int) -> Reparsed:
    """Have each connection's webhooks parsed, and put together what came of it."""
    hours = (datetime.now(UTC) - since).total_seconds() / 3600 if since else None
    several = [await api.connection(via)] if via else [each["id"] for each in await api.connections()]
    whole = Reparsed(applied=apply)
    for connection in several:
        body = {"connection": connection, "hours": hours, "apply": apply}
        found = await by_portions(partial(_portion, api, body), after=0, limit=limit)
        complete = whole.complete and found.complete
        # where one of several has to go on is no place in the others
        whole = whole.followed_by(found).model_copy(update={"complete": complete, "after": None})
    return whole


async def _portion(api: Api, body: Mapping[str, Any], after: int, limit: int) -> Reparsed:
    return Reparsed.model_validate(await api.post(path("reparse"), {**body, "after": after, "limit": limit}))


async def _reparse(
    screen: Screen, gateway: Gateway, since: datetime | None, *, via: str | None, apply: bool, limit: int
) -> Reparsed:
    async with opened(screen, gateway):
        if via is not None:
            check_connection(gateway, via)
        return await gateway.reparse(since, connection=via, apply=apply, limit=limit)


def report(screen: Screen, found: Reparsed, *, json: bool) -> None:
    """Print what came of it."""
    if json:
        screen.data(found.model_dump(mode="json"))
        return
    new = f"{len(found.new)}{'' if found.applied else ', not kept'}"
    counts = {"webhooks": found.webhooks, "new": new, "changed": len(found.changed), "gone": len(found.gone)}
    screen.facts([*((name, str(count)) for name, count in counts.items()), ("unchanged", str(found.unchanged))])
    for name, events in (("new", found.new), ("changed", found.changed), ("gone", found.gone)):
        for event in events:
            screen.show(f"{name:<9}  {event}")
    for less in found.less:
        screen.show(f"less       {less.event}: {printable(', '.join(less.what), most=200)}")
    for failing in found.failing:
        when = f"{failing.received_at.astimezone():%Y-%m-%d %H:%M:%S}"
        screen.show(f"unread     {failing.connection}, {when}: {printable(failing.problem, most=200)}")
    if not found.complete:
        screen.note("there are later ones; give a larger --limit")
