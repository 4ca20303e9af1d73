"""Stores that outlive a gateway, for journeys that go through a restart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

from gateway.store import MemoryStore, Store

Reopen: TypeAlias = Callable[[], Store | str]
"""Gives the same store for each gateway of a test, as an object or by URL."""


class _Lasting(MemoryStore):
    """The memory of a process that goes on while gateways in it come and go."""

    async def close(self) -> None:
        self._wake()


def _memory(_: Path) -> Reopen:
    store = _Lasting()
    return lambda: store


STORES: Mapping[str, Callable[[Path], Reopen]] = {"memory": _memory}
"""By scheme: how a store is made that a second gateway finds again. A durable store adds a line."""


@pytest.fixture(params=STORES)
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Reopen:
    """Give a store that is still there after a restart; a test with it runs on every kind of store."""
    return STORES[request.param](tmp_path)
