"""Endpoints: the URLs that receive a tenant's events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from pydantic_core import from_json, to_json

from gateway.errors import Conflict, NotFound
from gateway.store.columns import Columns
from gateway.store.instants import maybe_micros, maybe_moment, micros, moment
from gateway.store.ledger.plan import Plan, ask
from gateway.store.records.audit import Deed, noted
from gateway.store.records.durable import Records
from gateway.store.records.tenants import DEFAULT_TENANT

__all__ = [
    "OWN",
    "EndpointRecords",
    "EndpointRow",
    "EndpointState",
    "Wanted",
    "endpoint_row",
    "is_of",
    "missing",
    "read_wanted",
]


CHUNK = 500
"""Deliveries that are forgotten in one transaction."""
OWN = "pc_"
"""How the names of connections begin that belong to a tenant; one that is no longer there is nobody's."""


class EndpointState(StrEnum):
    """Whether an endpoint is sent anything."""

    ACTIVE = "active"
    PAUSED = "paused"
    """What comes waits, and goes when it is active again."""
    DISABLED = "disabled"
    """What waits stays, and nothing is added to it."""


def is_of(kind: str, name: str) -> bool:
    """Tell whether a type of event is the one that is named, or of the family: `message.*`."""
    return kind.startswith(name[:-1]) if name.endswith(".*") else kind == name


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events an endpoint is sent; what is empty takes all."""

    types: tuple[str, ...] = ()
    """Types of events, `message.received` or `message.*`."""
    connections: tuple[str, ...] = ()

    def takes(self, kind: str, connection: str) -> bool:
        """Tell whether an event of a type on a connection is for it; an event of no connection is nobody's alone."""
        return self._takes_type(kind) and (not self.connections or not connection or connection in self.connections)

    def _takes_type(self, kind: str) -> bool:
        return not self.types or any(is_of(kind, name) for name in self.types)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRow:
    """One endpoint."""

    id: str
    tenant: str
    url: str = field(repr=False)
    """Holds tokens of the receiver at times, so it is in no log."""
    description: str
    wanted: Wanted
    format: str
    secrets: str = field(repr=False)
    """Its signing keys, sealed."""
    data_key: str = field(repr=False)
    """What they are sealed with, itself sealed."""
    state: EndpointState
    reason: str | None = None
    """Why it is not active, for people."""
    failing_since: datetime | None = None
    failures: int = 0
    """How many deliveries failed one after the other."""
    closed_until: datetime | None = None
    """Until when everything is kept back."""
    created_at: datetime
    updated_at: datetime
    version: int = 1


