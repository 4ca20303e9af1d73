"""The configuration of a command: which file, and the gateway that it describes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from gateway.client import Gateway
from gateway.config import load_config
from gateway.store.memory import MemoryStore

__all__ = ["ConfigFile", "JsonFlag", "complete_connection", "gateway_for"]

ConfigFile: TypeAlias = Annotated[
    Path, typer.Option("--config", "-c", envvar="GATEWAY_CONFIG", help="The configuration file.", show_default=True)
]
JsonFlag: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for programs; a problem too.")]

DEFAULT = Path("gateway.toml")


def gateway_for(path: Path, *, serves: bool = False) -> Gateway:
    """Make the gateway that a file describes; `serves` says that its files can be fetched while this command runs.

    A command that only sends serves nothing: an attachment given as a file could be fetched from nowhere, unless the
    store is one that a running gateway shares. Raises `ConfigurationError`.
    """
    gateway = Gateway.from_config(path)
    if not serves and isinstance(gateway.store, MemoryStore):
        gateway.public_url = None
    return gateway


def complete_connection(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a connection in the configuration file."""
    try:
        config = load_config(ctx.params.get("config") or DEFAULT)
    except Exception:  # noqa: BLE001 - a border: the shell waits for words, not for errors
        return []
    return [item.name for item in config.connections if item.name.startswith(incomplete)]
