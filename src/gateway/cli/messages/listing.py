"""`gateway messages list`: what is kept, the newest first."""

from __future__ import annotations

import asyncio
import json as json_text
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue
from rich.table import Table
from rich.text import Text

from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag, chosen
from gateway.cli.messages.looking import looking
from gateway.cli.messages.veil import recipient, veiled
from gateway.cli.screen import Screen, printable
from gateway.store import MessageRow, MessageState

__all__ = ["list_"]

_STYLES = {
    MessageState.ACCEPTED: "green",
    MessageState.REFUSED: "red",
    MessageState.PARTLY: "red",
    MessageState.UNKNOWN: "yellow",
}


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
    json: JsonFlag = False,
) -> None:
    """List the messages in the store, the newest first; addresses are masked."""
    screen: Screen = ctx.obj
    rows = asyncio.run(_list(screen, config, chosen(MessageState, state, "--state"), limit))
    if json:
        screen.data([_described(row) for row in rows])
        return
    if rows:
        screen.show(_table(rows))
    else:
        screen.note("there are none")
    if len(rows) == limit:
        screen.note("there may be more; give a larger --limit")


async def _list(screen: Screen, config: Path, state: MessageState | None, limit: int) -> list[MessageRow]:
    async with looking(screen, config) as store:
        return await store.messages(state, limit)


def _described(row: MessageRow) -> dict[str, JsonValue]:
    return {
        "message_id": row.id,
        "connection": row.connection,
        "kind": row.kind,
        "to": _to(row),
        "state": row.state.value,
        "parked": row.parked,
        "steps": row.steps,
        "created_at": row.created_at.isoformat(),
        "due_at": row.due_at.isoformat(),
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
        "error": veiled(json_text.loads(row.error)) if row.error else None,
    }


def _table(rows: list[MessageRow]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("message", "created", "connection", "kind", "to", "state"):
        table.add_column(title, no_wrap=True)
    table.add_column("why", overflow="fold")
    for row in rows:
        created = f"{row.created_at.astimezone():%Y-%m-%d %H:%M:%S}"
        state = Text(row.state.value, _STYLES.get(row.state, ""))
        kind = row.kind.replace("_", " ")
        table.add_row(row.id, created, row.connection, kind, printable(_to(row)), state, _why(row))
    return table


def _to(row: MessageRow) -> str:
    return recipient(str(json_text.loads(row.request)["to"]))


def _why(row: MessageRow) -> str:
    return printable(str(veiled(json_text.loads(row.error))["message"]), most=120) if row.error else ""
