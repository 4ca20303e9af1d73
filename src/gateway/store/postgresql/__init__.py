"""The store on PostgreSQL: one database that several gateway processes share. Needs the extra `postgres`."""

from __future__ import annotations

from gateway.store.postgresql.backup import backup
from gateway.store.postgresql.schema import migrate
from gateway.store.postgresql.store import PostgresStore

__all__ = ["PostgresStore", "backup", "migrate"]
