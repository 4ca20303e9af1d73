"""`gateway keys`: who may use a service, and for what."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias

import typer
from rich.text import Text

from gateway.cli.api import Api, KeyFile, ServiceUrl, new_key, path, service_at
from gateway.cli.commands import group
from gateway.cli.completing import complete_connection, complete_key
from gateway.cli.configured import JsonFlag, moment
from gateway.cli.deciding import DryRun, Yes, sure, would
from gateway.cli.failing import Usage, nearest
from gateway.cli.screen import Screen
from gateway.cli.tables import clock, marked, quiet_table

__all__ = ["Save", "app", "make_key", "show_key"]

app: typer.Typer = group("The keys of a service: who may use it, and for what.")

SCOPES = ("send", "read", "admin")

KeyArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="KEY", help="The id of a key, key_….", autocompletion=complete_key)
]
Save: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--save", metavar="PATH", help="Write the secret to a new file that only you may read, in place of showing it."
    ),
]


def _scopes(incomplete: str) -> list[str]:
    return [scope for scope in SCOPES if scope.startswith(incomplete)]


@app.command("create")
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Your name for it.")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="SCOPE", help="send, read or admin; repeatable. Else read.", autocompletion=_scopes),
    ] = None,
    via: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONNECTION", help="Bind it to this connection; repeatable.", autocompletion=complete_connection
        ),
    ] = None,
    expires: Annotated[str | None, typer.Option(metavar="TIME", help="When it ends; else it does not.")] = None,
    save: Save = None,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Make a key. Its secret is shown this once, or written to a file; the service keeps a hash of it."""
    screen: Screen = ctx.obj
    for each in scope or ():
        if each not in SCOPES:
            raise Usage(f"there is no scope {each!r}", hint=nearest(each, SCOPES, f"there are: {', '.join(SCOPES)}"))
    until = moment(expires, "--expires") if expires is not None else None

    async def ask(api: Api) -> dict[str, Any] | None:
        bound = [f"connections:{await api.connection(each)}" for each in via or ()]
        scopes = [*(scope or ["read"]), *bound]
        if dry_run:
            would(screen, f"make a key {name!r} that may {', '.join(scopes)}", json=json, name=name, scopes=[*scopes])
            return None
        body = {"name": name, "scopes": scopes, "expires_at": until.isoformat() if until else None}
        return await make_key(api, path("keys"), body, save)

    show_key(screen, service_at(url, key_file).run(ask), save, json=json)


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that have ended too.")] = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """List the keys of a service, oldest first, with when each was used last; no secrets."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> tuple[list[dict[str, Any]], Mapping[str, str]]:
        return await api.all(path("keys")), {} if json else await api.names()

    told, names = service_at(url, key_file).run(ask)
    found = [each for each in told if every or json or _state(each) == "active"]
    if json:
        screen.data(found)
        return
    if not found:
        screen.note("there are none; --all shows those that have ended too")
        return
    table = quiet_table("key", "name", "scopes", "connections", "state", "last used", "ends")
    for each in found:
        used = clock(each["last_used_at"]) or Text("never", "dim")
        ends = clock(each["revoked_at"] or each["expires_at"])
        scopes, bound = _split(each["scopes"], names)
        table.add_row(each["id"], each["name"], scopes, bound, marked(_state(each)), used, ends)
    screen.show(table)


