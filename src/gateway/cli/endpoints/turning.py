"""`gateway endpoints pause`, `resume`, `remove`: whether an endpoint is sent anything."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import typer

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_at
from gateway.cli.configured import JsonFlag
from gateway.cli.deciding import DryRun, Yes, sure, would
from gateway.cli.endpoints.shown import EndpointArgument, show_one
from gateway.cli.screen import Screen

__all__ = ["pause", "remove", "resume"]

Reason: TypeAlias = Annotated[str, typer.Option(metavar="TEXT", help="Why, for whoever looks later.")]


def pause(
    ctx: typer.Context,
    endpoint: EndpointArgument,
    *,
    reason: Reason = "",
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Keep everything back until the endpoint is resumed; nothing is lost."""
    _turn(ctx.obj, endpoint, "pause", {"reason": reason}, url=url, key_file=key_file, dry_run=dry_run, json=json)


def resume(
    ctx: typer.Context,
    endpoint: EndpointArgument,
    *,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Make an endpoint active again, as if it had never failed; what waits goes."""
    _turn(ctx.obj, endpoint, "resume", None, url=url, key_file=key_file, dry_run=dry_run, json=json)


def remove(
    ctx: typer.Context,
    endpoint: EndpointArgument,
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Forget an endpoint with its deliveries; nothing more is sent to it."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> bool:
        before = await api.get(path("endpoints", endpoint))
        if dry_run:
            would(screen, f"forget {endpoint} and its deliveries", json=json, endpoint=endpoint)
            return False
        sure(screen, f"Forget {endpoint} ({before['url']}) and its deliveries?", yes=yes)
        await api.delete(path("endpoints", endpoint))
        return True

    if service_at(url, key_file).run(ask):
        if json:
            screen.data({"id": endpoint, "removed": True})
        else:
            screen.facts([("removed", endpoint)])


def _turn(screen: Screen, endpoint: str, verb: str, body: Any, *, dry_run: bool, json: bool, **service: Any) -> None:
    async def ask(api: Api) -> dict[str, Any] | None:
        if dry_run:
            before = await api.get(path("endpoints", endpoint))
            would(screen, f"{verb} {endpoint}, which is {before['state']}", json=json, endpoint=endpoint, verb=verb)
            return None
        turned: dict[str, Any] = await api.post(path("endpoints", endpoint, verb), body)
        return turned

    show_one(screen, service_at(**service).run(ask), json=json)
