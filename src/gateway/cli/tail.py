"""`gateway events tail`: the events of a service as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import typer

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_at
from gateway.cli.configured import moment
from gateway.cli.events import line_of
from gateway.cli.events_wanted import Names, Since, Types, Via, ended_by_ctrl_c, read, types_of
from gateway.cli.screen import Screen
from gateway.errors import GatewayError

__all__ = ["followed", "tail"]

_PAGE = 100


def tail(
    ctx: typer.Context,
    *,
    types: Types = None,
    via: Via = None,
    chat: Annotated[str | None, typer.Option(metavar="CHAT", help="Only of this chat, chat_….")] = None,
    since: Since = None,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document a line for each event, whole.")] = False,
) -> None:
    """Show each event of a service as it comes, from now on or from a time. Ctrl-C ends it.

    When the service goes away, it goes on where it was once the service is back: no event is left out.
    """
    screen: Screen = ctx.obj
    start = moment(since, "--since").isoformat() if since is not None else None
    wanted = types_of(types)
    api = service_at(url, key_file)

    async def work() -> None:
        async with api:
            names = await Names.of(api)
            params = {"type": wanted or None, "connection": await api.via(via), "chat": chat}
            async for told in followed(api, screen, start, **params):
                if json:
                    screen.data(told)
                else:
                    event = read(told)
                    name = await names.find(event.connection)
                    screen.show(line_of(event, name=name, width=names.width, with_id=True))

    ended_by_ctrl_c(work())


async def followed(api: Api, screen: Screen, since: str | None, **params: Any) -> AsyncIterator[dict[str, Any]]:
    """Give the events of a service from a time on and then as they come, for ever; says when the service is away."""

    def broke(error: GatewayError) -> None:
        screen.note(f"{error.message}; it goes on where it was")

    after = (await api.get(path("events"), after="latest", limit=1))["next"] if since is None else None
    screen.note(f"following {api.url}; press Ctrl-C to end")
    while after is None or since is not None:
        page = await api.get(path("events"), after=after, since=since, limit=_PAGE, **params)
        for told in page["items"]:
            if since is None or _then(told["received_at"], since):
                yield told
        after = page["next"]
        if not page["more"]:
            break
    async for _, told in api.events(after=after, on_break=broke, **params):
        yield told


def _then(received: str, since: str) -> bool:
    """Tell whether an event came then or later: what was fetched from the vendor afterwards may be older."""
    return moment(received, "received_at") >= moment(since, "--since")
