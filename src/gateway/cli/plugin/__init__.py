"""`gateway plugin`: a provider of your own: the package to begin with, and what its contract says of it."""

from __future__ import annotations

import typer

from gateway.cli.commands import Commands
from gateway.cli.plugin.check import check
from gateway.cli.plugin.new import new

__all__ = ["app"]

app: typer.Typer = typer.Typer(
    cls=Commands, help="A provider of your own.", add_completion=False, pretty_exceptions_enable=False
)


@app.callback(invoke_without_command=True)
def root(ctx: typer.Context) -> None:
    """Show the help where no command is given."""
    if ctx.invoked_subcommand is None:
        ctx.get_help()


app.command("new")(new)
app.command("check")(check)
