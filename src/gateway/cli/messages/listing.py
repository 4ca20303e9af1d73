"""`gateway messages list`: what is kept, the newest first."""

from __future__ import annotations

import asyncio
import json as json_text
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Self

import typer
from pydantic import JsonValue
from rich.table import Table

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_if
from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag, chosen
from gateway.cli.messages.looking import looking
from gateway.cli.messages.veil import recipient, veiled
from gateway.cli.screen import Screen, printable
from gateway.cli.tables import clock, marked, quiet_table
from gateway.model import Chat
from gateway.remote.failing import error_of
from gateway.store import MessageRow, MessageState

__all__ = ["list_"]

_ERASED = "erased"


def _states(incomplete: str) -> list[str]:
    return [state.value for state in MessageState if state.value.startswith(incomplete)]


def list_(
    ctx: typer.Context,
    *,
    state: Annotated[
        str | None,
        typer.Option(metavar="STATE", help=f"Only those: {', '.join(MessageState)}; else all.", autocompletion=_states),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most messages, the newest.")] = 100,
    config: ConfigFile = DEFAULT,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """List the messages of a service, or else of the configured store, the newest first; addresses are masked."""
    screen: Screen = ctx.obj
    wanted = chosen(MessageState, state, "--state")
    service = service_if(ctx, url, key_file)
    names: Mapping[str, str] = {}
    if service is None:
        rows = asyncio.run(_list(screen, config, wanted, limit))
    else:
        rows, names = service.run(lambda api: _list_there(api, wanted, limit))
    if json:
        screen.data([row.json() for row in rows])
        return
    if rows:
        screen.show(_table(rows, names))
    else:
        screen.note("there are none")
    if len(rows) == limit:
        screen.note("there may be more; give a larger --limit")


@dataclass(frozen=True, slots=True)
class _Row:
    """A message as a list shows it: the same, wherever it is kept."""

    message_id: str
    connection: str
    kind: str
    to: str
    """Masked; `erased` where nothing of it is kept but that it was there."""
    state: str
    parked: bool
    steps: int
    created_at: str
    due_at: str
    expires_at: str | None
    error: dict[str, Any] | None

    @classmethod
    def kept(cls, row: MessageRow) -> Self:
        """Read it from a store."""
        asked = json_text.loads(row.request)
        return cls(
            message_id=row.id,
            connection=row.connection,
            kind=row.kind,
            to=recipient(str(asked["to"])) if asked else _ERASED,
            state=row.state.value,
            parked=row.parked,
            steps=row.steps,
            created_at=row.created_at.isoformat(),
            due_at=row.due_at.isoformat(),
            expires_at=row.expires_at.isoformat() if row.expires_at else None,
            error=veiled(json_text.loads(row.error)) if row.error else None,
        )

    @classmethod
    def told(cls, message: Mapping[str, Any]) -> Self:
        """Read it from what a service says."""
        chat, error, expires = message.get("chat"), message.get("error"), message.get("expires_at")
        failed = error_of(error) if error else None
        return cls(
            message_id=message["id"],
            connection=message["connection"],
            kind=message["kind"],
            to=Chat.model_validate(chat).masked if chat else "",
            state=message["outcome"],
            parked=message["needs_resolution"],
            steps=message["steps"],
            created_at=_iso(message["created_at"]),
            due_at=_iso(message["due_at"]),
            expires_at=_iso(expires) if expires else None,
            error=veiled(failed.describe()) if failed is not None and hasattr(failed, "describe") else None,
        )

    def json(self) -> dict[str, JsonValue]:
        """Give it for programs."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def _iso(text: str) -> str:
    return datetime.fromisoformat(text).isoformat()


async def _list(screen: Screen, config: Path, state: MessageState | None, limit: int) -> list[_Row]:
    async with looking(screen, config) as store:
        return [_Row.kept(row) for row in await store.messages(state, limit)]


async def _list_there(api: Api, state: MessageState | None, limit: int) -> tuple[list[_Row], Mapping[str, str]]:
    outcome = state.value if state else None
    rows = [_Row.told(item) async for item in api.pages(path("messages"), limit=limit, outcome=outcome)]
    return rows, await api.names()


def _table(rows: Sequence[_Row], names: Mapping[str, str]) -> Table:
    table = quiet_table("message", "created", "connection", "kind", "to", "state", "why", folds="why")
    for row in rows:
        kind = row.kind.replace("_", " ")
        name = names.get(row.connection, row.connection)
        why = printable(str(row.error["message"]), most=120) if row.error else ""
        table.add_row(row.message_id, clock(row.created_at), name, kind, printable(row.to), marked(row.state), why)
    return table
