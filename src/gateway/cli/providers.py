"""`gateway providers`: what was found, from where, which versions, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from pydantic import JsonValue
from rich.table import Table
from rich.text import Text

from gateway import plugins
from gateway.cli.screen import Screen, printable
from gateway.cli.tables import quiet_table
from gateway.codes import CodeRow, Phase
from gateway.plugins import FoundProvider
from gateway.provider import Provider

__all__ = ["describe", "providers"]


def providers(
    ctx: typer.Context,
    *,
    json: Annotated[bool, typer.Option("--json", help="A list with everything that is known.")] = False,
) -> None:
    """List the vendors that can be used, where each was found, and what is wrong with those that cannot.

    With --json also capabilities, limits and the schema of the settings.
    """
    screen: Screen = ctx.obj
    found = plugins.load().found
    if json:
        screen.data([described for plugin in found for described in describe(plugin)])
        return
    if not found:
        screen.note("no provider is installed; one comes as a package of its own, such as messaging-gateway-NAME")
        return
    screen.show(_table(found))
    for plugin in found:
        for problem in plugin.problems:
            screen.note(Text.assemble(("problem: ", "bold red"), f"{plugin.entry}: ", printable(problem)), matters=True)


def describe(plugin: FoundProvider) -> Iterator[dict[str, JsonValue]]:
    """Give everything that is known of what one entry point brought, one object a provider.

    One that cannot be used has the name of its entry point, and neither capabilities nor settings.
    """
    origin: dict[str, JsonValue] = {
        "distribution": plugin.distribution,
        "version": plugin.version,
        "source": plugin.source,
        "problems": list(plugin.problems),
        "hooks": list(plugin.others),
    }
    for cls in plugin.providers:
        yield {
            "name": cls.name,
            "title": cls.title or cls.name,
            **origin,
            "simulator": bool(cls.simulator),
            "capabilities": _capabilities(cls),
            "settings": cls.Settings.model_json_schema(),
            "codes": [_code(phase, code, row) for (phase, code), row in cls.codes],
        }
    if not plugin.providers:
        lacks: dict[str, JsonValue] = {"capabilities": None, "settings": None, "codes": []}
        yield {"name": plugin.entry, "title": None, **origin, "simulator": False, **lacks}


def _code(phase: Phase, code: str, row: CodeRow) -> JsonValue:
    """Give one row of the crosswalk: what a vendor's code becomes, and what it makes certain."""
    return {
        "phase": phase.value,
        "code": code,
        "error": row.error.slug,
        "meaning": row.meaning,
        "certain": row.certain,
        "retriable": row.retriable,
        "opts_out": row.opts_out,
        "actor": row.actor.value,
        "hint": row.hint,
    }


def _capabilities(cls: type[Provider[Any]]) -> JsonValue:
    """Give the table of an account with default settings; None where it depends on settings without a default."""
    try:
        table = cls(cls.Settings.model_construct()).capabilities()
    except AttributeError:
        return None
    shown: JsonValue = table.model_dump(mode="json")
    return shown


def _table(found: tuple[FoundProvider, ...]) -> Table:
    table = quiet_table("provider", "name", "version", "simulator", "state", "from", folds="from")
    for plugin in found:
        state = Text("cannot be used", "red") if plugin.problems and not plugin.providers else Text("ok", "green")
        if plugin.problems and plugin.providers:
            state = Text("see below", "yellow")
        origin = f"{plugin.distribution} ({plugin.source})"
        for cls in plugin.providers:
            simulator = "yes" if cls.simulator else "no"
            table.add_row(Text(cls.name, "bold"), cls.title or cls.name, plugin.version, simulator, state, origin)
        if not plugin.providers:
            others = ", ".join(plugin.others)
            table.add_row(Text(plugin.entry, "bold"), others, plugin.version, "", state, origin)
    return table
