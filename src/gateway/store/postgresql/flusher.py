"""The tasks that write: each takes all calls that wait, and commits them together.

Calls gather by themselves while a commit is on its way; nobody waits for a timer. Two tasks, so that one batch is put
together while the other one is being written to the disk.
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
from gateway.store.ledger import Call, Written, write
from gateway.store.postgresql.driver import Pool, failure, run, transaction, transient, whole_store

__all__ = ["Flusher"]

_log = logger(__name__)

TASKS = 2
MOST = 256
"""Calls in one transaction; more would keep those waiting that came first."""
PENDING = 10_000
"""Calls that may wait; more are refused, so that whoever overloads the store learns of it."""
TRIES = 6
"""Times that a transaction is tried that others came in the way of."""


@dataclass(slots=True)
class _Waiting:
    call: Call[Any]
    future: asyncio.Future[Any]


class Flusher:
    """Takes calls and answers them once they are committed."""

    def __init__(self, pool: Pool, shard: int, report: Callable[[Written], None]) -> None:
        self._pool = pool
        self._shard = shard
        self._report = report
        self._queues: set[tuple[str, int]] = set()
        self._calls: deque[_Waiting] = deque()
        self._news = asyncio.Event()
        self._ending = False
        self._tasks = [asyncio.create_task(self._work(), name="gateway store") for _ in range(TASKS)]

    async def call(self, call: Call[Any]) -> Any:
        """Hand over a call; returns its answer. Who is cancelled while it waits cancels only the waiting."""
        if len(self._calls) >= PENDING:
            raise StoreError(
                "the store is overloaded", code="overloaded", hint="try again in a moment, with fewer at once"
            )
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._calls.append(_Waiting(call, future))
        self._news.set()
        return await future

    async def close(self) -> None:
        """Write what waits, and end the tasks."""
        self._ending = True
        self._news.set()
        await asyncio.gather(*self._tasks)

    async def _work(self) -> None:
        while self._calls or not self._ending:
            if not self._calls:
                self._news.clear()
                await self._news.wait()
                continue
            batch = [self._calls.popleft() for _ in range(min(MOST, len(self._calls)))]
            await self._write(batch)

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        """Write calls together; when a row is bad, halve the batch until it stands alone."""
        try:
            written = await self._commit([waiting.call for waiting in batch])
        except Exception as error:  # noqa: BLE001 - a border: whatever it is, the callers wait for an answer
            if len(batch) > 1 and not whole_store(error):
                await self._write(batch[: len(batch) // 2])
                await self._write(batch[len(batch) // 2 :])
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

    async def _commit(self, calls: Sequence[Call[Any]]) -> Written:
        """Write calls in one transaction; one that others came in the way of is tried again."""
        for number in range(1, TRIES):
            try:
                return await self._try(calls)
            except Exception as error:
                if not transient(error):
                    raise
                _log.info("store_retries", calls=len(calls), error=type(error).__name__, number=number)
                await asyncio.sleep(random.uniform(0, 0.005) * number)  # noqa: S311 - it only has to differ
        return await self._try(calls)

    async def _try(self, calls: Sequence[Call[Any]]) -> Written:
        async with transaction(self._pool) as connection:
            return await run(connection, write(calls, shard=self._shard, queues=self._queues))