class EndpointRecords(Records):
    """The endpoints of a service; every call takes the tenant first."""

    async def add(self, row: EndpointRow, deed: Deed | None = None) -> None:
        """Keep a new endpoint."""
        columns = _columns(row)

        def plan() -> Plan[None]:
            yield from noted(deed, row.created_at)
            yield from ask("add_endpoint", *columns)

        await self._transact(plan)

    async def get(self, tenant: str, endpoint: str) -> EndpointRow:
        """Give an endpoint; raises `NotFound`."""
        rows = await self._find("endpoint", tenant, endpoint)
        if not rows:
            raise missing(endpoint)
        return endpoint_row(rows[0])

    async def owned(self, tenant: str, connections: Sequence[str]) -> set[str]:
        """Say which of some connections are a tenant's; one that was configured is the default tenant's."""
        rows = await self._find("owners_of", list(connections))
        theirs: dict[str, str] = dict(map(tuple, rows))
        return {
            name for name in connections if theirs.get(name, None if name.startswith(OWN) else DEFAULT_TENANT) == tenant
        }

    async def change(
        self,
        tenant: str,
        endpoint: str,
        now: datetime,
        make: Callable[[EndpointRow], EndpointRow],
        deed: Deed | None = None,
    ) -> EndpointRow:
        """Change an endpoint in one transaction; gives it as it is then. Raises `NotFound`, and `Conflict`."""

        def plan() -> Plan[EndpointRow]:
            yield from noted(deed, now)
            rows = yield from ask("endpoint", tenant, endpoint)
            if not rows:
                raise missing(endpoint)
            before = endpoint_row(rows[0])
            after = replace(make(before), id=before.id, tenant=before.tenant, updated_at=now, version=before.version)
            written = yield from ask("write_endpoint", *_changes(after))
            if not written:
                raise Conflict(f"{endpoint} was changed by somebody else just now", hint="try again")
            return replace(after, version=written[0][0])

        return await self._transact(plan)

    async def all(self, after: str, limit: int) -> list[EndpointRow]:
        """List the endpoints of all tenants, oldest first, from an id on: for the operator, not for a tenant."""
        return [endpoint_row(row) for row in await self._rows("all_endpoints", after, limit)]

    async def rewrap(self, row: EndpointRow, data_key: str) -> bool:
        """Keep the data key of an endpoint sealed anew; False when it was replaced meanwhile."""

        def plan() -> Plan[bool]:
            return bool((yield from ask("rewrap_endpoint", row.id, row.data_key, data_key)))

        return await self._transact(plan)

    async def remove(self, tenant: str, endpoint: str, now: datetime, deed: Deed | None = None) -> None:
        """Forget an endpoint with its deliveries; raises `NotFound`.

        It is disabled first and then emptied bit by bit, so that others can write in between: one that dies half way
        leaves an endpoint that gets nothing more, and whose removal can be asked for again.
        """
        if not await self._transact(lambda: _closed_for_good(tenant, endpoint, now)):
            raise missing(endpoint)
        full = True
        while full:
            full = await self._transact(lambda: _emptied(tenant, endpoint)) == CHUNK

        def plan() -> Plan[None]:
            yield from noted(deed, now)
            yield from _emptied(tenant, endpoint)
            yield from ask("drop_endpoint_lanes", endpoint)
            if not (yield from ask("drop_endpoint", tenant, endpoint)):
                raise missing(endpoint)

        await self._transact(plan)

    async def list(self, tenant: str, after: str = "", limit: int = 100) -> list[EndpointRow]:
        """List the endpoints of a tenant, oldest first, from an id on."""
        return [endpoint_row(row) for row in await self._rows("endpoints", tenant, after, limit)]


def _closed_for_good(tenant: str, endpoint: str, now: datetime) -> Plan[bool]:
    """Send an endpoint nothing more; False where there is none."""
    if not (yield from ask("endpoint", tenant, endpoint)):
        return False
    yield from ask("disable_endpoint", endpoint, "it is being removed", micros(now))
    yield from ask("drop_endpoint_lanes", endpoint)
    return True


def _emptied(tenant: str, endpoint: str) -> Plan[int]:
    """Forget up to `CHUNK` deliveries to an endpoint; gives how many."""
    yield from ask("drop_endpoint_attempts", tenant, endpoint, CHUNK)
    return len((yield from ask("drop_endpoint_deliveries", tenant, endpoint, CHUNK)))


def missing(endpoint: str) -> NotFound:
    """Say that there is no such endpoint, or none of this tenant."""
    return NotFound(f"there is no endpoint {endpoint}", hint="list the endpoints to see their ids")


def read_wanted(text: str) -> Wanted:
    """Read a filter."""
    read = from_json(text)
    return Wanted(tuple(read["types"]), tuple(read["connections"]))


def _wanted(wanted: Wanted) -> str:
    return to_json({"types": wanted.types, "connections": wanted.connections}).decode()


def _columns(row: EndpointRow) -> Columns:
    return (
        row.id,
        row.tenant,
        row.url,
        row.description,
        _wanted(row.wanted),
        row.format,
        row.secrets,
        row.data_key,
        row.state.value,
        row.reason,
        maybe_micros(row.failing_since),
        row.failures,
        maybe_micros(row.closed_until),
        micros(row.created_at),
        micros(row.updated_at),
        row.version,
    )


def _changes(row: EndpointRow) -> Columns:
    columns = _columns(row)
    return (row.tenant, row.id, *columns[2:13], columns[14], row.version)


def endpoint_row(columns: Columns) -> EndpointRow:
    """Read an endpoint."""
    (id_, tenant, url, description, wanted, format_, secrets, data_key, state, reason, failing, *rest) = columns
    failures, closed, created, updated, version = rest
    return EndpointRow(
        id=id_,
        tenant=tenant,
        url=url,
        description=description,
        wanted=read_wanted(wanted),
        format=format_,
        secrets=secrets,
        data_key=data_key,
        state=EndpointState(state),
        reason=reason,
        failing_since=maybe_moment(failing),
        failures=failures,
        closed_until=maybe_moment(closed),
        created_at=moment(created),
        updated_at=moment(updated),
        version=version,
    )
