"""`gateway trigger`: what a vendor would tell, made by its twin, signed as the vendor does, sent to a gateway."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from gateway import plugins
from gateway.cli.api import KeyFile, ServiceUrl, service_if
from gateway.cli.completing import complete_connection as complete_service_connection
from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag, complete_connection
from gateway.cli.failing import ExitCode, Usage, nearest
from gateway.cli.screen import Screen
from gateway.cli.simulate import check_vendors, complete_vendor
from gateway.cli.trigger.day import Told, again, told
from gateway.cli.trigger.posting import code_of, made, post, show
from gateway.cli.trigger.setting import changed, misspelt
from gateway.cli.trigger.stage import secret_fields
from gateway.cli.trigger.target import SECRET, Target, local_target, secret_of, service_target
from gateway.simulator import twin_of

__all__ = ["trigger"]

_VERY_FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def _complete_event(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete an event: the vendor's words for it, then ours."""
    try:
        day = _day(ctx.params["vendor"])
    except Exception:  # noqa: BLE001 - a border: the shell waits for words, not for errors
        return []
    return [word for word in _words(day) if word.startswith(incomplete)]


def _complete_when(ctx: typer.Context, incomplete: str) -> list[str]:
    try:
        day = _day(ctx.params["vendor"])
    except Exception:  # noqa: BLE001 - as above
        return []
    mine = [each.when for each in day if _is(each, ctx.params.get("event") or each.event)]
    return [word for word in dict.fromkeys(mine) if word.startswith(incomplete)]


def _complete_target(ctx: typer.Context, incomplete: str) -> list[str]:
    return complete_service_connection(ctx, incomplete) or complete_connection(ctx, incomplete)


def trigger(
    ctx: typer.Context,
    vendor: Annotated[str, typer.Argument(metavar="VENDOR", help="Whose webhook.", autocompletion=complete_vendor)],
    event: Annotated[
        str | None,
        typer.Argument(
            metavar="[EVENT]",
            help="The vendor's word for it, or ours; --list names them.",
            autocompletion=_complete_event,
        ),
    ] = None,
    *,
    when: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="Which of several kinds: picture, reply, …", autocompletion=_complete_when),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change the webhook before it is signed; may be repeated."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the events of this vendor, and send nothing.")] = False,
    to: Annotated[
        str | None, typer.Option(metavar="URL", help="Where it goes; else to the connection, where it listens.")
    ] = None,
    connection: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Which one; may be left out for the only one.", autocompletion=_complete_target
        ),
    ] = None,
    config: ConfigFile = DEFAULT,
    secret_file: Annotated[
        Path | None, typer.Option(metavar="PATH", help=f"A file with the webhook secret; goes before {SECRET}.")
    ] = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Send it without its proof, as a stranger would.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(help="The same seed makes the same ids: the same webhook again. Else new ones.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the webhook, and send nothing.")] = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Send one webhook to a gateway, made and signed as the vendor would, about something that happens now.

    To where `gateway listen` takes in the connection of --config, which also has the secret; or with --url to that of a
    running service, with the secret in GATEWAY_WEBHOOK_SECRET. Exit code 4: the gateway did not believe it.
    """
    screen: Screen = ctx.obj
    check_vendors([vendor])
    number = secrets.randbelow(2**31) if seed is None else seed
    day = _day(vendor, number)
    if list_:
        _list(screen, day, json=json)
        return
    chosen = again(_chosen(vendor, day, event, when), seed=number, now=datetime.now(UTC))
    payload = _changed(screen, chosen.payload, sets or [])
    target = _target(ctx, vendor, to, connection, config, url, key_file)
    secret = secret_of(secret_file) or target.secret
    if secret is None and not unsigned and not dry_run:
        hint = f"export {SECRET}=…, give --secret-file PATH, or send it --unsigned"
        raise Usage("there is no secret to prove the webhook with", hint=hint)
    webhook = made(chosen, payload, secret, unsigned=unsigned)
    answer = None if dry_run else asyncio.run(post(webhook, target.url))
    show(screen, chosen, webhook, target.url, answer, json=json)
    raise typer.Exit(code_of(answer.status) if answer else ExitCode.OK)


def _target(
    ctx: typer.Context,
    vendor: str,
    to: str | None,
    connection: str | None,
    config: Path,
    url: str | None,
    key_file: Path | None,
) -> Target:
    """Say where it goes: to a service where one is named nearer than a configuration."""
    api = service_if(ctx, url, key_file)
    if api is not None and (to is None or connection is not None):
        found = api.run(lambda service: service_target(service, vendor, connection))
        return found if to is None else Target(to)
    source = ctx.get_parameter_source("config")
    asked = source is not None and source.name != "DEFAULT"
    return local_target(config, vendor, connection, to, secret_fields(twin_of(vendor)), asked=asked)


def _changed(screen: Screen, payload: dict[str, JsonValue], wishes: Sequence[str]) -> dict[str, JsonValue]:
    """Carry out --set, and say which places are new: one may be misspelt."""
    made_of_it, new = changed(payload, wishes)
    for path in new:
        near = misspelt(path, payload)
        screen.note(f"{path} was not there, and is added{f'; {near}' if near else ''}")
    return made_of_it


# ── which ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _day(vendor: str, seed: int = 0) -> list[Told]:
    return told(plugins.load().provider(vendor), twin_of(vendor), seed=seed, start=_VERY_FIRST)


def _words(day: Sequence[Told]) -> list[str]:
    """Name the events: the vendor's words, then ours that are no words of the vendor's."""
    return list(dict.fromkeys([*(each.event for each in day), *(type_ for each in day for type_ in each.types)]))


def _is(each: Told, word: str) -> bool:
    return word == each.event or word in each.types


def _chosen(vendor: str, day: Sequence[Told], event: str | None, when: str | None) -> Told:
    """Find the webhook that is meant: one with the vendor's word goes before one with ours. Raises `Usage`."""
    words = _words(day)
    if event is None:
        raise Usage("which event?", hint=f"there are: {', '.join(words)}")
    found = [each for each in day if each.event == event] or [each for each in day if event in each.types]
    if not found:
        there_are = f"there are: {', '.join(words)}"
        raise Usage(f"{vendor} tells of no {event!r} here", hint=nearest(event, words, there_are))
    if when is None:
        return found[0]
    kinds = list(dict.fromkeys(each.when for each in found))
    if when not in kinds:
        there_are = f"there are: {', '.join(kinds)}"
        raise Usage(f"{event} is never for {when!r}", hint=nearest(when, kinds, there_are))
    return next(each for each in found if each.when == when)


def _list(screen: Screen, day: Sequence[Told], *, json: bool) -> None:
    kinds = list({(each.event, each.when): each for each in day}.values())
    if json:
        screen.data([{"event": each.event, "when": each.when, "becomes": list(each.types)} for each in kinds])
        return
    from rich.text import Text

    from gateway.cli.tables import quiet_table

    table = quiet_table("event", "--when", "becomes")
    before = ""
    for each in sorted(kinds, key=lambda each: [other.event for other in kinds].index(each.event)):
        table.add_row(
            Text(each.event if each.event != before else "", "bold"), each.when, Text(", ".join(each.types), "dim")
        )
        before = each.event
    screen.show(table)
