"""`gateway listen`: receive the webhooks of all connections, and print what they say."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from gateway.cli.configured import DEFAULT, ConfigFile, gateway_for
from gateway.cli.events import line_of
from gateway.cli.screen import Screen
from gateway.client import Gateway
from gateway.errors import ConfigurationError
from gateway.events import Event

__all__ = ["listen"]


def listen(
    ctx: typer.Context,
    *,
    config: ConfigFile = DEFAULT,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 8000,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON document a line for each event, whole, addresses included.")
    ] = False,
) -> None:
    """Take in webhooks, and print each event as it comes. Ctrl-C ends it.

    Every webhook is verified, kept and answered as its vendor wants it.
    """
    gateway = gateway_for(config, serves=True)
    if not gateway.connections:
        raise ConfigurationError(f"{config} has no connections", hint="add a [connections.NAME]")
    asyncio.run(_listen(ctx.obj, gateway, host=host, port=port, json=json))


async def _listen(screen: Screen, gateway: Gateway, *, host: str, port: int, json: bool) -> None:
    from gateway.cli.serving import serving, until_interrupted

    async def show(event: Event) -> None:
        if json:
            screen.data(event.model_dump(mode="json"))
        else:
            screen.show(line_of(event))

    gateway.on(Event, show)
    async with gateway, serving(gateway.asgi(), host=host, port=port) as url:
        width = max(len(connection.name) for connection in gateway.connections)
        screen.note(f"listening on {url}; vendors reach it through a public address or a tunnel")
        for connection in gateway.connections:
            screen.note(f"  {connection.name:<{width}}  {url}/webhooks/{connection.name}")
        screen.note("press Ctrl-C to end")
        await until_interrupted()
