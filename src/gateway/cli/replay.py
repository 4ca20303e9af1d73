"""`gateway replay`: events that happened go to an endpoint again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_at
from gateway.cli.completing import complete_endpoint, complete_event
from gateway.cli.configured import JsonFlag, moment
from gateway.cli.deciding import DryRun, Yes, sure, would
from gateway.cli.deliveries import told_by_lines
from gateway.cli.events_wanted import Since, Types, Via, types_of
from gateway.cli.failing import Usage
from gateway.cli.progress import progress
from gateway.cli.screen import Screen

__all__ = ["replay"]

_INSTANT = timedelta(microseconds=1)
"""What the store tells times apart by."""


def replay(
    ctx: typer.Context,
    event: Annotated[
        str | None,
        typer.Argument(
            metavar="[EVENT]", help="One event, evt_…; else --since says which.", autocompletion=complete_event
        ),
    ] = None,
    *,
    since: Since = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Until then; else until now.")] = None,
    types: Types = None,
    via: Via = None,
    endpoint: Annotated[
        str | None,
        typer.Option(
            metavar="ENDPOINT", help="Where to; may be left out for the only one.", autocompletion=complete_endpoint
        ),
    ] = None,
    missing: Annotated[bool, typer.Option("--missing", help="Only those that it was never sent.")] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Send events to an endpoint again, one or all of a time, in order per chat.

    What the endpoint's own filter leaves out is not sent. Each has the webhook-id that it had, by which the receiver
    knows a repetition.
    """
    screen: Screen = ctx.obj
    if (event is None) == (since is None):
        raise Usage("which events?", hint="give either EVENT or --since TIME")
    if event is not None and (until or types or via or missing):
        raise Usage("one event needs no range", hint="leave --until, --type, --connection and --missing out")
    wanted = types_of(types)
    start = moment(since, "--since") if since is not None else None
    end = moment(until, "--until") if until is not None else None
    if start and end and end <= start:
        raise Usage("--until is not after --since", hint="write times as 2026-01-31T09:30:00Z")

    async def ask(api: Api) -> dict[str, Any] | None:
        to = endpoint or await _only_one(api)
        if event is not None:
            return await _one(screen, api, event, to, dry_run=dry_run, json=json)
        connections = [await api.connection(via)] if via else []
        assert start is not None  # noqa: S101 - one of the two was given
        body = _range(start, end, wanted, connections, missing=missing)
        return await _several(screen, api, to, body, yes=yes, dry_run=dry_run, json=json)

    done = service_at(url, key_file).run(ask)
    if done is not None and json:
        screen.data(done)
    elif done is not None:
        screen.say(f"{_events(done['count'])} on the way to {done['endpoint']} again")
        screen.note(f"see: gateway deliveries list --endpoint {done['endpoint']}")


async def _only_one(api: Api) -> str:
    several = await api.all(path("endpoints"))
    if len(several) != 1:
        names = ", ".join(each["id"] for each in several)
        hint = f"name one by --endpoint: {names}" if several else "add one: gateway endpoints add URL"
        raise Usage(f"there are {len(several)} endpoints", hint=hint)
    return str(several[0]["id"])


async def _one(
    screen: Screen, api: Api, event: str, endpoint: str, *, dry_run: bool, json: bool
) -> dict[str, Any] | None:
    """Send one event: again where there is a delivery of it, else for the first time."""
    about = await api.get(path("events", event))
    before = [each for each in await api.all(path("deliveries"), event=event) if each["endpoint"] == endpoint]
    if dry_run:
        would(screen, f"send {event} to {endpoint} again", json=json, event=event, endpoint=endpoint, count=1)
        return None
    if before:
        made = await api.post(path("deliveries", before[0]["id"], "resend"))
        return {"count": 1, "endpoint": endpoint, "delivery": made["id"]}
    at = moment(about["received_at"], "received_at")
    body = _range(at, at + _INSTANT, [about["type"]], [about["connection"]], missing=True)
    count = (await api.post(path("endpoints", endpoint, "replay"), body))["count"]
    if not count:
        raise Usage(f"{endpoint} does not take this event", hint=f"see its filter: gateway endpoints show {endpoint}")
    return {"count": count, "endpoint": endpoint}


async def _several(
    screen: Screen, api: Api, endpoint: str, body: dict[str, Any], *, yes: bool, dry_run: bool, json: bool
) -> dict[str, Any] | None:
    """Count first, ask, and show how far it is."""
    count = (await api.look(path("endpoints", endpoint, "replay", "preview"), body))["count"]
    if dry_run:
        would(screen, f"send {_events(count)} to {endpoint} again", json=json, endpoint=endpoint, count=count)
        return None
    if not count:
        return {"count": 0, "endpoint": endpoint}
    sure(screen, f"Send {_events(count)} to {endpoint} again?", yes=yes)
    with progress(screen, "replaying", count, unit="events") as counter:
        where = path("endpoints", endpoint, "replay")
        return {"count": await told_by_lines(api, where, body, counter.advance), "endpoint": endpoint}


def _range(
    start: datetime, end: datetime | None, types: list[str], connections: list[str], *, missing: bool
) -> dict[str, Any]:
    body = {"since": start.isoformat(), "types": types, "connections": connections, "missing": missing}
    return body | ({"until": end.isoformat()} if end else {})


def _events(count: int) -> str:
    return f"{count:,} event{'' if count == 1 else 's'}"
