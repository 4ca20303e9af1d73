"""`gateway quarantine`: webhooks that no parser could read, kept as they came."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self

import typer
from rich.text import Text

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_if
from gateway.cli.commands import group
from gateway.cli.completing import completed
from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag
from gateway.cli.events_list import shown_body
from gateway.cli.events_wanted import Via
from gateway.cli.messages.looking import looking
from gateway.cli.progress import waiting
from gateway.cli.reparse import reparsed, report
from gateway.cli.screen import Screen, printable
from gateway.cli.tables import clock, quiet_table, size
from gateway.errors import NotFound
from gateway.store import WebhookRow

__all__ = ["app"]

app: typer.Typer = group("Webhooks that no parser could read, kept as they came.")

_DIGITS = 12
"""Of a digest, where it names a webhook: enough to find one among millions."""


def _complete(ctx: typer.Context, incomplete: str) -> list[str]:
    async def ask(api: Api) -> list[str]:
        return [str(each["number"]) for each in (await api.get(path("quarantine"), limit=100))["items"]]

    return completed(ctx, incomplete, ask)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A webhook, from a service or from a store."""

    webhook: str
    """What names it: its number at a service, the beginning of its digest in a store."""
    connection: str
    received_at: str
    digest: str
    quarantine: str | None
    repeats: int
    headers: list[list[str]] = field(repr=False)
    body: str = field(repr=False)

    @classmethod
    def told(cls, told: Mapping[str, Any]) -> Self:
        """Read it from a service."""
        names = ("connection", "received_at", "digest", "quarantine", "repeats", "headers", "body")
        return cls(str(told["number"]), **{name: told[name] for name in names})

    @classmethod
    def row(cls, row: WebhookRow) -> Self:
        """Read it from a store."""
        return cls(
            webhook=row.digest[:_DIGITS],
            connection=row.connection,
            received_at=row.received_at.isoformat(),
            digest=row.digest,
            quarantine=row.quarantine,
            repeats=row.repeats,
            headers=[list(pair) for pair in row.headers],
            body=row.body.decode("utf-8", "replace"),
        )


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    via: Via = None,
    limit: Annotated[int, typer.Option(min=1, help="Most webhooks, the newest.")] = 50,
    config: ConfigFile = DEFAULT,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """List the webhooks in quarantine, of a service or else of the configured store, the newest first."""
    screen: Screen = ctx.obj
    service = service_if(ctx, url, key_file)
    names: Mapping[str, str] = {}
    if service is None:
        found = asyncio.run(_in_store(screen, config, via, limit))
    else:
        found, names = service.run(lambda api: _at_service(api, via, limit))
    if json:
        screen.data([_without_content(each) for each in found])
        return
    if not found:
        screen.note("the quarantine is empty")
        return
    table = quiet_table("webhook", "came", "connection", "size", "again", "why", right=("size", "again"), folds="why")
    for each in found:
        why = printable(each.quarantine or "", most=160)
        name = names.get(each.connection, each.connection)
        again = str(each.repeats or "")
        table.add_row(each.webhook, clock(each.received_at), name, size(len(each.body.encode())), again, why)
    screen.show(table)
    screen.note("look at one: gateway quarantine show WEBHOOK; after an upgrade: gateway quarantine reparse")


@app.command("show")
def show(
    ctx: typer.Context,
    webhook: Annotated[str, typer.Argument(metavar="WEBHOOK", help="As the list names it.", autocompletion=_complete)],
    *,
    raw: Annotated[bool, typer.Option("--raw", help="Only the body, as it came: for a sample file.")] = False,
    config: ConfigFile = DEFAULT,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Show a webhook as it came, all of it; what proved it is not kept."""
    screen: Screen = ctx.obj
    service = service_if(ctx, url, key_file)
    if service is None:
        found = asyncio.run(_one_in_store(screen, config, webhook))
    elif webhook.isascii() and webhook.isdigit():
        found = _Kept.told(service.run(lambda api: api.get(path("webhooks", webhook))))
    else:
        raise NotFound(f"there is no webhook {webhook}", hint="see: gateway quarantine list")
    if json:
        screen.data(asdict(found))
        return
    if raw:
        screen.say(found.body)
        return
    screen.facts(
        [
            ("webhook", found.webhook),
            ("connection", found.connection),
            ("came", clock(found.received_at)),
            ("again", f"{found.repeats} times" if found.repeats else None),
            ("digest", found.digest),
            ("why", found.quarantine or "it could be read"),
        ]
    )
    screen.show("")
    for name, value in found.headers:
        screen.show(Text.assemble((f"{name}: ", "dim"), printable(value)))
    screen.show(Text(shown_body(found.body)))


@app.command("reparse")
def reparse(
    ctx: typer.Context,
    *,
    via: Via = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Most webhooks, the oldest; of a service, for each connection.")
    ] = 10_000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be new, and keep nothing.")] = False,
    config: ConfigFile = DEFAULT,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Have the parsers of today read what is in quarantine; what they can read is kept and handed over."""
    screen: Screen = ctx.obj
    service = service_if(ctx, url, key_file)
    with waiting(screen, "parsing again"):
        found = reparsed(screen, service, config, None, via=via, apply=not dry_run, limit=limit)
    report(screen, found, json=json)


async def _in_store(screen: Screen, config: Path, via: str | None, limit: int) -> list[_Kept]:
    async with looking(screen, config) as store:
        rows = await store.webhooks(connection=via, quarantined=True, limit=limit)
        return [_Kept.row(row) for row in rows]


async def _one_in_store(screen: Screen, config: Path, webhook: str) -> _Kept:
    async with looking(screen, config) as store:
        for row in await store.webhooks(since=None, quarantined=True, limit=100_000):
            if len(webhook) >= _DIGITS and row.digest.startswith(webhook):
                return _Kept.row(row)
    raise NotFound(f"there is no webhook {webhook}", hint="see: gateway quarantine list")


async def _at_service(api: Api, via: str | None, limit: int) -> tuple[list[_Kept], Mapping[str, str]]:
    connection = await api.via(via)
    where = path("webhooks") if connection else path("quarantine")
    params = {"connection": connection, "quarantined": True} if connection else {}
    return [_Kept.told(each) for each in await api.all(where, limit=limit, **params)], await api.names()


def _without_content(kept: _Kept) -> dict[str, Any]:
    return {name: value for name, value in asdict(kept).items() if name not in {"headers", "body"}}
