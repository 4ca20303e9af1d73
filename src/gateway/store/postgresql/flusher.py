"""The tasks that write: each takes all calls of one kind that wait, and commits them together.

Calls gather by themselves while a commit is on its way; nobody waits for a timer. Several tasks, so that calls are put
together while others are being written; a few of the same kind wait for those that are on their way, for what many
share costs each of them less.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import StoreError
from gateway.log import logger
from gateway.store.ledger import Call, Written
from gateway.store.postgresql.batches import Kind, kind_of, plan_of, whole
from gateway.store.postgresql.driver import Line, Pool, failure, run, transient, whole_store
from gateway.store.postgresql.place import Place

__all__ = ["TRIES", "Flusher"]

_log = logger(__name__)

TASKS = 4
MOST = 256
"""Calls in one transaction; more would keep those waiting that came first."""
FEW = {Kind.ENQUEUE: 24, Kind.MARK: 64, Kind.SETTLE: 64, Kind.OTHER: 64}
"""Calls of one kind that are never divided, by how much a transaction costs however few calls it has: to keep messages
takes three statements, to carry them out nearly a dozen, and with small batches they would be all the server does."""
MANY = 12
"""Calls of one kind that are worth a second transaction while one is on its way."""
ABREAST = 2
"""Transactions of one kind on their way at once: more would wait for the same rows, and keep other kinds waiting."""
PENDING = 10_000
"""Calls that may wait; more are refused, so that whoever overloads the store learns of it."""
SHARDS = 64
"""Rows in which tasks count what waits, so that they seldom wait for each other's."""
TRIES = 6
"""Times that a transaction is tried that others came in the way of."""


@dataclass(slots=True)
class _Waiting:
    number: int
    call: Call[Any]
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where a task writes, and the row in which it counts what waits."""

    line: Line
    shard: int


class Flusher:
    """Takes calls and answers them once they are committed."""

    def __init__(self, pool: Pool, place: Place, number: int, report: Callable[[Written], None]) -> None:
        self._report = report
        self._queues: set[tuple[str, int]] = set()
        self._calls: dict[Kind, deque[_Waiting]] = {kind: deque() for kind in Kind}
        self._writing = dict.fromkeys(Kind, 0)
        self._number = 0
        self._pending = 0
        self._news = asyncio.Event()
        self._ending = False
        desks = [_Desk(Line(pool, place), (number * TASKS + task) % SHARDS) for task in range(TASKS)]
        self._tasks = [asyncio.create_task(self._work(desk), name="gateway store") for desk in desks]

    def call(self, call: Call[Any]) -> asyncio.Future[Any]:
        """Hand over a call; gives what waits for its answer. Who is cancelled meanwhile cancels only the waiting."""
        if self._pending >= PENDING:
            raise StoreError(
                "the store is overloaded", code="overloaded", hint="try again in a moment, with fewer at once"
            )
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._number += 1
        self._pending += 1
        self._calls[kind_of(call)].append(_Waiting(self._number, call, future))
        self._news.set()
        return future

    async def close(self) -> None:
        """Write what waits, and end the tasks."""
        self._ending = True
        self._news.set()
        await asyncio.gather(*self._tasks)

    async def _work(self, desk: _Desk) -> None:
        while self._pending or not self._ending:
            kind = self._next()
            if kind is None:
                self._news.clear()
                await self._news.wait()
                continue
            batch = self._gather(kind)
            self._writing[kind] += 1
            await self._write(kind, batch, desk)
            self._writing[kind] -= 1
            self._news.set()
        await desk.line.close()

    def _next(self) -> Kind | None:
        """Choose the kind whose first call waits longest, of those that may be written now."""
        ready = [(calls[0].number, kind) for kind, calls in self._calls.items() if calls and self._may_go(kind)]
        return min(ready)[1] if ready else None

    def _may_go(self, kind: Kind) -> bool:
        """Tell whether a kind is not being written, or so many of it wait that another batch goes beside the first."""
        writing = self._writing[kind]
        return not writing or (writing < ABREAST and len(self._calls[kind]) >= MANY)

    def _gather(self, kind: Kind) -> list[_Waiting]:
        """Take calls of a kind: all that wait, or half of many.

        Those who wait come back together, with the next thing they want: all of them would go round as one, and server
        and process would work in turns. With two halves one is put together while the other is being written. More
        parts would only cost: a half of what a worker has under way is not divided again.
        """
        calls = self._calls[kind]
        divided = len(calls) > FEW[kind]
        share = (len(calls) + 1) // 2 if divided else len(calls)
        batch = [calls.popleft() for _ in range(min(MOST, share))]
        self._pending -= len(batch)
        return batch

    async def _write(self, kind: Kind, batch: Sequence[_Waiting], desk: _Desk) -> None:
        """Write calls together; when a row is bad, halve the batch until it stands alone."""
        try:
            written = await self._commit(kind, [waiting.call for waiting in batch], desk)
        except Exception as error:  # noqa: BLE001 - a border: whatever it is, the callers wait for an answer
            if len(batch) > 1 and not whole_store(error):
                await self._write(kind, batch[: len(batch) // 2], desk)
                await self._write(kind, batch[len(batch) // 2 :], desk)
                return
            problem = failure(error)
            _log.error("store_failed", calls=len(batch), error=type(error).__name__, code=problem.code)
            for waiting in batch:
                if not waiting.future.done():
                    waiting.future.set_exception(problem)
        else:
            self._queues |= written.queues
            self._report(written)
            for waiting, answer in zip(batch, written.answers, strict=True):
                if not waiting.future.done():
                    waiting.future.set_result(answer)

    async def _commit(self, kind: Kind, calls: Sequence[Call[Any]], desk: _Desk) -> Written:
        """Write calls in one transaction; one that others came in the way of is tried again."""
        for number in range(1, TRIES):
            try:
                return await self._try(kind, calls, desk)
            except Exception as error:
                if not transient(error):
                    raise
                _log.info("store_retries", calls=len(calls), error=type(error).__name__, number=number)
                await asyncio.sleep(random.uniform(0, 0.005) * number)  # noqa: S311 - it only has to differ
        return await self._try(kind, calls, desk)

    async def _try(self, kind: Kind, calls: Sequence[Call[Any]], desk: _Desk) -> Written:
        lent = desk.line.statement() if whole(kind, calls) else desk.line.transaction()
        async with lent as connection:
            return await run(connection, plan_of(kind, calls, desk.shard, self._queues))
