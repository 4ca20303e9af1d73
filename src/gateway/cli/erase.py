"""`gateway export` and `gateway erase`: what a service keeps of somebody, given and taken away."""

from __future__ import annotations

import contextlib
import json as json_text
import os
from collections import Counter as Counts
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_at
from gateway.cli.configured import JsonFlag
from gateway.cli.contacts import AddressArgument
from gateway.cli.deciding import DryRun, Yes, sure, would
from gateway.cli.failing import ExitCode, Usage
from gateway.cli.messages.veil import masked_address
from gateway.cli.progress import progress, waiting
from gateway.cli.screen import Screen

__all__ = ["erase", "export"]

_PATIENCE = 900.0
"""Seconds that a service may take to go through all that it keeps."""


def export(
    ctx: typer.Context,
    address: AddressArgument,
    *,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="PATH", help="A new file that only you may read; else stdout.")
    ] = None,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Give all that a service keeps of somebody, one JSON document a line.

    It is whole, with addresses and texts; its kinds are consent, message, event and webhook. The audit notes that it
    was asked for, and not of whom.
    """
    screen: Screen = ctx.obj

    async def ask(api: Api) -> Counts[str]:
        found: Counts[str] = Counts()
        with _place(screen, to) as write, progress(screen, "exporting", unit="lines") as counter:
            async for line in api.lines(path("contacts", "export"), {"address": address}):
                write(line)
                found[str(line["kind"])] += 1
                counter.advance()
        return found

    found = service_at(url, key_file, timeout=_PATIENCE).run(ask)
    counts = ", ".join(f"{count} of kind {kind}" for kind, count in found.items()) or "nothing is kept of them"
    if to is None:
        screen.note(counts)
    elif json:
        screen.data({"path": str(to), "lines": sum(found.values()), "kinds": dict(found)})
    else:
        screen.facts([("written", str(to)), ("lines", f"{sum(found.values())}: {counts}")])


@contextlib.contextmanager
def _place(screen: Screen, to: Path | None) -> Iterator[Callable[[Any], None]]:
    if to is None:
        yield screen.data
        return
    try:
        file = os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
    except FileExistsError:
        raise Usage(f"{to} is there already", hint="--to takes the name of a new file") from None
    try:
        with file:
            yield lambda line: print(json_text.dumps(line), file=file)
    except BaseException:
        to.unlink()  # half of it would pass for all
        raise


def erase(
    ctx: typer.Context,
    address: AddressArgument,
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Erase somebody everywhere a service has them.

    Messages, events, raw webhooks, deliveries and files go. Who opted out stays so, by a keyed hash. Exit code 6: a
    message was leaving at that moment; erase once more.
    """
    screen: Screen = ctx.obj
    who = masked_address(address)

    async def ask(api: Api) -> dict[str, Any] | None:
        with waiting(screen, "looking for what is kept"):
            there: dict[str, Any] = await api.look(path("contacts", "erase", "preview"), {"address": address})
        counts = ", ".join(f"{count} {name}" for name, count in there.items())
        if dry_run:
            would(screen, f"erase {who}: {counts}, and their files", json=json, **there)
            return None
        sure(screen, f"Erase {who} for ever: {counts}, and their files?", yes=yes)
        with waiting(screen, "erasing"):
            told: dict[str, Any] = await api.post(path("contacts", "erase"), {"address": address})
        return told

    told = service_at(url, key_file, timeout=_PATIENCE).run(ask)
    if told is None:
        return
    if json:
        screen.data(told)
    else:
        counts = [(name, str(told[name])) for name in ("messages", "events", "webhooks", "files")]
        stays = ", ".join(told["suppressed"])
        screen.facts([("erased", who), *counts, ("stays opted out", stays or None)])
    if told["leaving"]:
        screen.note(f"{len(told['leaving'])} messages were leaving; erase once more in a minute", matters=True)
        raise typer.Exit(ExitCode.TEMPORARY)
