"""`gateway backup`: copy a durable store, in use or not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag, StoreUrl, store_url
from gateway.cli.progress import waiting
from gateway.cli.screen import Screen

__all__ = ["backup"]


def backup(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The new file; one that is there is left alone.")],
    *,
    config: ConfigFile = DEFAULT,
    store: StoreUrl = None,
    json: JsonFlag = False,
) -> None:
    """Copy the store into one new file, while a gateway uses it or not, and print its path.

    A copy of SQLite is a database itself; one of PostgreSQL is an archive for `pg_restore`.
    """
    from gateway.store import backup as copy

    screen: Screen = ctx.obj
    place = store_url(ctx, config, store)
    with waiting(screen, "copying the store"):
        made = asyncio.run(copy(place, path))
    size = made.stat().st_size
    if json:
        screen.data({"path": str(made), "bytes": size})
    else:
        screen.say(str(made))
        screen.note(f"{size} bytes")
