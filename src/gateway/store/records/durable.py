"""What every record needs: a durable store to be kept in, and pages to be listed by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from gateway.errors import ConfigurationError
from gateway.store.ledger import LedgerStore, Plan, Rows
from gateway.store.port import Store

__all__ = ["Records", "records_of"]

T = TypeVar("T")


class Records:
    """One kind of record in a durable store; a subclass adds its calls."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store

    async def _transact(self, make: Callable[[], Plan[T]]) -> T:
        """Run a plan in one transaction; `make` makes it anew when it has to be tried again."""
        return await self._store.transact(make)

    async def _find(self, query: str, *arguments: Any) -> Rows:
        """Run a named query that only reads, and gives a few rows by a key."""
        return await self._store.found(query, *arguments)

    async def _rows(self, query: str, *arguments: Any) -> Rows:
        """Run a named query that only reads."""
        return await self._store.rows(query, *arguments)


def records_of(store: Store) -> LedgerStore:
    """Give a store that can keep records; raises `ConfigurationError` for one that cannot."""
    if not isinstance(store, LedgerStore):
        raise ConfigurationError(
            "the service needs a store that lasts", hint='use "sqlite:///gateway.db" or "postgresql://…"'
        )
    return store
