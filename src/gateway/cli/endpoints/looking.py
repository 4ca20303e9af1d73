"""`gateway endpoints list`, `show`, `test`: what there is, and whether it takes what it is sent."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer
from rich.text import Text

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_at
from gateway.cli.completing import complete_event_type
from gateway.cli.configured import JsonFlag
from gateway.cli.endpoints.shown import EndpointArgument, show_one, state_of
from gateway.cli.failing import ExitCode
from gateway.cli.screen import Screen, printable
from gateway.cli.tables import quiet_table

__all__ = ["list_", "prove", "show"]

_LOOKS = 15
"""Seconds for which a test event is looked after, about."""


def list_(ctx: typer.Context, *, url: ServiceUrl = None, key_file: KeyFile = None, json: JsonFlag = False) -> None:
    """List the endpoints, oldest first; no secrets."""
    screen: Screen = ctx.obj
    found = service_at(url, key_file).run(lambda api: api.all(path("endpoints")))
    if json:
        screen.data(found)
        return
    if not found:
        screen.note("there are none; add one: gateway endpoints add URL")
        return
    table = quiet_table("endpoint", "state", "format", "types", "url", folds="url")
    for each in found:
        types = ", ".join(each["types"]) or Text("all", "dim")
        table.add_row(each["id"], state_of(each), each["format"], types, printable(each["url"]))
    screen.show(table)


def show(
    ctx: typer.Context,
    endpoint: EndpointArgument,
    *,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Show one endpoint: what it takes, how it is doing, and its keys without what is secret of them."""
    show_one(ctx.obj, service_at(url, key_file).run(lambda api: api.get(path("endpoints", endpoint))), json=json)


def prove(
    ctx: typer.Context,
    endpoint: EndpointArgument,
    *,
    kind: Annotated[
        str, typer.Option("--type", metavar="TYPE", help="Type of the event.", autocompletion=complete_event_type)
    ] = "message.received",
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Deliver a made-up event to an endpoint, and say what the receiver answered.

    Exit code 8: the receiver did not take it; the service goes on trying, as with any event.
    """
    screen: Screen = ctx.obj

    async def ask(api: Api) -> dict[str, Any]:
        made = await api.post(path("endpoints", endpoint, "test"), {"type": kind})
        return await _attempted(api, made["id"])

    found = service_at(url, key_file).run(ask)
    delivery, attempts = found["delivery"], found["attempts"]
    if json:
        screen.data(found)
    else:
        last = attempts[-1] if attempts else {"status": None, "error": "no attempt was made yet", "answer": None}
        screen.facts(
            [
                ("delivery", delivery["id"]),
                ("event", f"{delivery['event']} ({kind})"),
                ("state", delivery["state"]),
                ("answer", str(last["status"] or last["error"])),
                ("said", printable(last["answer"] or "", most=200)),
            ]
        )
    raise typer.Exit(ExitCode.OK if delivery["state"] == "delivered" else ExitCode.PROBLEMS)


async def _attempted(api: Api, delivery: str) -> dict[str, Any]:
    """Wait for the first attempt of a delivery."""
    looks, pause = 0, 0.1
    while True:
        found: dict[str, Any] = await api.get(path("deliveries", delivery))
        looks += 1
        if found["attempts"] or found["delivery"]["state"] != "pending" or looks > _LOOKS:
            return found
        await asyncio.sleep(pause)
        pause = min(2 * pause, 1.0)
