"""Pages: what a list gives at a time, and the opaque text that asks for the next."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic_core import from_json, to_json

from gateway.errors import InvalidMessage

__all__ = ["MOST", "Page", "page_of", "place_of"]

T = TypeVar("T")

MOST = 100
"""Items of one page, at most."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list."""

    items: tuple[T, ...]
    next: str | None = None
    """Asks for the items after these; None at the end."""


def page_of(of: str, rows: Sequence[T], limit: int, place: Callable[[T], tuple[Any, ...]]) -> Page[T]:
    """Make a page of rows, one more of which was read than it holds when there are more."""
    items = tuple(rows[:limit])
    return Page(items, cursor(of, place(items[-1])) if len(rows) > limit and items else None)


def cursor(of: str, place: Sequence[Any]) -> str:
    """Write a place in a list as opaque text."""
    return urlsafe_b64encode(to_json([of, *place])).decode().rstrip("=")


def place_of(of: str, text: str | None, first: tuple[Any, ...]) -> tuple[Any, ...]:
    """Read where a page begins; `first` where nothing is asked for. Raises `InvalidMessage` for another list's text."""
    if text is None:
        return first
    try:
        name, *place = from_json(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError):
        name, place = "", []
    if name != of or [type(value) for value in place] != [type(value) for value in first]:
        raise InvalidMessage("this cursor is none of this list's", hint="give `next` of the page before, as it is")
    return tuple(place)
