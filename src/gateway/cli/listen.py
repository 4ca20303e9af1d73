"""`gateway listen`: what comes in, on this machine or at a running service; shown, or handed to a program."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_if
from gateway.cli.configured import DEFAULT, ConfigFile, chosen, gateway_for, moment, opened
from gateway.cli.events import line_of
from gateway.cli.events_wanted import Names, Since, Via, read, types_of, until_ended
from gateway.cli.failing import Usage
from gateway.cli.forwarding import Lanes, Receiver, ReceiverGone, receiver_key
from gateway.cli.screen import Screen
from gateway.cli.tables import clock
from gateway.cli.tail import followed
from gateway.client import Gateway
from gateway.errors import ConfigurationError
from gateway.events import Event
from gateway.forward.formats import Format
from gateway.store import MemoryStore

__all__ = ["listen"]

_LAST = 5.0
"""Seconds that what is under way has when it is time to go."""


def _formats(incomplete: str) -> list[str]:
    return [form.value for form in Format if form.value.startswith(incomplete)]


def listen(
    ctx: typer.Context,
    *,
    config: ConfigFile = DEFAULT,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 8000,
    forward_to: Annotated[
        str | None, typer.Option(metavar="URL", help="Post each event to this URL, signed as an endpoint's are.")
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", metavar="NAME", help=f"Of what is posted: {', '.join(Format)}.", autocompletion=_formats
        ),
    ] = Format.STANDARD.value,
    events: Annotated[
        list[str] | None, typer.Option(metavar="TYPE,…", help="Only events of these types; message.* and the like too.")
    ] = None,
    via: Via = None,
    since: Since = None,
    secret_file: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Where the signing secret is, or is kept from now on; else a new one each time."
        ),
    ] = None,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON document a line for each event, whole, addresses included.")
    ] = False,
) -> None:
    """Take in webhooks, and print each event as it comes. Ctrl-C ends it.

    Every webhook is verified, kept and answered as its vendor wants it. With --url nothing is taken in: the events are
    those of a running service, so that this machine needs no public address. With --forward-to each event is posted to
    a program, tried four times, in order per chat; --since begins with what a service had then.
    """
    screen: Screen = ctx.obj
    api = service_if(ctx, url, key_file)
    wanted = types_of(events, "--events", commas=True)
    shape = chosen(Format, form, "--format") or Format.STANDARD
    if api is None and since is not None:
        raise Usage("--since goes with a service", hint="name one by --url, or see: gateway catch-up")
    receiver = None
    if forward_to is not None:
        receiver = Receiver(screen, forward_to, receiver_key(secret_file), shape, json=json)
    show = _Show(screen, wanted, receiver, json=json)
    if api is not None:
        start = moment(since, "--since").isoformat() if since is not None else None
        asyncio.run(_follow(show, api, via, start))
        return
    gateway = gateway_for(config, serves=True)
    if not gateway.connections:
        raise ConfigurationError(f"{config} has no connections", hint="add a [connections.NAME]")
    asyncio.run(_listen(show, gateway, via, host=host, port=port))


class _Show:
    """Prints each event that is wanted, or has the receiver take it."""

    def __init__(self, screen: Screen, types: Sequence[str], receiver: Receiver | None, *, json: bool) -> None:
        self.screen = screen
        self.types = types
        self.receiver = receiver
        self.json = json
        self.width = 0

    async def one(self, event: Event, name: str) -> None:
        """Do it with one event; raises `ReceiverGone`."""
        if self.types and event.type not in self.types:
            return
        if self.json:
            self.screen.data(event.model_dump(mode="json"))
        elif self.receiver is None:
            self.screen.show(line_of(event, name=name, width=self.width))
        if self.receiver is not None:
            await self.receiver.take(event, name)

    def keep(self, event: Event, *, gone: bool) -> None:
        """Note an event that has to be handed over another time, with those behind it in its chat."""
        assert self.receiver is not None  # noqa: S101 - who else would not have taken it
        after = "it and what waits behind it was in memory only" if gone else "it comes again with the next start"
        self.receiver.left.append(f"{event.id}; {after}")

    @contextlib.asynccontextmanager
    async def begun(self) -> AsyncIterator[None]:
        """Say where events go, and at the end which were not taken."""
        receiver = self.receiver
        if receiver is None:
            yield
            return
        secret = receiver.key.public or receiver.key.text
        if self.json:
            self.screen.data({"state": "forwarding", "url": receiver.url, "secret": secret})
        else:
            self.screen.note(f"forwarding to {receiver.url}, as {receiver.form.value}")
            self.screen.note(f"the receiver verifies with {secret}", matters=True)
        try:
            yield
        finally:
            await receiver.aclose()
            self.screen.note(f"{receiver.taken} events were taken", matters=bool(receiver.left))
            for event in receiver.left:
                self.screen.note(f"  not taken: {event}", matters=True)


async def _listen(show: _Show, gateway: Gateway, via: str | None, *, host: str, port: int) -> None:
    """Take webhooks in on this machine."""
    from gateway.cli.configured import check_connection
    from gateway.cli.serving import serving, until_interrupted

    if via is not None:
        check_connection(gateway, via)

    async def take(event: Event) -> None:
        try:
            await show.one(event, event.connection)
        except ReceiverGone:
            # the handler fails, so that the next process hands the event over, where the store outlives this one
            show.keep(event, gone=isinstance(gateway.store, MemoryStore))
            raise

    gateway.on(Event, take, connection=via)
    screen = show.screen
    async with show.begun(), opened(screen, gateway), serving(gateway.asgi(), host=host, port=port) as url:
        show.width = max(len(connection.name) for connection in gateway.connections)
        screen.note(f"listening on {url}; vendors reach it through a public address or a tunnel")
        for connection in gateway.connections:
            screen.note(f"  {connection.name:<{show.width}}  {url}/webhooks/{connection.name}")
        screen.note("press Ctrl-C to end")
        await until_interrupted()
        if show.receiver is not None:
            show.receiver.end()


async def _follow(show: _Show, api: Api, via: str | None, since: str | None) -> None:
    """Take the events of a service."""
    async with api, show.begun():
        names = await Names.of(api)
        show.width = names.width
        if show.receiver is not None:
            show.receiver.public_url = api.url
            show.receiver.tenant = (await api.get(path("me")))["tenant"]

        async def take(event: Event) -> None:
            await show.one(event, await names.find(event.connection))

        lanes = Lanes(take)
        hand = take if show.receiver is None else lanes.put

        async def work() -> None:
            connection = await api.via(via)
            async for told in followed(api, show.screen, since, type=list(show.types) or None, connection=connection):
                await hand(read(told))

        try:
            await until_ended(work())
        finally:
            if show.receiver is not None:
                show.receiver.end()
                show.receiver.left += [
                    f"{event.id}, of {clock(event.received_at)}" for event in await lanes.close(_LAST)
                ]
