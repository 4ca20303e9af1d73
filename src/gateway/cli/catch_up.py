"""`gateway catch-up`: fetch the webhooks that a vendor kept and could not deliver."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer
from pydantic import JsonValue

from gateway.catchup import PAGES, SECONDS, CaughtUp
from gateway.cli.configured import (
    DEFAULT,
    ConfigFile,
    JsonFlag,
    complete_connection,
    lasting_gateway,
    moment,
    opened,
)
from gateway.cli.failing import ExitCode, Problem, problem_of
from gateway.cli.progress import waiting
from gateway.cli.screen import Screen
from gateway.client import Gateway
from gateway.errors import GatewayError, Unsupported

__all__ = ["catch_up"]


def catch_up(
    ctx: typer.Context,
    connection: Annotated[
        str | None,
        typer.Argument(
            metavar="[CONNECTION]",
            help="Which one; where none is named, all whose vendor keeps webhooks.",
            autocompletion=complete_connection,
        ),
    ] = None,
    *,
    config: ConfigFile = DEFAULT,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="From then on; else from where it was read to, or from a day ago."),
    ] = None,
    pages: Annotated[int, typer.Option(min=1, help="Most pages of one run; the next one goes on.")] = PAGES,
    seconds: Annotated[float, typer.Option(min=0, help="Most seconds of one run.")] = SECONDS,
    json: JsonFlag = False,
) -> None:
    """Fetch what arrived at the vendor while no gateway was there; each event is kept once.

    Handlers get the events from the next process that has some. The exit code is that of the failure; 1 where several
    failed in different ways.
    """
    screen: Screen = ctx.obj
    start = moment(since, "--since") if since is not None else None
    gateway = lasting_gateway(config)
    with waiting(screen, "fetching what was missed"):
        results = asyncio.run(_catch_up(screen, gateway, connection, start, pages=pages, seconds=seconds))
    if json:
        screen.data([result.json() for result in results])
    else:
        for result in results:
            _tell(screen, result)
    if not results:
        screen.note("no connection's vendor keeps webhooks")
    codes = {result.problem.exit_code for result in results if result.problem}
    raise typer.Exit(codes.pop() if len(codes) == 1 else ExitCode.FAILED if codes else ExitCode.OK)


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of one connection."""

    connection: str
    found: CaughtUp | None = None
    problem: Problem | None = None

    def json(self) -> dict[str, JsonValue]:
        if self.found is not None:
            return {**self.found.model_dump(mode="json"), "problem": None}
        return {"connection": self.connection, "problem": self.problem.json() if self.problem else None}


async def _catch_up(
    screen: Screen, gateway: Gateway, name: str | None, since: datetime | None, *, pages: int, seconds: float
) -> list[_Result]:
    async with opened(screen, gateway):
        if name is not None:
            found = await gateway.catch_up(name, since=since, pages=pages, seconds=seconds)
            return [_Result(name, found=found)]
        results = []
        for connection in gateway.connections:
            try:
                found = await gateway.catch_up(connection.name, since=since, pages=pages, seconds=seconds)
                results.append(_Result(connection.name, found=found))
            except Unsupported:
                continue
            except GatewayError as error:
                results.append(_Result(connection.name, problem=problem_of(error, reading=True)))
        return results


def _tell(screen: Screen, result: _Result) -> None:
    if result.problem:
        screen.complain(result.problem)
    elif found := result.found:
        more = "" if found.complete else "; there is more, run it again"
        screen.show(f"{found.connection}: {found.recovered} new events in {found.webhooks} webhooks{more}")
