"""Stores that outlive a gateway, for journeys that go through a restart, and a database for each test that asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

from gateway.store import MemoryStore, Store
from tests.postgres import Server, shared_server

Reopen: TypeAlias = Callable[[], Store | str]
"""Gives the same store for each gateway of a test, as an object or by URL."""


class _Lasting(MemoryStore):
    """The memory of a process that goes on while gateways in it come and go."""

    async def close(self) -> None:
        self._wake()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A real PostgreSQL, shared by all test processes."""
    with shared_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """The URL of an empty place in it."""
    with postgres.schema() as url:
        yield url


def _memory(_: pytest.FixtureRequest) -> Reopen:
    store = _Lasting()
    return lambda: store


def _sqlite(request: pytest.FixtureRequest) -> Reopen:
    folder: Path = request.getfixturevalue("tmp_path")
    return lambda: f"sqlite:///{folder / 'gateway.db'}"


def _postgresql(request: pytest.FixtureRequest) -> Reopen:
    url: str = request.getfixturevalue("postgres_url")
    return lambda: url


STORES: Mapping[str, Callable[[pytest.FixtureRequest], Reopen]] = {
    "memory": _memory,
    "postgresql": _postgresql,
    "sqlite": _sqlite,
}
"""By scheme: how a store is made that a second gateway finds again. A durable store adds a line."""


@pytest.fixture(params=STORES)
def reopen(request: pytest.FixtureRequest) -> Reopen:
    """Give a store that is still there after a restart; a test with it runs on every kind of store."""
    return STORES[request.param](request)
