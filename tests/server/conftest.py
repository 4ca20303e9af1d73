"""A service with a twin, for the tests of the front."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.postgres import Server, shared_server
from tests.server.desk import Desk, config_of, desk


@pytest.fixture
async def at(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """A desk over SQLite; with `ON_BOTH_STORES` over PostgreSQL too."""
    on_postgres = getattr(request, "param", "sqlite") == "postgresql"
    other = {"gateway": {"store": request.getfixturevalue("postgres_url")}} if on_postgres else {}
    async with desk(config_of(tmp_path, **other)) as made:
        yield made


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
