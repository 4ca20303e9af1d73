"""The configuration of a command: which file, and the gateway or the store that it describes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias, TypeVar

import typer

from gateway.cli.failing import Usage, nearest
from gateway.cli.screen import Screen
from gateway.errors import ConfigurationError, NoRoute

if TYPE_CHECKING:
    # the engine takes longer to come than a running service takes to answer: what asks one does without
    from gateway.client import Gateway
    from gateway.store import Store

__all__ = [
    "ConfigFile",
    "JsonFlag",
    "StoreUrl",
    "check_connection",
    "chosen",
    "complete_connection",
    "gateway_for",
    "in_doubt",
    "lasting",
    "lasting_gateway",
    "moment",
    "opened",
    "store_url",
]

ConfigFile: TypeAlias = Annotated[
    Path, typer.Option("--config", "-c", envvar="GATEWAY_CONFIG", help="The configuration file.", show_default=True)
]
JsonFlag: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON for programs; a problem too.")]

StoreUrl: TypeAlias = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="The store, without a configuration file.")
]

DEFAULT = Path("gateway.toml")
WordT = TypeVar("WordT", bound=StrEnum)


def gateway_for(path: Path, *, serves: bool = False) -> Gateway:
    """Make the gateway that a file describes; `serves` says that its files can be fetched while this command runs.

    A command that only sends serves nothing: an attachment given as a file could be fetched from nowhere, unless the
    store is one that a running gateway shares. Raises `ConfigurationError`.
    """
    from gateway.client import Gateway
    from gateway.store import MemoryStore

    gateway = Gateway.from_config(path)
    if not serves and isinstance(gateway.store, MemoryStore):
        gateway.public_url = None
    return gateway


def lasting_gateway(path: Path, *, works: bool = False) -> Gateway:
    """Make the gateway of a file whose store outlives a process; raises `ConfigurationError` where it does not.

    Unless it `works`, it sends nothing and hands nothing over: a look must not set going what was stopped.
    """
    from gateway.client import Gateway

    gateway = Gateway.from_config(path, works=works)
    lasting(gateway.store, path)
    return gateway


def lasting(store: Store, path: Path) -> Store:
    """Give a store back that outlives a process; raises `ConfigurationError` for one that does not."""
    from gateway.store import MemoryStore

    if isinstance(store, MemoryStore):
        hint = 'name a durable store in [gateway]: store = "sqlite:///gateway.db"'
        raise ConfigurationError(f"{path} keeps everything in memory, where this command finds nothing", hint=hint)
    return store


@contextlib.asynccontextmanager
async def opened(screen: Screen, gateway: Gateway) -> AsyncIterator[Gateway]:
    """Open a gateway while a command uses it; where its store is a copy, say what that puts into doubt."""
    async with gateway:
        messages = gateway._engine.in_doubt  # noqa: SLF001 - only who opens a restored store is told
        if messages is not None:
            screen.note(in_doubt(messages), matters=bool(messages))
        yield gateway


def in_doubt(messages: int) -> str:
    """Say how many messages a restored store cannot tell about, and what becomes of them."""
    many = "1 message" if messages == 1 else f"{messages} messages"
    after = "; what no proof settles is in: gateway messages list --state unknown" if messages else ""
    return f"this store was restored: {many} may have left since the copy was made{after}"


def check_connection(gateway: Gateway, name: str) -> None:
    """Raise `NoRoute`, naming the nearest one, where there is no such connection."""
    names = [each.name for each in gateway.connections]
    if name not in names:
        there_are = f"there are: {', '.join(names) or 'none'}"
        raise NoRoute(f"there is no connection {name!r}", hint=nearest(name, names, there_are))


def store_url(ctx: typer.Context, path: Path, url: str | None) -> str:
    """Give the URL of the store that was named, by itself or by a configuration; raises `Usage` for both at once."""
    if url is None:
        from gateway.config import load_config

        return load_config(path).store
    source = ctx.get_parameter_source("config")
    if source is not None and source.name == "COMMANDLINE":
        raise Usage("--config and --store name two stores", hint="give one of them")
    return url


def moment(given: str, option: str) -> datetime:
    """Read a time as RFC 3339 writes it; one without a zone is this machine's. Raises `Usage`."""
    try:
        return datetime.fromisoformat(given).astimezone()
    except (ValueError, OverflowError):
        raise Usage(f"{option} is not a time", hint="write it as 2026-01-31, or 2026-01-31T09:30:00Z") from None


def chosen(words: type[WordT], given: str | None, option: str) -> WordT | None:
    """Read a word of a closed set in any usual spelling; raises `Usage` that names the nearest."""
    if given is None:
        return None
    try:
        return words(given)
    except ValueError:
        known = [word.value for word in words]
        there_are = f"there are: {', '.join(known)}"
        raise Usage(f"{option} has no {given!r}", hint=nearest(given.lower(), known, there_are)) from None


def complete_connection(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a connection: of the service where one is named, else of the configuration file."""
    from gateway.cli.completing import complete_connection as there

    if found := there(ctx, incomplete):
        return found
    from gateway.config import load_config

    try:
        config = load_config(ctx.params.get("config") or DEFAULT)
    except Exception:  # noqa: BLE001 - a border: the shell waits for words, not for errors
        return []
    return [item.name for item in config.connections if item.name.startswith(incomplete)]
