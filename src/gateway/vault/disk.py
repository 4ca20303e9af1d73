"""Bytes in a folder of this machine."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

from gateway.errors import StoreError
from gateway.vault.port import CHUNK, Missing

__all__ = ["DiskVault"]

_DIGEST = re.compile(r"[0-9a-f]{64}")


class DiskVault:
    """A file for each digest, in folders by its first two characters.

    A file appears with all of its bytes or not at all: it is written beside its place, made durable, and renamed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, digest: str, source: Path) -> None:
        """Copy a file to its place."""
        await asyncio.to_thread(self._put, self._place(digest), source)

    def _put(self, place: Path, source: Path) -> None:
        try:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=place.parent, prefix=".new-")
            beside = Path(name)
            try:
                with os.fdopen(handle, "wb") as target, source.open("rb") as origin:
                    shutil.copyfileobj(origin, target, CHUNK)
                    target.flush()
                    os.fsync(target.fileno())
                beside.replace(place)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise _failed(error) from None

    async def size(self, digest: str) -> int:
        """Look at the file."""
        try:
            return (await asyncio.to_thread(self._place(digest).stat)).st_size
        except FileNotFoundError:
            raise Missing(digest) from None
        except OSError as error:
            raise _failed(error) from None

    async def read(self, digest: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """Read the file in another thread."""
        try:
            file = await asyncio.to_thread(self._place(digest).open, "rb")
            with file:
                await asyncio.to_thread(file.seek, start)
                left = end - start if end is not None else None
                while left is None or left > 0:
                    piece = await asyncio.to_thread(file.read, CHUNK if left is None else min(CHUNK, left))
                    if not piece:
                        return
                    left = None if left is None else left - len(piece)
                    yield piece
        except FileNotFoundError:
            raise Missing(digest) from None
        except OSError as error:
            raise _failed(error) from None

    async def drop(self, digest: str) -> None:
        """Remove the file."""
        place = self._place(digest)
        try:
            await asyncio.to_thread(place.unlink, missing_ok=True)
        except OSError as error:
            raise _failed(error) from None

    def _place(self, digest: str) -> Path:
        """Name the file; what is no digest has no place, so that nothing else can be named."""
        if not _DIGEST.fullmatch(digest):
            raise Missing(digest)
        return self._folder / digest[:2] / digest


def _failed(error: OSError) -> StoreError:
    why = error.strerror or type(error).__name__
    return StoreError(f"the folder of the files failed: {why}", hint="look at its disk and its owner")
