"""What a place for bytes can do."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Protocol, runtime_checkable

__all__ = ["CHUNK", "Missing", "Vault"]

CHUNK = 256 * 1024
"""Bytes that are read at once."""


class Missing(LookupError):
    """There are no such bytes."""


@runtime_checkable
class Vault(Protocol):
    """Keeps bytes under their SHA-256, in hexadecimal: the same bytes are kept once, and never change."""

    async def put(self, digest: str, source: Path) -> None:
        """Keep the bytes of a file on this machine, which stays where it is; raises `StoreError`."""

    async def size(self, digest: str) -> int:
        """Tell how many bytes there are; raises `Missing`, or `StoreError`."""

    def read(self, digest: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """Give the bytes from `start` to before `end`, piece by piece; raises `Missing`, or `StoreError`."""

    async def drop(self, digest: str) -> None:
        """Let go of bytes, whether there are any or not; raises `StoreError`."""
