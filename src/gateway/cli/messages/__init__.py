"""`gateway messages`: what a service keeps, or a store: to look at, and to decide where only a person can.

With a store of this machine nothing here sends what is decided: that is for a running gateway or `gateway worker`. A
service does it itself.
"""

from __future__ import annotations

import typer

from gateway.cli.commands import group
from gateway.cli.messages.deciding import cancel, resend, resolve
from gateway.cli.messages.listing import list_
from gateway.cli.messages.showing import show
from gateway.cli.send import send

__all__ = ["app"]

app: typer.Typer = group("The messages in the store, or of a running service.")

app.command("send")(send)
app.command("list")(list_)
app.command("show")(show)
app.command("resolve")(resolve)
app.command("resend")(resend)
app.command("cancel")(cancel)
