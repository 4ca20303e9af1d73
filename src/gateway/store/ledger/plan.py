"""The three things that a batch can ask of a database, and the shape of a plan that asks them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from gateway.store.columns import Columns

__all__ = ["Ask", "MovedError", "Plan", "Rows", "Tell", "Told", "ask", "tell", "told"]

T = TypeVar("T")

Rows: TypeAlias = list[Columns]


@dataclass(frozen=True, slots=True)
class Ask:
    """Run a query once; an argument that is a list is a set of values."""

    query: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Tell:
    """Write rows; nothing comes back."""

    query: str
    rows: Sequence[Columns]


@dataclass(frozen=True, slots=True)
class Told:
    """Write rows; what the query returns comes back."""

    query: str
    rows: Sequence[Columns]


Plan: TypeAlias = Generator[Ask | Tell | Told, Rows, T]
"""Yields queries, is sent their rows, and returns its result."""


class MovedError(Exception):
    """While a batch waited for its locks somebody changed what it had locked by: it has to begin again."""


def ask(query: str, *arguments: Any) -> Plan[Rows]:
    """Run a query once."""
    return (yield Ask(query, arguments))


def tell(query: str, rows: Sequence[Columns]) -> Plan[None]:
    """Write rows, if there are any."""
    if rows:
        yield Tell(query, rows)


def told(query: str, rows: Sequence[Columns]) -> Plan[Rows]:
    """Write rows, if there are any, and give what comes back."""
    return (yield Told(query, rows)) if rows else []