@app.command("rotate")
def rotate(
    ctx: typer.Context,
    key: KeyArgument,
    *,
    overlap: Annotated[
        float, typer.Option(min=0, max=720, metavar="HOURS", help="How long the key before still counts.")
    ] = 24,
    save: Save = None,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Make a key in the place of another one, which counts for a while longer."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> dict[str, Any] | None:
        before = await api.get(path("keys", key))
        if dry_run:
            words = f"replace the key {before['name']!r}, which would count for {overlap:g} hours more"
            would(screen, words, json=json, key=key, overlap_hours=overlap)
            return None
        return await make_key(api, path("keys", key, "rotate"), {"overlap_hours": overlap}, save)

    show_key(screen, service_at(url, key_file).run(ask), save, json=json)


@app.command("revoke")
def revoke(
    ctx: typer.Context,
    key: KeyArgument,
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """End a key at once: whoever has it gets in no more."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> dict[str, Any] | None:
        before: dict[str, Any] = await api.get(path("keys", key))
        if dry_run:
            would(screen, f"end the key {before['name']!r}", json=json, key=key)
            return None
        sure(screen, f"End the key {before['name']!r}? Whoever has it gets in no more.", yes=yes)
        await api.delete(path("keys", key))
        return before

    ended = service_at(url, key_file).run(ask)
    if ended is not None:
        if json:
            screen.data({"id": ended["id"], "name": ended["name"], "revoked": True})
        else:
            screen.facts([("revoked", ended["name"]), ("id", ended["id"])])


@app.command("me")
def me(ctx: typer.Context, *, url: ServiceUrl = None, key_file: KeyFile = None, json: JsonFlag = False) -> None:
    """Say whose key this is, and what it may do."""
    screen: Screen = ctx.obj
    told = service_at(url, key_file).run(lambda api: api.get(path("me")))
    if json:
        screen.data(told)
        return
    scopes, bound = _split(told["scopes"], {})
    screen.facts([("key", told["key"]), ("tenant", told["tenant"]), ("scopes", scopes), ("connections", bound)])


async def make_key(api: Api, where: str, body: Mapping[str, Any], save: Path | None) -> dict[str, Any]:
    """Have a service make a key, its secret going to a new file where one is named; gives what it told."""
    with _Safe(save) as safe:
        return safe.keep(await api.post(where, body, key=new_key()))


class _Safe:
    """A new file for a secret, there before the secret is: what is shown once must not be lost for want of a place."""

    def __init__(self, place: Path | None) -> None:
        self._place = place
        self._kept = False

    def __enter__(self) -> Self:
        if self._place is not None:
            try:
                os.close(os.open(self._place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            except FileExistsError:
                raise Usage(f"{self._place} is there already", hint="--save takes the name of a new file") from None
        return self

    def keep(self, minted: dict[str, Any]) -> dict[str, Any]:
        """Write the secret down, and take it out of what is shown."""
        if self._place is None:
            return minted
        self._place.write_text(f"{minted['secret']}\n", "ascii")
        self._kept = True
        return {name: value for name, value in minted.items() if name != "secret"}

    def __exit__(self, *_: object) -> None:
        if self._place is not None and not self._kept:
            self._place.unlink()


def show_key(screen: Screen, minted: dict[str, Any] | None, save: Path | None, *, json: bool) -> None:
    """Show a key that was just made, and its secret where no file has it; nothing where none was made."""
    if minted is None:
        return
    key = minted["key"]
    if json:
        screen.data({**minted, **({"saved_to": str(save)} if save else {})})
        return
    scopes, bound = _split(key["scopes"], {})
    facts: list[tuple[str, str | None]] = [
        ("key", key["id"]),
        ("name", key["name"]),
        ("scopes", scopes),
        ("connections", bound),
        ("ends", clock(key["expires_at"])),
        ("replaces", key["replaces"]),
        ("secret", minted.get("secret")),
    ]
    screen.facts(facts)
    if save is None:
        screen.note("the secret is shown this once; keep it now")
    else:
        screen.note(f"the secret is in {save}; use it: --key-file {save}")


def _split(scopes: Sequence[str], names: Mapping[str, str]) -> tuple[str, str]:
    """Say what a key may do, and with which connections."""
    ids = [scope.removeprefix("connections:") for scope in scopes if scope not in SCOPES]
    return ", ".join(scope for scope in scopes if scope in SCOPES), ", ".join(
        names.get(id_, id_) for id_ in ids
    ) or "all"


def _state(key: dict[str, Any]) -> str:
    if key["revoked_at"]:
        return "revoked"
    ends = key["expires_at"]
    return "expired" if ends and datetime.fromisoformat(ends) <= datetime.now(UTC) else "active"
