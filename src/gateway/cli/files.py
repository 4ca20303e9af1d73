"""`gateway files`: what a service keeps to be sent, and what contacts sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from pydantic import JsonValue

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_at
from gateway.cli.commands import group
from gateway.cli.completing import complete_file
from gateway.cli.configured import JsonFlag, moment
from gateway.cli.deciding import DryRun, Yes, sure, would
from gateway.cli.failing import Usage
from gateway.cli.progress import progress
from gateway.cli.screen import Screen, printable
from gateway.cli.tables import clock, quiet_table, size

__all__ = ["app"]

app: typer.Typer = group("The files that a service keeps.")

FileArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="FILE", help="The id of a file, file_….", autocompletion=complete_file)
]


@app.command("put")
def put(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Which files.")],
    *,
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="When the service lets go of them; else it keeps them.")
    ] = None,
    media_type: Annotated[
        str | None,
        typer.Option("--type", metavar="TYPE", help="What they are, such as image/png; else by their bytes."),
    ] = None,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Bring files to a service; each gets an id, by which `gateway send --attach` and every API send it."""
    screen: Screen = ctx.obj
    for each in paths:
        if not each.is_file():
            raise Usage(f"there is no file {each}", hint="give the paths of files; a folder is none")
    until = moment(expires, "--expires").isoformat() if expires is not None else None
    total = sum(each.stat().st_size for each in paths)
    service = service_at(url, key_file)
    if dry_run:
        names: list[JsonValue] = [str(each) for each in paths]
        would(screen, f"bring {_many(len(paths))}, {size(total)}", json=json, files=names, bytes=total)
        return

    async def ask(api: Api) -> list[dict[str, Any]]:
        kept = []
        with progress(screen, "bringing files", total, unit="bytes") as counter:
            for each in paths:
                given = {"media_type": media_type, "expires_at": until}
                kept.append(await api.upload(each, on_bytes=counter.advance, **given))
        return kept

    _listed(screen, service.run(ask), json=json)


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, help="Most files, the newest.")] = 100,
    event: Annotated[str | None, typer.Option(metavar="ID", help="Only what this event brought.")] = None,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """List the files that a service keeps, newest first."""
    screen: Screen = ctx.obj
    found = service_at(url, key_file).run(lambda api: api.all(path("files"), limit=limit, event=event))
    _listed(screen, found, json=json)
    if len(found) == limit:
        screen.note("there may be more; give a larger --limit")


@app.command("show")
def show(
    ctx: typer.Context,
    file: FileArgument,
    *,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Show what a service knows of a file: size, digest, and what name, sender and bytes say that it is."""
    screen: Screen = ctx.obj
    told = service_at(url, key_file).run(lambda api: api.get(path("files", file)))
    if json:
        screen.data(told)
        return
    screen.facts(
        [
            ("file", told["id"]),
            ("name", told["name"]),
            ("size", f"{size(told['size'])} ({told['size']:,} bytes)"),
            ("type", told["media_type"]),
            ("said to be", told["declared_type"]),
            ("by its name", told["named_type"]),
            ("by its bytes", told["sniffed_type"]),
            ("sha-256", told["digest"]),
            ("connection", told["connection"]),
            ("event", told["event"]),
            ("kept since", clock(told["created_at"])),
            ("until", clock(told["expires_at"])),
        ]
    )


@app.command("link")
def link(
    ctx: typer.Context,
    file: FileArgument,
    *,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Make a URL by which anybody who has it may fetch a file for a while; it is printed alone."""
    screen: Screen = ctx.obj
    told = service_at(url, key_file).run(lambda api: api.post(path("files", file, "link")))
    if json:
        screen.data(told)
        return
    screen.say(told["url"])
    screen.note(f"it works until {clock(told['expires_at'])}")


@app.command("remove")
def remove(
    ctx: typer.Context,
    file: FileArgument,
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Have a service forget a file; its links end at once."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> dict[str, Any] | None:
        before: dict[str, Any] = await api.get(path("files", file))
        if dry_run:
            would(screen, f"forget {before['name']}, {size(before['size'])}", json=json, file=file)
            return None
        sure(screen, f"Forget {before['name']}, {size(before['size'])}? Its links end at once.", yes=yes)
        await api.delete(path("files", file))
        return before

    gone = service_at(url, key_file).run(ask)
    if gone is not None:
        if json:
            screen.data({"id": gone["id"], "removed": True})
        else:
            screen.facts([("removed", gone["id"]), ("name", gone["name"])])


def _listed(screen: Screen, found: Sequence[dict[str, Any]], *, json: bool) -> None:
    if json:
        screen.data([*found])
        return
    if not found:
        screen.note("there are none")
        return
    table = quiet_table("file", "size", "type", "kept since", "until", "name", folds="name", right=("size",))
    for each in found:
        until = clock(each["expires_at"])
        since = clock(each["created_at"])
        table.add_row(each["id"], size(each["size"]), each["media_type"], since, until, printable(each["name"]))
    screen.show(table)


def _many(count: int) -> str:
    return "one file" if count == 1 else f"{count} files"
