"""Where a database is, and that one process alone writes to it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import unquote

from gateway.errors import ConfigurationError, StoreError

__all__ = ["FileLock", "made", "path_of"]

_PREFIX = "sqlite:///"
_HINT = 'use "sqlite:///gateway.db" for a file here, "sqlite:////var/lib/gateway.db" for one from the root'


def path_of(url: str) -> Path:
    """Read the path from `sqlite:///relative.db` or `sqlite:////absolute.db`; special characters are percent-encoded.

    Raises `ConfigurationError`.
    """
    if not url.startswith(_PREFIX):
        raise ConfigurationError("this is no URL of an SQLite database", hint=_HINT)
    text = url.removeprefix(_PREFIX)
    if "?" in text or "#" in text:
        raise ConfigurationError("an SQLite database has no options", hint="write ? as %3F and # as %23 in its path")
    try:
        path = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ConfigurationError("the URL's percent-encoding is no UTF-8", hint=_HINT) from None
    if path == ":memory:":
        raise ConfigurationError("an SQLite database is a file", hint='to keep nothing, use "memory:"')
    if not path or path.endswith("/") or "\0" in path:
        raise ConfigurationError("the URL names no file", hint=_HINT)
    return Path(path)


def made(path: Path, what: str) -> int:
    """Open a file, made if it is not there for its owner's eyes only; raises `StoreError` that says why it cannot."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(
            f"{what} cannot be made: {error.strerror}", code="missing", hint="its folder must exist and be writable"
        ) from None


class FileLock:
    """Holds a file's neighbour `…-lock` exclusively; the system lets go of it when the process ends, however it ends.

    The database itself is not locked: closing a second handle of it would drop the locks of SQLite.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}-lock")
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Take the lock; raises `StoreError` when another process, or another store, has it, or it cannot be made."""
        file = os.fdopen(made(self._path, "the file that locks the database"), "r+b")
        try:
            _lock(file)
        except OSError:
            file.close()
            raise StoreError(
                "this database is in use by another gateway",
                code="in_use",
                hint="stop that one, or let several processes share one PostgreSQL: postgresql://…",
            ) from None
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go."""
        if self._file is not None:
            self._file.close()
            self._file = None


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
