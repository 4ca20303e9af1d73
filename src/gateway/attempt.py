"""One attempt of one step: may it go, mark it, make the call, settle what it came to.

The marker is written in one commit with what the limits take, before the call leaves. A step that may not go yet gives
its lane back until then, and its row says what it waits for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gateway import outbox
from gateway.actions import Receipt, SendMessage, SendPoll, SetTyping
from gateway.connections import Connection
from gateway.consent import ConsentMode, opted_out_by
from gateway.desk import Desk, LaneLostError
from gateway.drafts import changed
from gateway.drive import drive_stored, dump_call, exchange_for, first_call, load_call
from gateway.errors import (
    GatewayError,
    OutcomeUnknown,
    RateLimited,
    Refused,
    SendError,
    StoreError,
    Unauthorized,
    Unreachable,
    VendorFault,
)
from gateway.exchange import Call, Repeat, Reply
from gateway.failpoints import Point, reach
from gateway.log import logger
from gateway.pacing import Known, Sending, Toll, Wait, tolls, wait_of
from gateway.proof import Late, absent, came_late, proven, reported_states
from gateway.retry import Again, Decision, Park, decide
from gateway.standing import Standing, begin, pause, paused, standing
from gateway.store.rows import AttemptRow, MessageRow, Settlement, StepRow, StepState, Taken, Work

__all__ = ["Run"]

_log = logger(__name__)

PROMPT = 30.0
"""Seconds after its marker in which a call may leave: half a lease. Later, others may have decided about the step."""


class _WaitError(Exception):
    """A limit is reached: the exchange is dropped before its first call left."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(wait.why)
        self.wait = wait


