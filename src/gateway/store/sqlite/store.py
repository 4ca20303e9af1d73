"""The store on SQLite: a writer thread, and a connection of the event loop's own for look-ups."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

from gateway.errors import StoreError
from gateway.ids import ChatId
from gateway.log import logger
from gateway.store.ledger import Call, Claim, Claimed, ClaimEvents, LedgerStore, Plan, Rows, Scrub, Transact
from gateway.store.ledger.plan import ask, tell
from gateway.store.rows import EventRow, Work
from gateway.store.rules import ENDED
from gateway.store.sql import migrations
from gateway.store.sqlite.connection import apart, connect, find, reading, run
from gateway.store.sqlite.place import FileLock, made, path_of
from gateway.store.sqlite.schema import upgrade
from gateway.store.sqlite.writer import Outcome, Writer

__all__ = ["SqliteStore", "migrate"]

T = TypeVar("T")

_log = logger(__name__)


class SqliteStore(LedgerStore):
    """Keeps everything in one file; what a call returned is on the disk.

    One process at a time: a second one is refused. Look-ups by a key are read in the event loop, from what the system
    has in memory most of the time; lists and files are read on a thread.
    """

    alone = True
    """Nobody else writes."""
    told = True
    """So `next_due` knows of everything."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.path: Path = path_of(url)
        self._stack = contextlib.ExitStack()
        self._writer: Writer | None = None
        self._reader: sqlite3.Connection | None = None
        self._lister: sqlite3.Connection | None = None
        self._listing = asyncio.Lock()
        self._aliases: dict[ChatId, ChatId] = {}

    async def open(self) -> None:
        """Take the file, bring its schema up to date, and give back what a process that is gone had held.

        Raises `StoreError` when another process has the file, or when it was written by a newer version.
        """
        if self._writer is not None or self._closed:
            raise StoreError("the store was opened before", code="closed", hint="make a new store")
        with reading():
            try:
                connection = await apart(self._open)
            except BaseException:
                self._stack.close()
                raise
        self._writer = Writer(connection, self._report, linked=bool(self._aliases))
        _log.info("store_opened", kind="sqlite", sqlite=sqlite3.sqlite_version)

    def _open(self) -> sqlite3.Connection:
        connection = self._stack.enter_context(writing(self.path))
        upgrade(connection, migrations("sqlite"), late=True)
        connection.execute("begin immediate")
        run(connection, _void())
        connection.execute("commit")
        self._reader = self._stack.enter_context(contextlib.closing(connect(self.path, writing=False)))
        self._lister = self._stack.enter_context(contextlib.closing(connect(self.path, writing=False)))
        self._aliases = {ChatId(chat): ChatId(kept) for chat, kept in find(connection, "all_aliases")}
        return connection

    async def canonical(self, chat: ChatId) -> ChatId:
        """Give the id under which a chat is kept; nobody else writes, so all of them are known."""
        self._check()
        return self._aliases.get(chat, chat)

    async def scrub(self) -> None:
        """Leave nothing of what was deleted in the file, nor in its log."""
        await self._check().call(Scrub())

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _let_go(self) -> None:
        """Write what waits, and let go of the file, also where the loop ends meanwhile."""
        try:
            if self._writer is not None:
                await self._writer.close()
        finally:
            async with self._listing:
                await asyncio.to_thread(self._stack.close)

    def _check(self) -> Writer:
        if self._writer is None or self._closed:
            raise StoreError("the store is closed", code="closed", hint="open a new Gateway")
        return self._writer

    def _call(self, call: Call[T]) -> Awaitable[T]:
        return self._check().call(call)

    async def _claim(self, call: Claim) -> Claimed[Work]:
        return cast("Claimed[Work]", await self._check().call(call))

    async def _claim_events(self, call: ClaimEvents) -> Claimed[EventRow]:
        return cast("Claimed[EventRow]", await self._check().call(call))

    async def _transact(self, call: Transact) -> Any:
        return await self._check().call(call)

    def _report(self, outcome: Outcome) -> None:
        """Take note of what was written; called in the loop, before the callers go on."""
        if outcome.written is not None:
            for other, kept in outcome.written.aliases.items():
                moved = {chat: kept for chat, target in self._aliases.items() if target == other}
                self._aliases |= {**moved, other: kept}
            self._wake(outcome.written.lanes_due, outcome.written.events_due)

    async def _find(self, query: str, *arguments: Any) -> Rows:
        self._check()
        assert self._reader is not None  # noqa: S101 - `open` has set it
        with reading():
            return find(self._reader, query, *arguments)

    async def _list(self, query: str, *arguments: Any) -> Rows:
        self._check()
        async with self._listing:
            self._check()
            assert self._lister is not None  # noqa: S101 - `open` has set it
            with reading():
                return await apart(find, self._lister, query, *arguments)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Take a database's file for this process alone, whatever name it goes by, and connect to it."""
    path = path.resolve()
    with reading():
        # it will hold messages, so it is not left to SQLite, which would let everybody read it
        os.close(made(path, "the database's file"))
        with FileLock(path), contextlib.closing(connect(path, writing=True)) as connection:
            yield connection


def _void() -> Plan[None]:
    """Give back every lane and event that is held."""
    yield from ask("void_leases")
    lanes = yield from ask("void_events", ENDED)
    yield from tell("write_event_lanes", sorted(set(lanes)))


def migrate(path: Path) -> list[str]:
    """Bring a database up to date; gives the names of the migrations that were applied."""
    with writing(path) as connection:
        return upgrade(connection, migrations("sqlite"), late=True)
