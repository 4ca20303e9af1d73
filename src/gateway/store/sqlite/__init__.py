"""The store on SQLite: one file, one process, nothing to install."""

from __future__ import annotations

from gateway.store.sqlite.backup import backup
from gateway.store.sqlite.beside import SqliteBeside
from gateway.store.sqlite.place import path_of
from gateway.store.sqlite.store import SqliteStore, migrate

__all__ = ["SqliteBeside", "SqliteStore", "backup", "migrate", "path_of"]
