"""`gateway drift`: what vendors have begun to send that their providers do not know."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

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
from gateway.cli.failing import ExitCode
from gateway.cli.screen import Screen, printable
from gateway.cli.tables import quiet_table
from gateway.client import Gateway
from gateway.drift import Drift, NoveltyKind

__all__ = ["drift"]

_NEXT = {
    NoveltyKind.UNREAD: "kept in quarantine; once a newer provider reads it: gateway reparse --quarantined",
    NoveltyKind.EVENT: "handed over as UnknownEvent, with the payload",
    NoveltyKind.FIELD: "read on without it; it is in the payload of the event",
    NoveltyKind.VALUE: "taken for unknown; it is in the payload of the event",
    NoveltyKind.CODE: "taken for a failure like any other; tell the provider's author what it means",
}


def drift(
    ctx: typer.Context,
    *,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="What came from then on; 2026-01-31, or with a time of day.")
    ] = None,
    via: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only that of one connection.", autocompletion=complete_connection),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most webhooks and messages of a store, the newest.")] = 10_000,
    config: ConfigFile = DEFAULT,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Count what vendors send that is new: events, fields, words, codes, and webhooks that no parser reads.

    Looks through what is kept, by a service or else in the configured store, with the parsers of today, and changes
    nothing. Exit code 8: something is new. The sample is an event, a message (`gateway messages show`), or the
    beginning of a webhook's digest.
    """
    screen: Screen = ctx.obj
    start = moment(since, "--since") if since is not None else None
    service = service_if(ctx, url, key_file)
    if service is None:
        found = asyncio.run(_drift(screen, lasting_gateway(config), start, via=via, limit=limit))
    else:
        found = service.run(lambda api: _there(api, start, via))
    if json:
        screen.data(found.model_dump(mode="json"))
    else:
        _tell(screen, found)
    if found.found:
        raise typer.Exit(ExitCode.PROBLEMS)


async def _drift(screen: Screen, gateway: Gateway, since: datetime | None, *, via: str | None, limit: int) -> Drift:
    async with opened(screen, gateway):
        if via is not None:
            check_connection(gateway, via)
        return await gateway.drift(since, connection=via, limit=limit)


async def _there(api: Api, since: datetime | None, via: str | None) -> Drift:
    """Ask for each connection, and put it together, under the names that people know."""
    hours = (datetime.now(UTC) - since).total_seconds() / 3600 if since else None
    several = [await api.connection(via)] if via else [each["id"] for each in await api.connections()]
    names = await api.names()
    whole = Drift()
    for connection in several:
        drifted = Drift.model_validate(await api.get(path("drift"), connection=connection, hours=hours))
        found = [each.model_copy(update={"connection": names.get(connection, connection)}) for each in drifted.found]
        whole = Drift(
            webhooks=whole.webhooks + drifted.webhooks,
            found=(*whole.found, *found),
            skipped=whole.skipped + drifted.skipped,
            complete=whole.complete and drifted.complete,
        )
    return whole


def _tell(screen: Screen, drifted: Drift) -> None:
    if drifted.found:
        screen.show(_table(drifted))
    screen.note(f"{drifted.webhooks} webhooks looked through, {len(drifted.found) or 'no'} new things in them")
    for kind in dict.fromkeys(each.kind for each in drifted.found):
        screen.note(f"{kind.value}: {_NEXT[kind]}")
    if drifted.skipped:
        screen.note(f"{drifted.skipped} more are of connections that are not configured any more")
    if not drifted.complete:
        screen.note("there are older ones; give a larger --limit")


def _table(drifted: Drift) -> Table:
    titles = ("connection", "kind", "count", "first seen", "last seen", "sample", "what")
    table = quiet_table(*titles, folds="what", right=("count",))
    for each in drifted.found:
        table.add_row(
            Text(f"{each.connection} ({each.provider})", "bold"),
            each.kind.value,
            str(each.count),
            _day(each.first_at),
            _day(each.last_at),
            each.sample,
            Text(printable(each.what, most=200)),
        )
    return table


def _day(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"
