"""The look-ups of the durable stores: named queries read as rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from gateway.ids import ChatId, EventId, MessageId, Token, direct_chat
from gateway.store.columns import (
    LAST_MESSAGE,
    attempt_row,
    consent_row,
    event_row,
    fact_row,
    file_row,
    inbound_row,
    message_row,
    numbered_webhook,
    run_row,
    step_row,
    webhook_row,
)
from gateway.store.instants import micros, moment
from gateway.store.ledger.plan import Rows
from gateway.store.rows import (
    AttemptRow,
    Bucket,
    ConsentRow,
    EventRow,
    FactRow,
    FileRow,
    InboundRow,
    Marked,
    MessageRow,
    MessageState,
    NumberedWebhook,
    RunRow,
    StepRow,
    WebhookRow,
)
from gateway.store.rules import has_begun, spend

__all__ = ["Lookups"]


class Lookups(ABC):
    """What only reads."""

    @abstractmethod
    async def _find(self, query: str, *arguments: Any) -> Rows:
        """Run a query that gives a few rows, by a key."""

    @abstractmethod
    async def _list(self, query: str, *arguments: Any) -> Rows:
        """Run a query that may give many rows, or large ones."""

    async def depth(self, connection: str) -> int:
        """Count the rows of a connection that wait to leave."""
        [(waiting,)] = await self._find("depth", connection)
        return int(waiting)

    async def room(self, buckets: Sequence[Bucket], now: datetime) -> Marked:
        """Tell whether each bucket has one to give, and take none."""
        arrivals = await self._find("buckets", sorted({bucket.key for bucket in buckets}))
        return spend(buckets, dict(arrivals), now)

    async def file(self, digest: str) -> FileRow | None:
        """Look up bytes by their digest."""
        rows = await self._list("file", digest)
        return file_row(rows[0]) if rows else None

    async def message(self, message: MessageId) -> tuple[MessageRow, tuple[StepRow, ...]] | None:
        """Look up a row and its steps."""
        rows = await self._find("messages", [message])
        steps = await self._find("steps", [message])
        return (message_row(rows[0]), tuple(map(step_row, steps))) if rows else None

    async def messages(self, state: MessageState | None = None, limit: int = 100) -> list[MessageRow]:
        """List rows, newest first."""
        match state:
            case None:
                rows = await self._list("message_list", limit)
            case MessageState.ACCEPTED:
                rows = await self._list("message_list_accepted", limit)
            case MessageState.QUEUED:
                rows = await self._list("message_list_queued", limit)
            case _:
                rows = await self._list("message_list_of", state.value, limit)
        return [message_row(row) for row in rows]

    async def parked(self, connection: str, before: MessageId | None, limit: int) -> list[MessageRow]:
        """List the unknown rows of a connection that wait for a person."""
        rows = await self._list("message_list_parked", connection, before or LAST_MESSAGE, limit)
        return [message_row(row) for row in rows]

    async def ending(self, connection: str, limit: int) -> list[MessageRow]:
        """List the queued rows of a connection whose time runs out."""
        return [message_row(row) for row in await self._list("message_list_ending", connection, limit)]

    async def begun(self, lane: ChatId) -> list[tuple[MessageRow, tuple[StepRow, ...]]]:
        """List the messages of a lane with a step that may be with the vendor."""
        rows = [message_row(row) for row in await self._list("messages_open", lane)]
        steps = [step_row(row) for row in await self._list("steps", [row.id for row in rows])] if rows else []
        found = [(row, tuple(step for step in steps if step.message == row.id)) for row in rows]
        return [(row, steps) for row, steps in found if has_begun(steps)]

    async def by_key(self, key: str) -> MessageRow | None:
        """Look up the row that has a caller's key, as an `enqueue` that finds the key taken does."""
        rows = await self._find("messages_taken", [key], [])
        return message_row(rows[0]) if rows else None

    async def by_token(self, token: Token) -> StepRow | None:
        """Look up a step by its token, also one of an earlier generation."""
        rows = await self._find("step_by_token", token)
        return step_row(rows[0]) if rows else None

    async def owner(self, connection: str, vendor_id: str) -> StepRow | None:
        """Look up the step that a vendor id belongs to."""
        rows = await self._find("step_by_owner", connection, vendor_id)
        return step_row(rows[0]) if rows else None

    async def proofs(self, token: Token) -> tuple[str, ...]:
        """Give the vendor ids that came back with a token."""
        return tuple(vendor_id for (vendor_id,) in await self._find("proofs", token))

    async def attempts(self, message: MessageId) -> list[AttemptRow]:
        """List the attempts of a message."""
        return [attempt_row(row) for row in await self._find("attempts", message)]

    async def facts(self, connection: str, vendor_ids: Collection[str]) -> list[FactRow]:
        """List what was reported about some vendor ids."""
        return [fact_row(row) for row in await self._find("facts", connection, sorted(set(vendor_ids)))]

    async def event(self, event: EventId) -> EventRow | None:
        """Look up an event."""
        rows = await self._find("event", event)
        return event_row(rows[0]) if rows else None

    async def events(self, after: int = 0, limit: int = 100) -> list[EventRow]:
        """List events from a sequence number on."""
        return [event_row(row) for row in await self._list("event_list", after, limit)]

    async def webhooks(
        self,
        *,
        since: datetime | None = None,
        connection: str | None = None,
        quarantined: bool = False,
        limit: int = 100,
    ) -> list[WebhookRow]:
        """List webhooks, newest first."""
        at = micros(since) if since else 0
        rows = await self._list("webhook_list_quarantined" if quarantined else "webhook_list", at, connection, limit)
        return [webhook_row(row) for row in rows]

    async def webhooks_of(
        self, connection: str, events: Collection[EventId], since: datetime, limit: int = 100
    ) -> list[WebhookRow]:
        """List the webhooks of a connection that some events were made of, oldest first."""
        rows = await self._list("webhooks_of", connection, sorted(set(events)), micros(since), limit)
        return [webhook_row(row) for row in rows]

    async def webhooks_after(
        self,
        number: int = 0,
        *,
        since: datetime | None = None,
        connection: str | None = None,
        quarantined: bool = False,
        limit: int = 100,
    ) -> list[NumberedWebhook]:
        """List webhooks in the order they came, from a number on."""
        given = (number, micros(since) if since else 0, connection, limit)
        rows = await self._list("follow_quarantined" if quarantined else "follow_webhooks", *given)
        return [numbered_webhook(row) for row in rows]

    async def events_of(self, message: MessageId) -> list[EventRow]:
        """List the events that are about a message of ours."""
        return [event_row(row) for row in await self._list("events_of", message)]

    async def runs(self, event: EventId) -> list[RunRow]:
        """List the runs of handlers for an event."""
        return [run_row(row) for row in await self._find("runs", event)]

    async def last_inbound(self, connection: str, chat: ChatId) -> InboundRow | None:
        """Give the last message that a contact wrote in a chat."""
        rows = await self._find("last_inbound", connection, chat)
        return inbound_row(rows[0]) if rows else None

    async def consent(self, connection: str, address: str) -> ConsentRow | None:
        """Give the latest word of an address, or of another name of its chat."""
        rows = await self._find("consent", direct_chat(connection, address))
        return consent_row(rows[0]) if rows else None

    async def cursor(self, name: str) -> str | None:
        """Give how far something was read."""
        rows = await self._find("cursor", name)
        return str(rows[0][0]) if rows else None

    async def canonical(self, chat: ChatId) -> ChatId:
        """Give the id under which a chat is kept."""
        rows = await self._find("canonical", chat)
        return ChatId(rows[0][0]) if rows else chat

    async def names(self, chat: ChatId) -> tuple[ChatId, ...]:
        """Give the ids that a chat is known by."""
        return tuple(ChatId(name) for name, _ in await self._find("chat_names", chat))

    async def rests(self, lane: ChatId, now: datetime) -> datetime | None:
        """Tell until when a lane was asked to wait."""
        rows = await self._find("lane_rests", lane, micros(now))
        return moment(rows[0][0]) if rows else None

    async def undecided(self, lane: ChatId) -> list[datetime]:
        """Say when the steps of a lane began that may be with the vendor."""
        return sorted(moment(at) for (at,) in await self._find("undecided", lane))
