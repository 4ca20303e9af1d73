"""What a tenant may look at: pages of messages, events, chats, contacts and webhooks of its own connections.

`within` narrows every call to some connections: those that a key is bound to. What is outside is not there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from gateway.addresses import Address
from gateway.errors import NotFound
from gateway.events import UnknownEvent
from gateway.ids import ChatId
from gateway.model import Chat
from gateway.store.ledger import LedgerStore
from gateway.store.records.connections import ConnectionRecords
from gateway.store.records.erasing import ERASED
from gateway.store.records.listing import LAST, ListingRecords
from gateway.store.rows import ConsentRow, EventOutcome, EventRow, MessageRow, NumberedWebhook, StepRow
from gateway.tenancy.paging import MOST, Page, page_of, place_of

__all__ = ["ChatItem", "ContactItem", "Listing"]


@dataclass(frozen=True, slots=True)
class ChatItem:
    """A conversation, and what happened in it last."""

    id: ChatId
    connection: str
    chat: Chat | None
    last: EventRow


@dataclass(frozen=True, slots=True)
class ContactItem:
    """Somebody in a direct chat on a connection."""

    address: Address
    connection: str
    chat: ChatId
    last: EventRow
    consent: ConsentRow | None
    """Their latest word; None when they said nothing."""


class Listing:
    """The lists of all tenants."""

    def __init__(self, store: LedgerStore) -> None:
        self._records = ListingRecords(store)
        self._connections = ConnectionRecords(store)
        self._store = store

    # ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────

    async def messages(
        self,
        tenant: str,
        *,
        connection: str | None = None,
        within: Collection[str] | None = None,
        chat: str | None = None,
        state: str | None = None,
        kind: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[MessageRow]:
        """List messages, newest first; raises `NotFound` for a connection that is not the tenant's."""
        (before,) = place_of("messages", after, ("",))
        rows = await self._records.messages(
            await self._seen(tenant, connection, within),
            before=before or None,
            chat=await self._chat(chat),
            state=state,
            kind=kind,
            limit=_limit(limit) + 1,
        )
        return page_of("messages", rows, _limit(limit), lambda row: (row.id,))

    async def message(
        self, tenant: str, message: str, *, within: Collection[str] | None = None
    ) -> tuple[MessageRow, tuple[StepRow, ...]]:
        """Give a message and its steps; raises `NotFound`."""
        found = await self._records.message(message)
        if found is None or not found[1] or found[0].connection not in await self._seen(tenant, None, within):
            raise NotFound(f"there is no message {message}", hint="use the id that sending gave")
        return found

    # ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────

    async def events(
        self,
        tenant: str,
        *,
        connection: str | None = None,
        within: Collection[str] | None = None,
        chat: str | None = None,
        types: Collection[str] = (),
        message: str | None = None,
        outcome: EventOutcome | None = None,
        state: str | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[EventRow]:
        """List events, newest first; `outcome` is how far they were handed over, `state` that of a report."""
        (place,) = place_of("events", after, (LAST,))
        rows = await self._records.events(
            await self._seen(tenant, connection, within),
            place=place,
            rising=False,
            chat=await self._chat(chat),
            types=types,
            message=message,
            limit=_limit(limit) + 1,
            outcome=outcome,
            state=state,
        )
        return page_of("events", rows, _limit(limit), lambda row: (row.sequence,))

    async def follow(
        self,
        tenant: str,
        *,
        after: int,
        connection: str | None = None,
        within: Collection[str] | None = None,
        chat: str | None = None,
        types: Collection[str] = (),
        message: str | None = None,
        outcome: EventOutcome | None = None,
        state: str | None = None,
        limit: int = MOST,
    ) -> list[EventRow]:
        """List events in the order they came, from a number on (`EventRow.sequence`): for streams and long polls.

        The numbers of all tenants are one series, so there are gaps; whoever has read all of them goes on from `last`.
        """
        return await self._records.events(
            await self._seen(tenant, connection, within),
            place=after,
            rising=True,
            chat=await self._chat(chat),
            types=types,
            message=message,
            limit=_limit(limit),
            outcome=outcome,
            state=state,
        )

    async def last(self) -> int:
        """Give the number of the last event of all: where a stream begins that wants only what is to come."""
        return await self._records.last_event()

    async def before(self, since: datetime) -> int:
        """Give the number after which everything is that came from a time on, with some that is older."""
        return await self._records.event_before(since)

    async def event(self, tenant: str, event: str, *, within: Collection[str] | None = None) -> EventRow:
        """Give an event; raises `NotFound`."""
        found = await self._records.event(event)
        if found is None or _is_erased(found) or found.event.connection not in await self._seen(tenant, None, within):
            raise NotFound(f"there is no event {event}", hint="use the id that a webhook or a list gave")
        return found

    async def webhooks(
        self,
        tenant: str,
        *,
        connection: str | None = None,
        within: Collection[str] | None = None,
        quarantined: bool = False,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[NumberedWebhook]:
        """List webhooks as they came, newest first; with `quarantined` those that could not be parsed."""
        (before,) = place_of("webhooks", after, (LAST,))
        seen = await self._seen(tenant, connection, within)
        rows = await self._records.webhooks(seen, before=before, quarantined=quarantined, limit=_limit(limit) + 1)
        return page_of("webhooks", rows, _limit(limit), lambda item: (item.sequence,))

    async def webhook(self, tenant: str, sequence: int, *, within: Collection[str] | None = None) -> NumberedWebhook:
        """Give a webhook by its number; raises `NotFound`."""
        seen = await self._seen(tenant, None, within)
        found = await self._records.webhooks(seen, before=sequence + 1, quarantined=False, limit=1)
        if not found or found[0].sequence != sequence:
            raise NotFound(f"there is no webhook {sequence}", hint="use the number that a list gave")
        return found[0]

    async def webhooks_of(
        self, tenant: str, event: str, *, within: Collection[str] | None = None
    ) -> list[NumberedWebhook]:
        """List the webhooks that an event was made of, oldest first; raises `NotFound` for an event of nobody's."""
        row = await self.event(tenant, event, within=within)
        return await self._records.webhooks_of(row.event.connection, row.id, MOST)

    # ── chats and contacts ────────────────────────────────────────────────────────────────────────────────────────

    async def chats(
        self,
        tenant: str,
        *,
        connection: str | None = None,
        within: Collection[str] | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[ChatItem]:
        """List chats, those in which something happened lately first."""
        (before,) = place_of("chats", after, (LAST,))
        seen = await self._seen(tenant, connection, within)
        rows = await self._records.chats(seen, before=before, direct=False, limit=_limit(limit) + 1)
        page = page_of("chats", rows, _limit(limit), lambda row: (row.sequence,))
        return Page(tuple(map(_chat_item, page.items)), page.next)

    async def chat(self, tenant: str, chat: str, *, within: Collection[str] | None = None) -> ChatItem:
        """Give a chat by its id; raises `NotFound` for one in which nothing happened yet, too."""
        found = await self.events(tenant, chat=chat, within=within, limit=1)
        if not chat.startswith("chat_") or not found.items:
            raise NotFound(f"there is no chat {chat}", hint="use the id that an event or a list gave")
        return _chat_item(found.items[0])

    async def contacts(
        self,
        tenant: str,
        *,
        connection: str | None = None,
        within: Collection[str] | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[ContactItem]:
        """List who is in a direct chat, the latest first, each with their latest word about being written to."""
        (before,) = place_of("contacts", after, (LAST,))
        seen = await self._seen(tenant, connection, within)
        rows = await self._records.chats(seen, before=before, direct=True, limit=_limit(limit) + 1)
        page = page_of("contacts", rows, _limit(limit), lambda row: (row.sequence,))
        return Page(tuple([await self._contact(row) for row in page.items]), page.next)

    async def consents(
        self,
        tenant: str,
        *,
        connection: str | None = None,
        within: Collection[str] | None = None,
        agreed: bool | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[ConsentRow]:
        """List what addresses said about being written to, by connection and address."""
        place = place_of("consents", after, ("", ""))
        seen = await self._seen(tenant, connection, within)
        rows = await self._records.consents(seen, after=place, agreed=agreed, limit=_limit(limit) + 1)
        return page_of("consents", rows, _limit(limit), lambda row: (row.connection, row.address))

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _seen(self, tenant: str, connection: str | None, within: Collection[str] | None) -> set[str]:
        """Name the connections that count; raises `NotFound` for one that is asked for and is not among them."""
        seen: set[str] = set(await self._connections.ids(tenant))
        if within is not None:
            seen &= set(within)
        if connection is None:
            return seen
        if connection not in seen:
            raise NotFound(f"there is no connection {connection}", hint="list the connections that there are")
        return {connection}

    async def _chat(self, chat: str | None) -> str | None:
        return None if chat is None else await self._store.canonical(ChatId(chat))

    async def _contact(self, row: EventRow) -> ContactItem:
        item = _chat_item(row)
        assert item.chat is not None  # noqa: S101 - only direct chats were asked for
        address = item.chat.address
        return ContactItem(
            address, item.connection, item.id, row, await self._store.consent(item.connection, address.text)
        )


def _is_erased(row: EventRow) -> bool:
    return isinstance(row.event, UnknownEvent) and row.event.key == ERASED


def _chat_item(row: EventRow) -> ChatItem:
    return ChatItem(ChatId(row.lane), row.event.connection, row.event.chat, row)


def _limit(limit: int) -> int:
    return min(max(limit, 1), MOST)
