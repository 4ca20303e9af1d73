"""Lists that come by page, whole.

A list's own function gives its first page, whose `more` gives the next: `gateway.pages(connection, exchange)` goes
through all items and fetches as it goes. What is here does it in one exchange.
"""

from __future__ import annotations

from typing import TypeVar

from gateway.provider import Exchange, Page

__all__ = ["MOST_PER_PAGE", "collected"]

MOST_PER_PAGE = 1000
"""As many items as the vendor gives on one page."""

T = TypeVar("T")


def collected(first: Exchange[Page[T]]) -> Exchange[list[T]]:
    """Fetch all pages of a list, from the one given on."""
    page = yield from first
    found = list(page.items)
    while page.more is not None:
        page = yield from page.more()
        found += page.items
    return found
