"""`gateway config`: what the service is told, and by what; and whether that holds together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.commands import Commands
from gateway.cli.failing import ExitCode
from gateway.cli.screen import Screen
from gateway.cli.serve import configuration, flags_of

if TYPE_CHECKING:
    from gateway.config import ServiceConfig, Shown

__all__ = ["app"]

app: typer.Typer = typer.Typer(
    cls=Commands, help="The settings of the service.", add_completion=False, pretty_exceptions_enable=False
)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", envvar="GATEWAY_CONFIG", help="The configuration file.")
]
ProfileOption = Annotated[str | None, typer.Option(help="As if this profile were set.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs; a problem too.")]


@app.callback(invoke_without_command=True)
def root(ctx: typer.Context) -> None:
    """Show the help where no command is given."""
    if ctx.invoked_subcommand is None:
        ctx.get_help()


@app.command("show")
def show(
    ctx: typer.Context,
    *,
    config: ConfigOption = None,
    every: Annotated[bool, typer.Option("--all", help="Settings that nobody gave too.")] = False,
    json: JsonOption = False,
) -> None:
    """Show every setting with its value and where it was given; secrets are hidden."""
    screen: Screen = ctx.obj
    told = [item for item in configuration(config).told() if every or json or item.origin.kind != "default"]
    if json:
        screen.data([_described(item) for item in told])
    elif told:
        screen.show(_table(told))
    else:
        screen.note("nothing is set; --all shows the defaults")


@app.command("check")
def check(
    ctx: typer.Context, *, config: ConfigOption = None, profile: ProfileOption = None, json: JsonOption = False
) -> None:
    """Check that the service could start with these settings; the exit code is 8 where the profile refuses them.

    Looks at settings only: neither store nor vendors are asked.
    """
    screen: Screen = ctx.obj
    found = configuration(config, flags_of({("server", "profile"): ("--profile", profile)}))
    problems = _problems(found)
    refused = found.production and bool(problems)
    if json:
        screen.data({"ok": not refused, "profile": found.server.profile, "problems": problems})
    elif refused:
        screen.note(f"the production profile refuses {len(problems)} of them:", matters=True)
        for problem in problems:
            screen.say(problem)
    else:
        screen.say(f"ok: {found.server.profile}, {_origin(found)}")
        for problem in problems:
            screen.note(f"production would refuse: {problem}")
    raise typer.Exit(ExitCode.PROBLEMS if refused else ExitCode.OK)


def _problems(config: ServiceConfig) -> list[str]:
    from gateway.config import insecure

    # whether there is a key is in the store, which is not asked here
    return insecure(config, keys=True)


def _origin(config: ServiceConfig) -> str:
    count = sum(item.origin.kind != "default" for item in config.told())
    return f"{count} settings given{f', {config.path}' if config.path else ''}"


def _described(item: Shown) -> dict[str, Any]:
    origin = {"kind": item.origin.kind, "place": item.origin.place or None}
    return {"section": item.section, "key": item.key, "value": _plain(item.value), "origin": origin}


def _plain(value: Any) -> Any:
    return str(value) if not isinstance(value, str | int | float | bool | list | dict | None) else value


def _table(told: list[Shown]) -> Any:
    from rich.text import Text

    from gateway.cli.screen import printable
    from gateway.cli.tables import quiet_table

    table = quiet_table("setting", "value", "from")
    for item in told:
        value = "" if item.value is None else printable(str(item.value), most=80)
        table.add_row(Text(f"{item.section}.{item.key}", "bold"), value, Text(str(item.origin), "dim"))
    return table
