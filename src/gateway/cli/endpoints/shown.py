"""What is said about an endpoint."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import typer
from rich.text import Text

from gateway.cli.completing import complete_endpoint
from gateway.cli.screen import Screen
from gateway.cli.tables import clock, marked

__all__ = ["EndpointArgument", "show_one", "show_secrets", "state_of"]

EndpointArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="ENDPOINT", help="Its id, ep_….", autocompletion=complete_endpoint)
]


def state_of(endpoint: dict[str, Any]) -> Text:
    """Give its state in its colour; one that is active and takes nothing is failing."""
    failing = endpoint["state"] == "active" and endpoint["failing_since"]
    return Text("failing", "red") if failing else marked(endpoint["state"])


def show_one(screen: Screen, endpoint: dict[str, Any] | None, *, json: bool) -> None:
    """Print one endpoint; nothing where nothing was done."""
    if endpoint is None:
        return
    if json:
        screen.data(endpoint)
        return
    keys = [key["kind"] + (f" until {clock(key['ends'])}" if key["ends"] else "") for key in endpoint["keys"]]
    reason = f": {endpoint['reason']}" if endpoint["reason"] else ""
    screen.facts(
        [
            ("endpoint", endpoint["id"]),
            ("url", endpoint["url"]),
            ("about", endpoint["description"]),
            ("state", f"{state_of(endpoint).plain}{reason}"),
            ("failing since", clock(endpoint["failing_since"])),
            ("closed until", clock(endpoint["closed_until"])),
            ("format", endpoint["format"]),
            ("types", ", ".join(endpoint["types"]) or "all"),
            ("connections", ", ".join(endpoint["connections"]) or "all"),
            ("keys", ", ".join(keys)),
            *(("public key", key["public"]) for key in endpoint["keys"]),
            ("made", clock(endpoint["created_at"])),
        ]
    )
    if endpoint["state"] == "disabled" or (endpoint["state"] == "active" and endpoint["failing_since"]):
        hint = f"gateway endpoints resume {endpoint['id']}, then: gateway deliveries recover --since TIME"
        screen.note(f"mend the receiver, then: {hint}")


def show_secrets(screen: Screen, made: dict[str, Any] | None, *, json: bool) -> None:
    """Print an endpoint with its new secrets, which nobody will show again."""
    if made is None:
        return
    if json:
        screen.data(made)
        return
    show_one(screen, made["endpoint"], json=False)
    screen.note("what the receiver verifies with; it is shown this once:", matters=True)
    for secret in made["secrets"]:
        screen.say(secret)
