"""A copy of a database that is in use: consistent, whole, and one plain file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import datetime
from pathlib import Path

from gateway.errors import StoreError
from gateway.store.records.restoring import COPIED
from gateway.store.sqlite.connection import connect, find, reading

__all__ = ["backup"]


def backup(path: Path, target: Path, *, stamp: datetime | None) -> Path:
    """Copy the database at `path` to the new file `target`; a gateway may be writing to it meanwhile.

    The `stamp` says in the copy from when on it knows nothing; None for one that is only looked at. Raises `StoreError`
    when there is no such database, or when `target` is there already or cannot be written. The copy has its name only
    once it is whole and on the disk.
    """
    try:
        if not path.exists():
            raise StoreError("there is no database to copy", code="missing", hint="look at the URL of the store")
        if target.exists():
            raise StoreError("the backup's file is there already", code="exists", hint="name a new file")
        _write(path, target, stamp)
    except OSError as error:
        raise StoreError(
            f"the backup cannot be written: {error.strerror}", code="disk", hint="look at its name, folder and disk"
        ) from None
    return target


def _write(path: Path, target: Path, stamp: datetime | None) -> None:
    part = target.with_name(f"{target.name}.part")
    try:
        with reading():
            _copy(path, part, stamp)
        _sync(part)
        part.rename(target)
        _sync(target.parent)
    finally:
        with contextlib.suppress(OSError):  # where it could not be made there is none, and why it could not is said
            part.unlink(missing_ok=True)


def _copy(path: Path, part: Path, stamp: datetime | None) -> None:
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
    with (
        contextlib.closing(connect(path, writing=False)) as source,
        contextlib.closing(sqlite3.connect(part, isolation_level=None)) as copy,
    ):
        source.backup(copy)
        if stamp is not None and find(copy, "has_cursors"):
            find(copy, "stamp_copy", COPIED, stamp.isoformat())
        copy.execute("pragma journal_mode = delete")  # one file, without a log beside it


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
