"""Rows as PostgreSQL is sent them: an array for each column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.store.columns import Columns

__all__ = ["sets"]


def sets(rows: Iterable[Columns], width: int) -> list[list[Any] | None]:
    """Turn rows into an array for each of so many columns; one in which there is nothing need not be sent."""
    arrays = [list(values) for values in zip(*rows, strict=True)]
    return [values if any(value is not None for value in values) else None for values in arrays] or [None] * width
