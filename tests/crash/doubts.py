"""How long nobody knew what became of a send though the vendor had it: by the ledger, send by send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from gateway.simulator import Bubble
from tests.crash.truth import Sent

Strike: TypeAlias = tuple[datetime, datetime]
"""From when to when somebody was killed or frozen, or what he held was held by nobody who lives."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A send whose outcome was unknown and which the vendor had, then or later."""

    message: str
    text: str
    since: datetime
    """When it became unknown; where the vendor read it only after that, when it read it."""
    late: bool
    """The vendor read it only after it was given up, as with a call that was frozen with its worker."""
    until: datetime | None
    """When it was known; None while it is not."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.until - self.since).total_seconds() if self.until else float("inf")

    def undisturbed(self, strikes: Sequence[Strike]) -> float:
        """How long it took but for the time in which there was somebody missing."""
        if self.until is None:
            return float("inf")
        at, disturbed = self.since, 0.0
        for begin, end in sorted(strikes):
            low, high = max(at, begin), min(self.until, end)
            if low < high:
                disturbed, at = disturbed + (high - low).total_seconds(), high
        return self.seconds - disturbed


def doubts(promised: Iterable[Sent], rows: Iterable[Mapping[str, Any]], shown: Iterable[Bubble]) -> list[Doubt]:
    """Put together what the ledger says about steps that were unknown with what the vendors have of them."""
    texts = {sent.id: sent.texts for sent in promised}
    there = {bubble.text: bubble for bubble in shown}
    found = []
    for row in rows:
        for step, unknown in row["unknown"]:
            text = texts[row["id"]][step]
            if (bubble := there.get(text)) is not None:
                read, until = min(bubble.times.values()), row["known"].get(bubble.vendor_id)
                began = datetime.fromisoformat(unknown)
                known = datetime.fromisoformat(until) if until else None
                found.append(Doubt(row["id"], text, max(began, read), read > began, known))
    return found
