"""The connections of tenants: what makes each of them, sealed, and how far its changes have come.

A connection belongs to one tenant for ever, also after it is removed: its messages and events stay the tenant's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from gateway.errors import Conflict, GatewayError, NotFound
from gateway.store.columns import Columns
from gateway.store.instants import micros, moment
from gateway.store.ledger.plan import Plan, ask
from gateway.store.records.audit import Deed, noted
from gateway.store.records.durable import Records

__all__ = ["ConnectionRecords", "ConnectionRow", "ConnectionState"]


class ConnectionState(StrEnum):
    """Whether a connection is to be used."""

    ACTIVE = "active"
    DISABLED = "disabled"
    """Nothing leaves and nothing comes in, until it is enabled; what waits to leave goes on waiting."""
    REMOVED = "removed"
    """Its settings and secrets are gone; what it sent and received is still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRow:
    """One vendor account of a tenant."""

    id: str
    tenant: str
    name: str
    provider: str
    settings: str = field(repr=False)
    """JSON, with each secret sealed."""
    data_key: str = field(repr=False)
    options: str
    """JSON."""
    state: ConnectionState
    reason: str | None
    created_at: datetime
    updated_at: datetime
    version: int = 0
    """Grows with each change of any connection."""

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands in the list of its tenant's connections."""
        return micros(self.created_at), self.id


class MovedOnError(GatewayError):
    """Somebody else changed the row in the meantime: nothing was written."""


class ConnectionRecords(Records):
    """The connections of all tenants."""

    async def add(self, row: ConnectionRow, deed: Deed) -> ConnectionRow:
        """Keep a new connection; raises `Conflict` when the tenant has one of that name."""

        def plan() -> Plan[ConnectionRow]:
            yield from noted(deed, row.created_at)
            yield from _free(row)
            kept = yield from _numbered(row)
            yield from ask("add_connection", *_columns(kept))
            return kept

        return await self._transact(plan)

    async def change(self, before: ConnectionRow, after: ConnectionRow, deed: Deed | None) -> ConnectionRow | None:
        """Put a row in the place of another one; gives None when that is no longer as it was.

        Raises `NotFound` when the tenant has no such connection, and `Conflict` for a name that is taken.
        """

        def plan() -> Plan[ConnectionRow | None]:
            yield from noted(deed, after.updated_at)
            kept = yield from _numbered(after)
            if (yield from _one(before.tenant, before.id)).version != before.version:
                raise MovedOnError
            if after.name != before.name:
                yield from _free(after)
            yield from ask("write_connection", *_columns(kept))
            return kept

        try:
            return await self._transact(plan)
        except MovedOnError:
            return None

    async def get(self, tenant: str, connection: str) -> ConnectionRow:
        """Give a connection; raises `NotFound`, also for one that is removed."""
        rows = await self._find("connection", tenant, connection)
        if not rows or (row := _row(rows[0])).state is ConnectionState.REMOVED:
            raise _missing(connection)
        return row

    async def page(self, tenant: str, after: tuple[int, str] = (0, ""), limit: int = 100) -> list[ConnectionRow]:
        """List the connections of a tenant, oldest first, after a place."""
        return [_row(row) for row in await self._rows("connections", tenant, *after, limit)]

    async def ids(self, tenant: str) -> list[str]:
        """Name all connections of a tenant, the removed ones included: what it may look at."""
        return [id_ for (id_,) in await self._rows("connection_ids", tenant)]

    async def changed(self, since: int) -> list[ConnectionRow]:
        """List the connections of everybody that changed after a version, in that order: what a process follows."""
        return [_row(row) for row in await self._rows("connections_changed", since)]

    async def all(self) -> list[ConnectionRow]:
        """List the connections of everybody, for their data keys to be sealed anew."""
        return await self.changed(-1)


def _one(tenant: str, connection: str) -> Plan[ConnectionRow]:
    rows = yield from ask("connection", tenant, connection)
    if not rows or (row := _row(rows[0])).state is ConnectionState.REMOVED:
        raise _missing(connection)
    return row


def _free(row: ConnectionRow) -> Plan[None]:
    taken = yield from ask("connection_named", row.tenant, row.name)
    if taken:
        raise Conflict(f"there is a connection named {row.name} already", hint="give it another name")


def _numbered(row: ConnectionRow) -> Plan[ConnectionRow]:
    yield from ask("order_connections")
    [(last,)] = yield from ask("last_connection_version")
    return replace(row, version=last + 1)


def _missing(connection: str) -> NotFound:
    return NotFound(f"there is no connection {connection}", hint="list the connections that there are")


def _columns(row: ConnectionRow) -> Columns:
    return (
        row.id,
        row.tenant,
        row.name,
        row.provider,
        row.settings,
        row.data_key,
        row.options,
        row.state.value,
        row.reason,
        micros(row.created_at),
        micros(row.updated_at),
        row.version,
    )


def _row(columns: Columns) -> ConnectionRow:
    id_, tenant, name, provider, settings, data_key, options, state, reason, created_at, updated_at, version = columns
    return ConnectionRow(
        id=id_,
        tenant=tenant,
        name=name,
        provider=provider,
        settings=settings,
        data_key=data_key,
        options=options,
        state=ConnectionState(state),
        reason=reason,
        created_at=moment(created_at),
        updated_at=moment(updated_at),
        version=version,
    )
