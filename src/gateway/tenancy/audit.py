"""The audit as people see it: pages, newest first, and whether the chain is whole."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.clock import Clock
from gateway.store.records.audit import FIRST, AuditRecords, AuditRow, Deed
from gateway.tenancy.paging import Page, page_of, place_of

__all__ = ["Audit", "Chain"]

_STEP = 1000
"""Lines that are read at a time."""
_MOST = 2**62


@dataclass(frozen=True, slots=True)
class Chain:
    """What came of looking through a tenant's chain."""

    lines: int
    """How many lines are whole, from the first on."""
    head: str
    """The hash of the last of them. Kept elsewhere, it shows later that nothing was cut off or written anew."""
    broken_at: int | None = None
    """The number of the first line that is missing, was changed, or does not follow; None when all are whole."""


class Audit:
    """The chains of all tenants."""

    def __init__(self, records: AuditRecords, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    async def note(self, deed: Deed) -> None:
        """Write down something that changed nothing in the store: what was looked at, exported, asked of a vendor."""
        await self._records.add(deed, self._clock.now())

    async def list(self, tenant: str, *, after: str | None = None, limit: int = 50) -> Page[AuditRow]:
        """List lines, newest first."""
        (before,) = place_of("audit", after, (_MOST,))
        rows = await self._records.page(tenant, before, limit + 1)
        return page_of("audit", rows, limit, lambda row: (row.number,))

    async def verify(self, tenant: str) -> Chain:
        """Look whether every line is as it was written and follows the one before."""
        lines, head = 0, FIRST
        while rows := await self._records.walk(tenant, lines, _STEP):
            for row in rows:
                if (row.number, row.previous, row.hash) != (lines + 1, head, row.due_hash):
                    return Chain(lines, head, lines + 1)
                lines, head = row.number, row.hash
        return Chain(lines, head)
