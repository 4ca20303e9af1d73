"""Enqueue and execute on a durable store, against bare inserts that are committed one by one.

Both write to the same disk with the same care: SQLite in WAL mode with `synchronous=FULL`, PostgreSQL with `fsync` on.
A bare insert is one row of about 300 bytes; an enqueued message is a message, a step, a token and its lane.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.jobs import ACTION, CALLERS, Jobs
from benchmarks.measure import Row, Run, Size, compare, here, there
from gateway.store import Store, open_store
from tests.postgres import Server, own_server

__all__ = ["enqueue_postgresql", "enqueue_sqlite", "execute_postgresql", "execute_sqlite", "opened", "used_server"]

CONNECTIONS = 16
"""Connections that insert into PostgreSQL at the same time, which is about as fast as it goes."""
LONGER = 3
"""Times as many in a round as on SQLite: there are two processes and a disk, and a short round is over before they have
found a common step."""
DURABLE = ("fsync=on", "synchronous_commit=on", "max_connections=60", "logging_collector=off")
SEGMENTS = 32
"""Files of the server's log that are made beforehand: a server that has run for a while writes over those that it no
longer needs, and a new one fills 16 MB with nothing first."""


async def enqueue_sqlite(size: Size) -> AsyncIterator[Row]:
    """Keep messages in a file."""
    async with _sqlite(size) as (base, jobs):
        title = f"enqueue on SQLite, {CALLERS} callers, against one insert a commit"
        yield await _enqueue("enqueue-sqlite", title, base, jobs, size, target=2.0)


async def execute_sqlite(size: Size) -> AsyncIterator[Row]:
    """Claim, mark and settle messages in a file."""
    async with _sqlite(size) as (base, jobs):
        title = "claim, marker and result on SQLite, 100 chats, against the same"
        yield await _execute("execute-sqlite", title, base, jobs, size, target=1.0)


async def enqueue_postgresql(size: Size) -> AsyncIterator[Row]:
    """Keep messages in a database."""
    size = replace(size, writes=LONGER * size.writes)
    async with _postgresql(size) as (base, jobs):
        title = f"enqueue on PostgreSQL, {CALLERS} callers, against {CONNECTIONS} inserting connections"
        yield await _enqueue("enqueue-postgresql", title, base, jobs, size, target=1.0)


async def execute_postgresql(size: Size) -> AsyncIterator[Row]:
    """Claim, mark and settle messages in a database."""
    size = replace(size, writes=LONGER * size.writes)
    async with _postgresql(size) as (base, jobs):
        title = "claim, marker and result on PostgreSQL, 100 chats, against the same"
        yield await _execute("execute-postgresql", title, base, jobs, size, target=0.5)


async def _enqueue(name: str, title: str, base: Run, jobs: Jobs, size: Size, *, target: float) -> Row:
    return await compare(name, title, base, lambda: jobs.enqueue(size.writes), rounds=size.rounds, target=target)


async def _execute(name: str, title: str, base: Run, jobs: Jobs, size: Size, *, target: float) -> Row:
    await jobs.enqueue((size.rounds + 2) * size.writes)
    return await compare(name, title, base, lambda: jobs.execute(size.writes), rounds=size.rounds, target=target)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    """Open a store."""
    store = open_store(url, {})
    await store.open()
    try:
        yield store
    finally:
        await store.close()


# ── SQLite ────────────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def _sqlite(size: Size) -> AsyncIterator[tuple[Run, Jobs]]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = await stack.enter_async_context(opened(f"sqlite:///{folder / 'ours.db'}"))
        bare = stack.enter_context(closing(_bare_file(folder / "bare.db")))
        numbers = count()

        async def base() -> float:
            begin = time.perf_counter()
            for _ in range(size.writes):
                bare.execute("insert into job (id, body) values (?, ?)", (f"job_{next(numbers):026}", ACTION))
            return size.writes / (time.perf_counter() - begin)

        yield base, Jobs(store)


def _bare_file(path: Path) -> sqlite3.Connection:
    """Make a file with a table, where each statement is a transaction."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("create table job (id text primary key, body text not null)")
    return connection


# ── PostgreSQL ────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def used_server() -> Iterator[Server]:
    """Start a server on the other core, with the log of one that has been used for a while."""
    with ExitStack() as stack:
        with there():
            server = stack.enter_context(own_server(DURABLE))
        for _ in range(SEGMENTS):
            server.sql("select pg_logical_emit_message(false, '', ''), pg_switch_wal()")
        server.sql("checkpoint")
        yield server


@asynccontextmanager
async def _postgresql(size: Size) -> AsyncIterator[tuple[Run, Jobs]]:
    import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415 - only where it is measured; it has no types

    async with AsyncExitStack() as stack:
        server = stack.enter_context(used_server())
        stack.enter_context(here())
        store = await stack.enter_async_context(opened(stack.enter_context(server.schema())))
        connections: list[Any] = [await asyncpg.connect(server.url()) for _ in range(CONNECTIONS)]
        for connection in connections:
            stack.push_async_callback(connection.close)
        await connections[0].execute("create table job (id text primary key, body text not null)")
        inserts = [await each.prepare("insert into job (id, body) values ($1, $2)") for each in connections]
        numbers = count()

        async def base() -> float:
            begin = time.perf_counter()
            await asyncio.gather(*(_insert(insert, numbers, size.writes // CONNECTIONS) for insert in inserts))
            return size.writes // CONNECTIONS * CONNECTIONS / (time.perf_counter() - begin)

        yield base, Jobs(store)


async def _insert(insert: Any, numbers: count[int], amount: int) -> None:
    for _ in range(amount):
        await insert.fetch(f"job_{next(numbers):026}", ACTION)
