"""The program: all commands, and the one place where a failure becomes an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from gateway.cli.commands import Commands
from gateway.cli.screen import Screen

__all__ = ["app", "main"]


class _All(Commands):
    """Every command of `gateway`, in the order of the help: trying out, sending, receiving, looking, keeping."""

    places: Mapping[str, str] = {
        "demo": "gateway.cli.demo:demo",
        "simulate": "gateway.cli.simulate:simulate",
        "providers": "gateway.cli.providers:providers",
        "connections": "gateway.cli.connections:app",
        "send": "gateway.cli.send:send",
        "plan": "gateway.cli.plan:plan",
        "listen": "gateway.cli.listen:listen",
        "worker": "gateway.cli.worker:worker",
        "messages": "gateway.cli.messages:app",
        "catch-up": "gateway.cli.catch_up:catch_up",
        "reparse": "gateway.cli.reparse:reparse",
        "migrate": "gateway.cli.migrate:migrate",
        "backup": "gateway.cli.backup:backup",
    }


app: typer.Typer = typer.Typer(
    name="gateway",
    cls=_All,
    help="One way to send and receive iMessage, whichever vendor carries it.",
    epilog="Data goes to stdout, everything else to stderr. --quiet, --debug and --no-color may stand behind a command"
    " too.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="On stderr nothing but errors.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR=1 does the same.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Log to stderr, and show where an error came from.")] = False,
) -> None:
    """Take what belongs to all commands."""
    screen: Screen = ctx.obj
    screen.quiet, screen.color, screen.debug = quiet, not no_color, debug
    if version:
        from importlib.metadata import version as version_of

        screen.say(f"gateway {version_of('messaging-gateway')}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        ctx.get_help()
    elif screen.owned:
        from gateway import log

        log.configure(json=False, level="debug" if debug else "critical")


def main() -> None:
    """Be the program `gateway`: this process is ours, so its logging and its streams are too."""
    screen = Screen.asked(sys.argv[1:], owned=True)
    if not screen.color:
        os.environ["NO_COLOR"] = "1"  # typer's help looks there
    for stream in (sys.stdout, sys.stderr):
        # a terminal that cannot show a character gets another one, not an error
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    app(obj=screen)
