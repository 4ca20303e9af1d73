"""Bytes in the gateway's own store: nothing else to run, and several processes see the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

from gateway.errors import StoreError
from gateway.store.ledger import LedgerStore
from gateway.store.port import Store
from gateway.store.records.uploads import Uploads
from gateway.store.rows import FileRow
from gateway.vault.port import CHUNK, Missing

__all__ = ["KeptVault"]

_WITHOUT = datetime(1970, 1, 1, tzinfo=UTC)


class KeptVault:
    """The table `file` of a store; each is read and written whole, so that it suits small ones best."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, digest: str, source: Path) -> None:
        """Write it, unless it is there."""
        try:
            data = await asyncio.to_thread(source.read_bytes)
        except OSError as error:
            raise StoreError(
                f"a file cannot be read: {error.strerror}", hint="look at the folder for temporary files"
            ) from None
        # name and type are those of whoever kept it: the same bytes have many
        await self._store.keep_file(
            FileRow(digest=digest, name="", media_type="application/octet-stream", data=data, kept_at=_WITHOUT)
        )

    async def size(self, digest: str) -> int:
        """Look it up."""
        return len(await self._data(digest))

    async def read(self, digest: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """Look it up, and give it in pieces."""
        data = memoryview(await self._data(digest))[start:end]
        for place in range(0, len(data), CHUNK):
            yield bytes(data[place : place + CHUNK])

    async def drop(self, digest: str) -> None:
        """Remove it; a store that keeps nothing when the process ends keeps it until then."""
        if isinstance(self._store, LedgerStore):
            await Uploads(self._store).drop_bytes(digest)

    async def _data(self, digest: str) -> bytes:
        found = await self._store.file(digest)
        if found is None:
            raise Missing(digest)
        return found.data
