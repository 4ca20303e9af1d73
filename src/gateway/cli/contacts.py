"""`gateway contacts`: who a service talks with, and whether they want to be written to."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import typer
from pydantic import JsonValue

from gateway.cli.api import Api, KeyFile, ServiceUrl, new_key, path, service_at
from gateway.cli.commands import group
from gateway.cli.completing import complete_connection
from gateway.cli.configured import JsonFlag
from gateway.cli.connections.settings import pairs
from gateway.cli.deciding import DryRun, would
from gateway.cli.messages.veil import masked_address
from gateway.cli.screen import Screen, printable
from gateway.cli.tables import clock, quiet_table

__all__ = ["AddressArgument", "app"]

app: typer.Typer = group("Who a service talks with, and what they agreed to.")

AddressArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="A phone (+1…), an email, or contact:ID.")
]
There: TypeAlias = Annotated[
    str | None,
    typer.Option("--via", metavar="CONNECTION", help="Which connection.", autocompletion=complete_connection),
]
Reveal: TypeAlias = Annotated[bool, typer.Option("--reveal", help="Show whole addresses; they are masked otherwise.")]
Limit: TypeAlias = Annotated[int, typer.Option(min=1, help="Most of them, the latest.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    via: There = None,
    limit: Limit = 100,
    reveal: Reveal = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """List who is in a direct chat, the latest first; addresses are masked."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> tuple[list[dict[str, Any]], dict[str, str]]:
        found = await api.all(path("contacts"), limit=limit, connection=await api.via(via))
        return found, {} if json else dict(await api.names())

    found, names = service_at(url, key_file).run(ask)
    shown = found if reveal else [_veiled(each) for each in found]
    if json:
        screen.data(shown)
        return
    table = quiet_table("contact", "connection", "last heard of", "agrees", "chat")
    for each in shown:
        said = each["consent"]
        agrees = "" if said is None else "yes" if said["agreed"] else "no"
        name = names.get(each["connection"], each["connection"])
        table.add_row(printable(each["address"]), name, clock(each["last_at"]), agrees, each["chat_id"])
    _shown(screen, table, found, limit)


@app.command("consents")
def consents(
    ctx: typer.Context,
    *,
    via: There = None,
    out: Annotated[bool | None, typer.Option("--out/--in", help="Only who opted out, or only who opted in.")] = None,
    limit: Limit = 100,
    reveal: Reveal = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """List what addresses said about being written to; addresses are masked."""
    screen: Screen = ctx.obj
    agreed = None if out is None else not out

    async def ask(api: Api) -> tuple[list[dict[str, Any]], dict[str, str]]:
        where = await api.via(via)
        found = await api.all(path("consents"), limit=limit, connection=where, agreed=agreed)
        return found, {} if json else dict(await api.names())

    found, names = service_at(url, key_file).run(ask)
    shown = found if reveal else [_veiled(each) for each in found]
    if json:
        screen.data(shown)
        return
    table = quiet_table("contact", "connection", "agrees", "since", "by")
    for each in shown:
        name = names.get(each["connection"], each["connection"])
        agrees = "yes" if each["agreed"] else "no"
        table.add_row(printable(each["address"]), name, agrees, clock(each["changed_at"]), each["source"])
    _shown(screen, table, found, limit)


def _shown(screen: Screen, table: Any, found: list[Any], limit: int) -> None:
    if found:
        screen.show(table)
    else:
        screen.note("there are none")
    if len(found) == limit:
        screen.note("there may be more; give a larger --limit")


def _veiled(each: dict[str, Any]) -> dict[str, Any]:
    """Mask the address of a contact, there and in what it said."""
    veiled = {**each, "address": masked_address(each["address"])}
    if isinstance(each.get("consent"), dict):
        veiled["consent"] = {**each["consent"], "address": masked_address(each["consent"]["address"])}
    return veiled


@app.command("reach")
def reach(
    ctx: typer.Context,
    address: AddressArgument,
    *,
    via: There = None,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Ask the vendor how an address can be written to, and when the next message may go; sends nothing."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> dict[str, Any]:
        body = {"address": address, "connection": await api.via(via)}
        slot = await api.look(path("contacts", "slot"), body)
        return {**await api.look(path("contacts", "reachability"), body), "next_slot": slot["at"]}

    told = service_at(url, key_file).run(ask)
    if json:
        screen.data(told)
        return
    agrees = {True: "yes", False: "no", None: None}[told["agreed"]]
    screen.facts(
        [
            ("contact", masked_address(address)),
            *((name, "yes" if reaches else "no") for name, reaches in told["channels"].items()),
            ("agrees", agrees),
            ("looked up", clock(told["checked_at"])),
            ("may go", clock(told["next_slot"])),
        ]
    )


@app.command("unsubscribe")
def unsubscribe(
    ctx: typer.Context,
    address: AddressArgument,
    *,
    via: There = None,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Note that a contact no longer wants to be written to; the vendor is told too, where it keeps such a book."""
    screen: Screen = ctx.obj
    service = service_at(url, key_file)

    async def ask(api: Api) -> dict[str, Any] | None:
        where = await api.via(via)
        if dry_run:
            would(screen, f"write to {masked_address(address)} no more", json=json, connection=where)
            return None
        body = {"address": address, "connection": where}
        told: dict[str, Any] = await api.post(path("contacts", "unsubscribe"), body)
        return told

    told = service.run(ask)
    if told is not None:
        if json:
            screen.data(told)
        else:
            vendor = "told" if told["vendor_told"] else "keeps no such book"
            screen.facts([("unsubscribed", masked_address(address)), ("vendor", vendor)])


@app.command("opt-in-link")
def opt_in_link(
    ctx: typer.Context,
    body: Annotated[str, typer.Argument(metavar="TEXT", help="What the person will send.")],
    *,
    via: There = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Comes back with the event of the opt-in; repeatable."),
    ] = None,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Make links by which a person opts in to be written to."""
    screen: Screen = ctx.obj
    parameters: dict[str, JsonValue] = dict(pairs(set_, "--set"))

    async def ask(api: Api) -> dict[str, Any]:
        asked = {"body": body, "connection": await api.via(via), "parameters": parameters}
        told: dict[str, Any] = await api.post(path("opt-in-links"), asked, key=new_key())
        return told

    told = service_at(url, key_file).run(ask)
    if json:
        screen.data(told)
    else:
        screen.facts([(name, told[name]) for name in ("id", "url", "imessage", "sms", "whatsapp")])
