"""`gateway serve`: the service, until it is interrupted."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.configured import DEFAULT
from gateway.cli.screen import Screen

if TYPE_CHECKING:
    from gateway.config import ServiceConfig
    from gateway.server import Service

__all__ = ["configuration", "flags_of", "serve"]

THRESHOLDS = (50_000, 20, 100)
"""How many objects come and go before the collector looks: a request makes thousands, and nearly none in circles."""


def serve(
    ctx: typer.Context,
    *,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", envvar="GATEWAY_CONFIG", help="The configuration file.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(metavar="URL", help="Where everything is kept: sqlite:///PATH or postgresql://…")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = None,
    public_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the service can be reached from outside.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="development, or production, which refuses what is insecure.")
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning, error or critical.")] = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="One line on stdout once it serves: URL, and the first key if one is made."),
    ] = False,
) -> None:
    """Serve the API, take in webhooks, send, and forward events, until Ctrl-C or SIGTERM.

    What is set by a flag goes before GATEWAY__SECTION__KEY, that before the file. Requests under way at the end are
    finished first; what is left waits in the store. On PostgreSQL any number may run.
    """
    screen: Screen = ctx.obj
    given = {
        ("gateway", "store"): ("--store", store),
        ("gateway", "public_url"): ("--public-url", public_url),
        ("server", "host"): ("--host", host),
        ("server", "port"): ("--port", port),
        ("server", "profile"): ("--profile", profile),
        ("server", "log_level"): ("--log-level", log_level),
    }
    found = configuration(config, flags_of(given))
    if screen.owned:
        from gateway import log

        log.configure(json=found.server.log == "json", level="debug" if screen.debug else found.server.log_level)
    asyncio.run(_serve(screen, found, json=json))


def flags_of(given: Mapping[tuple[str, str], tuple[str, Any]]) -> dict[tuple[str, ...], tuple[str, Any]]:
    """Leave out the flags that nobody gave."""
    return {words: (flag, value) for words, (flag, value) in given.items() if value is not None}


def configuration(path: Path | None, flags: Mapping[tuple[str, ...], tuple[str, Any]] | None = None) -> ServiceConfig:
    """Read the configuration of the service; a file that nobody named may be missing. Raises `ConfigurationError`."""
    from gateway.config import load_service

    if path is None and DEFAULT.exists():
        path = DEFAULT
    return load_service(path, environment=os.environ, flags=flags or {})


async def _serve(screen: Screen, config: ServiceConfig, *, json: bool) -> None:
    from gateway.cli.serving import until_interrupted
    from gateway.server import create_app, open_service
    from gateway.server.running import running

    service = open_service(config)
    app = create_app(service)
    asked_to_end = asyncio.create_task(until_interrupted())
    await asyncio.sleep(0)
    try:
        async with running(app, service) as url:
            if config.server.gc == "tuned":
                _tune()
            _tell(screen, service, url, json=json)
            await _until_ended(service, asked_to_end)
            screen.note("finishing what is under way")
            service.draining = True
    finally:
        asked_to_end.cancel()
        await asyncio.gather(asked_to_end, return_exceptions=True)
    screen.note("ended; what is left waits in the store")
    if json:
        screen.data({"state": "ended"})


async def _until_ended(service: Service, asked: asyncio.Task[None]) -> None:
    """Wait until somebody asks; raises `StoreError` when a loop stops before that: who does nothing must not stay."""
    watching = asyncio.create_task(service.engine.watch())
    try:
        done, _ = await asyncio.wait((asked, watching), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _tune() -> None:
    """Leave what is there from the start out of every later look, and look less often: looks are felt as pauses."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


def _tell(screen: Screen, service: Service, url: str, *, json: bool) -> None:
    if service.first_key is not None and not json:
        screen.note("the first key of this service; it is shown this once:", matters=True)
        screen.say(service.first_key)
    screen.note(f"serving: {url}  (API: {url}/v1, description: {url}/openapi.json)")
    if service.config.gateway.public_url is None:
        screen.note("no public URL is set: vendors cannot deliver webhooks from outside; --public-url names it")
    screen.note("press Ctrl-C to end")
    if json:
        line: dict[str, Any] = {"state": "serving", "url": url}
        screen.data(line | ({"key": service.first_key} if service.first_key else {}))
    service.first_key = None
