"""API keys: who may do what; of the secret only its hash is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pydantic_core import from_json, to_json

from gateway.errors import NotFound
from gateway.store.columns import Columns
from gateway.store.instants import maybe_micros, maybe_moment, micros, moment
from gateway.store.ledger.plan import Plan, ask
from gateway.store.records.audit import Deed, noted
from gateway.store.records.durable import Records

__all__ = ["KeyRecords", "KeyRow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One key, without its secret."""

    id: str
    tenant: str
    name: str
    hash: str = field(repr=False)
    """SHA-256 of the secret, in hexadecimal."""
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    replaces: str | None = None
    """The key that this one takes the place of."""

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands in the list of its tenant's keys."""
        return micros(self.created_at), self.id

    def lives(self, now: datetime) -> bool:
        """Tell whether the key counts at a time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class KeyRecords(Records):
    """The keys of all tenants."""

    async def add(self, row: KeyRow, deed: Deed) -> None:
        """Keep a new key; raises `NotFound` when there is no such tenant."""

        def plan() -> Plan[None]:
            yield from noted(deed, row.created_at)
            yield from _add(row)

        await self._transact(plan)

    async def replace(self, row: KeyRow, deed: Deed, *, until: datetime, now: datetime) -> None:
        """Keep a key in the place of `row.replaces`, which counts until a time; any others in that place end now.

        Raises `NotFound` when the tenant has no such key, or it no longer counts.
        """

        def plan() -> Plan[None]:
            yield from noted(deed, now)
            old = yield from _one(row.tenant, row.replaces or "")
            if not old.lives(now):
                raise _missing(old.id)
            yield from _add(row)
            yield from ask("end_key", row.tenant, old.id, micros(until))
            if old.replaces is not None:
                yield from ask("end_key", row.tenant, old.replaces, micros(now))

        await self._transact(plan)

    async def find(self, key: str) -> KeyRow | None:
        """Look a key up to see whose it is: the one question that is asked before a tenant is known."""
        rows = await self._find("key_of_anyone", key)
        return _row(rows[0]) if rows else None

    async def get(self, tenant: str, key: str) -> KeyRow:
        """Give a key; raises `NotFound`."""
        rows = await self._find("key", tenant, key)
        if not rows:
            raise _missing(key)
        return _row(rows[0])

    async def page(self, tenant: str, after: tuple[int, str] = (0, ""), limit: int = 100) -> list[KeyRow]:
        """List the keys of a tenant, oldest first, after a place (microseconds, id)."""
        return [_row(row) for row in await self._rows("keys", tenant, *after, limit)]

    async def revoke(self, tenant: str, key: str, now: datetime, deed: Deed) -> None:
        """End a key at once; one that is ended stays so. Raises `NotFound`."""

        def plan() -> Plan[None]:
            yield from noted(deed, now)
            yield from _one(tenant, key)
            yield from ask("revoke_key", tenant, key, micros(now))

        await self._transact(plan)

    async def touch(self, tenant: str, key: str, now: datetime) -> None:
        """Note that a key was used."""

        def plan() -> Plan[None]:
            yield from ask("touch_key", tenant, key, micros(now))

        await self._transact(plan)


def _add(row: KeyRow) -> Plan[None]:
    scopes = to_json(row.scopes).decode()
    times = (micros(row.created_at), maybe_micros(row.expires_at))
    yield from ask("add_key", row.id, row.tenant, row.name, row.hash, scopes, *times, row.replaces)


def _one(tenant: str, key: str) -> Plan[KeyRow]:
    rows = yield from ask("key", tenant, key)
    if not rows:
        raise _missing(key)
    return _row(rows[0])


def _missing(key: str) -> NotFound:
    return NotFound(f"there is no key {key}", hint="list the keys; one that has ended cannot be used any more")


def _row(columns: Columns) -> KeyRow:
    id_, tenant, name, hash_, scopes, created_at, expires_at, last_used_at, revoked_at, replaces = columns
    return KeyRow(
        id=id_,
        tenant=tenant,
        name=name,
        hash=hash_,
        scopes=tuple(from_json(scopes)),
        created_at=moment(created_at),
        expires_at=maybe_moment(expires_at),
        last_used_at=maybe_moment(last_used_at),
        revoked_at=maybe_moment(revoked_at),
        replaces=replaces,
    )
