"""Lists as Relay has them: edges with opaque cursors, forward only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

import strawberry

from gateway.errors import InvalidMessage
from gateway.tenancy.paging import MOST, Page, cursor

__all__ = ["FIRST", "Connection", "Edge", "PageInfo", "connection_of", "counted"]

T = TypeVar("T")
Row = TypeVar("Row")

FIRST = 50
"""How many, where nothing is said."""


@strawberry.type(description="Where a list goes on.")
class PageInfo:
    """Where a list goes on."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="One item of a list, and its place.")
class Edge(Generic[T]):
    """One item of a list, and its place."""

    node: T
    cursor: str


@strawberry.type(description="Some items of a list; give `endCursor` as `after` for those behind them.")
class Connection(Generic[T]):
    """Some items of a list."""

    edges: list[Edge[T]]
    page_info: PageInfo


def counted(first: int) -> int:
    """Read how many items are asked for; raises `InvalidMessage`."""
    if not 1 <= first <= MOST:
        raise InvalidMessage(f"first is 1 to {MOST}", hint="go on with `after`")
    return first


async def connection_of(
    of: str,
    page: Page[Row],
    place: Callable[[Row], Sequence[Any]],
    node: Callable[[Row], Awaitable[T]],
    after: str | None,
) -> Connection[T]:
    """Show a page of rows."""
    edges = [Edge(node=await node(row), cursor=cursor(of, place(row))) for row in page.items]
    info = PageInfo(
        has_next_page=page.next is not None,
        has_previous_page=after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Connection(edges=edges, page_info=info)
