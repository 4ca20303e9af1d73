"""Names that stay hidden: a keyed hash of an address, by which whoever was erased is still known to be let alone."""

from __future__ import annotations

import hmac
import secrets
from base64 import b64decode, b64encode

from pydantic import JsonValue

from gateway.store.records.tenants import TenantRecords
from gateway.tenancy.sealing import DataKey, Sealer

__all__ = ["Hiding", "hidden"]

_FIELD = "suppression_key"


class Hiding:
    """Hides addresses with a random key of each tenant, which is sealed like every other secret."""

    def __init__(self, tenants: TenantRecords, sealer: Sealer) -> None:
        self._tenants = tenants
        self._sealer = sealer
        self._keys: dict[str, bytes] = {}

    async def key(self, tenant: str) -> bytes:
        """Give the key of a tenant, made when it is asked for first; raises `SecretsLocked`."""
        if await self.known(tenant) is None:
            fresh = self._sealer.make(tenant, tenant)
            value = fresh.seal(_FIELD, b64encode(secrets.token_bytes(32)))

            def first(settings: dict[str, JsonValue]) -> dict[str, JsonValue]:
                return {_FIELD: {"data_key": fresh.sealed, "sealed": value}, **settings}

            row = await self._tenants.change(tenant, first)
            self._keys[tenant] = self._opened(tenant, row.settings)
        return self._keys[tenant]

    async def known(self, tenant: str) -> bytes | None:
        """Give the key of a tenant if there is one; raises `SecretsLocked`."""
        if tenant not in self._keys:
            row = await self._tenants.get(tenant)
            if _FIELD not in row.settings:
                return None
            self._keys[tenant] = self._opened(tenant, row.settings)
        return self._keys[tenant]

    async def reseal(self, tenant: str) -> bool:
        """Seal the key anew by the current master key; False when that is not needed. Raises `SecretsLocked`."""
        renewed = False

        def change(settings: dict[str, JsonValue]) -> dict[str, JsonValue]:
            nonlocal renewed
            kept = settings.get(_FIELD)
            if not isinstance(kept, dict):
                return settings
            again = self._sealer.renew(tenant, tenant, str(kept["data_key"]))
            renewed = again is not None
            return {**settings, _FIELD: {**kept, "data_key": again}} if again else settings

        await self._tenants.change(tenant, change)
        return renewed

    def _opened(self, tenant: str, settings: dict[str, JsonValue]) -> bytes:
        kept = settings[_FIELD]
        assert isinstance(kept, dict)  # noqa: S101 - written by `key` alone
        key: DataKey = self._sealer.open(tenant, tenant, str(kept["data_key"]))
        return b64decode(key.open(_FIELD, str(kept["sealed"])))


def hidden(key: bytes, address: str) -> str:
    """Hide an address: 64 hexadecimal digits, the same for the same tenant."""
    return hmac.digest(key, address.encode(), "sha256").hex()
