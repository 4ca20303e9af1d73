"""`gateway migrate`: bring the schema of a durable store up to date, and say that the store was restored."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag, StoreUrl, in_doubt, moment, store_url
from gateway.cli.failing import Usage
from gateway.cli.progress import waiting
from gateway.cli.screen import Screen

__all__ = ["migrate"]


def migrate(
    ctx: typer.Context,
    *,
    config: ConfigFile = DEFAULT,
    store: StoreUrl = None,
    restored: Annotated[
        bool,
        typer.Option(
            "--restored",
            help="The store was restored, or lost what was written last: put what may have left since into doubt.",
        ),
    ] = False,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="With --restored: up to when everything is there. RFC 3339."),
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Bring the store's schema up to date, and name what was applied.

    A gateway does so by itself when it starts, but for what has to wait until no process of the version before is left:
    that is done here. So is --restored, before anything works with the store; a copy that `gateway backup` made of
    SQLite needs no such word.
    """
    from gateway.store import migrate as upgrade
    from gateway.store import restored as put_in_doubt

    screen: Screen = ctx.obj
    since = _since(at, restored=restored)
    place = store_url(ctx, config, store)
    with waiting(screen, "bringing the schema up to date"):
        applied = asyncio.run(upgrade(place))
        messages = asyncio.run(put_in_doubt(place, at=since)) if restored else None
    if json:
        screen.data({"applied": applied} | ({} if messages is None else {"in_doubt": messages}))
        return
    for name in applied:
        screen.show(name)
    if not applied:
        screen.note("the schema is up to date")
    if messages is not None:
        screen.note(in_doubt(messages), matters=bool(messages))


def _since(at: str | None, *, restored: bool) -> datetime | None:
    """Read up to when everything is there; raises `Usage` for a time that is still to come, or that says nothing."""
    if at is None:
        return None
    if not restored:
        raise Usage("--at says when a restored store was copied", hint="give --restored with it")
    since = moment(at, "--at")
    if since > datetime.now(UTC):
        raise Usage("--at is still to come", hint="it is the time up to which everything is in the store")
    return since
