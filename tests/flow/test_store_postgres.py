"""The store on PostgreSQL keeps the contracts, and what only a server that is shared can go through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from gateway.store import Store
from gateway.store.postgresql import PostgresStore
from gateway.testing.stores import DurableContract, SharedContract, StoreContract
from gateway.testing.stores.durable import Open


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
