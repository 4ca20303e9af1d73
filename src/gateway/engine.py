"""The engine of one gateway: store, connections, worker and dispatcher, and the two calls that all fronts use.

`promise` keeps a plan and returns when it is kept; `outcome` waits for what became of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import JsonValue

from gateway import outbox
from gateway.actions import Action, ConnectionInfo, Policy, Receipt, SendMessage
from gateway.addresses import Address
from gateway.catchup import CatchUp
from gateway.clock import Clock
from gateway.connections import Connection, Connections
from gateway.consent import OPERATOR
from gateway.dispatch import Dispatcher
from gateway.errors import Conflict, GatewayError, NotFound, NotSettled, Overloaded, SendError, StoreError, Unauthorized
from gateway.exchange import Reply
from gateway.failpoints import Point, reach
from gateway.fitting import Plan
from gateway.hearing import Hearing
from gateway.ids import MessageId, Token, chat_id, new_message_id
from gateway.inbox import Inbox, Stale
from gateway.log import logger
from gateway.model import Chat
from gateway.outcomes import Outcomes, Seen
from gateway.pacing import Priority, Sending, Terms
from gateway.plugins import Plugins
from gateway.provider import WebhookRequest
from gateway.retry import RetryPolicy
from gateway.routing import guard
from gateway.standing import free_from, standing
from gateway.store import ConsentRow, MessageRow, MessageState, StepRow, StepState, Store, open_store
from gateway.store.records import records_of
from gateway.store.records.restoring import copied_at, put_in_doubt
from gateway.traces import Traces
from gateway.worker import Worker

__all__ = ["Engine", "When"]

_log = logger(__name__)

LOOK = 0.2
"""Seconds after which a lane that is held is looked at again, where nobody tells that something came of it."""


class When(NamedTuple):
    """When something may leave."""

    at: datetime | None = None
    """Not before; None is at once, and so is a time that is over: nobody goes before what was asked for earlier."""
    expires: datetime | None = None
    """Not after; None is whenever."""
    priority: Priority = Priority.NORMAL
    """Who goes first among the chats that are due."""


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
        terms: Terms = Terms(),  # noqa: B008 - frozen
        works: bool = True,
    ) -> None:
        self.plugins = plugins
        self.clock = clock
        self.chance = chance
        self.terms = terms
        """What holds for connections that have no terms of their own."""
        self.store: Store = open_store(store, plugins.stores()) if isinstance(store, str) else store
        self.connections: Connections = Connections(plugins)
        self.inbox: Inbox = Inbox(self.store, self.connections, clock, stale)
        self.catch_up: CatchUp = CatchUp(self.store, self.connections, self.inbox, clock, chance)
        self.dispatcher: Dispatcher = Dispatcher(self.store, clock)
        self._outcomes = Outcomes(self.store)
        hear = Hearing(self.store, self.catch_up, clock).hear
        self._worker = Worker(
            self.store, self.connections, clock, self._outcomes, policy=retry, chance=chance, hear=hear
        )
        self.in_doubt: int | None = None
        """Messages that this opening put into doubt; None where the store was not a copy."""
        self._works = works
        self._tasks: list[asyncio.Task[None]] = []
        self._opened = False
        self._started = False
        self._starting = asyncio.Lock()
        self._closed = False

    def follow(self, traces: Traces) -> None:
        """Have sends followed from here on."""
        self._worker.traces = traces

    # ── life ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> None:
        """Open the store and start nothing yet: for who keeps connections there, and has to make them first.

        A loop that finds work for a connection which is not there puts it off. Does nothing when it has been done.
        """
        async with self._starting:
            await self._open()

    async def _open(self) -> None:
        if self._closed:
            raise StoreError("this gateway is closed", hint="make a new Gateway")
        if not self._opened:
            await self.store.open()
            if (copied := await copied_at(self.store)) is not None:
                # before anything is kept in it: what is there now is what the copy had
                self.in_doubt = await put_in_doubt(records_of(self.store), self.clock.now(), copied=copied)
            self._opened = True

    async def start(self) -> None:
        """Open the store and start the loops; does nothing when that has been done."""
        if self._started and not self._closed:
            self._still_running()
            return
        async with self._starting:
            await self._open()
            if not self._started:
                self._started = True
                loops = {
                    "gateway worker": self._worker.run,
                    "gateway dispatcher": self.dispatcher.run,
                    "gateway catch-up": self.catch_up.run,
                }
                self._tasks = [asyncio.create_task(run(), name=name) for name, run in loops.items() if self._works]
                for task in self._tasks:
                    task.add_done_callback(_say_that_it_stopped)

    async def watch(self) -> None:
        """Wait until the gateway is closed; raises `StoreError` as soon as one of its loops has stopped by itself."""
        await self.start()
        if self._tasks:
            await asyncio.wait([*self._tasks], return_when=asyncio.FIRST_COMPLETED)
            self._still_running()

    def _still_running(self) -> None:
        """Raise what stopped a loop, instead of promising what nobody will do."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                raise StoreError(
                    f"the {task.get_name()} stopped: {type(task.exception()).__name__}",
                    code="stopped",
                    hint="start it again; what it had in hand is in the store, and the log says where it stopped",
                )

    async def close(self) -> None:
        """Finish what is under way, then let go of everything."""
        self._closed = True
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        # what one of them died of is no reason to leave the others, or the store, as they are
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in tuple(self.connections):
            await connection.transport.aclose()
        await self.store.close()
        await self._outcomes.close()

    # ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────

    async def promise(
        self,
        connection: Connection,
        plan: Plan,
        request: Mapping[str, JsonValue],
        *,
        key: str | None = None,
        named: bool = False,
        when: When | None = None,
    ) -> MessageRow:
        """Keep a plan; when this returns, it will be carried out as far as the store is durable.

        `named` says that the caller named the connection. Raises `Conflict` when the key was used with another request,
        or by another connection than the one that is named, `Refused` when a guard objects, `NotOptedIn` when the
        contact does not agree, `Overloaded` when too much waits, and `Unauthorized` when the connection stopped.
        """
        await self.start()
        now = self.clock.now()
        when = when or When()
        action = plan.steps[-1].action
        lane = await self.store.canonical(chat_id(connection.name, plan.steps[0].action.chat.identity))
        trace = self._worker.traces.here()
        due_at = max(when.at or now, now)
        asked = outbox.Asked(connection, lane, dict(request), key, due_at, when.expires, when.priority, trace)
        row, steps = outbox.rows(new_message_id(now), plan, asked, now)
        kept = await self._kept_before(connection, Sending(action, connection.name, lane, row.priority, now), key)
        if kept is None:
            kept = await self._keep(connection, row, steps)
        if kept.fingerprint != row.fingerprint or (named and kept.connection != connection.name):
            raise Conflict(
                "this key was used before with other content", hint="use a new key, or repeat the very same call"
            )
        _say_that_it_is_kept(kept, repeated=kept.id != row.id)
        return kept

    async def _kept_before(self, connection: Connection, sending: Sending, key: str | None) -> MessageRow | None:
        """Refuse at once what the worker would refuse; it asks again when the time has come.

        A key that was used before gives what it gave then, whatever has changed since: instead of a refusal its row is
        given. While nothing is to be refused nobody looks for it here, for the commit that keeps the row does.
        """
        try:
            guard(sending.action, connection, self.plugins, self.clock)
            if connection.stopped is not None:
                raise _stopped(connection, connection.stopped)
            stand = await standing(self.store, sending, connection, goes=False)
            refusal = stand.refusal(sending, connection)
            if refusal is not None:
                raise refusal
        except SendError:
            before = await self.store.by_key(key) if key is not None else None
            if before is None:
                raise
            return before
        return None

    async def _keep(self, connection: Connection, row: MessageRow, steps: Sequence[StepRow]) -> MessageRow:
        """Keep a row, or give the one that has its key: that one is kept already, and needs no room."""
        depth = await self.store.depth(connection.name)
        if depth >= connection.terms.queue:
            # only here: while there is room, `enqueue` itself tells a repetition, and costs no look-up before it
            before = await self.store.by_key(row.key) if row.key is not None else None
            if before is None:
                raise _overloaded(connection, depth)
            return before
        reach(Point.ASKED)
        kept = await self.store.enqueue(row, steps)
        reach(Point.KEPT)
        if self._works:
            await self._worker.take_up()
        return kept

    async def cancel(self, message: str, wait: float) -> None:
        """Take back what has not left; when this returns, it is certain that it will not.

        Raises `Conflict` when it has left, or may have, or is leaving and that does not end within `wait` seconds.
        """
        await self.start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while not await self._cancelled(message):
                    # the lane is held for this message: see what comes of that; what came of it while this looked, and
                    # what another process writes, may be told to nobody here
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK):
                            await self.store.changed(self.store.version)
                return
        raise Conflict(f"{message} may be leaving at this moment", hint=f'ask later: gateway.status("{message}")')

    async def _cancelled(self, message: str) -> bool:
        row, steps = await self.look_up(message)
        if row.state is MessageState.CANCELLED:
            return True
        step = next((step for step in steps if step.state is not StepState.ACCEPTED), None)
        if row.state is not MessageState.QUEUED or step is None:
            raise Conflict(f"{message} is {row.state.value}", hint="only what has not left can be cancelled")
        if step.doubt:
            raise Conflict(f"the vendor may have {message} already", hint="wait for its outcome")
        settled = outbox.cancelled(row, step, await self.carrier(row), self.clock.now())
        if step.state is not StepState.WAITING or not await self.store.amend(settled, expect=MessageState.QUEUED):
            return False
        _log.info("message_cancelled", message_id=row.id, connection=row.connection)
        return True

    async def next_slot(self, connection: Connection, chat: Chat, priority: Priority) -> datetime:
        """Tell when a message to a chat may go, as far as rests, limits and pauses say; takes nothing.

        Raises `NotOptedIn` when the contact does not agree.
        """
        await self.start()
        now = self.clock.now()
        lane = await self.store.canonical(chat_id(connection.name, chat.identity))
        action = SendMessage.model_construct(chat=chat, messages=(), key="", token=Token(""))
        sending = Sending(action, connection.name, lane, priority, now)
        stand = await standing(self.store, sending, connection)
        if (refusal := stand.refusal(sending, connection)) is not None:
            raise refusal
        rested = self._worker.rests_until(connection.name) or now
        return await free_from(self.store, sending._replace(now=max(now, rested)), connection, stand.known)

    def guard(self, action: Action, connection: Connection) -> None:
        """Ask the guards about what does not go through the outbox; raises `Refused`."""
        guard(action, connection, self.plugins, self.clock)

    async def opt_out(self, connection: Connection, address: Address) -> None:
        """Keep that a contact no longer agrees, because the operator says so."""
        await self.start()
        word = ConsentRow(
            connection=connection.name,
            address=address.text,
            agreed=False,
            source=OPERATOR,
            changed_at=self.clock.now(),
        )
        await self.store.keep_consent(word)
        _log.info("opted_out", connection=connection.name, by=OPERATOR)

    async def outcome(self, message: MessageId, wait: float) -> Receipt:
        """Wait up to `wait` seconds for what became of a message; raises the error that it ended with.

        Raises `NotSettled` when there is no outcome in time, and `OutcomeUnknown` when by then nobody knows.
        """
        end = asyncio.get_running_loop().time() + wait
        seen: Seen | None = None
        while True:
            version = self.store.version
            row, steps = seen or await self.look_up(message)
            if row.state is MessageState.ACCEPTED:
                return outbox.receipt_of(row, steps)
            if not row.state.open or row.parked:
                raise outbox.error_of(row, steps)
            self._still_running()
            if (seconds := end - asyncio.get_running_loop().time()) <= 0:
                break
            seen = await self._outcomes.change(message, version, seconds)
        if row.state is MessageState.UNKNOWN:
            raise outbox.error_of(row, steps)
        connection = self.connections.find(row.connection)
        stopped = connection is not None and connection.stopped is not None
        hint = "the connection has stopped: see gateway.check" if stopped else f'ask later: gateway.status("{message}")'
        why = outbox.waits_for(row)
        words = f"no outcome after {wait:g} seconds; it is kept and goes on{f': {why}' if why else ''}"
        raise NotSettled(words, ticket=message, hint=hint)

    async def look_up(self, message: str) -> tuple[MessageRow, tuple[StepRow, ...]]:
        """Give a row and its steps; raises `NotFound`."""
        found = await self.store.message(MessageId(message))
        if found is None or not found[1]:  # of one that was erased its steps are gone
            raise NotFound(f"there is no message {message}", hint="use the message_id of a receipt or a ticket")
        return found

    async def carrier(self, row: MessageRow) -> outbox.Carrier:
        """Give the connection of a message, or what its reports say of one that is not in use (any more).

        That is enough to settle a message without the vendor.
        """
        if (connection := self.connections.find(row.connection)) is not None:
            return connection
        providers = [kept.event.provider for kept in await self.store.events_of(row.id)]
        return ConnectionInfo(name=row.connection, provider=next(filter(None, reversed(providers)), ""))

    # ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────

    async def receive(self, connection: str, hook: WebhookRequest) -> Reply:
        """Take a webhook in; when this returns, it is kept."""
        await self.start()
        if self.connections.away.get(connection) == "broken":
            # the vendor is to come again: what is broken is here, and may be mended before it gives up
            raise StoreError("this connection cannot be used at present", code="broken", hint="look why, and mend it")
        return await self.inbox.accept(hook, self.connections.get(connection))


