"""`gateway endpoints add`, `update`, `rotate`: what an endpoint takes, and what its deliveries are signed with."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import typer

from gateway.cli.api import Api, KeyFile, ServiceUrl, new_key, path, service_at
from gateway.cli.completing import complete_connection, complete_event_type
from gateway.cli.configured import JsonFlag
from gateway.cli.deciding import DryRun, would
from gateway.cli.endpoints.shown import EndpointArgument, show_one, show_secrets
from gateway.cli.failing import Usage, nearest
from gateway.cli.screen import Screen

__all__ = ["add", "rotate", "update"]

FORMATS = ("standard", "graph", "cloudevents")
KINDS = ("v1", "v1a")

Types: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        metavar="TYPE",
        help="Only this type of event, or message.* and the like; repeatable. Else all.",
        autocompletion=complete_event_type,
    ),
]
Connections: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--connection",
        metavar="NAME",
        help="Only events of this connection; repeatable. Else of all.",
        autocompletion=complete_connection,
    ),
]
Description: TypeAlias = Annotated[str | None, typer.Option(metavar="TEXT", help="Your words for it.")]


def _formats(incomplete: str) -> list[str]:
    return [form for form in FORMATS if form.startswith(incomplete)]


FormatName: TypeAlias = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", help=f"One of {', '.join(FORMATS)}.", autocompletion=_formats),
]
Kinds: TypeAlias = Annotated[
    list[str] | None, typer.Option("--sign", metavar="KIND", help="v1 (HMAC-SHA256) or v1a (ed25519); repeatable.")
]


def add(
    ctx: typer.Context,
    to: Annotated[str, typer.Argument(metavar="URL", help="Where events are posted to.")],
    *,
    types: Types = None,
    connection: Connections = None,
    form: FormatName = None,
    sign: Kinds = None,
    description: Description = None,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Have events forwarded to a URL, signed. The secret is shown this once: the receiver verifies with it."""
    screen: Screen = ctx.obj
    _known(form, FORMATS, "--format")

    async def ask(api: Api) -> dict[str, Any] | None:
        body = _body(to, types, await _ids(api, connection), form, description) | (
            {"kinds": _kinds(sign)} if sign else {}
        )
        if dry_run:
            would(screen, f"forward {', '.join(types or ['all events'])} to {to}", json=json, **body)
            return None
        made: dict[str, Any] = await api.post(path("endpoints"), body, key=new_key())
        return made

    show_secrets(screen, service_at(url, key_file).run(ask), json=json)


def update(
    ctx: typer.Context,
    endpoint: EndpointArgument,
    *,
    to: Annotated[str | None, typer.Option(metavar="URL", help="Where events are posted to from now on.")] = None,
    types: Types = None,
    connection: Connections = None,
    every: Annotated[bool, typer.Option("--all", help="All types, of all connections, from now on.")] = False,
    form: FormatName = None,
    description: Description = None,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Change an endpoint: what is given; the rest stays."""
    screen: Screen = ctx.obj
    _known(form, FORMATS, "--format")
    if every and (types or connection):
        raise Usage("--all goes without --type and --connection", hint="leave one of them out")

    async def ask(api: Api) -> dict[str, Any] | None:
        body = _body(to, types, await _ids(api, connection), form, description)
        body |= {"types": [], "connections": []} if every else {}
        if not body:
            raise Usage("nothing is to change", hint="see: gateway endpoints update --help")
        if dry_run:
            await api.get(path("endpoints", endpoint))
            would(screen, f"change {', '.join(body)} of {endpoint}", json=json, **body)
            return None
        changed: dict[str, Any] = await api.patch(path("endpoints", endpoint), body)
        return changed

    show_one(screen, service_at(url, key_file).run(ask), json=json)


def rotate(
    ctx: typer.Context,
    endpoint: EndpointArgument,
    *,
    overlap: Annotated[
        float, typer.Option(min=0, max=720, metavar="HOURS", help="How long the secrets before still sign.")
    ] = 24,
    sign: Kinds = None,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Give an endpoint new secrets, shown this once; those before sign beside them for a while."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> dict[str, Any] | None:
        body = {"overlap_hours": overlap} | ({"kinds": _kinds(sign)} if sign else {})
        if dry_run:
            await api.get(path("endpoints", endpoint))
            words = f"give {endpoint} new secrets; those before would sign for {overlap:g} hours more"
            would(screen, words, json=json, endpoint=endpoint, overlap_hours=overlap)
            return None
        made: dict[str, Any] = await api.post(path("endpoints", endpoint, "rotate"), body, key=new_key())
        return made

    show_secrets(screen, service_at(url, key_file).run(ask), json=json)


def _body(
    to: str | None, types: list[str] | None, connections: list[str] | None, form: str | None, description: str | None
) -> dict[str, Any]:
    asked = {"url": to, "types": types, "connections": connections, "format": form, "description": description}
    return {name: value for name, value in asked.items() if value is not None}


async def _ids(api: Api, connections: list[str] | None) -> list[str] | None:
    return [await api.connection(name) for name in connections] if connections else None


def _known(word: str | None, words: tuple[str, ...], option: str) -> None:
    if word is not None and word not in words:
        raise Usage(f"{option} has no {word!r}", hint=nearest(word, words, f"there are: {', '.join(words)}"))


def _kinds(given: list[str]) -> list[str]:
    for word in given:
        _known(word, KINDS, "--sign")
    return list(dict.fromkeys(given))
