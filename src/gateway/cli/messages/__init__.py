"""`gateway messages`: what is kept in the store: to look at, and to decide where only a person can.

Nothing here sends: what is decided is carried out by a running gateway or `gateway worker`.
"""

from __future__ import annotations

import typer

from gateway.cli.commands import Commands
from gateway.cli.messages.deciding import cancel, resend, resolve
from gateway.cli.messages.listing import list_
from gateway.cli.messages.showing import show

__all__ = ["app"]

app: typer.Typer = typer.Typer(
    cls=Commands, help="The messages in the store.", add_completion=False, pretty_exceptions_enable=False
)


@app.callback(invoke_without_command=True)
def root(ctx: typer.Context) -> None:
    """Show the help where no command is given."""
    if ctx.invoked_subcommand is None:
        ctx.get_help()


app.command("list")(list_)
app.command("show")(show)
app.command("resolve")(resolve)
app.command("resend")(resend)
app.command("cancel")(cancel)
