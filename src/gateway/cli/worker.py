"""`gateway worker`: send what is kept and hand over what arrived, without serving HTTP."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from gateway.cli.configured import DEFAULT, ConfigFile, lasting_gateway, opened
from gateway.cli.failing import Usage
from gateway.cli.screen import Screen
from gateway.client import Gateway
from gateway.errors import ConfigurationError

__all__ = ["worker"]


def worker(
    ctx: typer.Context,
    *,
    config: ConfigFile = DEFAULT,
    handlers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="A function that gets the gateway and registers handlers with its `on`; may be repeated."
            " Without one, events wait for a process that has handlers.",
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One line on stdout when it works, and one when it has ended.")
    ] = False,
) -> None:
    """Send what is kept in the store, and hand over what arrived, until Ctrl-C or SIGTERM.

    What is under way then is finished first; what is left waits in the store. On PostgreSQL any number may run.
    """
    screen: Screen = ctx.obj
    gateway = lasting_gateway(config, works=True)
    if not gateway.connections:
        raise ConfigurationError(f"{config} has no connections", hint="add a [connections.NAME]")
    for place in handlers or []:
        _registering(place)(gateway)
    asyncio.run(_work(screen, gateway, json=json))


def _registering(place: str) -> Callable[[Gateway], Any]:
    """Import a function by its place, from the working directory too; raises `Usage`."""
    module, colon, name = place.partition(":")
    if not (module and colon and name):
        raise Usage(f"--handlers {place} names no function", hint="write it as MODULE:FUNCTION, such as bot:register")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise Usage(f"there is no module {module}", hint="run it where the module is, or install it") from None
    function = getattr(found, name, None)
    if not callable(function):
        raise Usage(f"there is no function {name} in {module}", hint="it takes one argument, the gateway")
    return function  # type: ignore[no-any-return]  # whatever it takes and gives, it can be called


async def _work(screen: Screen, gateway: Gateway, *, json: bool) -> None:
    from gateway.cli.serving import until_interrupted

    async with opened(screen, gateway):
        # from here on a signal means that it is time to go; whoever reads what follows may send one
        asked_to_end = asyncio.create_task(until_interrupted())
        await asyncio.sleep(0)
        await _tell(screen, gateway, json=json)
        screen.note("press Ctrl-C to end")
        await _until_ended(gateway, asked_to_end)
        screen.note("finishing what is under way")
    screen.note("ended; what is left waits in the store")
    if json:
        screen.data({"state": "ended"})


async def _until_ended(gateway: Gateway, asked: asyncio.Task[None]) -> None:
    """Wait until somebody asks; raises `StoreError` when a loop stops before that: who does nothing must not stay."""
    watching = asyncio.create_task(gateway._engine.watch())  # noqa: SLF001 - nobody else has only the loops to wait for
    try:
        done, _ = await asyncio.wait((asked, watching), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
    finally:
        for task in (asked, watching):
            task.cancel()
        await asyncio.gather(asked, watching, return_exceptions=True)


async def _tell(screen: Screen, gateway: Gateway, *, json: bool) -> None:
    """Say what is to be sent on each connection."""
    waiting = {connection.name: await gateway.store.depth(connection.name) for connection in gateway.connections}
    for name, count in waiting.items():
        screen.note(f"working: {name}, {count} to send")
    if json:
        screen.data({"state": "working", "waiting": waiting})
