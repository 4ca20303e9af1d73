"""Records of files: whose they are, what they are called, what they are; the bytes themselves are in the vault."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.errors import NotFound
from gateway.store.columns import Columns, event_row
from gateway.store.instants import maybe_micros, maybe_moment, micros, moment
from gateway.store.ledger.plan import Plan, ask
from gateway.store.records.durable import Records
from gateway.store.records.tenants import DEFAULT_TENANT
from gateway.store.rows import EventRow

__all__ = ["UploadRow", "Uploads", "no_file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRow:
    """A file that somebody gave us, or that a contact sent."""

    id: str
    tenant: str
    digest: str
    """SHA-256 of the bytes, in hexadecimal: where they are in the vault."""
    name: str
    media_type: str
    """What it is served as."""
    declared_type: str | None = None
    named_type: str | None = None
    sniffed_type: str | None = None
    size: int
    connection: str | None = None
    """The connection that it was sent or came by."""
    event: str | None = None
    """The event that brought it."""
    created_at: datetime
    expires_at: datetime | None = None
    """When it is let go; None keeps it."""


class Uploads(Records):
    """The table `upload`."""

    async def add(self, row: UploadRow) -> None:
        """Keep a record; one with the same id is kept as it is, but for the longer life of the two."""

        def plan() -> Plan[None]:
            yield from ask("add_upload", *_columns(row))

        await self._transact(plan)

    async def get(self, tenant: str, upload: str) -> UploadRow:
        """Give a record of a tenant; raises `NotFound`, for another tenant's too."""
        rows = await self._rows("upload", tenant, upload)
        if not rows:
            raise no_file(upload)
        return _row(rows[0])

    async def page(
        self, tenant: str, *, before: tuple[datetime, str] | None, limit: int, event: str | None = None
    ) -> list[UploadRow]:
        """List records of a tenant, newest first, those before a place; of one event where that is named."""
        if event is not None:
            return [_row(columns) for columns in await self._rows("uploads_of_event", tenant, event, limit)]
        if before is None:
            return [_row(columns) for columns in await self._rows("uploads", tenant, limit)]
        at, upload = before
        return [_row(columns) for columns in await self._rows("uploads_before", tenant, micros(at), upload, limit)]

    async def remove(self, tenant: str, upload: str) -> bool:
        """Forget a record; True when nobody else has the same bytes. Raises `NotFound`."""

        def plan() -> Plan[bool]:
            gone = yield from ask("drop_upload", tenant, upload)
            if not gone:
                raise no_file(upload)
            left = yield from ask("upload_with", gone[0][0])
            return not left

        return await self._transact(plan)

    async def expire(self, now: datetime, limit: int = 100) -> list[str]:
        """Forget records whose time is over; gives the digests that nobody has any more."""

        def plan() -> Plan[list[str]]:
            gone = yield from ask("drop_old_uploads", micros(now), limit)
            free = []
            for digest in sorted({row[0] for row in gone}):
                left = yield from ask("upload_with", digest)
                free += [] if left else [digest]
            return free

        return await self._transact(plan)

    async def newest(self) -> int:
        """Give the number of the newest event."""
        [(newest,)] = await self._rows("newest_event")
        return int(newest)

    async def to_pin(self, after: int, limit: int) -> tuple[list[EventRow], int]:
        """List events of connections that want media kept, from a number on, and say how far this has looked."""
        newest = await self.newest()
        rows = [event_row(columns) for columns in await self._rows("events_to_pin", after, limit)]
        return rows, rows[-1].sequence if rows else max(after, newest)

    async def tenant_of(self, connection: str) -> str:
        """Tell whose a connection is; one without a record is the default tenant's."""
        rows = await self._rows("upload_tenant", connection)
        return str(rows[0][0]) if rows else DEFAULT_TENANT

    async def drop_bytes(self, digest: str) -> None:
        """Let go of bytes that are kept in the store itself."""

        def plan() -> Plan[None]:
            yield from ask("drop_file", digest)

        await self._transact(plan)


def no_file(upload: str) -> NotFound:
    """Say that there is no such file."""
    return NotFound(f"there is no file {upload}", hint="upload it, and use the id that this gives")


def _columns(row: UploadRow) -> Columns:
    return (
        row.id,
        row.tenant,
        row.digest,
        row.name,
        row.media_type,
        row.declared_type,
        row.named_type,
        row.sniffed_type,
        row.size,
        row.connection,
        row.event,
        micros(row.created_at),
        maybe_micros(row.expires_at),
    )


def _row(columns: Columns) -> UploadRow:
    upload, tenant, digest, name, media_type, declared, named, sniffed, size, connection, event, made, ends = columns
    return UploadRow(
        id=upload,
        tenant=tenant,
        digest=digest,
        name=name,
        media_type=media_type,
        declared_type=declared,
        named_type=named,
        sniffed_type=sniffed,
        size=size,
        connection=connection,
        event=event,
        created_at=moment(made),
        expires_at=maybe_moment(ends),
    )
