"""The store on PostgreSQL keeps the contracts, and what only a server that is shared can go through."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it has no types
import pytest

from gateway.errors import StoreError
from gateway.ids import MessageId
from gateway.store import Store, backup, migrate
from gateway.store.postgresql import PostgresStore
from gateway.store.postgresql.driver import connect
from gateway.store.postgresql.place import place_of
from gateway.store.postgresql.schema import upgrade
from gateway.store.rows import Bucket, Marked
from gateway.store.sql import Migration, migrations, queries
from gateway.testing.stores import DurableContract, SharedContract, StoreContract
from gateway.testing.stores.durable import Open
from gateway.testing.stores.samples import LEASE, NOW, after, attempt_of, enqueued, finished, started
from tests.postgres import Server, own_server


class TestPostgres(StoreContract, DurableContract, SharedContract):
    """`postgresql://…`."""

    @pytest.fixture
    async def store(self, postgres_url: str) -> AsyncIterator[Store]:
        """An empty store."""
        store = PostgresStore(postgres_url)
        await store.open()
        yield store
        await store.close()

    @pytest.fixture
    async def opened(self, postgres_url: str) -> AsyncIterator[Open]:
        """Opens the store of this test, as each process does."""
        async with AsyncExitStack() as stack:

            async def opened() -> Store:
                store = PostgresStore(postgres_url)
                await store.open()
                stack.push_async_callback(store.close)
                return store

            yield opened


# ── a server that goes away ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server that a test may kill, and starts again."""
    with own_server() as server:
        yield server


class Writer:
    """Enqueues one row after the other, each until it is kept, as a careful caller does."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self.kept: list[MessageId] = []
        self.told: list[str | None] = []

    async def write(self) -> None:
        """Go on until cancelled."""
        for number in count():
            while True:
                with contextlib.suppress(StoreError):
                    row = await self._try(f"{self._name}-{number:05}")
                    break
                await asyncio.sleep(0.01)
            self.kept.append(row)

    async def _try(self, name: str) -> MessageId:
        try:
            return (await enqueued(self._store, name, f"chat_{self._name}")).id
        except StoreError as error:
            self.told.append(error.code)
            raise


async def test_a_server_that_is_killed_keeps_what_it_confirmed(own: Server) -> None:
    """Calls fail with a word while it is away, and go on when it is back; the others hear of writes again."""
    async with both(own.url()) as (store, other), asyncio.timeout(60):
        writers = [Writer(store, "a"), Writer(store, "b"), Writer(other, "c")]
        tasks = [asyncio.create_task(writer.write()) for writer in writers]
        for how in (signal.SIGKILL, signal.SIGQUIT):
            await all_of(writers, kept=5)
            await asyncio.to_thread(own.stop, how)
            await all_of(writers, told=1)
            await asyncio.to_thread(own.start)
        await all_of(writers, kept=5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        assert [] == [row for writer in writers for row in writer.kept if await store.message(row) is None]
        assert {"unavailable"} == set().union(*(writer.told for writer in writers))
        await woken(store, other)


@contextlib.asynccontextmanager
async def both(url: str) -> AsyncIterator[tuple[Store, Store]]:
    """Open two stores on one database."""
    async with AsyncExitStack() as stack:
        stores = PostgresStore(url), PostgresStore(url)
        for store in stores:
            await store.open()
            stack.push_async_callback(store.close)
        yield stores


async def all_of(writers: Sequence[Writer], *, kept: int = 0, told: int = 0) -> None:
    """Wait until each of them has kept so many rows more, or was told so often more that nothing can be kept."""
    until = [(len(writer.kept) + kept, len(writer.told) + told) for writer in writers]
    while any(len(w.kept) < rows or len(w.told) < words for w, (rows, words) in zip(writers, until, strict=True)):
        await asyncio.sleep(0.01)


async def woken(store: Store, other: Store) -> None:
    """Have one store write until the other hears of it: its own connection for that is made anew, too."""
    for number in count():
        version = other.version
        await enqueued(store, f"hint-{number}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await other.changed(version)
                return


async def test_a_server_that_is_away_is_an_error_that_says_so(own: Server) -> None:
    """Whoever starts then learns what is wrong, in words without the URL; and later it starts."""
    own.stop()
    store = PostgresStore(own.url())
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        await store.open()
    own.start()
    assert ("unavailable", False) == (caught.value.code, str(own.folder) in f"{caught.value} {caught.value.hint}")
    await store.open()
    await enqueued(store, "1")
    await store.close()


# ── many calls in one statement ───────────────────────────────────────────────────────────────────────────────────


async def test_of_calls_that_are_written_together_each_has_its_own_answer(postgres_url: str) -> None:
    """A lane that was lost, a limit that asks to wait, a lane given back twice: none of it is the neighbours'."""
    async with both(postgres_url) as (store, other):
        for name in "abcd":
            await enqueued(store, name, f"chat_{name}")
        first, second, third, _ = works = await store.claim(NOW, LEASE, 4)
        [again, *_] = await other.claim(after(LEASE), LEASE, 1)
        steps = [started(work) for work in works]
        limits = [[Bucket("line", 60)], [Bucket("line", 60), Bucket("other", 1)], [Bucket("other", 1)], []]
        marked = await asyncio.gather(
            *(
                store.mark(work, step, attempt_of(step), buckets)
                for work, step, buckets in zip(works, steps, limits, strict=True)
            )
        )
        settled = await asyncio.gather(*(store.settle(work, finished(work)) for work in (*works, second)))
        await asyncio.gather(store.release(second, NOW), store.release(third, NOW))

        assert first.lane == again.lane
        assert [Marked(lost=True), Marked(), Marked(until=after(1), limit="other"), Marked()] == marked
        assert [False, True, True, True, False] == settled
        assert ([], 1) == (await store.attempts(first.message.id), await store.depth("main"))
        assert await other.settle(again, finished(again))


