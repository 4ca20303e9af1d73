"""The store: one port, and what keeps it.

`memory:` keeps everything for the life of the process, `sqlite:///…` in a file, `postgresql://…` in a database that
several processes may share. Other schemes come from plugins (`gateway_stores`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from gateway.clock import SYSTEM, Clock
from gateway.errors import ConfigurationError
from gateway.store.memory import MemoryStore
from gateway.store.port import Store
from gateway.store.rows import (
    AttemptRow,
    Bucket,
    ConsentRow,
    EventOutcome,
    EventRow,
    FactRow,
    FileRow,
    InboundRow,
    Marked,
    MessageRow,
    MessageState,
    NumberedWebhook,
    RunRow,
    Settlement,
    StepRow,
    StepState,
    WebhookRow,
    Work,
)

__all__ = [
    "AttemptRow",
    "Bucket",
    "ConsentRow",
    "EventOutcome",
    "EventRow",
    "FactRow",
    "FileRow",
    "InboundRow",
    "Marked",
    "MemoryStore",
    "MessageRow",
    "MessageState",
    "NumberedWebhook",
    "RunRow",
    "Settlement",
    "StepRow",
    "StepState",
    "Store",
    "WebhookRow",
    "Work",
    "backup",
    "beside",
    "migrate",
    "open_store",
    "restored",
]


def _sqlite(url: str) -> Store:
    from gateway.store.sqlite import SqliteStore  # noqa: PLC0415 - loaded only where it is used

    return SqliteStore(url)


def _postgresql(url: str) -> Store:
    from gateway.store.postgresql import PostgresStore  # noqa: PLC0415 - it needs a library that may be missing

    return PostgresStore(url)


_OWN: dict[str, Callable[[str], Store]] = {"memory": MemoryStore, "postgresql": _postgresql, "sqlite": _sqlite}


def open_store(url: str, offered: Mapping[str, Callable[[str], Store]]) -> Store:
    """Make the store that a URL names; raises `ConfigurationError` for a scheme that nobody offers.

    Nothing is read or written yet: that begins with the store's `open`.
    """
    makers = {**offered, **_OWN}
    scheme, colon, _ = url.partition(":")
    if not colon or scheme not in makers:
        known = ", ".join(f"{name}:" for name in sorted(makers))
        hint = 'use "memory:", "sqlite:///gateway.db" or "postgresql://user:password@host/database"'
        raise ConfigurationError(f"there is no store for {_shown(url)} (there are {known})", hint=hint)
    return makers[scheme](url)


def beside(url: str) -> Store:
    """Make a store that looks at an SQLite file which another process has, and writes nothing.

    Raises `ConfigurationError` for another URL: what several processes share is opened as it is.
    """
    from gateway.store import sqlite  # noqa: PLC0415 - as above

    return sqlite.SqliteBeside(sqlite.path_of(url))


async def migrate(url: str) -> list[str]:
    """Bring the schema of a durable store up to date; gives the names of the migrations that were applied.

    A gateway does so by itself when it starts, but for what must wait until no process of the version before is left:
    that is done here. Raises `ConfigurationError` for a store that has no schema, and `StoreError`.
    """
    match _durable(url):
        case "sqlite":
            from gateway.store import sqlite  # noqa: PLC0415 - as above

            return await asyncio.to_thread(sqlite.migrate, sqlite.path_of(url))
        case _:
            from gateway.store import postgresql  # noqa: PLC0415 - as above

            return await postgresql.migrate(url)


async def backup(url: str, target: str | Path, *, to_look: bool = False, clock: Clock = SYSTEM) -> Path:
    """Copy a durable store, in use or not, into one new file; gives its path.

    A copy of SQLite is a database itself, and says so: who works with it first doubts what the original may have sent
    since, unless it is made only `to_look` at. One of PostgreSQL is an archive for `pg_restore`, after which `restored`
    has to be said. Raises `ConfigurationError` for a store that cannot be copied, and `StoreError`.
    """
    path = Path(target)
    match _durable(url):
        case "sqlite":
            from gateway.store import sqlite  # noqa: PLC0415 - as above

            stamp = None if to_look else clock.now()
            return await asyncio.to_thread(sqlite.backup, sqlite.path_of(url), path, stamp=stamp)
        case _:
            from gateway.store import postgresql  # noqa: PLC0415 - as above

            return await postgresql.backup(url, path)


async def restored(url: str, *, at: datetime | None = None, clock: Clock = SYSTEM) -> int:
    """Say that a durable store was restored, before anybody works with it; gives how many messages are in doubt.

    For what no stamp tells: an archive of PostgreSQL, a failover that lost something, a file that was copied by other
    means. `at` is when the copy was made, or the last time of which everything is there; without it each message is
    looked for from the time on at which it was due. Raises `ConfigurationError` and `StoreError`.
    """
    from gateway.store.records import records_of  # noqa: PLC0415 - as above
    from gateway.store.records.restoring import copied_at, put_in_doubt  # noqa: PLC0415 - as above

    _durable(url)
    store = open_store(url, {})
    try:
        await store.open()
        return await put_in_doubt(records_of(store), clock.now(), copied=at or await copied_at(store))
    finally:
        await store.close()


def _durable(url: str) -> str:
    scheme = url.partition(":")[0]
    if scheme not in {"postgresql", "sqlite"}:
        hint = "only sqlite:///… and postgresql://… keep a schema of the gateway's"
        raise ConfigurationError(f"there is nothing to do for {_shown(url)}", hint=hint)
    return scheme


def _shown(url: str) -> str:
    """Show the scheme of a URL, as far as it is one: the rest can hold a password."""
    scheme, colon, _ = url.partition(":")
    return repr(scheme) if colon and scheme.isalnum() and len(scheme) < 20 else "this URL"
