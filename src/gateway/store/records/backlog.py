"""What waits to leave, of everybody: for whoever watches over the service."""

from __future__ import annotations

from datetime import datetime

from gateway.store.instants import maybe_moment, micros
from gateway.store.records.durable import Records

__all__ = ["Backlog"]


class Backlog(Records):
    """The messages that are due, of all tenants."""

    async def oldest(self, now: datetime) -> datetime | None:
        """Give the time since when the first of them is due; None when none is."""
        [(since,)] = await self._rows("oldest_due", micros(now))
        return maybe_moment(since)
