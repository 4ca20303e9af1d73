"""The store's port: few calls, each one commit.

Whatever a call returns is durable as far as the store is. Times are given, never read. A store is used from one
event loop; several processes may share one where its documentation says so. Every call raises `StoreError` when the
store is closed, overloaded or out of reach; its `code` says which. `gateway.testing.stores` holds a store to all this.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from gateway.events import Event
from gateway.ids import ChatId, EventId, MessageId, Token
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
    Settled,
    Settlement,
    StepRow,
    WebhookRow,
    Work,
)

__all__ = ["Store"]


class Store(Protocol):
    """Keeps what was promised and what arrived.

    A store may say more of itself, by attributes that count as False where it has none: `alone`, nobody else writes to
    it; `told`, `next_due` knows of all that falls due, whoever wrote it; `at_once`, each call has its answer before
    anybody else has a turn.
    """

    # ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────

    async def enqueue(self, message: MessageRow, steps: Sequence[StepRow]) -> MessageRow:
        """Keep a message with its steps; when its key, or its id, is taken, keep nothing and return what has it."""

    async def claim(self, now: datetime, lease: float, limit: int, skip: Collection[str] = ()) -> list[Work]:
        """Take lanes that are due, for `lease` seconds; lanes of the connections in `skip` stay.

        Connections take turns, so that a long queue of one does not keep the others waiting; within one, lanes go by
        priority of their head, then by how long they are due. The head of a lane is its first open row by (due_at,
        id) whose time has come. A lane is held by one claim at a time; one whose lease ran out is due. A lane that was
        asked to wait (`next_at` of a settlement, `release`) waits, whatever is enqueued behind.
        """

    async def mark(self, work: Work, step: StepRow, attempt: AttemptRow, buckets: Sequence[Bucket] = ()) -> Marked:
        """Write that an attempt starts, and take one from each bucket, in one commit before its call leaves.

        All or nothing: when the lane is lost, or a bucket is empty at `attempt.started_at`, nothing is written.
        """

    async def room(self, buckets: Sequence[Bucket], now: datetime) -> Marked:
        """Tell whether `mark` would find one in each of the buckets now, and take none."""

    async def settle(self, work: Work, settlement: Settlement) -> bool:
        """Write what an attempt came to, and give the lane back; False when the lane is lost, nothing written.

        A lane is lost when another claim has it, when it was given back before, and when its head was amended.
        Places in `unused` are free again, each unless another one was taken from its bucket since.
        """

    async def settle_and_claim(self, work: Work, settlement: Settlement, now: datetime, lease: float) -> Settled:
        """As `settle`, but keep the lane for what is at its head now, as `claim` does, where that is due.

        For who goes on while nobody else waits for a turn: it is one commit where settling and claiming are two. The
        lease is the one that the lane has, where half of `lease` is left of it, else a new one.
        """

    async def release(self, work: Work, next_at: datetime) -> None:
        """Give a lane back with nothing done."""

    async def renew(self, works: Sequence[Work], until: datetime) -> None:
        """Hold lanes longer."""

    async def amend(self, settlement: Settlement, *, expect: MessageState) -> bool:
        """Settle a row from outside its lane (proof, resolve, cancel), if it is still in that state.

        A QUEUED row for which its lane is held is left alone, with False: it may be leaving at this moment. In another
        state it is taken from the holder of the lane, who has an old picture of it.
        """

    async def depth(self, connection: str) -> int:
        """Count the rows of a connection that wait to leave."""

    # ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────

    async def ingest(
        self,
        webhook: WebhookRow,
        events: Sequence[Event],
        facts: Sequence[FactRow] = (),
        consents: Sequence[ConsentRow] = (),
        *,
        handled: Collection[EventId] = (),
        only_new: bool = False,
    ) -> list[Event]:
        """Keep a webhook, its events and what follows from them in one commit; return the events that are new.

        The same webhook again (connection and digest) is counted, not kept twice. Facts and consents of events that
        are not new are left out. Events in `handled` are kept as done: nobody is called for them, and no endpoint is
        sent them by itself. With `only_new` and no event that is new nothing at all is written, and the webhook is not
        counted.
        """

    async def claim_events(self, now: datetime, lease: float, limit: int) -> list[EventRow]:
        """Take pending events, at most the first one of each lane, in the order they came.

        An event is due from its `received_at`, or its `retry_at`, on. The events of two chats that were linked are one
        lane. One that was taken before and not settled, whether its lease ran out or its process ended, comes with one
        try more, and with the error `rules.ENDED`.
        """

    async def settle_event(self, row: EventRow, runs: Sequence[RunRow] = ()) -> None:
        """Write how far an event was handed over, and the runs of its handlers; frees its lane.

        One that is done stays done, whoever comes late; one that is parked may be made pending again.
        """

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

    async def parked(self, connection: str, before: MessageId | None, limit: int) -> list[MessageRow]:
        """List the rows of a connection that are unknown and wait for a person, newest first, from an id down."""

    async def ending(self, connection: str, limit: int) -> list[MessageRow]:
        """List the rows of a connection that are queued and whose time runs out, those first for whom that is soonest.

        Wherever they are in their lanes; not those that wait for a person.
        """

    async def begun(self, lane: ChatId) -> list[tuple[MessageRow, tuple[StepRow, ...]]]:
        """List the messages of a lane, oldest first, with a step that may be with the vendor and is not settled.

        Those whose outcome is unknown, and those of the first hundred that wait whose step has been started.
        """

    async def by_key(self, key: str) -> MessageRow | None:
        """Look up the row that was enqueued under a caller's key, whatever became of it."""

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
        """List events in the order they came, from a sequence number on; numbers grow, and may have gaps."""

    async def webhooks(
        self,
        *,
        since: datetime | None = None,
        connection: str | None = None,
        quarantined: bool = False,
        limit: int = 100,
    ) -> list[WebhookRow]:
        """List webhooks, newest first; only those since a time, of a connection, or in quarantine."""

    async def webhooks_after(
        self,
        number: int = 0,
        *,
        since: datetime | None = None,
        connection: str | None = None,
        quarantined: bool = False,
        limit: int = 100,
    ) -> list[NumberedWebhook]:
        """List the same webhooks in the order they came, from a number on; numbers grow, and may have gaps."""

    async def webhooks_of(
        self, connection: str, events: Collection[EventId], since: datetime, limit: int = 100
    ) -> list[WebhookRow]:
        """List the webhooks of a connection since a time that any of some events were made of, oldest first."""

    async def events_of(self, message: MessageId) -> list[EventRow]:
        """List the events that are about a message of ours, oldest first."""

    async def runs(self, event: EventId) -> list[RunRow]:
        """List the runs of handlers for an event, oldest first."""

    async def last_inbound(self, connection: str, chat: ChatId) -> InboundRow | None:
        """Give the last message that a contact wrote in a chat."""

    async def consent(self, connection: str, address: str) -> ConsentRow | None:
        """Give the latest word of an address, or of another name of its chat; of two at one time the no.

        Its chat is the one with it alone (`ids.direct_chat`), and has another name where that got an alias.
        """

    async def keep_consent(self, row: ConsentRow) -> None:
        """Keep a word of an address; an older one than what is known changes nothing."""

    async def cursor(self, name: str) -> str | None:
        """Give how far something was read."""

    async def keep_cursor(self, name: str, value: str) -> None:
        """Keep how far something was read."""

    async def canonical(self, chat: ChatId) -> ChatId:
        """Give the id under which a chat is kept; the chat's own unless it got an alias."""

    async def names(self, chat: ChatId) -> tuple[ChatId, ...]:
        """Give the ids that a chat is known by: the one that it is kept under, then its aliases, sorted."""

    async def rests(self, lane: ChatId, now: datetime) -> datetime | None:
        """Tell until when a lane was asked to wait, by `settle` or `release`; None where that is over, or never was."""

    async def undecided(self, lane: ChatId) -> list[datetime]:
        """Say when those steps of a lane began that may be with the vendor and are not settled, oldest first.

        Of the lane's head and the first hundred messages that wait; what waits for a person is not among them.
        """

    # ── waiting ───────────────────────────────────────────────────────────────────────────────────────────────────

    def next_due(self, now: datetime, *, lanes: bool = True, events: bool = True) -> datetime | None:
        """Tell when the next lane or event falls due, as far as this process knows; None when nothing waits.

        One that is only asked about lanes, or only about events, leaves the others out.

        What was due at the last claim and was not taken (its connection was skipped) does not count; what was written
        since does, so that it may be too early, and never too late.
        """

    @property
    def version(self) -> int:
        """Grows with each write that this process knows of."""

    async def changed(self, since: int) -> None:
        """Wait until the version is past `since`; may return early."""

    async def open(self) -> None:
        """Get ready; called once before anything else."""

    async def close(self) -> None:
        """Let go of everything; later calls fail."""