async def test_what_another_process_writes_is_known_by_when_it_is_due(postgres_url: str) -> None:
    """Its hint says so: nobody has to look in vain, and nobody comes late."""
    async with both(postgres_url) as (first, second):
        assert second.next_due(NOW) is None
        await enqueued(first, "1", due_at=after(40))
        async with asyncio.timeout(30):
            while (due := second.next_due(NOW)) is None:
                await second.changed(second.version)
        assert after(40) == due


async def test_another_gateway_of_the_same_database_is_not_heard(postgres: Server) -> None:
    """Its tables are in a schema of its own; what falls due there is nothing to us."""
    with postgres.schema() as ours, postgres.schema() as theirs:
        async with both(ours) as (first, second), both(theirs) as (third, _):
            await enqueued(third, "1", due_at=after(30))
            await asyncio.sleep(0.2)
            await enqueued(first, "1", due_at=after(40))
            async with asyncio.timeout(30):
                while (due := second.next_due(NOW)) is None:
                    await second.changed(second.version)
            assert after(40) == due


async def test_a_bad_row_fails_alone_among_many(postgres_url: str) -> None:
    """Text that a database cannot hold is an error of its own call; those that were written with it are kept."""
    async with both(postgres_url) as (store, _):
        calls = [enqueued(store, f"{n}", f"chat_{n}", request='"\x00"' if n == 3 else "{}") for n in range(8)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        works = await store.claim(NOW, LEASE, 8)
        broken = {work.lane: "\x00" if number == 2 else "{}" for number, work in enumerate(works)}
        settled = await asyncio.gather(
            *(
                store.settle(work, replace(finished(work), step=replace(work.steps[0], receipt=broken[work.lane])))
                for work in works
            ),
            return_exceptions=True,
        )

        assert [3] == [number for number, answer in enumerate(answers) if isinstance(answer, StoreError)]
        assert [2] == [number for number, answer in enumerate(settled) if isinstance(answer, StoreError)]
        assert (7, 1) == (len(works), await store.depth("main"))


# ── the schema ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_every_query_fits_the_tables(postgres_url: str) -> None:
    """The server takes each of them on the schema that the migrations make."""
    await migrate(postgres_url)
    connection = await asyncpg.connect(postgres_url)
    try:
        for query in queries("postgresql").values():
            await connection.prepare(query.sql)
    finally:
        await connection.close()


async def test_of_several_that_migrate_at_once_one_does(postgres_url: str) -> None:
    """Each migration is applied once, and all of them find everything done."""
    known = [migration.name for migration in migrations("postgresql")]
    applied = await asyncio.gather(*(migrate(postgres_url) for _ in range(5)))
    assert known == sorted(name for names in applied for name in names)
    assert [] == await migrate(postgres_url)


async def test_a_migration_that_dies_in_the_middle_leaves_nothing(postgres: Server, postgres_url: str) -> None:
    """Neither half of it, nor a note that it was applied; those before it stay, and it can be tried again."""
    schema = postgres_url.rpartition("=")[2]
    table = "create table half (n int);"
    dying = Migration("9999_half", f"{table} select pg_terminate_backend(pg_backend_pid());")
    for known in ([*migrations("postgresql"), dying], [*migrations("postgresql"), Migration("9999_half", table)]):
        connection = await connect(place_of(postgres_url))
        with contextlib.suppress(StoreError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await upgrade(connection, known, late=True)
        connection.terminate()
        there = postgres.sql("select to_regclass('half') is not null", schema=schema).strip()
        names = postgres.sql("select name from migration order by name", schema=schema).split()
        whole = known[-1] is not dying
        assert ("t" if whole else "f", [m.name for m in known][: None if whole else -1]) == (there, names)


async def test_what_must_wait_is_left_to_the_command(postgres: Server, postgres_url: str) -> None:
    """A gateway that starts may not be the last of its version; `gateway migrate` is told that it is."""
    late = Migration("9999_later", "create table later (n int);", late=True)
    connection = await connect(place_of(postgres_url))
    await upgrade(connection, [*migrations("postgresql"), late], late=False)
    assert [] == await upgrade(connection, [*migrations("postgresql"), late], late=False)
    assert ["9999_later"] == await upgrade(connection, [*migrations("postgresql"), late], late=True)
    connection.terminate()


async def test_a_newer_database_is_left_alone(postgres: Server, postgres_url: str) -> None:
    """What a later version has made of it, this one does not know."""
    await migrate(postgres_url)
    postgres.sql("insert into migration values ('9999_tomorrow')", schema=postgres_url.rpartition("=")[2])
    with pytest.raises(StoreError, match="9999_tomorrow") as caught:
        await PostgresStore(postgres_url).open()
    assert "newer" == caught.value.code


# ── a copy ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_backup_is_restored(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made while a gateway writes; in a new database it is a store with what was kept."""
    monkeypatch.setenv("PATH", str(Path(postgres.program("pg_dump")).parent), prepend=":")
    with postgres.database() as url, postgres.database() as empty:
        store = PostgresStore(url)
        await store.open()
        row = await enqueued(store, "1", key="k")
        await store.claim(NOW, LEASE, 1)
        archive = await backup(url, tmp_path / "copy")
        with pytest.raises(StoreError, match="there already"):
            await backup(url, archive)
        with pytest.raises(StoreError, match="cannot be written: Not a directory"):
            await backup(url, archive / "copy")
        await store.close()
        postgres.restore(archive, empty)
        copy = PostgresStore(empty)
        await copy.open()
        assert row == await enqueued(copy, "1", key="k")
        await copy.close()


async def test_a_backup_without_its_program_says_what_is_missing(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's client programs are not ours to bring."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match="pg_dump was not found"):
        await backup(postgres_url, tmp_path / "copy")
