"""What the crash tests stand on: the process that forks, and a site for each test and store."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.crash.site import Site, forking, site
from tests.postgres import Server, shared_server

pytest.register_assert_rewrite("tests.crash.chaos", "tests.crash.siege")  # a run of an hour has to say what was wrong


@pytest.fixture(scope="session")
def forks() -> Iterator[str]:
    """The process that forks workers."""
    with forking() as path:
        yield path


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[Server]:
    """A server that stays up, for all tests."""
    with shared_server() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[Server]:
    """A server that may be killed."""
    folder = Path(tempfile.mkdtemp(prefix="gwpg"))
    folder.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", pwd.getpwnam("nobody").pw_gid)
    server = Server(folder)
    server.make()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture
def store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty store of a kind."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path}/gateway.db"
        return
    server: Server = request.getfixturevalue("shared_postgres")
    with server.schema() as url:
        yield url


@pytest.fixture
async def place(vendor: str, store: str, tmp_path: Path, forks: str) -> AsyncIterator[Site]:
    """One vendor, and one store."""
    # other processes wait for a lease of one that was killed; SQLite has no others
    lease = 60.0 if store.startswith("sqlite") else 2.0
    async with site([vendor], store, tmp_path, forks, lease=lease) as made:
        yield made
