"""Tenants: whoever has connections, keys and endpoints of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import JsonValue
from pydantic_core import from_json, to_json

from gateway.errors import NotFound
from gateway.store.columns import Columns
from gateway.store.instants import micros, moment
from gateway.store.ledger.plan import Plan, ask
from gateway.store.records.durable import Records

__all__ = ["DEFAULT_TENANT", "TenantRecords", "TenantRow", "holding"]

DEFAULT_TENANT = "tn_default"
"""The tenant that is there from the first start on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRow:
    """One tenant."""

    id: str
    name: str
    created_at: datetime
    settings: dict[str, JsonValue] = field(default_factory=dict, repr=False)
    """What differs from the service's own retention and limits; and what is sealed for this tenant."""


class TenantRecords(Records):
    """The tenants of a service."""

    async def add(self, row: TenantRow) -> None:
        """Keep a new tenant; one that is there already stays as it is."""
        columns = (row.id, row.name, micros(row.created_at), _text(row.settings))

        def plan() -> Plan[None]:
            yield from ask("add_tenant", *columns)

        await self._transact(plan)

    async def get(self, tenant: str) -> TenantRow:
        """Give a tenant; raises `NotFound`."""
        rows = await self._find("tenant", tenant)
        if not rows:
            raise _missing(tenant)
        return _row(rows[0])

    async def page(self, after: str = "", limit: int = 100) -> list[TenantRow]:
        """List tenants by id, from one on."""
        return [_row(row) for row in await self._rows("tenants", after, limit)]

    async def change(self, tenant: str, make: Callable[[dict[str, JsonValue]], dict[str, JsonValue]]) -> TenantRow:
        """Change the settings of a tenant in one transaction; gives the row as it is then. Raises `NotFound`."""

        def plan() -> Plan[TenantRow]:
            row = yield from holding(tenant)
            yield from ask("write_tenant_settings", tenant, _text(make(row.settings)))
            return (yield from holding(tenant))

        return await self._transact(plan)


def holding(tenant: str) -> Plan[TenantRow]:
    """Hold a tenant until the transaction ends, so that others who hold it wait; raises `NotFound`."""
    rows = yield from ask("hold_tenant", tenant)
    if not rows:
        raise _missing(tenant)
    return _row(rows[0])


def _missing(tenant: str) -> NotFound:
    return NotFound(f"there is no tenant {tenant}", hint="look at the ids of the tenants that there are")


def _row(columns: Columns) -> TenantRow:
    id_, name, created_at, settings = columns
    return TenantRow(id=id_, name=name, created_at=moment(created_at), settings=from_json(settings))


def _text(value: Any) -> str:
    return to_json(value).decode()
