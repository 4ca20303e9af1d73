"""`gateway events list` and `show`: what happened, from a service."""

from __future__ import annotations

import json as json_text
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_at
from gateway.cli.commands import group
from gateway.cli.completing import complete_event
from gateway.cli.configured import JsonFlag, moment
from gateway.cli.events import summary
from gateway.cli.events_wanted import Since, Types, Via, read, types_of
from gateway.cli.messages.veil import veiled
from gateway.cli.screen import Screen, printable
from gateway.cli.tables import clock, marked, quiet_table
from gateway.cli.tail import tail
from gateway.errors import GatewayError
from gateway.events import Event

__all__ = ["app", "shown_body"]

app: typer.Typer = group("What happened, from a running service.")

app.command("tail")(tail)

_MOST_WORDS = 80


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    types: Types = None,
    via: Via = None,
    chat: Annotated[str | None, typer.Option(metavar="CHAT", help="Only of this chat, chat_….")] = None,
    message: Annotated[str | None, typer.Option(metavar="ID", help="Only about this message, msg_….")] = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, help="Most events: the latest, or with --since the first.")] = 50,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """List events in the order they came: the latest, or those from a time on; addresses are masked."""
    screen: Screen = ctx.obj
    start = moment(since, "--since") if since is not None else None
    wanted = types_of(types)

    async def ask(api: Api) -> tuple[list[dict[str, Any]], dict[str, str]]:
        params = {"type": wanted or None, "connection": await api.via(via), "chat": chat, "message": message}
        newest = None if start else True
        found = await api.all(path("events"), limit=limit, since=start, newest=newest, **params)
        if start is not None:
            found = [told for told in found if moment(told["received_at"], "received_at") >= start]
        return (found if start else found[::-1]), {} if json else dict(await api.names())

    found, names = service_at(url, key_file).run(ask)
    if json:
        screen.data(found)
        return
    if not found:
        screen.note("there are none")
        return
    screen.show(_table(found, names))
    if len(found) == limit:
        screen.note("there may be more; give a larger --limit")


def _table(found: Sequence[dict[str, Any]], names: Mapping[str, str]) -> Table:
    table = quiet_table("event", "came", "connection", "type", "what", folds="what")
    for told in found:
        event = read(told)
        words = printable(summary(event), most=_MOST_WORDS)
        name = names.get(event.connection, event.connection)
        table.add_row(event.id, clock(event.received_at), name, event.type, words)
    return table


@app.command("show")
def show(
    ctx: typer.Context,
    event: Annotated[str, typer.Argument(metavar="EVENT", help="evt_….", autocompletion=complete_event)],
    *,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show addresses, texts and the webhook too; they are masked otherwise.")
    ] = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Show one event: what it says, the webhooks that it was made of, and where it was delivered to."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> dict[str, Any]:
        told = await api.get(path("events", event))
        return {
            "event": told,
            "webhooks": await api.get(path("events", event, "webhooks")),
            "deliveries": await _deliveries(api, event),
            "names": dict(await api.names()),
        }

    found = service_at(url, key_file).run(ask)
    names = found.pop("names")
    shown = found if reveal else {**found, "event": veiled(found["event"]), "webhooks": veiled(found["webhooks"])}
    if json:
        screen.data(shown)
        return
    _facts(screen, read(found["event"]), names, reveal=reveal)
    _documents(screen, shown, reveal=reveal)
    _delivered(screen, found["deliveries"])


def _facts(screen: Screen, what: Event, names: Mapping[str, str], *, reveal: bool) -> None:
    screen.facts(
        [
            ("event", what.id),
            ("type", what.type),
            ("connection", names.get(what.connection, what.connection)),
            ("came", clock(what.received_at)),
            ("happened", clock(what.occurred_at)),
            ("chat", what.chat_id),
            ("what", summary(what) if reveal else None),
        ]
    )


async def _deliveries(api: Api, event: str) -> list[Any]:
    """Give where it was delivered to; nothing where the key may not look at that."""
    try:
        return await api.all(path("deliveries"), event=event)
    except GatewayError:
        return []


def _documents(screen: Screen, shown: dict[str, Any], *, reveal: bool) -> None:
    screen.show(Text("\nas the service gives it", "dim"), Text(_pretty(shown["event"])))
    for webhook in shown["webhooks"]:
        again = f", {webhook['repeats']} more times" if webhook["repeats"] else ""
        hidden = "" if reveal else "; --reveal shows it"
        screen.show(Text(f"\nwebhook {webhook['number']}, came {clock(webhook['received_at'])}{again}{hidden}", "dim"))
        if not reveal:
            continue
        for name, value in webhook["headers"]:
            screen.show(Text.assemble((f"{name}: ", "dim"), printable(value)))
        screen.show(Text(shown_body(webhook["body"])))


def _delivered(screen: Screen, deliveries: list[Any]) -> None:
    if not deliveries:
        return
    screen.show(Text("\ndelivered to", "dim"))
    table = quiet_table("delivery", "endpoint", "state", "attempts", "answer", "at", right=("attempts",))
    for each in deliveries:
        answer = str(each["status"] or each["error"] or "")
        when = clock(each["ended_at"] or each["next_at"])
        table.add_row(each["id"], each["endpoint"], marked(each["state"]), str(each["attempts"]), answer, when)
    screen.show(table)


def _pretty(document: Any) -> str:
    return json_text.dumps(document, indent=2, ensure_ascii=False)


def shown_body(body: str) -> str:
    """Show a body that is JSON as such, and any other as one safe line."""
    try:
        return _pretty(json_text.loads(body))
    except ValueError:
        return printable(body, most=20_000)
