"""When things fall due: asked for the first few of many, and never going through all of them."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable
from typing import Generic, NamedTuple, TypeVar

__all__ = ["Schedule"]

G = TypeVar("G", bound=Hashable)


class _Entry(NamedTuple):
    at: int
    """Microseconds."""
    rank: int
    """Decides between two that are due at the same time; then the key does."""
    key: str


class Schedule(Generic[G]):
    """Keys with the time that each is due, in groups.

    An entry that was replaced stays in its heap until it comes up; heaps with more old entries than new are rebuilt.
    """

    def __init__(self) -> None:
        self._entries: dict[str, tuple[G, _Entry]] = {}
        self._later: list[_Entry] = []
        self._due: dict[G, list[_Entry]] = {}
        self._soonest: int | None = None

    def put(self, key: str, at: int | None, group: G, rank: int = 0) -> None:
        """Set when a key is due; None takes it out."""
        if at is None:
            self._entries.pop(key, None)
            return
        entry = _Entry(at, rank, key)
        self._entries[key] = (group, entry)
        heapq.heappush(self._later, entry)
        if self._soonest is None or at < self._soonest:
            self._soonest = at
        if len(self._later) > 2 * len(self._entries) + 64:
            self._rebuild()

    def groups(self) -> Iterable[G]:
        """Give the groups that something was due in."""
        return tuple(self._due)

    def advance(self, now: int) -> None:
        """Sort out what has fallen due."""
        while self._later and self._later[0].at <= now:
            entry = heapq.heappop(self._later)
            if (group := self._group(entry)) is not None:
                heapq.heappush(self._due.setdefault(group, []), entry)

    def first(self, group: G, now: int, limit: int) -> list[tuple[int, str]]:
        """Give the first few keys of a group that are due, with their times."""
        heap = self._due.get(group, [])
        found: list[_Entry] = []
        while heap and len(found) < limit:
            entry = heapq.heappop(heap)
            if self._group(entry) != group or entry in found[-1:]:
                continue
            if entry.at > now:  # the clock went back
                heapq.heappush(self._later, entry)
                continue
            found.append(entry)
        for entry in found:
            heapq.heappush(heap, entry)
        if not heap:
            self._due.pop(group, None)
        return [(entry.at, entry.key) for entry in found]

    def look_ahead(self, now: int, *, more: bool) -> None:
        """Note what comes next: what is due at once when there is `more` of it, else the first that is not due yet."""
        while self._later and self._group(self._later[0]) is None:
            heapq.heappop(self._later)
        coming = self._later[0].at if self._later else None
        self._soonest = now if more else coming

    @property
    def soonest(self) -> int | None:
        """When something falls due, as far as was seen when that was last asked for, or has been put in since."""
        return self._soonest

    def _group(self, entry: _Entry) -> G | None:
        current = self._entries.get(entry.key)
        return current[0] if current is not None and current[1] == entry else None

    def _rebuild(self) -> None:
        self._later = [entry for _, entry in self._entries.values()]
        self._due.clear()
        heapq.heapify(self._later)
