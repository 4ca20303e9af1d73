"""The store on SQLite keeps the contracts, and what only a file can go through."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.store import Store, beside
from gateway.store.ledger import Rows
from gateway.store.sql import Migration, migrations
from gateway.store.sqlite import SqliteStore, backup
from gateway.store.sqlite.connection import find
from gateway.store.sqlite.schema import upgrade
from gateway.store.sqlite.store import writing
from gateway.store.sqlite.writer import MOST
from gateway.testing.stores import DurableContract, StoreContract
from gateway.testing.stores.durable import Open
from gateway.testing.stores.samples import NOW, enqueued, webhook_row


def url_of(path: Path) -> str:
    """Give the URL of a file."""
    return f"sqlite:///{path}"


class TestSqlite(StoreContract, DurableContract):
    """`sqlite:///…`."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        """An empty store."""
        store = SqliteStore(url_of(tmp_path / "gateway.db"))
        await store.open()
        yield store
        await store.close()

    @pytest.fixture
    async def opened(self, tmp_path: Path) -> AsyncIterator[Open]:
        """Opens the store of this test."""
        async with AsyncExitStack() as stack:

            async def opened() -> Store:
                store = SqliteStore(url_of(tmp_path / "gateway.db"))
                await store.open()
                stack.push_async_callback(store.close)
                return store

            yield opened


# ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def opened_at(path: Path) -> SqliteStore:
    """Open the store of a file."""
    store = SqliteStore(url_of(path))
    await store.open()
    return store


async def test_a_file_is_used_by_one_gateway(tmp_path: Path) -> None:
    """By whatever name it goes; the second one is told what to do, and gets it once the first one has closed."""
    path = tmp_path / "gateway.db"
    first = await opened_at(path)
    (tmp_path / "other.db").symlink_to(path)
    for name in ("gateway.db", "other.db"):
        with pytest.raises(StoreError, match="in use by another gateway") as caught:
            await opened_at(tmp_path / name)
        assert ("in_use", True) == (caught.value.code, "postgresql://" in str(caught.value.hint))
    await first.close()
    await (await opened_at(path)).close()


def test_a_file_is_free_when_the_loop_ended_while_it_was_closed(tmp_path: Path) -> None:
    """Who opened it may be interrupted; the next loop of this process gets it, with all that was promised."""
    path = tmp_path / "gateway.db"

    async def interrupted() -> None:
        store = await opened_at(path)
        await store.keep_cursor("c", "1")
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0)
        closing.cancel()

    async def after() -> str | None:
        store = await opened_at(path)
        kept = await store.cursor("c")
        await store.close()
        return kept

    asyncio.run(interrupted())
    assert "1" == asyncio.run(after())


async def test_a_lock_that_cannot_be_made_is_said_as_the_file_itself(tmp_path: Path) -> None:
    """A folder in its place, or a name that is too long for it."""
    (tmp_path / "gateway.db-lock").mkdir()
    for name, why in (("gateway.db", errno.EISDIR), ("a" * 252, errno.ENAMETOOLONG)):
        with pytest.raises(StoreError) as caught:
            await opened_at(tmp_path / name)
        assert ("missing", f"the file that locks the database cannot be made: {os.strerror(why)}") == (
            caught.value.code,
            caught.value.message,
        )
        assert "writable" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gateway.db/copy.db", errno.ENOTDIR),
        ("nowhere/copy.db", errno.ENOENT),
        ("a" * 260, errno.ENAMETOOLONG),
        ("a" * 252, errno.ENAMETOOLONG),
    ],
    ids=["in a file", "in no folder", "too long", "too long while it is written"],
)
async def test_a_backup_that_cannot_be_written_says_why(tmp_path: Path, name: str, why: int) -> None:
    """And leaves nothing."""
    store = await opened_at(tmp_path / "gateway.db")
    before = {path.name for path in tmp_path.iterdir()}  # noqa: ASYNC240 - a few
    with pytest.raises(StoreError) as caught:
        await asyncio.to_thread(backup, store.path, tmp_path / name, stamp=None)
    assert before == {path.name for path in tmp_path.iterdir()}  # noqa: ASYNC240 - as above
    await store.close()
    assert ("disk", f"the backup cannot be written: {os.strerror(why)}") == (caught.value.code, caught.value.message)


async def test_a_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """It holds what people wrote to each other, and so do its neighbours and its copies."""
    store = await opened_at(tmp_path / "gateway.db")
    await enqueued(store, "1")
    copy = await asyncio.to_thread(backup, store.path, tmp_path / "copy.db", stamp=None)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}  # noqa: ASYNC240 - a few
    await store.close()
    assert {0o600} == set(modes.values()), modes
    assert copy.name in modes


async def test_a_file_in_use_is_looked_at_from_beside(tmp_path: Path) -> None:
    """Each look sees what was committed last, while the gateway goes on writing; and it can change nothing."""
    store = await opened_at(tmp_path / "gateway.db")
    first = await enqueued(store, "1")
    other = beside(url_of(tmp_path / "gateway.db"))
    await other.open()
    assert [first] == await other.messages()
    second = await enqueued(store, "2", "chat_2")
    assert [second, first] == await other.messages()
    assert await store.message(second.id) == await other.message(second.id)
    for refused in (other.keep_cursor("c", "1"), other.claim(NOW, 60, 1), other.claim_events(NOW, 60, 1)):
        with pytest.raises(StoreError, match="only looked at"):
            await refused
    await store.close()
    assert [second, first] == await other.messages()
    await other.close()
    with pytest.raises(StoreError, match="closed"):
        await other.messages()
    await (await opened_at(tmp_path / "gateway.db")).close()


@pytest.mark.parametrize(("change", "code"), [("delete from migration", "older"), (None, "missing")])
async def test_what_is_no_database_of_this_version_is_not_looked_at(
    tmp_path: Path, change: str | None, code: str
) -> None:
    """A look may not bring the schema up to date, nor make a file."""
    path = tmp_path / "gateway.db"
    if change is not None:
        await (await opened_at(path)).close()
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(change)
    other = beside(url_of(path))
    with pytest.raises(StoreError) as caught:
        await other.open()
    await other.close()
    assert (code, change is not None) == (caught.value.code, path.exists())


async def test_what_is_committed_is_on_the_disk(tmp_path: Path) -> None:
    """The log is written through before a call returns; only the writer copies it into the file."""
    store = await opened_at(tmp_path / "gateway.db")
    assert store._writer is not None
    assert store._reader is not None
    asked = ("journal_mode", "synchronous", "wal_autocheckpoint")
    writer, reader = (
        [connection.execute(f"pragma {name}").fetchone()[0] for name in asked]
        for connection in (store._writer._connection, store._reader)
    )
    await store.close()
    assert (["wal", 2], 0) == (writer[:2], reader[2])
    assert writer[2] > 0


async def test_what_is_asked_in_one_round_of_the_loop_is_one_commit(tmp_path: Path) -> None:
    """Many that are kept at once share the wait for the disk; more than a transaction takes share a few."""
    store = await opened_at(tmp_path / "gateway.db")
    try:
        before = store.version
        await asyncio.gather(*(store.ingest(webhook_row(str(number)), []) for number in range(MOST)))
        assert 1 == store.version - before
        await asyncio.gather(*(store.ingest(webhook_row(f"more {number}"), []) for number in range(2 * MOST + 1)))
        assert 3 * MOST + 1 == len(await store.webhooks(limit=4 * MOST))
        assert store.version - before <= 4
    finally:
        await store.close()


async def test_a_full_disk_fails_who_waits_and_nobody_else(tmp_path: Path) -> None:
    """Everybody in the batch is told so, nobody who was not is missing, and with room again it goes on."""
    store = await opened_at(tmp_path / "gateway.db")
    try:
        assert store._writer is not None
        connection = store._writer._connection
        (pages,) = connection.execute("pragma max_page_count = 1").fetchone()
        assert pages == connection.execute("pragma page_count").fetchone()[0]
        kept: list[str] = []
        refused: list[BaseException] = []
        for batch in range(100):
            names = [f"{batch}-{number}" for number in range(10)]
            tried = (store.ingest(webhook_row(name), []) for name in names)
            for name, answer in zip(names, await asyncio.gather(*tried, return_exceptions=True), strict=True):
                if isinstance(answer, BaseException):
                    refused.append(answer)
                else:
                    kept.append(name)
            if refused:
                break
        assert [("full", StoreError)] * 10 == [(getattr(each, "code", None), type(each)) for each in refused]
        connection.execute(f"pragma max_page_count = {2**32 - 2}")
        await store.ingest(webhook_row("more"), [])
        assert {f"digest {name}" for name in [*kept, "more"]} == {
            row.digest for row in await store.webhooks(limit=5000)
        }
    finally:
        await store.close()


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    """And stays as it is."""
    path = tmp_path / "gateway.db"
    path.write_bytes(b"a letter to a friend " * 100)
    with pytest.raises(StoreError, match="no SQLite database"):
        await opened_at(path)
    with pytest.raises(StoreError, match="cannot be made"):
        await opened_at(tmp_path / "nowhere" / "gateway.db")
    assert path.read_bytes().startswith(b"a letter")


# ── the schema ────────────────────────────────────────────────────────────────────────────────────────────────────

DIES = """
import os, signal, sys
from pathlib import Path
from gateway.store.ledger import Rows
from gateway.store.sql import Migration, migrations
from gateway.store.sqlite.connection import find
from gateway.store.sqlite.schema import upgrade
from gateway.store.sqlite.store import writing

