"""`gateway endpoints`: the URLs that a service forwards events to."""

from __future__ import annotations

import typer

from gateway.cli.commands import group
from gateway.cli.endpoints.looking import list_, prove, show
from gateway.cli.endpoints.making import add, rotate, update
from gateway.cli.endpoints.turning import pause, remove, resume

__all__ = ["app"]

app: typer.Typer = group("The URLs that a service forwards events to.")

app.command("add")(add)
app.command("list")(list_)
app.command("show")(show)
app.command("update")(update)
app.command("rotate")(rotate)
app.command("pause")(pause)
app.command("resume")(resume)
app.command("test")(prove)
app.command("remove")(remove)
