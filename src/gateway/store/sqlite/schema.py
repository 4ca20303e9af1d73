"""Bringing a database up to date, one migration a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from gateway.log import logger
from gateway.store.migrating import pending
from gateway.store.sql import Migration
from gateway.store.sqlite.connection import find

__all__ = ["statements", "upgrade"]

_log = logger(__name__)


def upgrade(connection: sqlite3.Connection, known: Sequence[Migration], *, late: bool) -> list[str]:
    """Apply what is not applied yet, and give its names; raises `StoreError` for a schema newer than this version."""
    find(connection, "make_migrations")
    applied = [name for (name,) in find(connection, "known_migrations")]
    waiting = pending(known, applied, late=late)
    for migration in waiting:
        _apply(connection, migration)
        _log.info("migration_applied", migration=migration.name)
    return [migration.name for migration in waiting]


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    """Apply a migration and note that, both or neither."""
    connection.execute("begin immediate")
    try:
        for statement in statements(migration.sql):
            connection.execute(statement)
        find(connection, "note_migration", migration.name)
        connection.execute("commit")
    finally:
        if connection.in_transaction:
            connection.execute("rollback")


def statements(script: str) -> Iterator[str]:
    """Take a script apart; `executescript` would commit before it begins."""
    text = ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            yield text
            text = ""