half = Migration("9999_half", "create table half (n integer);\\nselect die();\\n")
with writing(Path(sys.argv[1])) as connection:
    connection.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
    upgrade(connection, [*migrations("sqlite"), half], late=True)
"""


async def test_a_migration_that_dies_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    """What was there before is there again, without half of the change, and without a note that it was made."""
    path = tmp_path / "gateway.db"
    store = await opened_at(path)
    row = await enqueued(store, "1", key="k")
    await store.close()
    command = [sys.executable, "-c", DIES, str(path)]
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
    assert -signal.SIGKILL == ended.returncode, ended.stderr
    store = await opened_at(path)
    assert row == await enqueued(store, "1", key="k")
    await store.close()
    assert [] == names_in(path, "sqlite_master where name = 'half'")
    assert [migration.name for migration in migrations("sqlite")] == names_in(path, "migration order by name")


def names_in(path: Path, place: str) -> list[str]:
    """List the names in a table."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute(f"select name from {place}")]  # noqa: S608 - written here


async def test_a_migration_that_fails_is_undone_and_can_be_tried_again(tmp_path: Path) -> None:
    """Those before it stay applied."""
    path, table = tmp_path / "gateway.db", "create table half (n integer);"
    with writing(path) as connection:
        wrong = Migration("9998_half", f"{table}\nselect * from nowhere;\n")
        with pytest.raises(sqlite3.OperationalError):
            upgrade(connection, [*migrations("sqlite"), wrong], late=True)
        assert [] == names_in(path, "sqlite_master where name = 'half'")
        late = Migration("9999_late", "create table late (n integer);\n", late=True)
        known = [*migrations("sqlite"), Migration("9998_half", f"{table}\n"), late]
        assert ["9998_half"] == upgrade(connection, known, late=False)
        assert ["9999_late"] == upgrade(connection, known, late=True)
        assert [] == upgrade(connection, known, late=True)


async def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    """What a later version has made of it, this one does not know."""
    path = tmp_path / "gateway.db"
    await (await opened_at(path)).close()
    with writing(path) as connection:
        upgrade(connection, [*migrations("sqlite"), Migration("9999_tomorrow", "select 1;\n")], late=True)
    with pytest.raises(StoreError, match="9999_tomorrow") as caught:
        await opened_at(path)
    assert "newer" == caught.value.code


async def test_who_is_cancelled_leaves_no_thread_at_a_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list is read to its end before the store is closed: a connection that is closed under a thread ends us all."""
    store = await opened_at(tmp_path / "gateway.db")
    told: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection, query: str, *arguments: object) -> Rows:
        begun.set()
        go_on.wait(30)
        rows = find(connection, query, *arguments)
        told.append("read")
        return rows

    monkeypatch.setattr("gateway.store.sqlite.store.find", slow)
    listing = asyncio.create_task(store.events())
    await asyncio.to_thread(begun.wait, 30)
    for _ in range(3):
        listing.cancel()
        await asyncio.sleep(0)
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0.05)
    told.append("still open" if not closing.done() else "closed")
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await listing
    await closing

    assert ["still open", "read"] == told
