"""The store on PostgreSQL: tasks that write, a pool for look-ups and claims, and hints between processes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable
from typing import Any, TypeVar, cast

from gateway.errors import GatewayError, StoreError
from gateway.log import logger
from gateway.store.ledger import (
    Call,
    Claim,
    Claimed,
    ClaimEvents,
    LedgerStore,
    Plan,
    Rows,
    Transact,
    Written,
    claim_events,
)
from gateway.store.postgresql.batches import claim
from gateway.store.postgresql.driver import Line, Pool, failing, failure, find, make_pool, run, transient
from gateway.store.postgresql.flusher import TRIES, Flusher
from gateway.store.postgresql.hints import Hints, News
from gateway.store.postgresql.place import place_of
from gateway.store.postgresql.schema import upgrade
from gateway.store.rows import EventRow, Work
from gateway.store.sql import migrations

__all__ = ["PostgresStore"]

T = TypeVar("T")

_log = logger(__name__)

TAKES = 10.0
"""Seconds since a process last took something in which it is believed to take what it wrote."""


class PostgresStore(LedgerStore):
    """Keeps everything in a PostgreSQL database; what a call returned is committed there.

    Any number of processes may share it. When the server goes away calls raise `StoreError` until it is back; the store
    connects again by itself. A call whose commit was not confirmed raises too: it may have been kept.
    """

    told = True
    """Others say with their hints what falls due by what they write, so that `next_due` knows of it."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._took_lanes = self._took_events = -TAKES
        self._place = place_of(url)
        self._pool: Pool | None = None
        self._line: Line | None = None
        self._flusher: Flusher | None = None
        self._hints: Hints | None = None

    async def open(self) -> None:
        """Connect, and bring the schema up to date, but for what must wait for processes of the version before.

        Raises `StoreError` when the database cannot be reached, or was written by a newer version.
        """
        if self._pool is not None or self._closed:
            raise StoreError("the store was opened before", code="closed", hint="make a new store")
        pool = await make_pool(self._place)
        try:
            with failing():
                async with pool.acquire() as connection:
                    await upgrade(connection, migrations("postgresql"), late=False)
        except BaseException:
            pool.terminate()
            raise
        self._pool = pool
        self._line = Line(pool, self._place)
        self._flusher = Flusher(pool, self._place, os.getpid(), self._report)
        self._hints = Hints(self._place, self._heard)
        await self._hints.begin()
        _log.info("store_opened", kind="postgresql", pooled=self._place.pooled)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _let_go(self) -> None:
        """Write what waits, and let go of all connections."""
        if self._flusher is not None and self._hints is not None and self._pool is not None:
            await self._flusher.close()
            await cast("Line", self._line).close()
            await self._hints.close()
            try:
                async with asyncio.timeout(5):
                    await self._pool.close()
            except Exception as error:  # noqa: BLE001 - a border: what cannot be closed in order is let go of
                _log.info("store_closed_hard", error=type(error).__name__)
                self._pool.terminate()

    def _check(self) -> Line:
        if self._line is None or self._closed:
            raise StoreError("the store is closed", code="closed", hint="open a new Gateway")
        return self._line

    def _call(self, call: Call[T]) -> Awaitable[T]:
        self._check()
        return cast("Flusher", self._flusher).call(call)

    def _report(self, written: Written) -> None:
        """Take note of what was written, before the callers go on; a marker is nothing to others."""
        self._wake(written.lanes_due, written.events_due)
        if not written.private:
            self._tell(written.lanes_due, written.events_due)

    def _tell(self, lanes_due: int | None = None, events_due: int | None = None) -> None:
        """Let other processes know, and whether this one takes such things itself."""
        since = time.monotonic() - TAKES
        left = (lanes_due is not None and self._took_lanes < since) or (
            events_due is not None and self._took_events < since
        )
        cast("Hints", self._hints).tell(News(lanes_due, events_due, left))

    def _heard(self, news: News) -> None:
        self._wake(news.lanes_due, news.events_due)

    async def _claim(self, call: Claim) -> Claimed[Work]:
        self._took_lanes = time.monotonic()
        return cast("Claimed[Work]", await self._take(lambda: claim(call), whole=True))

    async def _claim_events(self, call: ClaimEvents) -> Claimed[EventRow]:
        self._took_events = time.monotonic()
        return cast("Claimed[EventRow]", await self._take(lambda: claim_events(call)))

    async def _transact(self, call: Transact) -> Any:
        answer = await self._take(call.make)
        self._tell()
        return answer

    async def _take(self, plan: Any, *, whole: bool = False) -> Any:
        """Run a plan in a transaction of its own; a claim holds what it finds free, and never waits for a lane.

        `whole` says that it is one statement.
        """
        tries = 0
        while True:
            tries += 1
            line = self._check()
            try:
                async with line.statement() if whole else line.transaction() as connection:
                    return await run(connection, cast("Plan[Any]", plan()))
            except GatewayError:  # what the plan itself found wrong: nothing was written
                raise
            except Exception as error:  # noqa: BLE001 - a border: whatever it is, the caller gets a `StoreError`
                if tries == TRIES or not transient(error):
                    raise failure(error) from None

    async def _find(self, query: str, *arguments: Any) -> Rows:
        line = self._check()
        with failing():
            async with line.statement() as connection:
                return await find(connection, query, *arguments)

    async def _list(self, query: str, *arguments: Any) -> Rows:
        return await self._find(query, *arguments)
