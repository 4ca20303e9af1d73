"""`gateway connections add` and `update`."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import typer
from pydantic import JsonValue

from gateway.actions import Policy
from gateway.cli.api import Api, KeyFile, ServiceUrl, new_key, path, service_at
from gateway.cli.completing import complete_provider
from gateway.cli.composing import PolicyName
from gateway.cli.configured import JsonFlag, chosen
from gateway.cli.connections.listing import There, account, advise, facts
from gateway.cli.connections.settings import SetEnv, SetFile, Settings, SetValue, missing, pairs
from gateway.cli.deciding import DryRun, would
from gateway.cli.failing import Usage, nearest
from gateway.cli.screen import Screen
from gateway.errors import NotFound

__all__ = ["add", "update"]

Labels: TypeAlias = Annotated[
    list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="A word of yours for it; repeatable.")
]
Pace: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--pace", metavar="WHAT=RATE", help="A limit, such as connection=10/s; repeatable."),
]
PinMedia: TypeAlias = Annotated[
    bool | None,
    typer.Option("--pin-media/--no-pin-media", help="Keep what contacts send before the vendor's link to it dies."),
]


def add(
    ctx: typer.Context,
    provider: Annotated[str, typer.Argument(metavar="VENDOR", help="Which vendor.", autocompletion=complete_provider)],
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Your name for it; else the vendor's.")] = None,
    set_: SetValue = None,
    set_file: SetFile = None,
    set_env: SetEnv = None,
    label: Labels = None,
    policy: PolicyName = None,
    pace: Pace = None,
    pin_media: PinMedia = None,
    register: Annotated[
        bool, typer.Option("--register", help="Have the vendor deliver here at once, where its API can.")
    ] = False,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Add a vendor account to a service; from then on it sends and receives.

    Secrets come from a file or the environment; at a terminal it asks for what is missing. Exit code 3: the settings
    are wrong.
    """
    screen: Screen = ctx.obj
    options = _options(label, policy, pace, pin_media)

    async def ask(api: Api) -> dict[str, Any] | None:
        read = Settings(await _offer(api, provider))
        settings = missing(screen, read, read.read(set_, set_file, set_env))
        if dry_run:
            shown = [(each, "•••" if each in read.secrets else str(value)) for each, value in settings.items()]
            would(screen, f"add a connection to {provider}", shown, json=json, provider=provider, settings=[*settings])
            return None
        body = {"provider": provider, "name": name, "settings": settings, "options": options}
        told: dict[str, Any] = await api.post(path("connections"), body, key=new_key())
        if register:
            await api.post(path("connections", told["id"], "webhook"))
        return told

    told = service_at(url, key_file).run(ask)
    if told is not None:
        _tell(screen, told, registered=register, json=json)


def _tell(screen: Screen, told: dict[str, Any], *, registered: bool, json: bool) -> None:
    if json:
        screen.data(told)
        return
    screen.facts(facts(told))
    if registered:
        screen.note("the vendor delivers here from now on")
    else:
        advise(screen, told)
    screen.note(f"then: gateway connections test {told['name']}")


def update(
    ctx: typer.Context,
    connection: There,
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Another name for it.")] = None,
    set_: SetValue = None,
    set_file: SetFile = None,
    set_env: SetEnv = None,
    unset: Annotated[list[str] | None, typer.Option(metavar="KEY", help="A setting that goes; repeatable.")] = None,
    label: Labels = None,
    policy: PolicyName = None,
    pace: Pace = None,
    pin_media: PinMedia = None,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Change name, settings or options of a connection; what is not named stays.

    A secret that changes here counts at once; `gateway connections rotate` lets the one before it pass for a while.
    """
    screen: Screen = ctx.obj
    options = _options(label, policy, pace, pin_media)

    async def ask(api: Api) -> dict[str, Any] | None:
        before = await account(api, connection)
        read = Settings(await _offer(api, before["provider"]))
        settings = read.read(set_, set_file, set_env) | read.gone(unset)
        changes = _changes(name, settings, options)
        if dry_run:
            changed = [*(["name"] if name else []), *settings, *options]
            words = f"change {', '.join(changed)} of {before['name']}"
            would(screen, words, json=json, connection=before["id"], changes=[*changed])
            return None
        told: dict[str, Any] = await api.patch(path("connections", before["id"]), changes)
        return told

    told = service_at(url, key_file).run(ask)
    if told is not None:
        if json:
            screen.data(told)
        else:
            screen.facts(facts(told))


def _changes(name: str | None, settings: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Put together what is to change; raises `Usage` where that is nothing."""
    body = {"name": name, "settings": settings or None, "options": options or None}
    changes = {word: value for word, value in body.items() if value is not None}
    if not changes:
        raise Usage("there is nothing to change", hint="see: gateway connections update --help")
    return changes


async def _offer(api: Api, provider: str) -> dict[str, Any]:
    """Give what the service says of a provider; raises `Usage` that names the nearest."""
    try:
        found: dict[str, Any] = await api.get(path("providers", provider))
    except NotFound:
        known = [each["name"] for each in (await api.get(path("providers")))["items"]]
        there_are = f"there are: {', '.join(known) or 'none'}"
        raise Usage(f"the service has no provider {provider!r}", hint=nearest(provider, known, there_are)) from None
    return found


def _options(
    label: list[str] | None, policy: str | None, pace: list[str] | None, pin_media: bool | None
) -> dict[str, JsonValue]:
    word = chosen(Policy, policy, "--policy")
    given: dict[str, JsonValue] = {
        "labels": dict(pairs(label, "--label")) or None,
        "policy": word.value if word else None,
        "pace": dict(pairs(pace, "--pace")) or None,
        "pin_media": pin_media,
    }
    return {name: value for name, value in given.items() if value is not None}
