"""The ledger as lists of a tenant: what its connections sent and received, a page at a time.

A tenant's rows are those of its connections; each call is given them, and finds nothing else.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from gateway.ids import EventId, MessageId
from gateway.store.columns import LAST_MESSAGE, consent_row, event_row, message_row, numbered_webhook
from gateway.store.instants import micros
from gateway.store.records.durable import Records
from gateway.store.rows import ConsentRow, EventRow, MessageRow, NumberedWebhook, StepRow

__all__ = ["LAST", "ListingRecords"]

LAST = 2**62
"""A number that no row has reached: where a list that goes down begins."""


class ListingRecords(Records):
    """Reads the ledger for lists; `connections` are the ids that count."""

    async def messages(
        self,
        connections: Collection[str],
        *,
        before: str | None,
        chat: str | None,
        state: str | None,
        kind: str | None,
        limit: int,
    ) -> list[MessageRow]:
        """List messages, newest first, from an id down."""
        rows = await self._rows("list_messages", _list(connections), before or LAST_MESSAGE, chat, state, kind, limit)
        return [message_row(row) for row in rows]

    async def message(self, message: str) -> tuple[MessageRow, tuple[StepRow, ...]] | None:
        """Look a message up, whosever it is."""
        return await self._store.message(MessageId(message))

    async def events(
        self,
        connections: Collection[str],
        *,
        place: int,
        rising: bool,
        chat: str | None,
        types: Collection[str],
        message: str | None,
        limit: int,
        outcome: str | None = None,
        state: str | None = None,
    ) -> list[EventRow]:
        """List events from a number on, down or up, which is left out."""
        given = (_list(connections), place, chat, _list(types), message, limit, outcome, state)
        rows = await (self._rows("follow_events", *given) if rising else self._rows("list_events", *given))
        return [event_row(row) for row in rows]

    async def event(self, event: str) -> EventRow | None:
        """Look an event up, whosever it is."""
        return await self._store.event(EventId(event))

    async def last_event(self) -> int:
        """Give the number of the last event of all."""
        [(number,)] = await self._find("last_event")
        return int(number)

    async def event_before(self, since: datetime) -> int:
        """Give the number after which everything is that came from a time on; some earlier ones may be there too."""
        [(number,)] = await self._find("event_before", micros(since))
        return int(number)

    async def chats(self, connections: Collection[str], *, before: int, direct: bool, limit: int) -> list[EventRow]:
        """List the last event of each chat, the latest first."""
        rows = await self._rows("list_chats", _list(connections), before, int(direct), limit)
        return [event_row(row) for row in rows]

    async def webhooks(
        self, connections: Collection[str], *, before: int, quarantined: bool, limit: int
    ) -> list[NumberedWebhook]:
        """List webhooks, newest first."""
        rows = await self._rows("list_webhooks", _list(connections), before, int(quarantined), limit)
        return [numbered_webhook(row) for row in rows]

    async def webhooks_of(self, connection: str, event: str, limit: int) -> list[NumberedWebhook]:
        """List the webhooks that an event was made of, oldest first."""
        rows = await self._rows("webhook_of_event", connection, event, limit)
        return [numbered_webhook(row) for row in rows]

    async def consents(
        self, connections: Collection[str], *, after: tuple[str, str], agreed: bool | None, limit: int
    ) -> list[ConsentRow]:
        """List what addresses said, by connection and address."""
        wanted = -1 if agreed is None else int(agreed)
        rows = await self._rows("list_consents", _list(connections), *after, wanted, limit)
        return [consent_row(row) for row in rows]


def _list(values: Collection[str]) -> list[str]:
    return sorted(set(values))
