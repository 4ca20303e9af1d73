"""The store's port: few calls, each one commit.

Whatever a call returns is durable as far as the store is. Times are given, never read. A store is used from one
event loop; several processes may share one where its documentation says so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from gateway.events import Event
from gateway.ids import ChatId, EventId, MessageId, Token
from gateway.store.rows import (
    AttemptRow,
    EventRow,
    FactRow,
    FileRow,
    MessageRow,
    MessageState,
    Settlement,
    StepRow,
    WebhookRow,
    Work,
)

__all__ = ["Store"]


class Store(Protocol):
    """Keeps what was promised and what arrived."""

    # ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────

    async def enqueue(self, message: MessageRow, steps: Sequence[StepRow]) -> MessageRow:
        """Keep a message with its steps; when its key is taken, keep nothing and return the row that has it."""

    async def claim(self, now: datetime, lease: float, limit: int, skip: Collection[str] = ()) -> list[Work]:
        """Take lanes that are due, oldest first, for `lease` seconds; lanes of the connections in `skip` stay.

        The head of a lane is its first open row by (due_at, id) whose time has come. A lane is held by one claim at
        a time; one whose lease ran out is due.
        """

    async def mark(self, work: Work, step: StepRow, attempt: AttemptRow) -> bool:
        """Write that an attempt starts, before its call leaves; False when the lane is lost."""

    async def settle(self, work: Work, settlement: Settlement) -> bool:
        """Write what an attempt came to, and give the lane back; False when the lane is lost, nothing written."""

    async def release(self, work: Work, next_at: datetime) -> None:
        """Give a lane back with nothing done."""

    async def renew(self, works: Sequence[Work], until: datetime) -> None:
        """Hold lanes longer."""

    async def amend(self, settlement: Settlement, *, expect: MessageState) -> bool:
        """Settle a row from outside its lane (proof, resolve, cancel), if it is still in that state."""

    # ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────

    async def ingest(self, webhook: WebhookRow, events: Sequence[Event], facts: Sequence[FactRow]) -> list[Event]:
        """Keep a webhook, its events and its facts in one commit; return the events that are new."""

    async def claim_events(self, now: datetime, lease: float, limit: int) -> list[EventRow]:
        """Take pending events, at most the first one of each lane, in the order they came."""

    async def settle_event(self, row: EventRow) -> None:
        """Write how far an event was handed over."""

    async def keep_facts(self, facts: Sequence[FactRow]) -> None:
        """Keep what a look-up said about messages."""

    async def keep_file(self, file: FileRow) -> None:
        """Keep bytes to serve; the same digest is kept once."""

    async def file(self, digest: str) -> FileRow | None:
        """Look up bytes by their digest."""

    # ── look-ups ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def message(self, message: MessageId) -> tuple[MessageRow, tuple[StepRow, ...]] | None:
        """Look up a row and its steps."""

    async def messages(self, state: MessageState | None = None, limit: int = 100) -> list[MessageRow]:
        """List rows, newest first."""

    async def by_token(self, token: Token) -> StepRow | None:
        """Look up a step by its token."""

    async def owner(self, connection: str, vendor_id: str) -> StepRow | None:
        """Look up the step that a vendor id belongs to."""

    async def proofs(self, token: Token) -> tuple[str, ...]:
        """Give the vendor ids that came back with a token, in webhooks that were ingested."""

    async def attempts(self, message: MessageId) -> list[AttemptRow]:
        """List the attempts of a message, oldest first."""

    async def facts(self, connection: str, vendor_ids: Collection[str]) -> list[FactRow]:
        """List what was reported about some vendor ids, oldest first."""

    async def event(self, event: EventId) -> EventRow | None:
        """Look up an event."""

    async def events(self, after: int = 0, limit: int = 100) -> list[EventRow]:
        """List events in the order they came, from a sequence number on."""

    async def webhooks(self, *, quarantined: bool = False, limit: int = 100) -> list[WebhookRow]:
        """List webhooks, newest first."""

    async def last_inbound(self, connection: str, chat: ChatId) -> str | None:
        """Give the vendor id of the last message that a contact wrote in a chat."""

    async def canonical(self, chat: ChatId) -> ChatId:
        """Give the id under which a chat is kept; the chat's own unless it got an alias."""

    async def started(self, lane: ChatId) -> bool:
        """Tell whether a step of the lane has been started and not yet settled."""

    # ── waiting ───────────────────────────────────────────────────────────────────────────────────────────────────

    def next_due(self, now: datetime) -> datetime | None:
        """Tell when the next lane or event is due, as far as this process knows; None when nothing waits."""

    @property
    def version(self) -> int:
        """Grows with each write that this process knows of."""

    async def changed(self, since: int) -> None:
        """Wait until the version is past `since`; may return early."""

    async def open(self) -> None:
        """Get ready; called once before anything else."""

    async def close(self) -> None:
        """Let go of everything; later calls fail."""
