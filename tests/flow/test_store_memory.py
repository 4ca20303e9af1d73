"""The store in memory keeps the contract of all stores."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.store import MemoryStore, Store
from gateway.testing.stores import StoreContract


class TestMemory(StoreContract):
    """`memory:`."""

    @pytest.fixture
    async def store(self) -> AsyncIterator[Store]:
        """An empty store."""
        store = MemoryStore()
        await store.open()
        yield store
        await store.close()
