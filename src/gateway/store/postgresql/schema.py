"""Bringing a database up to date, one migration a transaction; of several processes that try, one does."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.log import logger
from gateway.store.migrating import pending
from gateway.store.postgresql.driver import Connection, connect, failing, find
from gateway.store.postgresql.place import place_of
from gateway.store.sql import Migration, migrations

__all__ = ["migrate", "upgrade"]

_log = logger(__name__)


async def migrate(url: str) -> list[str]:
    """Apply all migrations that are not applied yet; gives their names."""
    connection = await connect(place_of(url))
    try:
        with failing():
            return await upgrade(connection, migrations("postgresql"), late=True)
    finally:
        connection.terminate()


async def upgrade(connection: Connection, known: Sequence[Migration], *, late: bool) -> list[str]:
    """Apply what is not applied yet, and give its names; raises `StoreError` for a schema newer than this version.

    Nothing is locked, and no right to change tables is needed, when there is nothing to do.
    """
    applied: list[str] = []
    while pending(known, await _applied(connection), late=late):
        async with connection.transaction(isolation="read_committed"):
            await find(connection, "lock_migrations")
            await find(connection, "make_migrations")
            waiting = pending(known, await _applied(connection), late=late)
            if waiting:
                await connection.execute(waiting[0].sql)
                await find(connection, "note_migration", [waiting[0].name])
                applied.append(waiting[0].name)
    for name in applied:
        _log.info("migration_applied", migration=name)
    return applied


async def _applied(connection: Connection) -> list[str]:
    [(there,)] = await find(connection, "has_migrations")
    return [str(name) for (name,) in await find(connection, "known_migrations")] if there else []
