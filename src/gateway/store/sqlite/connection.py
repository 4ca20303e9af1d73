"""Connections to an SQLite file, and the statements that run on them."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from pydantic_core import to_json

from gateway.errors import StoreError
from gateway.store.columns import Columns
from gateway.store.ledger.plan import Ask, Plan, Rows, Tell, Told
from gateway.store.sql import Query, queries

__all__ = ["apart", "connect", "failure", "find", "reading", "run", "whole_store"]

T = TypeVar("T")

_SIZES = (64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
"""Rows of one statement: so many sizes that a batch is two or three of them, so few that each is prepared once."""
OLDEST = (3, 35, 0)
"""RETURNING came with it."""


def connect(path: Path, *, writing: bool) -> sqlite3.Connection:
    """Open the file; what is committed through it is on the disk when the commit returns."""
    if sqlite3.sqlite_version_info < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise StoreError(
            f"this Python brings SQLite {sqlite3.sqlite_version}; {needed} or newer is needed",
            code="too_old",
            hint="use a newer Python, or postgresql://…",
        )
    mode = "rwc" if writing else "ro"
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        timeout=10,
        isolation_level=None,  # transactions are begun and ended in so many words
        check_same_thread=False,  # a connection moves between threads, and is used by one at a time
        cached_statements=512,
    )
    connection.execute("pragma busy_timeout = 10000")
    # What a statement of many rows needs to be undone goes into a file above 64 kB, and so does what is sorted: in the
    # system's folder for such files, where messages must not lie; and writing it costs as much as writing the log.
    connection.execute("pragma temp_store = memory")
    if writing:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma fullfsync = on")  # on a Mac, fsync alone does not reach the disk
        connection.execute("pragma checkpoint_fullfsync = on")
        # what is deleted becomes zeros: messages and numbers that were erased are in no copy of the file
        connection.execute("pragma secure_delete = on")
        connection.execute("pragma journal_size_limit = 67108864")
        # ids of events and digests of webhooks are spread over all of their indexes: with the 2 MB that SQLite takes by
        # itself each insert reads pages anew, and with a log of 4 MB each page is copied into the file again and again;
        # in pages of 4 kB, both are 16 MB
        connection.execute("pragma cache_size = 4096")
        connection.execute("pragma wal_autocheckpoint = 4000")
    else:
        # the writer alone copies the log into the file: two that do it at once met a bug of SQLite before 3.51.3
        connection.execute("pragma wal_autocheckpoint = 0")
    return connection


def find(connection: sqlite3.Connection, query: str, *arguments: Any) -> Rows:
    """Run a query once; a list becomes JSON, which the SQL takes apart."""
    values = [to_json(value).decode() if isinstance(value, list) else value for value in arguments]
    return connection.execute(queries("sqlite")[query].sql, values).fetchall()


async def apart(work: Callable[..., T], *arguments: Any) -> T:
    """Do something with a connection in a thread; who is cancelled meanwhile goes when that has ended.

    So he may close the connection: one that is closed under a thread takes the process with it.
    """
    # a future and not a task: a loop that ends cancels its tasks, and the thread would go on alone
    doing = asyncio.get_running_loop().run_in_executor(None, partial(work, *arguments))
    cancelled: asyncio.CancelledError | None = None
    while not doing.done():
        try:
            await asyncio.wait((doing,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return doing.result()
    if not doing.cancelled():
        doing.exception()  # nobody is there to be told of it
    raise cancelled


def run(connection: sqlite3.Connection, plan: Plan[T]) -> T:
    """Run a plan."""
    rows: Rows = []
    step = partial(next, plan)
    while True:
        try:
            query = step()
        except StopIteration as end:
            result: T = end.value
            return result
        rows = _perform(connection, query)
        step = partial(plan.send, rows)


def _perform(connection: sqlite3.Connection, query: Ask | Tell | Told) -> Rows:
    match query:
        case Ask():
            return find(connection, query.query, *query.arguments)
        case Tell() | Told():
            return _write(connection, queries("sqlite")[query.query], query.rows)


def _write(connection: sqlite3.Connection, query: Query, rows: Sequence[Columns]) -> Rows:
    """Write rows, many with one statement where it allows that; gives what comes back.

    The thread lets go of the interpreter for each step of a statement, and while the loop is busy to get it back takes
    longer than the step.
    """
    cursor = connection.cursor()
    back: Rows = []
    done = 0
    for size in _SIZES if query.takes_rows else (1,):
        statement = query.of_rows(size)
        while done + size <= len(rows):
            values = tuple(chain.from_iterable(rows[done : done + size]))
            back += cursor.execute(statement, values).fetchall()
            done += size
    return back


def whole_store(error: BaseException) -> bool:
    """Tell whether an error concerns the whole store, not only the rows that met it."""
    return isinstance(error, sqlite3.OperationalError)


def failure(error: BaseException) -> StoreError:
    """Say what an error of SQLite means, and what to do; what was being written is never in it."""
    if isinstance(error, StoreError):
        return error
    if not isinstance(error, sqlite3.Error):
        return StoreError(
            f"this cannot be kept: {type(error).__name__}", code="unkept", hint="its text or a number is broken"
        )
    name = getattr(error, "sqlite_errorname", "")
    for start, code, text, hint in _MEANINGS:
        if name.startswith(start):
            return StoreError(text, code=code, hint=hint)
    return StoreError(f"SQLite failed: {name or type(error).__name__}", code="failed", hint="look at the file's disk")


_MEANINGS = (
    ("SQLITE_FULL", "full", "the disk is full: nothing more is kept", "make room; the store then goes on by itself"),
    ("SQLITE_IOERR", "disk", "the disk failed, or is full", "look at the disk; the store tries again with each call"),
    ("SQLITE_READONLY", "read_only", "the database cannot be written to", "look at the rights of the file and folder"),
    ("SQLITE_CANTOPEN", "missing", "the database cannot be opened", "its folder must exist and be writable"),
    ("SQLITE_NOTADB", "no_database", "this file is no SQLite database", "name another file"),
    ("SQLITE_CORRUPT", "corrupt", "the database is damaged", "restore a backup: gateway backup makes them"),
    ("SQLITE_BUSY", "busy", "another program holds the database", "close what else has it open"),
    ("SQLITE_TOOBIG", "too_big", "this is too large to be kept", "send less at once"),
)


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Turn an error of SQLite into a `StoreError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise failure(error) from None