def _say_that_it_is_kept(kept: MessageRow, *, repeated: bool) -> None:
    _log.info(
        "message_kept",
        message_id=kept.id,
        kind=kept.kind,
        connection=kept.connection,
        steps=kept.steps,
        repeated=repeated,
    )


def _say_that_it_stopped(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        _log.error("loop_stopped", loop=task.get_name(), error=type(task.exception()).__name__)


def request_of(chat: Chat, policy: Policy, **content: Any) -> dict[str, JsonValue]:
    """Describe what was asked as plain data: equal calls give equal descriptions."""
    return {"to": chat.identity, "line": chat.line, "policy": policy.value, **content}


def _overloaded(connection: Connection, depth: int) -> GatewayError:
    _log.warning("queue_full", connection=connection.name, depth=depth)
    slowest = max((pace.interval for pace in (*connection.rules.paces, *connection.terms.paces)), default=1.0)
    return Overloaded(
        f"{depth} messages wait to leave on this connection already",
        retry_after=max(slowest, 1.0),
        hint=f"send it again later; the connection's queue holds {connection.terms.queue}",
    ).locate(connection=connection.name, provider=connection.provider.name)


def _stopped(connection: Connection, error: Unauthorized) -> GatewayError:
    again = type(error)(
        f"the connection has stopped: {error.message}",
        code=error.code,
        status=error.status,
        hint=f'mend the account or its key, then gateway.check("{connection.name}")',
    )
    return again.locate(connection=connection.name, provider=connection.provider.name)
