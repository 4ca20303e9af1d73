"""`gateway messages show`: one message's whole life."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_if
from gateway.cli.completing import complete_message
from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag
from gateway.cli.messages.looking import found, looking
from gateway.cli.messages.timeline import Moment, moments
from gateway.cli.messages.veil import recipient, veiled
from gateway.cli.screen import Screen, printable
from gateway.story import Story, tell

__all__ = ["show"]

_STYLES = {"attempt": "cyan", "webhook": "blue", "handler": "magenta", "asked": "bold"}


def show(
    ctx: typer.Context,
    message: Annotated[
        str,
        typer.Argument(metavar="ID", help="The message_id of a receipt or a ticket.", autocompletion=complete_message),
    ],
    *,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show addresses, texts and payloads too; they are masked otherwise.")
    ] = False,
    config: ConfigFile = DEFAULT,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Tell a message's life: what was asked and made of it, attempts, answers, webhooks, reports, handlers.

    A message of a service, or else of the configured store.
    """
    screen: Screen = ctx.obj
    service = service_if(ctx, url, key_file)
    names: Mapping[str, str] = {}
    if service is None:
        story = asyncio.run(_story(screen, config, message))
    else:
        story, names = service.run(lambda api: _story_there(api, message))
    if json:
        whole = story.model_dump(mode="json")
        screen.data(whole if reveal else veiled(whole))
        return
    # what a service calls the key of a send is made of the caller's, and says nothing to anybody
    key = story.key if service is None else None
    screen.facts(_facts(story, names.get(story.connection, story.connection), key, reveal=reveal))
    day = ""
    for each in moments(story, reveal=reveal):
        today = f"{each.at.astimezone():%Y-%m-%d}"
        if today != day:
            screen.show(Text(today, "dim"))
        day = today
        screen.show(_line(each))
    if advice := _advice(story, there=service is not None):
        screen.note(advice)


async def _story(screen: Screen, config: Path, message: str) -> Story:
    async with looking(screen, config) as store:
        return await tell(store, *await found(store, message))


async def _story_there(api: Api, message: str) -> tuple[Story, Mapping[str, str]]:
    told = await api.get(path("messages", message, "timeline"))
    return Story.model_validate(told), await api.names()


def _facts(story: Story, connection: str, key: str | None, *, reveal: bool) -> list[tuple[str, str | None]]:
    error = story.error if isinstance(story.error, dict) else {}
    asked = story.asked if isinstance(story.asked, dict) else {}
    return [
        ("message", story.message_id),
        ("connection", connection),
        ("to", recipient(str(asked["to"]), reveal=reveal)),
        ("key", key if reveal else veiled(key)),
        ("state", f"{story.state}{', waits for a decision' if story.parked else ''}"),
        ("why", str(veiled(error.get("message"))) if error.get("message") else None),
        ("delivery", story.status.state.value),
        *((f"  {entry.vendor_id}", entry.state.value) for entry in story.status.deliveries),
    ]


def _line(each: Moment) -> Text:
    time = f"{each.at.astimezone():%H:%M:%S}.{each.at.microsecond // 1000:03}"
    style = "red" if each.bad else _STYLES.get(each.what, "")
    return Text.assemble((time, "dim"), "  ", (f"{each.what:<8}", style), "  ", printable(each.words))


def _advice(story: Story, *, there: bool) -> str | None:
    """Say what can be done about it."""
    match story.state:
        case "unknown" if story.parked:
            return f"decide: gateway messages resolve {story.message_id} resend|mark_sent|drop"
        case "partly":
            return f"mend the cause, then: gateway messages resend {story.message_id}"
        case "queued":
            return f"{'the service' if there else 'a running gateway or `gateway worker`'} goes on with it"
    return None
