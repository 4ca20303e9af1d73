"""`gateway connections`: the configured vendor accounts, and whether their keys work."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

import typer
from pydantic import JsonValue
from rich.table import Table
from rich.text import Text

from gateway.cli.commands import Commands
from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag, check_connection, complete_connection, gateway_for
from gateway.cli.failing import ExitCode, Problem, problem_of
from gateway.cli.screen import Screen, printable
from gateway.client import Gateway
from gateway.connections import Connection
from gateway.errors import GatewayError

__all__ = ["app"]

app: typer.Typer = typer.Typer(
    cls=Commands, help="The configured vendor accounts.", add_completion=False, pretty_exceptions_enable=False
)


@app.callback(invoke_without_command=True)
def root(ctx: typer.Context) -> None:
    """Show the help where no command is given."""
    if ctx.invoked_subcommand is None:
        ctx.get_help()


@app.command("list")
def list_(ctx: typer.Context, *, config: ConfigFile = DEFAULT, json: JsonFlag = False) -> None:
    """List the connections of the configuration; no secrets."""
    screen: Screen = ctx.obj
    gateway = gateway_for(config)
    try:
        if json:
            screen.data([_described(gateway, connection) for connection in gateway.connections])
        elif gateway.connections:
            screen.show(_listed(gateway))
        else:
            screen.note(f"{config} has no connections")
    finally:
        asyncio.run(gateway.aclose())


@app.command("test")
def prove(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(help="Which connection; all where none is named.", autocompletion=complete_connection),
    ] = None,
    *,
    config: ConfigFile = DEFAULT,
    json: JsonFlag = False,
) -> None:
    """Prove that the credentials work, by a call that changes nothing at the vendor.

    The exit code is that of the failure; 1 where several failed in different ways.
    """
    screen: Screen = ctx.obj
    results = asyncio.run(_test(gateway_for(config), name))
    if json:
        screen.data([result.json() for result in results])
    else:
        for result in results:
            _tell(screen, result)
    codes = {result.problem.exit_code for result in results if result.problem}
    raise typer.Exit(codes.pop() if len(codes) == 1 else ExitCode.FAILED if codes else ExitCode.OK)


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of the test of one connection."""

    connection: str
    provider: str
    says: str | None = None
    problem: Problem | None = None

    def json(self) -> dict[str, JsonValue]:
        base: dict[str, JsonValue] = {"name": self.connection, "provider": self.provider, "ok": self.problem is None}
        if self.problem:
            return {**base, "detail": None, "problem": self.problem.json()}
        return {**base, "detail": self.says, "problem": None}


async def _test(gateway: Gateway, name: str | None) -> list[_Result]:
    async with gateway:
        if name is None:
            return list(await asyncio.gather(*(_check(gateway, each) for each in gateway.connections)))
        check_connection(gateway, name)
        return [await _check(gateway, each) for each in gateway.connections if each.name == name]


async def _check(gateway: Gateway, connection: Connection) -> _Result:
    provider = connection.provider.name
    try:
        return _Result(connection.name, provider, says=await gateway.check(connection.name))
    except GatewayError as error:
        return _Result(connection.name, provider, problem=problem_of(error, reading=True))


def _tell(screen: Screen, result: _Result) -> None:
    if result.problem:
        failed = f"failed  {result.connection} ({result.provider})"
        screen.show(Text.assemble(("✗ ", "bold red"), failed))
        screen.complain(result.problem)
    else:
        ok = f"ok      {result.connection} ({result.provider})  {printable(result.says or '')}"
        screen.show(Text.assemble(("✓ ", "bold green"), ok))


def _described(gateway: Gateway, connection: Connection) -> dict[str, JsonValue]:
    return {
        "name": connection.name,
        "provider": connection.provider.name,
        "title": connection.provider.title or connection.provider.name,
        "policy": (connection.policy or gateway.policy).value,
        "labels": dict(connection.labels),
        "api": connection.provider.bases().get("api"),
        "webhook_path": f"/webhooks/{connection.name}",
    }


def _listed(gateway: Gateway) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("connection", "provider", "policy", "labels", "api"):
        table.add_column(title, no_wrap=True)
    for connection in gateway.connections:
        labels = ", ".join(f"{key}={value}" for key, value in connection.labels.items())
        policy = (connection.policy or gateway.policy).value
        api = connection.provider.bases().get("api", "")
        table.add_row(Text(connection.name, "bold"), connection.provider.name, policy, labels, api)
    return table
