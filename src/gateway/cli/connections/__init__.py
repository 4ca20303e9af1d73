"""`gateway connections`: vendor accounts, those of a configuration and those of a running service.

To list and to test them works with both; everything else is of a service, which makes and changes them while it runs.
"""

from __future__ import annotations

import typer

from gateway.cli.commands import group
from gateway.cli.connections.adding import add, update
from gateway.cli.connections.listing import list_, show
from gateway.cli.connections.proving import prove
from gateway.cli.connections.rotating import rotate
from gateway.cli.connections.switching import disable, enable, remove
from gateway.cli.connections.webhooks import catch_up, register, unregister, webhooks

__all__ = ["app"]

app: typer.Typer = group("The vendor accounts, of a configuration or of a running service.")

app.command("list")(list_)
app.command("test")(prove)
app.command("show")(show)
app.command("add")(add)
app.command("update")(update)
app.command("rotate")(rotate)
app.command("disable")(disable)
app.command("enable")(enable)
app.command("remove")(remove)
app.command("webhooks")(webhooks)
app.command("register")(register)
app.command("unregister")(unregister)
app.command("catch-up")(catch_up)
