"""All benchmarks by name, and running those that were chosen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Protocol

from benchmarks.backlogs import backlog_sqlite, blocked_sqlite
from benchmarks.forwards import forward_postgresql, forward_sqlite
from benchmarks.ledgers import enqueue_postgresql, enqueue_sqlite, execute_postgresql, execute_sqlite
from benchmarks.measure import Row, Size, calm
from benchmarks.receives import receive_sqlite
from benchmarks.sends import send_memory, send_sqlite
from benchmarks.services import service_receive, service_send

__all__ = ["BENCHMARKS", "Shows", "rows"]

BENCHMARKS: Mapping[str, Callable[[Size], AsyncIterator[Row]]] = {
    "send-memory": send_memory,
    "send-sqlite": send_sqlite,
    "enqueue-sqlite": enqueue_sqlite,
    "execute-sqlite": execute_sqlite,
    "enqueue-postgresql": enqueue_postgresql,
    "execute-postgresql": execute_postgresql,
    "receive-sqlite": receive_sqlite,
    "service-send": service_send,
    "service-receive": service_receive,
    "forward-sqlite": forward_sqlite,
    "forward-postgresql": forward_postgresql,
    "blocked-sqlite": blocked_sqlite,
    "backlog-sqlite": backlog_sqlite,
}


class Shows(Protocol):
    """Shows each row when it is there."""

    def add(self, row: Row) -> None:
        """Show a row."""


async def rows(names: Iterable[str], size: Size, shows: Shows | None = None) -> list[Row]:
    """Run benchmarks one after the other."""
    found = []
    for name in names:
        with calm():
            async for row in BENCHMARKS[name](size):
                found.append(row)
                if shows is not None:
                    shows.add(row)
    return found
