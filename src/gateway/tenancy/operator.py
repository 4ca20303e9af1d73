"""What is the operator's alone: making tenants, and letting their people in.

The operator's own tenant is the default one. An operator who makes a key for a tenant stands in that tenant's audit.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from gateway.clock import Clock
from gateway.ids import new_id
from gateway.store.records.audit import Deed
from gateway.store.records.tenants import DEFAULT_TENANT, TenantRecords, TenantRow
from gateway.tenancy.audit import Audit
from gateway.tenancy.caller import ADMIN
from gateway.tenancy.keys import Keys, Minted
from gateway.tenancy.paging import Page, page_of, place_of

__all__ = ["Operator", "retention_of"]

_RETENTION = "retention"


class Operator:
    """The tenants of a service, as its operator has them."""

    def __init__(self, records: TenantRecords, keys: Keys, audit: Audit, clock: Clock) -> None:
        self._records = records
        self._keys = keys
        self._audit = audit
        self._clock = clock

    async def create(
        self, name: str, *, retention: Mapping[str, JsonValue] | None = None, by: str = "operator"
    ) -> tuple[TenantRow, Minted]:
        """Make a tenant, and the first key of its own, which may do everything there.

        `retention` is how many days things are kept that are kept otherwise than with others: `raw_days`,
        `bodies_days`, `metadata_days`; 0 keeps for ever.
        """
        settings: dict[str, JsonValue] = {_RETENTION: dict(retention)} if retention else {}
        row = TenantRow(id=new_id("tn"), name=name, created_at=self._clock.now(), settings=settings)
        await self._records.add(row)
        await self._audit.note(Deed(DEFAULT_TENANT, by, "tenant.created", row.id))
        return row, await self.admit(row.id, by=by)

    async def admit(self, tenant: str, *, name: str = "first", by: str = "operator") -> Minted:
        """Make a key that may do everything in a tenant; raises `NotFound`."""
        return await self._keys.mint(tenant, name=name, scopes=[ADMIN], by=by)

    async def get(self, tenant: str) -> TenantRow:
        """Give a tenant; raises `NotFound`."""
        return await self._records.get(tenant)

    async def list(self, *, after: str | None = None, limit: int = 50) -> Page[TenantRow]:
        """List the tenants by id."""
        (begin,) = place_of("tenants", after, ("",))
        return page_of("tenants", await self._records.page(begin, limit + 1), limit, lambda row: (row.id,))

    async def keep(self, tenant: str, retention: Mapping[str, JsonValue], *, by: str = "operator") -> TenantRow:
        """Change how long things of a tenant are kept: days, as in `create`; None is as with others.

        Raises `NotFound`.
        """

        def changed(settings: dict[str, JsonValue]) -> dict[str, JsonValue]:
            days = {**retention_of(settings), **retention}
            return {**settings, _RETENTION: {name: value for name, value in days.items() if value is not None}}

        row = await self._records.change(tenant, changed)
        await self._audit.note(Deed(DEFAULT_TENANT, by, "tenant.changed", tenant, dict(retention)))
        return row


def retention_of(settings: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Read how many days things of a tenant are kept otherwise than with others."""
    own = settings.get(_RETENTION)
    return dict(own) if isinstance(own, dict) else {}
