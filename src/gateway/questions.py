"""What is asked of a vendor and answered at once: chats, history, groups, reachability, and any exchange of its API.

Nothing of it is kept, and nothing waits in the outbox. It is a part of `Gateway`, of which it needs the engine alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from gateway.actions import (
    AddMember,
    ChatSummary,
    CheckReachability,
    CreateGroup,
    CreateOptInLink,
    GetHistory,
    Group,
    HistoryItem,
    ListChats,
    ListMembers,
    Member,
    OptInLinks,
    Reachability,
    RemoveMember,
    RenameGroup,
    Unsubscribe,
)
from gateway.addresses import Address
from gateway.asking import Recipient, address_of, aware, chat_of, holds, said
from gateway.capabilities import Feature
from gateway.connections import Connection
from gateway.drive import drive
from gateway.engine import Engine
from gateway.errors import GatewayError
from gateway.exchange import Exchange, Page
from gateway.fitting import require
from gateway.model import Chat
from gateway.routing import route

__all__ = ["Questions", "located"]

T = TypeVar("T")


class Questions:
    """What vendors are asked directly."""

    _engine: Engine

    def _route(self, action: Any, via: str | None) -> Connection:
        return route(lambda: action, via, self._engine.connections, self._engine.plugins)

    # ── what the vendor knows ─────────────────────────────────────────────────────────────────────────────────────

    async def chats(
        self, *, search: str | None = None, via: str | None = None, limit: int = 50
    ) -> AsyncIterator[ChatSummary]:
        """Go through the chats that the vendor knows, `limit` on a page; `search` keeps those that hold it."""
        action = said(lambda: ListChats(search=search, limit=limit))
        connection = self._offering(Feature.CHATS, action, via)
        async for found in self.pages(connection.name, connection.provider.list_chats(action)):
            if search is None or holds(found, search):
                yield found

    async def history(
        self,
        chat: Recipient,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        via: str | None = None,
        limit: int = 50,
    ) -> AsyncIterator[HistoryItem]:
        """Go through the messages of a chat as the vendor keeps them, newest first, `limit` on a page.

        From `since`, and before `until`. What is read here is no event: it is not kept and not handed over.
        """
        aware(since=since, until=until)
        where, named = chat_of(chat)
        action = said(lambda: GetHistory(chat=where, since=since, until=until, limit=limit))
        connection = self._offering(Feature.HISTORY, action, via or named, where)
        async for item in self.pages(connection.name, connection.provider.get_history(action)):
            at = item.occurred_at
            if at is None or ((since is None or at >= since) and (until is None or at < until)):
                yield item

    async def reachability(self, contact: str | Address, *, via: str | None = None) -> Reachability:
        """Tell by which networks an address can be written to; sends nothing."""
        action = CheckReachability(address=address_of(contact))
        connection = self._offering(Feature.REACHABILITY, action, via)
        return await self.run(connection.name, connection.provider.check_reachability(action))

    async def unsubscribe(self, contact: str | Address, *, via: str | None = None) -> bool:
        """Note that a contact no longer agrees to be written to: from now on nothing is sent to it here.

        Told to the vendor too, where it keeps such a book: then True. It is kept here first, so that what the vendor
        answers, an error too, changes nothing of that. `consent` says what a send comes to.
        """
        action = Unsubscribe(address=address_of(contact))
        connection = self._route(action, via)
        await self._engine.opt_out(connection, action.address)
        table = connection.table
        if not any(row.capabilities.has(Feature.UNSUBSCRIBE) for row in table.rows):
            return False
        await self.run(connection.name, connection.provider.unsubscribe(action))
        return True

    def _offering(self, feature: Feature, action: Any, via: str | None, chat: Chat | None = None) -> Connection:
        """Choose a connection and make sure that it offers what is asked; what changes something asks the guards."""
        connection = self._route(action, via)
        with located(connection):
            require(feature, connection.table, chat)
        if isinstance(action, CreateGroup | RenameGroup | AddMember | RemoveMember):
            self._engine.guard(action, connection)
        return connection

    # ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def create_group(
        self,
        members: Sequence[str | Address],
        *,
        name: str | None = None,
        line: str | None = None,
        via: str | None = None,
    ) -> Group:
        """Make a group; its `chat` can be written to."""
        addresses = tuple(address_of(member) for member in members)
        action = said(lambda: CreateGroup(members=addresses, name=name, line=line))
        connection = self._offering(Feature.CREATE_GROUP, action, via)
        return await self.run(connection.name, connection.provider.create_group(action))

    async def rename_group(self, chat: Recipient, name: str | None, *, via: str | None = None) -> Group:
        """Give a group another name, which every member sees; None takes it away, where the vendor can."""
        where, named = chat_of(chat)
        action = said(lambda: RenameGroup(chat=where, name=name))
        connection = self._offering(Feature.RENAME_GROUP, action, via or named, where)
        return await self.run(connection.name, connection.provider.rename_group(action))

    async def members(self, chat: Recipient, *, via: str | None = None, limit: int = 50) -> AsyncIterator[Member]:
        """Go through those who are in a group, `limit` on a page."""
        where, named = chat_of(chat)
        action = said(lambda: ListMembers(chat=where, limit=limit))
        connection = self._offering(Feature.MEMBERS, action, via or named, where)
        async for member in self.pages(connection.name, connection.provider.list_members(action)):
            yield member

    async def add_member(self, chat: Recipient, contact: str | Address, *, via: str | None = None) -> Group:
        """Take someone into a group."""
        (where, named), address = chat_of(chat), address_of(contact)
        action = said(lambda: AddMember(chat=where, address=address))
        connection = self._offering(Feature.ADD_MEMBER, action, via or named, where)
        return await self.run(connection.name, connection.provider.add_member(action))

    async def remove_member(self, chat: Recipient, contact: str | Address, *, via: str | None = None) -> Group:
        """Take someone out of a group."""
        (where, named), address = chat_of(chat), address_of(contact)
        action = said(lambda: RemoveMember(chat=where, address=address))
        connection = self._offering(Feature.REMOVE_MEMBER, action, via or named, where)
        return await self.run(connection.name, connection.provider.remove_member(action))

    # ── beyond messages ───────────────────────────────────────────────────────────────────────────────────────────

    async def opt_in_link(self, body: str, *, via: str | None = None, **parameters: Any) -> OptInLinks:
        """Make links by which a person opts in; the parameters come back on the `OptedIn` event."""
        action = said(lambda: CreateOptInLink(body=body, parameters=parameters))
        connection = self._route(action, via)
        with located(connection):
            exchange = connection.provider.create_opt_in_link(action)
        return await self.run(connection.name, exchange)

    async def check(self, connection: str) -> str:
        """Prove that a connection's credentials work; one line for a person. Lets a stopped connection go on."""
        found = self._engine.connections.get(connection)
        line = await self.run(connection, found.provider.check())
        found.stopped = None
        return line

    async def run(self, connection: str, exchange: Exchange[T]) -> T:
        """Run any exchange of a provider's `api` on a connection, with its credentials and careful repetition."""
        await self._engine.start()
        found = self._engine.connections.get(connection)
        with located(found):
            return await drive(exchange, found.patient(self._engine.clock, self._engine.chance))

    async def pages(self, connection: str, exchange: Exchange[Page[T]]) -> AsyncIterator[T]:
        """Go through all items of a paged exchange, fetching as it goes."""
        page = await self.run(connection, exchange)
        while True:
            for item in page.items:
                yield item
            if page.more is None:
                return
            page = await self.run(connection, page.more())


class located:  # noqa: N801 - it is written like a function, and each send goes through it
    """Note on errors which connection they come from."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, GatewayError):
            error.locate(connection=self._connection.name, provider=self._connection.provider.name)
