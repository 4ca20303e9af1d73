"""`gateway audit`: who did what on a service, and whether that record is whole."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_at
from gateway.cli.commands import group
from gateway.cli.configured import JsonFlag
from gateway.cli.failing import ExitCode
from gateway.cli.progress import waiting
from gateway.cli.screen import Screen, printable
from gateway.cli.tables import clock, quiet_table

__all__ = ["app"]

app: typer.Typer = group("Who did what on a service.")


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, help="Most lines, the newest.")] = 50,
    actor: Annotated[str | None, typer.Option(metavar="KEY", help="Only what this key did, or operator.")] = None,
    action: Annotated[
        str | None, typer.Option(metavar="WORD", help="Only this action, or all that begin so: connection.")
    ] = None,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """List who did what, newest first. It holds ids and no addresses."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        async for line in api.pages(path("audit")):
            if actor in (None, line["actor"]) and str(line["action"]).startswith(action or ""):
                found.append(line)
            if len(found) == limit:
                break
        return found

    found = service_at(url, key_file).run(ask)
    if json:
        screen.data(found)
        return
    if not found:
        screen.note("there are none")
        return
    table = quiet_table("line", "when", "who", "what", "on", "detail", folds="detail", right=("line",))
    for line in found:
        detail = ", ".join(f"{name}={_brief(value)}" for name, value in dict(line["detail"]).items())  # type: ignore[call-overload]  # a JSON object
        cells = (str(line["number"]), clock(str(line["at"])), line["actor"], line["action"], line["target"])
        table.add_row(*(printable(str(cell)) for cell in cells), printable(detail))
    screen.show(table)
    if len(found) == limit:
        screen.note("there may be more; give a larger --limit")


def _brief(value: object) -> str:
    return value if isinstance(value, str) else json_text.dumps(value, ensure_ascii=False)


@app.command("verify")
def verify(ctx: typer.Context, *, url: ServiceUrl = None, key_file: KeyFile = None, json: JsonFlag = False) -> None:
    """Look whether every line is as it was written and follows the one before.

    Exit code 8: a line is missing, was changed, or does not follow. Keep the head somewhere else: it proves later that
    nothing was cut off at the end.
    """
    screen: Screen = ctx.obj
    with waiting(screen, "checking the audit"):
        told = service_at(url, key_file, timeout=600).run(lambda api: api.get(path("audit", "chain")))
    if json:
        screen.data(told)
    else:
        broken = told["broken_at"]
        whole = "yes" if told["whole"] else f"no, line {broken} is missing, was changed, or does not follow"
        screen.facts([("whole", whole), ("lines", str(told["lines"])), ("head", told["head"])])
    if not told["whole"]:
        raise typer.Exit(ExitCode.PROBLEMS)