class Run:
    """One attempt of one step."""

    def __init__(self, desk: Desk, work: Work, step: StepRow, connection: Connection) -> None:
        self._desk = desk
        self._work = work
        # started and not settled: whoever did that stopped before the answer was written
        self._step = replace(step, doubt=True) if step.state is StepState.STARTED else step
        self._connection = connection
        self._action = outbox.action_of(step)
        # in doubt without a call: the store was restored, and what it has of the step is from before its first attempt
        self._restored = step.doubt and step.call is None
        self._stored = self._rebuilt() if self._restored else load_call(step.call) if step.call else None
        self._standing = Standing(Known())
        self._attempt: AttemptRow | None = None
        self._paid: tuple[tuple[Toll, Taken], ...] = ()
        self._waits: Wait | None = None
        self._repeat = Repeat.SAFE
        self._reply: Reply | None = None

    async def go(self) -> Wait | None:
        """Run the step and settle it; gives what it waits for, where a limit stood in the way.

        Raises `LaneLostError`, and `StoreError` when it could not be written: then the marker says what is known.
        """
        if self._is_lost():
            await self._settle_unknown(self._lost(), self._now())
            return None
        self._standing = await standing(self._desk.store, self._sending(), self._connection)
        if not self._is_copy() and not await self._may_go():
            return None
        try:
            exchange = exchange_for(self._connection.provider, self._action)
            receipt = await drive_stored(exchange, self._send, self._stored)
        except _WaitError as waiting:
            self._waits = waiting.wait
            await self._wait(waiting.wait)
        except StoreError:
            raise
        except GatewayError as error:
            await self._failed(error.locate(connection=self._connection.name, provider=self._connection.provider.name))
        except LaneLostError:
            raise
        except Exception as error:  # noqa: BLE001 - a border: a provider may raise anything
            _log.error("provider_failed", provider=self._connection.provider.name, error=type(error).__name__)
            await self._failed(_from_stranger(error, sent=self._reply is not None))
        else:
            await self._accepted(receipt)
        return self._waits

    # ── may it go ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _rebuilt(self) -> Call | None:
        """Make the call anew that a store which was restored has lost; None where the provider makes none any more."""
        try:
            return first_call(exchange_for(self._connection.provider, self._action))
        except Exception as error:  # noqa: BLE001 - a border: a provider may raise anything
            _log.info("call_not_rebuilt", provider=self._connection.provider.name, error=type(error).__name__)
            return None

    def _is_copy(self) -> bool:
        """Tell whether it repeats a call that was made, which asks nobody again: it is the same message."""
        return self._step.doubt and not self._restored

    def _is_lost(self) -> bool:
        """Tell whether a copy may be with the vendor, and another one could show: then only proof helps."""
        if not self._step.doubt or (self._stored is not None and self._stored.repeat is Repeat.SAFE):
            return False
        window = self._connection.provider.proof.key_window
        keyed = self._stored is not None and self._stored.repeat is Repeat.KEYED
        if not keyed or window is None or self._step.first_at is None:
            return True
        expires = self._work.message.expires_at
        if self._restored and expires is not None and expires <= self._now():
            return True  # nobody may have sent it in time, and now nobody should
        margin = timedelta(seconds=self._desk.policy.key_margin)
        return self._now() - self._step.first_at >= window - margin

    def _lost(self) -> OutcomeUnknown:
        if self._restored:
            return OutcomeUnknown("the store was restored: it may have left after the copy was made")
        return OutcomeUnknown("the gateway stopped, or waited too long, before it read an answer")

    async def _may_go(self) -> bool:
        """Ask consent and pauses; where they say no, that is settled here."""
        sending = self._sending()
        objection = self._standing.objection(sending, self._connection)
        if objection is not None and objection.mode is ConsentMode.ENFORCE:
            if self._restored:
                await self._settle_unknown(self._lost(), sending.now)  # it may have left before they said so
                return False
            error = objection.error
            _log.info("step_refused", **self._fields(), error=error.slug)
            refused = outbox.refused(self._work.message, self._step, error, None, self._connection, sending.now)
            await self._desk.settle(self._work, refused)
            return False
        if objection is not None and not (self._step.index or self._work.message.error):
            _log.warning("sent_without_consent", **self._fields(), why=objection.error.message)
        pausing = await paused(self._desk.store, sending, self._connection, self._standing.known)
        if pausing is not None:
            await self._park(pausing.error, pausing.until)
            return False
        return True

    def _tolls(self, now: datetime) -> tuple[Toll, ...]:
        sending = self._sending(now)
        # a copy is no new message to a silent contact, only another call
        known = self._standing.known
        known = known._replace(begun=True, last_wrote=now) if self._is_copy() else known
        return tolls(sending, self._connection.rules, self._connection.terms, known)

    async def _wait(self, wait: Wait) -> None:
        seconds = (wait.until - self._now()).total_seconds()
        error = RateLimited(
            f"it waits for {wait.why}",
            retry_after=max(seconds, 0.0),
            hint=f"it goes by itself, not before {wait.until.isoformat(timespec='seconds')}",
        )
        if wait.loop:
            _log.warning("loop_held", **self._fields(), why=wait.why)
        await self._park(error.locate(connection=self._connection.name), wait.until)

    async def _park(self, error: GatewayError, until: datetime, attempt: AttemptRow | None = None) -> None:
        """Give the lane back until then; the row says why."""
        _log.info("step_waits", **self._fields(), why=error.message, until=until.isoformat())
        settled = outbox.waiting(self._work.message, self._step, error, until, attempt)
        settled = replace(settled, unused=self._unused(error))
        gone = self._if_sure(error, lambda row, _, step: absent(row, step, attempt, until))
        await self._settle(settled, gone)

    # ── the call ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _send(self, call: Call) -> Reply:
        """Write the marker before the first call leaves."""
        self._repeat = call.repeat
        if self._attempt is None:
            await self._mark(call)
        self._reply = await self._connection.transport.send(call)
        reach(Point.ANSWERED)
        return self._reply

    async def _mark(self, call: Call) -> None:
        now = self._now()
        text = dump_call(call)
        step = changed(
            self._step,
            state=StepState.STARTED,
            attempts=self._step.attempts + 1,
            # nothing was accepted while there is no doubt: the vendor cannot know the key, nor has it a copy
            first_at=self._step.first_at if self._step.doubt else now,
            call=text,
        )
        attempt = AttemptRow(
            message=step.message,
            step=step.index,
            generation=self._work.message.generation,
            number=step.attempts,
            started_at=now,
            call=text,
        )
        taken = self._tolls(now)
        marked = await self._desk.store.mark(self._work, step, attempt, [toll.bucket for toll in taken])
        if marked.lost:
            raise LaneLostError
        if (wait := wait_of(marked, taken, now)) is not None:
            raise _WaitError(wait)
        self._attempt = attempt
        self._step = step
        self._paid = tuple(zip(taken, marked.taken, strict=True))
        reach(Point.MARKED)
        if self._now() - now > timedelta(seconds=PROMPT):
            # this process stood still, or the store did
            raise Unreachable("it took too long to write that the call leaves", hint="look at the store, and the load")

    # ── what it came to ───────────────────────────────────────────────────────────────────────────────────────────

    async def _accepted(self, receipt: Receipt) -> None:
        now = self._now()
        work, step = self._work, self._step
        attempt = self._ended("accepted", None, now)
        ids = [entry.vendor_id for entry in receipt.sent]
        states = await reported_states(self._desk.store, self._connection, ids)
        # while a copy waited to leave nobody could say whose a report is: it was handed over as a stranger's
        told: Collection[str] = () if step.doubt else states.keys()
        settled = outbox.accepted(
            work.message, work.steps, step, receipt, attempt, self._connection, now, reported=told, states=states
        )
        if step.index + 1 < len(work.steps):
            settled = replace(settled, next_at=now + timedelta(seconds=work.steps[step.index + 1].pause))
        if isinstance(self._action, SendMessage | SendPoll) and not self._standing.known.begun:
            await begin(self._desk.store, self._connection, work.lane, now)
        _log.info("step_accepted", **self._fields(), replayed=receipt.replayed)

        def late(row: MessageRow, steps: Sequence[StepRow], step: StepRow) -> Settlement:
            proved = outbox.accepted(
                row, steps, step, receipt, attempt, self._connection, now, reported=told, states=states
            )
            return replace(proved, next_at=settled.next_at)

        await self._settle(settled, late)

    async def _settle(self, settled: Settlement, late: Late) -> None:
        """Write what came of the call; where another worker has the lane, `late` is what it may have to hear of it."""
        try:
            await self._desk.settle(self._work, settled)
        except LaneLostError:
            if self._attempt is not None:
                await came_late(self._desk.store, self._desk.clock, self._step, late)
            raise

    def _if_sure(self, error: GatewayError, late: Late) -> Late:
        """Take the word of an error only where this was the one call that was made, and came to nothing for certain."""
        sure, number = _certain(error) and not self._step.doubt, self._step.attempts
        return lambda row, steps, step: late(row, steps, step) if sure and step.attempts == number else None

    async def _failed(self, error: GatewayError) -> None:
        now = self._now()
        work, step = self._work, self._step
        attempt = self._ended(error.slug, str(error), now)
        if isinstance(self._action, SetTyping) and step.index + 1 < len(work.steps):
            skipped = outbox.skipped(work.message, step, _as_send(error), now)
            await self._desk.settle(work, replace(skipped, attempt=attempt))
            return
        await self._take_note(error)
        decision = self._decide(error, now)
        _log.info("step_failed", **self._fields(), error=error.slug, code=error.code, decision=type(decision).__name__)
        pausing = None
        if _certain(error):
            pausing = await pause(self._desk.store, self._sending(), self._connection, error)
        if isinstance(decision, Park):
            await self._settle_unknown(error, now, attempt)
        elif pausing is not None:
            self._step = replace(step, state=StepState.WAITING)
            await self._park(error, pausing.until, attempt)
        elif isinstance(decision, Again):
            self._step = replace(step, state=StepState.WAITING, doubt=step.doubt or not _certain(error))
            until = now + timedelta(seconds=decision.after)
            if isinstance(error, RateLimited) and error.retry_after is not None:
                # a 429 that says when to come is about all calls of the account (RFC 6585)
                self._waits = Wait(until, error.message, whole=True)
            await self._park(error, until, attempt)
        else:
            settled = outbox.refused(work.message, step, error, attempt, self._connection, now)
            settled = replace(settled, unused=self._unused(error))
            same = self._if_sure(
                error, lambda row, _, step: outbox.refused(row, step, error, attempt, self._connection, now)
            )
            await self._settle(settled, same)

    def _unused(self, error: GatewayError) -> tuple[Taken, ...]:
        """Say which places were taken for nothing: all where no call left; where one did, those of people."""
        if not _certain(error) or self._step.doubt:
            return ()
        left = not isinstance(error, Unreachable)
        return tuple(place for toll, place in self._paid if not (left and toll.calls))

    async def _take_note(self, error: GatewayError) -> None:
        """Keep what an answer says beyond this send: the account is stopped, the contact has opted out.

        A code counts where the error is certain: what a vendor says that failed itself may be a number of another list.
        """
        connection = self._connection
        if isinstance(error, Unauthorized):
            connection.stopped = error
            _log.error("connection_stopped", connection=connection.name, code=error.code, status=error.status)
        word = opted_out_by(error, connection.provider.codes, connection.name, self._action.chat, self._now())
        if word is not None and _certain(error):
            await self._desk.store.keep_consent(word)
            _log.info("opted_out", connection=connection.name, code=error.code)

    async def _settle_unknown(self, error: GatewayError, now: datetime, attempt: AttemptRow | None = None) -> None:
        work, step = self._work, self._step
        proofs = await self._desk.store.proofs(step.token)
        if proofs:
            states = await reported_states(self._desk.store, self._connection, proofs)
            settled = outbox.accepted(
                work.message, work.steps, step, proven(proofs), attempt, self._connection, now, states=states
            )
        else:
            until = now + self._connection.provider.proof.settle
            settled = outbox.unknown(work.message, step, error, attempt, self._connection, now, until=until)
        await self._desk.settle(work, settled)

    def _decide(self, error: GatewayError, now: datetime) -> Decision:
        step = self._step
        elapsed = (now - step.first_at).total_seconds() if step.first_at else 0.0
        return decide(
            error,
            repeat=self._repeat,
            attempt=max(step.attempts, 1),
            elapsed=elapsed,
            proof=self._connection.provider.proof,
            chance=self._desk.chance(),
            limits=self._desk.policy,
            doubt=step.doubt,
        )

    def _ended(self, outcome: str, detail: str | None, now: datetime) -> AttemptRow | None:
        if self._attempt is None:
            return None
        status = self._reply.status if self._reply else None
        return changed(self._attempt, ended_at=now, outcome=outcome, status=status, detail=detail)

    # ── who and when ──────────────────────────────────────────────────────────────────────────────────────────────

    def _now(self) -> datetime:
        return self._desk.clock.now()

    def _sending(self, now: datetime | None = None) -> Sending:
        message, lane = self._work.message, self._work.lane
        when = now or self._now()
        return Sending(self._action, self._connection.name, lane, message.priority, when, message.due_at)

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
