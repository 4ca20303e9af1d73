"""Records of files beside a store that keeps nothing when the process ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.store.records.tenants import DEFAULT_TENANT
from gateway.store.records.uploads import UploadRow, no_file

__all__ = ["Passing"]


class Passing:
    """The same calls as `Uploads`, in memory."""

    def __init__(self) -> None:
        self._rows: dict[str, UploadRow] = {}

    async def add(self, row: UploadRow) -> None:
        """Keep a record."""
        kept = self._rows.setdefault(row.id, row)
        if kept.expires_at is not None and (row.expires_at is None or row.expires_at > kept.expires_at):
            self._rows[row.id] = replace(kept, expires_at=row.expires_at)

    async def get(self, tenant: str, upload: str) -> UploadRow:
        """Give a record of a tenant."""
        row = self._rows.get(upload)
        if row is None or row.tenant != tenant:
            raise no_file(upload)
        return row

    async def page(
        self, tenant: str, *, before: tuple[datetime, str] | None, limit: int, event: str | None = None
    ) -> list[UploadRow]:
        """List records of a tenant."""
        rows = [row for row in self._rows.values() if row.tenant == tenant and event in {None, row.event}]
        rows.sort(key=lambda row: (row.created_at, row.id), reverse=event is None)
        return [row for row in rows if before is None or (row.created_at, row.id) < before][:limit]

    async def remove(self, tenant: str, upload: str) -> bool:
        """Forget a record; True when nobody else has the same bytes."""
        gone = await self.get(tenant, upload)
        del self._rows[upload]
        return not any(row.digest == gone.digest for row in self._rows.values())

    async def expire(self, now: datetime, limit: int = 100) -> list[str]:
        """Forget records whose time is over; gives the digests that nobody has any more."""
        old = [row for row in self._rows.values() if row.expires_at is not None and row.expires_at <= now][:limit]
        for row in old:
            del self._rows[row.id]
        left = {row.digest for row in self._rows.values()}
        return sorted({row.digest for row in old} - left)

    async def tenant_of(self, connection: str) -> str:
        """Tell whose a connection is: there is one tenant."""
        return DEFAULT_TENANT
