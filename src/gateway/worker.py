"""The loop of the way out: claim a lane, run the step at its head, settle what it came to.

Every attempt is written before its call leaves and completed after its answer. What is not certain is never repeated
blindly: the step waits for proof, and stays visible when there is none.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gateway import outbox
from gateway.actions import Attempt, MarkRead, Receipt, SendMessage, SendReaction, Sent, SetTyping
from gateway.clock import Clock
from gateway.connections import Connection, Connections
from gateway.drive import drive, drive_stored, dump_call, load_call
from gateway.errors import GatewayError, OutcomeUnknown, Refused, SendError, Unauthorized, VendorFault
from gateway.exchange import Call, Exchange, Repeat, Reply
from gateway.ids import Token
from gateway.log import logger
from gateway.provider import Provider
from gateway.retry import Again, Decision, Park, RetryPolicy, decide
from gateway.store.port import Store
from gateway.store.rows import AttemptRow, MessageState, Settlement, StepRow, StepState, Work

__all__ = ["Worker", "exchange_for", "prove"]

_log = logger(__name__)

LEASE = 60.0
"""Seconds that a lane is held; longer than the longest call."""
PER_CONNECTION = 16
"""Steps in flight on one connection; more would only wait in its transport."""
IDLE = 5.0
"""Seconds after which the store is asked again, when nothing woke the loop."""


class _LaneLostError(Exception):
    """Another worker has the lane: this one stops, and writes nothing."""


def exchange_for(
    provider: Provider[Any], action: SendMessage | SendReaction | SetTyping | MarkRead
) -> Exchange[Receipt]:
    """Start the exchange that performs an action."""
    match action:
        case SendMessage():
            return provider.send_message(action)
        case SendReaction():
            return provider.send_reaction(action)
        case SetTyping():
            return provider.set_typing(action)
        case MarkRead():
            return provider.mark_read(action)


class Worker:
    """Runs the steps of all connections of this process."""

    def __init__(
        self,
        store: Store,
        connections: Connections,
        clock: Clock,
        *,
        policy: RetryPolicy | None = None,
        chance: Callable[[], float] = random.random,
        limit: int = 64,
    ) -> None:
        self._store = store
        self._connections = connections
        self._clock = clock
        self._policy = policy or RetryPolicy()
        self._chance = chance
        self._limit = limit
        self._busy: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until cancelled; a step under way is then finished first."""
        try:
            while True:
                version = self._store.version
                if not await self._claim():
                    await self._wait(version)
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def _claim(self) -> int:
        """Start what is due; returns how much that was."""
        free = self._limit - len(self._tasks)
        if free <= 0:
            return 0
        stopped = {connection.name for connection in self._connections if connection.stopped}
        full = {name for name, count in self._busy.items() if count >= PER_CONNECTION}
        works = await self._store.claim(self._clock.now(), LEASE, min(free, PER_CONNECTION), stopped | full)
        for work in works:
            self._busy[work.message.connection] += 1
            task = asyncio.create_task(self._guarded(work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(works)

    async def _wait(self, version: int) -> None:
        """Sleep until something is written, something falls due, or a while has passed."""
        now = self._clock.now()
        due = self._store.next_due(now)
        seconds = IDLE if due is None else min(max((due - now).total_seconds(), 0.005), IDLE)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._store.changed(version)

    async def _guarded(self, work: Work) -> None:
        """Keep one bad row from stopping the loop: a border."""
        try:
            await self._work(work)
        except _LaneLostError:
            _log.warning("lane_lost", message_id=work.message.id)
        except Exception as error:  # noqa: BLE001 - a border: whatever a row brings, the others go on
            _log.error("work_failed", message_id=work.message.id, error=type(error).__name__)
            await self._store.release(work, self._clock.now() + timedelta(seconds=LEASE))
        finally:
            self._busy[work.message.connection] -= 1

    async def _work(self, work: Work) -> None:
        now = self._clock.now()
        step = next(step for step in work.steps if step.state is not StepState.ACCEPTED)
        connection = self._connections.find(work.message.connection)
        if connection is None:
            await self._store.release(work, now + timedelta(seconds=LEASE))
        elif step.state is StepState.UNKNOWN:
            await self._look_for_proof(work, step, connection)
        elif step.state is StepState.WAITING and work.message.expires_at and work.message.expires_at <= now:
            await self._settle(work, outbox.expired(work.message, step, connection, now))
        else:
            await _Run(self, work, step, connection).go()

    async def _settle(self, work: Work, settlement: Settlement) -> None:
        if not await self._store.settle(work, settlement):
            raise _LaneLostError

    async def _look_for_proof(self, work: Work, step: StepRow, connection: Connection) -> None:
        """After the settle time: what the vendor's webhooks or records say, else park for `resolve`."""
        now = self._clock.now()
        vendor_ids = await self._store.proofs(step.token)
        found_absent = False
        action = outbox.action_of(step)
        if not vendor_ids and isinstance(action, SendMessage):
            try:
                attempt = Attempt(action=action, started_at=step.first_at or work.message.created_at)
                found = await drive(connection.provider.find(attempt), connection.transport.send)
                vendor_ids, found_absent = found.vendor_ids, found.absent
            except GatewayError as error:
                _log.info("no_proof", message_id=work.message.id, error=error.slug)
        if vendor_ids:
            receipt = _proven(vendor_ids)
            settled = outbox.accepted(work.message, work.steps, step, receipt, None, connection, now)
        elif found_absent:
            again = replace(step, state=StepState.WAITING, call=None)
            row = replace(work.message, state=MessageState.QUEUED, error=None)
            settled = Settlement(message=row, step=again, attempt=None, next_at=now)
        else:
            parked = replace(work.message, parked=True)
            settled = Settlement(message=parked, step=step, attempt=None, next_at=now)
        await self._settle(work, settled)


class _Run:
    """One attempt of one step."""

    def __init__(self, worker: Worker, work: Work, step: StepRow, connection: Connection) -> None:
        self._worker = worker
        self._work = work
        self._step = step
        self._connection = connection
        self._attempt: AttemptRow | None = None
        self._repeat = Repeat.SAFE
        self._reply: Reply | None = None

    async def go(self) -> None:
        """Run the step and settle it."""
        work, step = self._work, self._step
        stored = load_call(step.call) if step.call else None
        if step.state is StepState.STARTED and stored is not None and stored.repeat in {Repeat.TRACED, Repeat.NEVER}:
            # a crash between marker and answer: nobody knows, and a second copy could show
            lost = OutcomeUnknown("the gateway stopped before it read the answer")
            await self._settle_unknown(lost, self._worker._clock.now())
            return
        try:
            exchange = exchange_for(self._connection.provider, outbox.action_of(step))
            receipt = await drive_stored(exchange, self._send, stored)
        except GatewayError as error:
            await self._failed(error.locate(connection=self._connection.name, provider=self._connection.provider.name))
        except _LaneLostError:
            raise
        except Exception as error:  # noqa: BLE001 - a border: a provider may raise anything
            _log.error("provider_failed", provider=self._connection.provider.name, error=type(error).__name__)
            await self._failed(_from_stranger(error, sent=self._reply is not None))
        else:
            await self._accepted(receipt)

    async def _send(self, call: Call) -> Reply:
        """Write the marker before the first call leaves."""
        if self._attempt is None:
            await self._mark(call)
        self._repeat = call.repeat
        self._reply = await self._connection.transport.send(call)
        return self._reply

    async def _mark(self, call: Call) -> None:
        now = self._worker._clock.now()
        text = dump_call(call)
        step = replace(
            self._step,
            state=StepState.STARTED,
            attempts=self._step.attempts + 1,
            first_at=self._step.first_at or now,
            call=text,
        )
        self._attempt = AttemptRow(
            message=step.message,
            step=step.index,
            generation=self._work.message.generation,
            number=step.attempts,
            started_at=now,
            call=text,
        )
        marked = await self._worker._store.mark(self._work, step, self._attempt)
        if not marked.written:
            raise _LaneLostError
        self._step = step

    def _ended(self, outcome: str, detail: str | None, now: datetime) -> AttemptRow | None:
        if self._attempt is None:
            return None
        status = self._reply.status if self._reply else None
        return replace(self._attempt, ended_at=now, outcome=outcome, status=status, detail=detail)

    async def _accepted(self, receipt: Receipt) -> None:
        now = self._worker._clock.now()
        work, step = self._work, self._step
        attempt = self._ended("accepted", None, now)
        settled = outbox.accepted(work.message, work.steps, step, receipt, attempt, self._connection, now)
        if step.index + 1 < len(work.steps):
            settled = replace(settled, next_at=now + timedelta(seconds=work.steps[step.index + 1].pause))
        _log.info("step_accepted", **self._fields(), replayed=receipt.replayed)
        await self._worker._settle(work, settled)

    async def _failed(self, error: GatewayError) -> None:
        now = self._worker._clock.now()
        work, step = self._work, self._step
        action = outbox.action_of(step)
        if isinstance(action, SetTyping) and step.index + 1 < len(work.steps):
            await self._worker._settle(work, outbox.skipped(work.message, work.steps, step, _as_send(error), now))
            return
        if isinstance(error, Unauthorized):
            self._connection.stopped = error
            _log.error("connection_stopped", connection=self._connection.name, code=error.code, status=error.status)
        decision = self._decide(error, now)
        _log.info("step_failed", **self._fields(), error=error.slug, code=error.code, decision=type(decision).__name__)
        attempt = self._ended(error.slug, str(error), now)
        if isinstance(decision, Again):
            again = replace(step, state=StepState.WAITING, doubt=step.doubt or not _certain(error))
            later = now + timedelta(seconds=decision.after)
            await self._worker._settle(
                work, Settlement(message=work.message, step=again, attempt=attempt, next_at=later)
            )
        elif isinstance(decision, Park):
            await self._settle_unknown(error, now, attempt)
        else:
            settled = outbox.refused(work.message, step, error, attempt, self._connection, now)
            await self._worker._settle(work, settled)

    async def _settle_unknown(self, error: GatewayError, now: datetime, attempt: AttemptRow | None = None) -> None:
        work, step = self._work, self._step
        proofs = await self._worker._store.proofs(step.token)
        if proofs:
            receipt = _proven(proofs)
            settled = outbox.accepted(work.message, work.steps, step, receipt, attempt, self._connection, now)
        else:
            until = now + self._connection.provider.proof.settle
            settled = outbox.unknown(work.message, step, error, attempt, self._connection, now, until=until)
        await self._worker._settle(work, settled)

    def _decide(self, error: GatewayError, now: datetime) -> Decision:
        step = self._step
        elapsed = (now - step.first_at).total_seconds() if step.first_at else 0.0
        return decide(
            error,
            repeat=self._repeat,
            attempt=max(step.attempts, 1),
            elapsed=elapsed,
            proof=self._connection.provider.proof,
            chance=self._worker._chance(),
            limits=self._worker._policy,
            doubt=step.doubt,
        )

    def _fields(self) -> dict[str, Any]:
        """Name the step in a log, without content or addresses."""
        return {
            "message_id": self._work.message.id,
            "step": self._step.index,
            "attempt": self._step.attempts,
            "connection": self._connection.name,
            "provider": self._connection.provider.name,
            "status": self._reply.status if self._reply else None,
        }


def _as_send(error: GatewayError) -> SendError:
    return error if isinstance(error, SendError) else Refused(error.message)


def _from_stranger(error: Exception, *, sent: bool) -> SendError:
    """Turn what a provider should not raise into an error of ours; after a reply nobody knows what was done."""
    what = f"the provider failed: {type(error).__name__}"
    hint = "report it to the provider's author"
    return VendorFault(what, hint=hint) if sent else Refused(what, hint=hint)


def _certain(error: GatewayError) -> bool:
    return not isinstance(error, SendError) or error.certain


def _proven(vendor_ids: tuple[str, ...]) -> Receipt:
    return Receipt(sent=tuple(Sent(vendor_id=vendor_id, index=index) for index, vendor_id in enumerate(vendor_ids)))


async def prove(store: Store, connections: Connections, token: Token, now: datetime) -> None:
    """Settle a parked step whose token came back in a webhook: the vendor has it."""
    step = await store.by_token(token)
    found = await store.message(step.message) if step else None
    if step is None or found is None:
        return
    message, steps = found
    connection = connections.find(message.connection)
    vendor_ids = await store.proofs(token)
    if message.state is MessageState.UNKNOWN and step.state is StepState.UNKNOWN and connection and vendor_ids:
        settled = outbox.accepted(message, steps, step, _proven(vendor_ids), None, connection, now)
        if await store.amend(settled, expect=MessageState.UNKNOWN):
            _log.info("outcome_proven", message_id=message.id, step=step.index)
