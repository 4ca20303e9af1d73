"""`gateway migrate`: bring the schema of a durable store up to date."""

from __future__ import annotations

import asyncio

import typer

from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag, StoreUrl, store_url
from gateway.cli.progress import waiting
from gateway.cli.screen import Screen

__all__ = ["migrate"]


def migrate(
    ctx: typer.Context, *, config: ConfigFile = DEFAULT, store: StoreUrl = None, json: JsonFlag = False
) -> None:
    """Bring the store's schema up to date, and name what was applied.

    A gateway does so by itself when it starts, but for what has to wait until no process of the version before is left:
    that is done here.
    """
    from gateway.store import migrate as upgrade

    screen: Screen = ctx.obj
    place = store_url(ctx, config, store)
    with waiting(screen, "bringing the schema up to date"):
        applied = asyncio.run(upgrade(place))
    if json:
        screen.data({"applied": applied})
        return
    for name in applied:
        screen.show(name)
    if not applied:
        screen.note("the schema is up to date")
