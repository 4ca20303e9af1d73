"""What can be asked."""

from __future__ import annotations

from typing import Annotated

import strawberry

from gateway.errors import InvalidMessage
from gateway.server.files import file_of, page_of_files
from gateway.server.graphql.context import Info
from gateway.server.graphql.fields import field
from gateway.server.graphql.relay import FIRST, Connection, connection_of, counted
from gateway.server.graphql.scalars import Json, PlatformName
from gateway.server.graphql.types import Event, File, Message, Platform, PlatformConnection
from gateway.server.rest.shown import ConnectionOut, message_out
from gateway.store.instants import micros
from gateway.store.rows import EventRow, MessageRow, MessageState
from gateway.tenancy import READ, Account

__all__ = ["Query", "shown_connection"]

First = Annotated[int, strawberry.argument(description="How many, at most 100.")]
After = Annotated[str | None, strawberry.argument(description="`endCursor` of the page before.")]
Of = Annotated[strawberry.ID | None, strawberry.argument(description="Only of this connection.")]
In = Annotated[strawberry.ID | None, strawberry.argument(description="Only of this chat.")]


@strawberry.type(description="What can be asked.")
class Query:
    """What can be asked."""

    @field("Platforms that a connection can be made for.")
    async def platforms(self, info: Info) -> list[Platform]:
        """List platforms, by name."""
        info.context.caller.demand(READ)
        accounts = info.context.service.tenancy.accounts
        return [
            Platform(name=PlatformName(name), provider=provider, config_schema=Json(accounts.offer(provider).schema))
            for name, provider in sorted(info.context.platforms.items())
        ]

    @field("Your connections, oldest first.")
    async def platform_connections(
        self, info: Info, first: First = FIRST, after: After = None
    ) -> Connection[PlatformConnection]:
        """List connections."""
        context = info.context
        context.caller.demand(READ)
        page = await context.service.tenancy.accounts.list(context.caller.tenant, after=after, limit=counted(first))
        bound = context.caller.connections
        items = tuple(account for account in page.items if bound is None or account.id in bound)

        async def node(account: Account) -> PlatformConnection:
            return shown_connection(info, account)

        return await connection_of(
            "connections", type(page)(items, page.next), lambda row: (micros(row.created_at), row.id), node, after
        )

    @field("One of your connections.")
    async def platform_connection(self, info: Info, id: strawberry.ID) -> PlatformConnection:  # noqa: A002 - its word
        """Look at a connection."""
        context = info.context
        context.caller.demand(READ, str(id))
        return shown_connection(info, await context.service.tenancy.accounts.get(context.caller.tenant, str(id)))

    @field("Messages that were asked to be sent, newest first.")
    async def messages(
        self,
        info: Info,
        first: First = FIRST,
        after: After = None,
        platform_connection_id: Of = None,
        chat_id: In = None,
        outcome: str | None = None,
    ) -> Connection[Message]:
        """List messages."""
        context = info.context
        context.caller.demand(READ)
        if outcome is not None and outcome not in set(MessageState):
            raise InvalidMessage("there is no such outcome", hint=f"there are: {', '.join(MessageState)}")
        page = await context.service.tenancy.listing.messages(
            context.caller.tenant,
            connection=platform_connection_id,
            within=context.caller.connections,
            chat=chat_id,
            state=outcome,
            after=after,
            limit=counted(first),
        )

        async def node(row: MessageRow) -> Message:
            return Message.of(await message_out(context.service, *await context.service.engine.look_up(row.id)))

        return await connection_of("messages", page, lambda row: (row.id,), node, after)

    @field("One message that was asked to be sent.")
    async def message(self, info: Info, id: strawberry.ID) -> Message:  # noqa: A002 - its word
        """Look at a message."""
        context = info.context
        context.caller.demand(READ)
        return Message.of(await message_out(context.service, *await context.service.message(context.caller, str(id))))

    @field("What happened, newest first.")
    async def events(
        self,
        info: Info,
        first: First = FIRST,
        after: After = None,
        platform_connection_id: Of = None,
        chat_id: In = None,
        types: list[str] | None = None,
        message_id: strawberry.ID | None = None,
    ) -> Connection[Event]:
        """List events."""
        context = info.context
        context.caller.demand(READ)
        page = await context.service.tenancy.listing.events(
            context.caller.tenant,
            connection=platform_connection_id,
            within=context.caller.connections,
            chat=chat_id,
            types=types or (),
            message=message_id,
            after=after,
            limit=counted(first),
        )

        async def node(row: EventRow) -> Event:
            return Event.of(row)

        return await connection_of("events", page, lambda row: (row.sequence,), node, after)

    @field("One thing that happened.")
    async def event(self, info: Info, id: strawberry.ID) -> Event:  # noqa: A002 - its word
        """Look at an event."""
        context = info.context
        context.caller.demand(READ)
        listing = context.service.tenancy.listing
        return Event.of(await listing.event(context.caller.tenant, str(id), within=context.caller.connections))

    @field("Files that were uploaded, sent or kept, newest first.")
    async def files(self, info: Info, first: First = FIRST, after: After = None) -> Connection[File]:
        """List files."""
        context = info.context
        context.caller.demand(READ)
        page = await page_of_files(context.service.gateway.files, context.caller, after=after, limit=counted(first))

        async def node(file: object) -> File:
            return File.of(file)  # type: ignore[arg-type]  # the page's own rows

        return await connection_of("files", page, lambda file: (file.created_at.isoformat(), file.id), node, after)

    @field("One file.")
    async def file(self, info: Info, id: strawberry.ID) -> File:  # noqa: A002 - its word
        """Look at a file."""
        context = info.context
        context.caller.demand(READ)
        return File.of(await file_of(context.service.gateway.files, context.caller, str(id)))


def shown_connection(info: Info, account: Account) -> PlatformConnection:
    """Show a connection, by the name of its platform."""
    shown = ConnectionOut.of(account, info.context.service)
    return PlatformConnection.of(shown, info.context.platform_of(account.provider))
