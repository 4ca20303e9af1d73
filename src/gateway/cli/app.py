"""The program: all commands, and the one place where a failure becomes an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version as version_of
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gateway import log
from gateway.cli import connections, demo, listen, plan, providers, send, simulate
from gateway.cli.failing import ExitCode, Usage, nearest
from gateway.cli.screen import Screen, flags_first

__all__ = ["app", "main"]


class Commands(TyperGroup):
    """The commands of `gateway`; a misspelt one gets the nearest."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and exit; whatever fails is said in our form."""
        arguments = list(sys.argv[1:] if args is None else args)
        screen = Screen.asked(arguments)
        try:
            outcome = super().main(
                flags_first(arguments), "gateway", complete_var, standalone_mode=False, obj=screen, **extra
            )
        except typer.Abort:
            outcome = ExitCode.INTERRUPTED
        except Exception as error:  # noqa: BLE001 - a border: a person gets a sentence, whatever it was
            outcome = screen.fail(error)
        code = int(outcome) if isinstance(outcome, int) else int(ExitCode.OK)
        if code == ExitCode.INTERRUPTED:
            screen.note("interrupted")
        if standalone_mode:
            sys.exit(code)
        return code

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; raises `Usage` that names the nearest one."""
        name = args[0]
        if not name.startswith("-") and name not in self.commands and not ctx.resilient_parsing:
            there_are = f"there are: {', '.join(self.commands)}"
            raise Usage(f"there is no command {name!r}", hint=nearest(name, self.commands, there_are))
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="gateway",
    cls=Commands,
    help="One way to send and receive iMessage, whichever vendor carries it.",
    epilog="Data goes to stdout, everything else to stderr. --debug and --no-color may stand behind a command too.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR=1 does the same.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Log to stderr, and show where an error came from.")] = False,
) -> None:
    """Take what belongs to all commands."""
    screen: Screen = ctx.obj
    screen.color, screen.debug = not no_color, debug
    if version:
        screen.show(f"gateway {version_of('messaging-gateway')}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        ctx.get_help()


app.command("demo")(demo.demo)
app.command("simulate")(simulate.simulate)
app.command("providers")(providers.providers)
app.command("send")(send.send)
app.command("plan")(plan.plan)
app.command("listen")(listen.listen)
app.add_typer(connections.app, name="connections", cls=Commands)


def main() -> None:
    """Be the program `gateway`: this process is ours, so its logging and its streams are too."""
    flags = Screen.asked(sys.argv[1:])
    if not flags.color:
        os.environ["NO_COLOR"] = "1"  # typer's help looks there
    for stream in (sys.stdout, sys.stderr):
        # a terminal that cannot show a character gets another one, not an error
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    log.configure(json=False, level="debug" if flags.debug else "critical")
    app()
