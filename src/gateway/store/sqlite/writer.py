"""The one thread that writes: it takes all calls that wait, and commits them together.

Calls gather by themselves while the commit before is on its way to the disk, and in the loop for as long as each of its
rounds brings more of them: else the thread would take the first call of many alone and pay a commit for it, and many
small commits write the same pages again and again. Nobody waits for a timer, and a call that is alone for one empty
round of the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gateway.errors import GatewayError, StoreError
from gateway.log import logger
from gateway.store.ledger import Call, Claim, ClaimEvents, Plan, Scrub, Transact, Written, claim, claim_events, write
from gateway.store.sqlite.connection import failure, find, run, whole_store

__all__ = ["Outcome", "Writer"]

_log = logger(__name__)

MOST = 256
"""Calls after which a transaction takes no more, for it would keep those waiting that came first; nor is more handed
over in one piece."""
ROUNDS = 6
"""Rounds of the loop in which calls gather at most, so that those that came first are not kept waiting."""
_ALONE = (Claim, ClaimEvents, Transact)
"""Calls that have a transaction of their own."""
PENDING = 10_000
"""Calls that may wait; more are refused, so that whoever overloads the store learns of it."""


@dataclass(slots=True)
class Outcome:
    """What one transaction came to: answers or errors of its calls, and what it wrote."""

    calls: Sequence[_Waiting]
    answers: Sequence[Any]
    written: Written | None = None
    """None for a claim."""


@dataclass(slots=True)
class _Waiting:
    call: Call[Any]
    future: asyncio.Future[Any]


_Report: TypeAlias = Callable[[Outcome], None]


class Writer:
    """Takes calls from the event loop and answers them there, once they are on the disk."""

    def __init__(self, connection: sqlite3.Connection, report: _Report, *, linked: bool) -> None:
        self._connection = connection
        self._linked = linked
        """Whether any chat has, or had, a second id."""
        self._report = report
        self._queues: set[tuple[str, int]] = set()
        self._calls: queue.SimpleQueue[list[_Waiting] | None] = queue.SimpleQueue()
        self._gathered: list[_Waiting] = []
        """Calls that the thread does not know of yet."""
        self._pending = 0
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, name="gateway store", daemon=True)
        self._thread.start()

    def call(self, call: Call[Any]) -> asyncio.Future[Any]:
        """Hand over a call; gives what waits for its answer. Who is cancelled meanwhile cancels only the waiting."""
        if self._pending >= PENDING:
            raise StoreError(
                "the store is overloaded", code="overloaded", hint="try again in a moment, with fewer at once"
            )
        future: asyncio.Future[Any] = self._loop.create_future()
        self._pending += 1
        if not self._gathered:
            self._loop.call_soon(self._look, 0, ROUNDS)
        self._gathered.append(_Waiting(call, future))
        return future

    async def close(self) -> None:
        """Write what waits, and end the thread."""
        self._hand_over()
        self._calls.put(None)
        try:
            await asyncio.shield(self._ended)
        finally:
            self._thread.join()

    # ── on the thread ─────────────────────────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        going = True
        while going:
            going, calls = self._gather()
            batch: list[_Waiting] = []
            for waiting in calls:
                if isinstance(waiting.call, Scrub):
                    self._scrub(waiting)
                elif isinstance(waiting.call, _ALONE):
                    self._alone(waiting)
                else:
                    batch.append(waiting)
            self._write(batch)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set_result, None)

    def _gather(self) -> tuple[bool, list[_Waiting]]:
        """Wait for a call, then take all that are there; False when it is over."""
        found: list[_Waiting] = []
        next_one = self._calls.get()
        while next_one is not None:
            found += next_one
            if len(found) >= MOST:
                return True, found
            try:
                next_one = self._calls.get_nowait()
            except queue.Empty:
                return True, found
        return False, found

    def _alone(self, waiting: _Waiting) -> None:
        """Run a call in a transaction of its own."""
        try:
            with self._transaction():
                answer = run(self._connection, _plan_of(waiting.call))
        except GatewayError as error:  # what the plan itself found wrong: nothing was written
            answer = error
        except Exception as error:  # noqa: BLE001 - a border: whatever it is, the caller waits for an answer
            answer = failure(error)
        self._tell(Outcome([waiting], [answer]))

    def _scrub(self, waiting: _Waiting) -> None:
        """Copy the log into the file and empty it: what was deleted is zeros in the one, and gone from the other."""
        answer: Any = None
        try:
            find(self._connection, "scrub")
        except Exception as error:  # noqa: BLE001 - a border: whatever it is, the caller waits for an answer
            answer = failure(error)
        self._tell(Outcome([waiting], [answer]))

    def _write(self, batch: Sequence[_Waiting]) -> None:
        """Write calls together; when a row is bad, halve the batch until it stands alone."""
        if not batch:
            return
        try:
            with self._transaction():
                calls = [waiting.call for waiting in batch]
                plan = write(calls, queues=self._queues, alone=True, linked=self._linked)
                written = run(self._connection, plan)
        except Exception as error:  # noqa: BLE001 - a border: whatever it is, the callers wait for an answer
            if len(batch) > 1 and not whole_store(error):
                self._write(batch[: len(batch) // 2])
                self._write(batch[len(batch) // 2 :])
                return
            problem = failure(error)
            _log.error("store_failed", calls=len(batch), error=type(error).__name__, code=problem.code)
            self._tell(Outcome(batch, [problem] * len(batch)))
        else:
            self._queues |= written.queues
            self._linked = self._linked or bool(written.aliases)
            self._tell(Outcome(batch, written.answers, written))

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection)

    def _tell(self, outcome: Outcome) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits for an answer
            self._loop.call_soon_threadsafe(self._answer, outcome)

    # ── in the loop ───────────────────────────────────────────────────────────────────────────────────────────────

    def _look(self, seen: int, rounds: int) -> None:
        """Hand over what has gathered, unless the round that is over brought more: then the next one may, too.

        `seen` had gathered a round ago, and so many `rounds` are left.
        """
        many = len(self._gathered)
        if seen < many < MOST and rounds:
            self._loop.call_soon(self._look, many, rounds - 1)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        """Give the thread what has gathered."""
        calls, self._gathered = self._gathered, []
        for start in range(0, len(calls), MOST):
            self._calls.put(calls[start : start + MOST])

    def _answer(self, outcome: Outcome) -> None:
        self._pending -= len(outcome.calls)
        self._report(outcome)
        for waiting, answer in zip(outcome.calls, outcome.answers, strict=True):
            if waiting.future.done():
                continue
            if isinstance(answer, GatewayError):
                waiting.future.set_exception(answer)
            else:
                waiting.future.set_result(answer)


def _plan_of(call: Call[Any]) -> Plan[Any]:
    match call:
        case Claim():
            return claim(call)
        case ClaimEvents():
            return claim_events(call)
        case Transact():
            return call.make()
    raise TypeError(type(call).__name__)


class _Transaction:
    """Commits at its end, and undoes everything when something is raised, in the commit too."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("begin immediate")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._connection.execute("commit")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
