"""Words for a shell to complete, from the running service: ids and names. It is asked for a moment, and in silence."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeAlias

import typer

from gateway.cli.api import Api, key_of, path

__all__ = [
    "complete_connection",
    "complete_endpoint",
    "complete_event",
    "complete_event_type",
    "complete_file",
    "complete_key",
    "complete_message",
    "complete_provider",
    "complete_tenant",
    "completed",
]

_PAGE = 100
_SOON = 1.5
"""Seconds that somebody who pressed Tab waits, at most."""

Asked: TypeAlias = Callable[[Api], Awaitable[Iterable[str]]]


def completed(ctx: typer.Context, incomplete: str, ask: Asked) -> list[str]:
    """Give the words of the service that begin so; nothing where it is away, slow, or refuses: a shell waits."""
    url = ctx.params.get("url") or os.environ.get("GATEWAY_URL")
    file = ctx.params.get("key_file") or os.environ.get("GATEWAY_API_KEY_FILE")
    if not url:
        return []

    async def soon() -> list[str]:
        async with asyncio.timeout(_SOON), Api(url, key_of(Path(file) if file else None), timeout=_SOON) as api:
            return [word for word in await ask(api) if word.startswith(incomplete)]

    try:
        return asyncio.run(soon())
    except Exception:  # noqa: BLE001 - a border: the shell waits for words, not for errors
        return []


async def _ids(api: Api, what: str) -> list[str]:
    return [str(item["id"]) for item in (await api.get(path(what), limit=_PAGE))["items"]]


def complete_message(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the id of a message, the latest first."""
    return completed(ctx, incomplete, lambda api: _ids(api, "messages"))


def complete_endpoint(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the id of an endpoint."""
    return completed(ctx, incomplete, lambda api: _ids(api, "endpoints"))


def complete_key(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the id of a key."""
    return completed(ctx, incomplete, lambda api: _ids(api, "keys"))


def complete_tenant(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the id of a tenant."""
    return completed(ctx, incomplete, lambda api: _ids(api, "tenants"))


def complete_file(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the id of a file, the latest first."""
    return completed(ctx, incomplete, lambda api: _ids(api, "files"))


def complete_event(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the id of an event: of the first that the service gives."""
    return completed(ctx, incomplete, lambda api: _ids(api, "events"))


def complete_provider(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a provider that the service has."""

    async def ask(api: Api) -> list[str]:
        return [each["name"] for each in (await api.get(path("providers")))["items"]]

    return completed(ctx, incomplete, ask)


def complete_connection(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a connection of the service, or its id where that was begun."""
    field = "id" if incomplete.startswith("pc_") else "name"

    async def ask(api: Api) -> list[str]:
        return [each[field] for each in await api.connections()]

    return completed(ctx, incomplete, ask)


def complete_event_type(incomplete: str) -> list[str]:
    """Complete the type of an event; every service has the same."""
    from gateway.forward.notices import EVENT_TYPES

    return [type_ for type_ in EVENT_TYPES if type_.startswith(incomplete)]
