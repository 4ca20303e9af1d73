"""`gateway doctor`: twenty questions to a service, or to a configuration on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from gateway.cli.api import KeyFile, ServiceUrl, path, service_if
from gateway.cli.configured import JsonFlag
from gateway.cli.failing import ExitCode
from gateway.cli.screen import Screen, printable

__all__ = ["doctor"]

_MARKS = {"ok": ("✓", "green"), "warn": ("!", "bold yellow"), "fail": ("✗", "bold red")}


def doctor(
    ctx: typer.Context,
    *,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", envvar="GATEWAY_CONFIG", help="The configuration file.")
    ] = None,
    probe: Annotated[
        bool, typer.Option("--probe/--no-probe", help="Ask others too: the vendors, and the public URL.")
    ] = True,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Make twenty checks of a service or a configuration, and say what to do next.

    With --url a running service examines itself; else the configuration is looked at here, on this machine, and its
    store with it, in a copy. Exit code 8: a check failed.
    """
    screen: Screen = ctx.obj
    service = service_if(ctx, url, key_file)
    if service is None:
        from gateway.cli.serve import configuration
        from gateway.server.doctor import examine_here

        checks = [asdict(check) for check in asyncio.run(examine_here(configuration(config), probe=probe))]
    else:
        checks = service.run(lambda api: api.get(path("doctor"), probe=probe))["checks"]
    failed, doubtful = (sum(each["state"] == state for each in checks) for state in ("fail", "warn"))
    if json:
        screen.data({"ok": not failed, "failed": failed, "doubtful": doubtful, "checks": checks})
    else:
        _tell(screen, checks)
        screen.note(_verdict(len(checks), failed, doubtful), matters=bool(failed))
    raise typer.Exit(ExitCode.PROBLEMS if failed else ExitCode.OK)


def _tell(screen: Screen, checks: Sequence[dict[str, Any]]) -> None:
    width = max(len(each["name"]) for each in checks)
    for each in checks:
        mark, style = _MARKS[each["state"]]
        says = printable(each["says"], most=300)
        screen.show(Text.assemble((mark, style), f" {each['name']:<{width}}  ", (says, "dim" if mark == "✓" else "")))
        if each["hint"] and each["state"] != "ok":
            screen.show(Text.assemble(" " * (width + 4), ("hint: ", "cyan"), printable(each["hint"], most=300)))


def _verdict(count: int, failed: int, doubtful: int) -> str:
    if not failed and not doubtful:
        return f"{count} checks, all is well"
    parts = [f"{failed} failed"] if failed else []
    parts += [f"{doubtful} should be looked at"] if doubtful else []
    return f"{count} checks: {', '.join(parts)}"
