"""A tenancy on each store that lasts, over a vendor whose twin listens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from gateway import Gateway
from gateway.tenancy import KeyRing, Tenancy
from tests.postgres import Server, shared_server
from tests.tenancy.place import NOW, Clock, plugins

Opened: TypeAlias = Callable[..., "AsyncIterator[Tenancy]"]


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


@pytest.fixture(params=["postgresql", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store that lasts; a test with it runs on both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gateway.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def clock() -> Clock:
    """A clock that stands until it is moved."""
    return Clock(NOW)


@pytest.fixture
def ring() -> KeyRing:
    """A master key."""
    return KeyRing.fresh()


@pytest.fixture
async def tenancy(url: str, clock: Clock, ring: KeyRing) -> AsyncIterator[Tenancy]:
    """A tenancy that has started, with the default tenant."""
    async with AsyncExitStack() as stack:
        gateway = Gateway(url, clock=clock, plugins=plugins(), works=False, public_url="https://gw.example")
        tenancy = Tenancy(gateway, ring)
        await tenancy.start()
        stack.push_async_callback(gateway.aclose)
        stack.push_async_callback(tenancy.aclose)
        yield tenancy
