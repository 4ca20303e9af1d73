"""The store on SQLite keeps the contracts, and what only a file can go through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.store import Store
from gateway.store.sqlite import SqliteStore
from gateway.testing.stores import DurableContract, StoreContract
from gateway.testing.stores.durable import Open


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
