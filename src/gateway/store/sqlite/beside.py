"""Looking at a file that another process writes to: from beside, where it is, and without a copy of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from gateway.errors import StoreError
from gateway.store.ledger import Call, Claim, Claimed, ClaimEvents, LedgerStore, Rows, Transact
from gateway.store.migrating import pending
from gateway.store.rows import EventRow, Work
from gateway.store.sql import migrations
from gateway.store.sqlite.connection import apart, connect, find, reading

__all__ = ["SqliteBeside"]

T = TypeVar("T")


class SqliteBeside(LedgerStore):
    """Answers every look-up, and refuses every write.

    SQLite itself lets others read while one writes, each from what was committed last; only `FileLock` keeps a second
    gateway out.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Connect; raises `StoreError` for a file that is no database of this very version."""
        if self._connection is not None or self._closed:
            raise StoreError("the store was opened before", code="closed", hint="make a new store")
        with reading():
            applied = [name for (name,) in await apart(self._connected)]
        if waiting := pending(migrations("sqlite"), applied, late=True):
            raise StoreError(
                f"the database is older than this version: it lacks {waiting[0].name}",
                code="older",
                hint="start the gateway that has it again, with this version",
            )

    def _connected(self) -> Rows:
        self._connection = connect(self.path, writing=False)
        return find(self._connection, "known_migrations")

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _let_go(self) -> None:
        async with self._turn:
            if self._connection is not None:
                self._connection.close()

    def _check(self) -> sqlite3.Connection:
        if self._connection is None or self._closed:
            raise StoreError("the store is closed", code="closed", hint="open a new one")
        return self._connection

    def _call(self, call: Call[T]) -> Awaitable[T]:
        self._refuse()

    async def _claim(self, call: Claim) -> Claimed[Work]:
        self._refuse()

    async def _claim_events(self, call: ClaimEvents) -> Claimed[EventRow]:
        self._refuse()

    async def _transact(self, call: Transact) -> Any:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise StoreError("this database is only looked at", code="read_only", hint="write by the gateway that has it")

    async def _find(self, query: str, *arguments: Any) -> Rows:
        async with self._turn:
            connection = self._check()
            with reading():
                return await apart(find, connection, query, *arguments)

    async def _list(self, query: str, *arguments: Any) -> Rows:
        return await self._find(query, *arguments)
