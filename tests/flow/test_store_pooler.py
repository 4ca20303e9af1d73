"""The store on PostgreSQL keeps the contracts behind a pooler that gives a connection for one transaction only."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg  # type: ignore[import-untyped]  # it has no types
import pytest

from gateway.store import Store
from gateway.store.postgresql import PostgresStore
from gateway.store.rows import Marked
from gateway.testing.stores import DurableContract, SharedContract, StoreContract
from gateway.testing.stores.durable import Open
from gateway.testing.stores.samples import LEASE, NOW, attempt_of, enqueued, finished, started
from tests.flow.pooler import Pooler, pooler
from tests.postgres import Server


@pytest.fixture
async def pool(postgres: Server) -> AsyncIterator[Pooler]:
    """A pooler before the shared server."""
    async with pooler(postgres.folder) as made:
        yield made


@pytest.fixture
def pooled_url(pool: Pooler, postgres_url: str) -> str:
    """An empty place that is reached through the pooler."""
    return pool.url(postgres_url) + "&pooler=transaction"


class TestPooled(StoreContract, DurableContract, SharedContract):
    """`postgresql://…?pooler=transaction`."""

    @pytest.fixture
    async def store(self, pooled_url: str) -> AsyncIterator[Store]:
        """An empty store."""
        store = PostgresStore(pooled_url)
        await store.open()
        yield store
        await store.close()

    @pytest.fixture
    async def opened(self, pooled_url: str) -> AsyncIterator[Open]:
        """Opens the store of this test, as each process does."""
        async with AsyncExitStack() as stack:

            async def opened() -> Store:
                store = PostgresStore(pooled_url)
                await store.open()
                stack.push_async_callback(store.close)
                return store

            yield opened


async def test_nothing_of_a_session_survives_this_pooler(pool: Pooler, postgres_url: str) -> None:
    """The contracts above would fail on it if the store left anything on a connection."""
    connection = await asyncpg.connect(pool.url(postgres_url))
    try:
        prepared = await connection.prepare("select 1")

        async def again() -> None:
            for _ in range(2):
                await prepared.fetchval()

        with pytest.raises(asyncpg.InvalidSQLStatementNameError):
            await again()
    finally:
        connection.terminate()


async def test_calls_that_wait_together_are_one_transaction(pool: Pooler, pooled_url: str) -> None:
    """However many they are: one to keep messages, one to claim, one to mark and one to settle them all."""
    store = PostgresStore(pooled_url)
    await store.open()
    counted = [pool.transactions]
    await asyncio.gather(*(enqueued(store, f"{number:02}", f"chat_{number}") for number in range(20)))
    counted.append(pool.transactions)
    works = await store.claim(NOW, LEASE, 20)
    counted.append(pool.transactions)
    steps = [started(work) for work in works]
    marked = await asyncio.gather(
        *(store.mark(work, step, attempt_of(step)) for work, step in zip(works, steps, strict=True))
    )
    counted.append(pool.transactions)
    settled = await asyncio.gather(*(store.settle(work, finished(work)) for work in works))
    counted.append(pool.transactions)
    await store.close()

    assert ([Marked()] * 20, [True] * 20) == (marked, settled)
    assert [1, 1, 1, 1] == [after - before for before, after in itertools.pairwise(counted)]
