"""The engine of one gateway: store, connections, worker and dispatcher, and the two calls that all fronts use.

`promise` keeps a plan and returns when it is kept; `outcome` waits for what became of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from gateway import outbox
from gateway.actions import Policy, Receipt
from gateway.catchup import CatchUp
from gateway.clock import Clock
from gateway.connections import Connection, Connections
from gateway.dispatch import Dispatcher
from gateway.errors import Conflict, GatewayError, NotFound, NotSettled, StoreError
from gateway.exchange import Reply
from gateway.fitting import Plan
from gateway.ids import MessageId, chat_id, new_message_id
from gateway.inbox import Inbox, Stale
from gateway.log import logger
from gateway.model import Chat
from gateway.plugins import Plugins
from gateway.provider import WebhookRequest
from gateway.retry import RetryPolicy
from gateway.routing import guard
from gateway.store import MessageRow, MessageState, StepRow, Store, open_store
from gateway.worker import Worker

__all__ = ["Engine", "When"]

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class When:
    """When something may leave."""

    at: datetime | None = None
    """Not before; None is at once."""
    expires: datetime | None = None
    """Not after; None is whenever."""


class Engine:
    """Everything behind a `Gateway`."""

    def __init__(
        self,
        store: str | Store,
        plugins: Plugins,
        clock: Clock,
        *,
        retry: RetryPolicy | None = None,
        chance: Callable[[], float] = random.random,
        stale: Stale | None = None,
    ) -> None:
        self.plugins = plugins
        self.clock = clock
        self.chance = chance
        self.store = open_store(store, plugins.stores()) if isinstance(store, str) else store
        self.connections = Connections(plugins)
        self.inbox = Inbox(self.store, self.connections, clock, stale)
        self.catch_up = CatchUp(self.store, self.connections, self.inbox, clock, chance)
        self.dispatcher = Dispatcher(self.store, clock)
        self._worker = Worker(self.store, self.connections, clock, policy=retry, chance=chance)
        self._tasks: list[asyncio.Task[None]] = []
        self._starting = asyncio.Lock()
        self._closed = False

    # ── life ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Open the store and start the loops; does nothing when that has been done."""
        if self._tasks:
            self._still_running()
            return
        async with self._starting:
            if self._closed:
                raise StoreError("this gateway is closed", hint="make a new Gateway")
            if not self._tasks:
                await self.store.open()
                self._tasks = [
                    asyncio.create_task(self._worker.run(), name="gateway worker"),
                    asyncio.create_task(self.dispatcher.run(), name="gateway dispatcher"),
                    asyncio.create_task(self.catch_up.run(), name="gateway catch-up"),
                ]

    def _still_running(self) -> None:
        """Raise what stopped a loop, instead of promising what nobody will do."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                raise StoreError(f"the {task.get_name()} stopped: {type(task.exception()).__name__}")

    async def close(self) -> None:
        """Finish what is under way, then let go of everything."""
        self._closed = True
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for connection in self.connections:
            await connection.transport.aclose()
        await self.store.close()

    # ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────

    async def promise(
        self,
        connection: Connection,
        plan: Plan,
        request: Mapping[str, JsonValue],
        *,
        key: str | None = None,
        when: When | None = None,
    ) -> MessageRow:
        """Keep a plan; when this returns, it will be carried out as far as the store is durable.

        Raises `Conflict` when the key was used with another request, `Refused` when a guard objects, and
        `Unauthorized` when the connection has stopped.
        """
        await self.start()
        guard(plan.steps[-1].action, connection, self.plugins, self.clock)
        now = self.clock.now()
        when = when or When()
        lane = await self.store.canonical(chat_id(connection.name, plan.steps[0].action.chat.identity))
        asked = outbox.Asked(connection, lane, dict(request), key, when.at or now, when.expires)
        row, steps = outbox.rows(new_message_id(now), plan, asked, now)
        if connection.stopped is not None and key is None:
            raise _stopped(connection)
        kept = await self.store.enqueue(row, steps)
        if kept.fingerprint != row.fingerprint:
            raise Conflict(
                "this key was used before with other content", hint="use a new key, or repeat the very same call"
            )
        _log.info(
            "message_kept",
            message_id=kept.id,
            kind=kept.kind,
            connection=connection.name,
            steps=kept.steps,
            repeated=kept.id != row.id,
        )
        return kept

    async def outcome(self, message: MessageId, wait: float) -> Receipt:
        """Wait up to `wait` seconds for what became of a message; raises the error that it ended with.

        Raises `NotSettled` when there is no outcome in time, and `OutcomeUnknown` when by then nobody knows.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while True:
                    version = self.store.version
                    row, steps = await self.look_up(message)
                    if row.state is MessageState.ACCEPTED:
                        return outbox.receipt_of(row, steps)
                    if not row.state.open or row.parked:
                        raise outbox.error_of(row, steps)
                    self._still_running()
                    await self.store.changed(version)
        row, steps = await self.look_up(message)
        if row.state is MessageState.UNKNOWN:
            raise outbox.error_of(row, steps)
        connection = self.connections.find(row.connection)
        stopped = connection is not None and connection.stopped is not None
        hint = "the connection has stopped: see gateway.check" if stopped else f'ask later: gateway.status("{message}")'
        raise NotSettled(f"no outcome after {wait:g} seconds; it is kept and goes on", ticket=message, hint=hint)

    async def look_up(self, message: str) -> tuple[MessageRow, tuple[StepRow, ...]]:
        """Give a row and its steps; raises `NotFound`."""
        found = await self.store.message(MessageId(message))
        if found is None:
            raise NotFound(f"there is no message {message}", hint="use the message_id of a receipt or a ticket")
        return found

    # ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────

    async def receive(self, connection: str, hook: WebhookRequest) -> Reply:
        """Take a webhook in; when this returns, it is kept."""
        await self.start()
        found = self.connections.get(connection)
        return await self.inbox.accept(hook, found)


def request_of(chat: Chat, policy: Policy, **content: Any) -> dict[str, JsonValue]:
    """Describe what was asked as plain data: equal calls give equal descriptions."""
    return {"to": chat.identity, "line": chat.line, "policy": policy.value, **content}


def _stopped(connection: Connection) -> GatewayError:
    error = connection.stopped
    assert error is not None  # the caller has looked
    again = type(error)(
        f"the connection has stopped: {error.message}",
        code=error.code,
        status=error.status,
        hint=f'mend the account or its key, then gateway.check("{connection.name}")',
    )
    return again.locate(connection=connection.name, provider=connection.provider.name)
