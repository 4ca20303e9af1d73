"""Everything of a tenant, over one gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from gateway.client import Gateway
from gateway.clock import Clock, wait_for_change
from gateway.errors import ConfigurationError, GatewayError
from gateway.log import logger
from gateway.store.records import records_of
from gateway.store.records.audit import AuditRecords
from gateway.store.records.connections import ConnectionRecords
from gateway.store.records.erasing import Pieces
from gateway.store.records.keys import KeyRecords
from gateway.store.records.tenants import DEFAULT_TENANT, TenantRecords, TenantRow
from gateway.tenancy.accounts import Accounts
from gateway.tenancy.audit import Audit
from gateway.tenancy.erasing import Erasing, LetGo
from gateway.tenancy.hiding import Hiding, hidden
from gateway.tenancy.keys import Keys
from gateway.tenancy.listing import Listing
from gateway.tenancy.operator import Operator
from gateway.tenancy.retention import Retention, Sweeper
from gateway.tenancy.sealing import KeyRing, Sealer

__all__ = ["Tenancy"]

_log = logger(__name__)

FOLLOW = 1.0
"""Seconds after which is looked at what other processes changed about connections, when no hint of it came."""
GLANCE = 0.05
"""Seconds between two looks at least: hints come with every write of any process."""
HOUSEKEEPING = 3600.0
"""Seconds from one sweep to the next."""


class Tenancy:
    """Tenants, keys, connections, lists, audit and erasure over one gateway with a store that lasts.

    `start` makes the default tenant and the connections; `run` keeps this process in step with the others until it is
    cancelled. The gateway is opened and closed by whoever made it.
    """

    def __init__(
        self,
        gateway: Gateway,
        ring: KeyRing | None = None,
        retention: Retention = Retention(),  # noqa: B008 - frozen
    ) -> None:
        store = records_of(gateway.store)
        self.gateway = gateway
        self.store = store
        # this front stands on the engine, as the Gateway does
        self._engine = gateway._engine  # noqa: SLF001 - see above
        self.clock: Clock = self._engine.clock
        self.sealer: Sealer = Sealer(ring)
        self.tenants: TenantRecords = TenantRecords(store)
        self.audit: Audit = Audit(AuditRecords(store), self.clock)
        self.keys: Keys = Keys(KeyRecords(store), self.clock)
        self.operator: Operator = Operator(self.tenants, self.keys, self.audit, self.clock)
        self.hiding: Hiding = Hiding(self.tenants, self.sealer)
        self._pieces = Pieces(store)
        self.accounts: Accounts = Accounts(
            gateway, ConnectionRecords(store), self.sealer, self.audit, self._suppressing
        )
        self.listing: Listing = Listing(store)
        self.erasing: Erasing = Erasing(store, self.audit, self.hiding, self.clock, refresh=self.accounts.refresh)
        self.sweeper: Sweeper = Sweeper(store, self._engine.connections, self.clock, retention)

    async def start(self) -> None:
        """Open the gateway, make the default tenant on the first start, and make all connections."""
        # connections first: what waits for one that is not there yet would be put off
        await self._engine.open()
        await self.tenants.add(TenantRow(id=DEFAULT_TENANT, name="default", created_at=self.clock.now()))
        await self.accounts.refresh()
        await self.gateway.__aenter__()

    def keep_files_in(self, let_go: LetGo) -> None:
        """Say how the bytes of files are let go that are kept outside the store, when they are erased or too old."""
        self.erasing.let_go = self.sweeper.let_go = let_go

    async def run(self) -> None:
        """Follow what other processes change, and let go of what is old, until cancelled."""
        await asyncio.gather(self._follow(), self._keep_house())

    async def _follow(self) -> None:
        alone = getattr(self.store, "alone", False)
        while True:
            version = self.store.version
            try:
                await self.accounts.refresh()
            except GatewayError as error:
                _log.error("connections_not_followed", error=error.slug)
                await self.clock.sleep(FOLLOW)
                continue
            await self.clock.sleep(FOLLOW if alone else GLANCE)
            if not alone:
                await wait_for_change(self.clock, FOLLOW, self.store.changed(version))

    async def _keep_house(self) -> None:
        while True:
            try:
                await self.accounts.end_overlaps()
                await self.sweeper.sweep()
            except (ConfigurationError, GatewayError) as error:
                _log.error("sweep_failed", error=type(error).__name__)
            await self.clock.sleep(HOUSEKEEPING)

    async def reseal(self) -> int:
        """Seal all data keys anew by the current master key; gives how many were sealed by another one.

        Those of endpoints are their front's. Raises `SecretsLocked` for one that no key of the ring opens; tenants' own
        keys are done by then.
        """
        count, after = 0, ""
        while rows := await self.tenants.page(after):
            for row in rows:
                count += await self.hiding.reseal(row.id)
            after = rows[-1].id
        return count + await self.accounts.reseal()

    async def _suppressing(self, tenant: str, connection: str) -> Callable[[str], datetime | None] | None:
        """Find out who opted out of a connection and was erased; None when that is nobody."""
        rows = await self._pieces.suppressions([connection])
        if not rows:
            return None
        key = await self.hiding.key(tenant)
        since = {row.address: row.created_at for row in rows}
        return lambda address: since.get(hidden(key, address))

    async def aclose(self) -> None:
        """Wait for what is under way."""
        await self.accounts.aclose()
