"""API keys: minted once, known by their hash, two alive while one takes the place of the other."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gateway.clock import Clock
from gateway.errors import InvalidMessage, StoreError, Unauthenticated
from gateway.ids import new_id
from gateway.log import logger
from gateway.store.records.audit import Deed
from gateway.store.records.keys import KeyRecords, KeyRow
from gateway.tenancy.caller import Caller, scopes_of
from gateway.tenancy.paging import Page, page_of, place_of

__all__ = ["Keys", "Minted"]

_log = logger(__name__)

PREFIX = "gw"
"""What every key begins with, for the scanners that look for leaked ones; `gw_live_` and 66 characters."""
OVERLAP = timedelta(hours=24)
"""How long the key before still counts, unless whoever rotates says otherwise."""
SELDOM = timedelta(minutes=5)
"""How exactly is kept when a key was last used: a commit for every request would cost more than the request."""

_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_ID, _SECRET, _SUM = 26, 32, 7
_NOBODY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Minted:
    """A new key, and its text, which is shown this once."""

    row: KeyRow
    text: str = field(repr=False)


class Keys:
    """The keys of all tenants."""

    def __init__(self, records: KeyRecords, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    async def mint(
        self,
        tenant: str,
        *,
        name: str,
        scopes: Iterable[str],
        expires_at: datetime | None = None,
        by: str = "operator",
    ) -> Minted:
        """Make a key; raises `InvalidMessage` for a scope that is none, `NotFound` when there is no such tenant.

        `by` is who does it, for the audit: the id of a key, or `operator`.
        """
        now = self._clock.now()
        if expires_at is not None and expires_at <= now:
            raise InvalidMessage("the key would have ended already", hint="give a time that is to come, or none")
        minted = _minted(tenant, name, scopes_of(scopes), now, expires_at)
        deed = Deed(tenant, by, "key.created", minted.row.id, {"scopes": list(minted.row.scopes)})
        await self._records.add(minted.row, deed)
        return minted

    async def rotate(self, tenant: str, key: str, *, overlap: timedelta = OVERLAP, by: str = "operator") -> Minted:
        """Make a key in the place of another one, which counts for `overlap` longer; a third one ends now.

        Raises `NotFound` when the tenant has no such key that counts.
        """
        now = self._clock.now()
        old = await self._records.get(tenant, key)
        minted = _minted(tenant, old.name, old.scopes, now, old.expires_at)
        minted = replace(minted, row=replace(minted.row, replaces=old.id))
        deed = Deed(tenant, by, "key.rotated", old.id, {"to": minted.row.id})
        await self._records.replace(minted.row, deed, until=now + max(overlap, timedelta()), now=now)
        return minted

    async def revoke(self, tenant: str, key: str, *, by: str = "operator") -> None:
        """End a key at once; raises `NotFound`."""
        await self._records.revoke(tenant, key, self._clock.now(), Deed(tenant, by, "key.revoked", key))

    async def get(self, tenant: str, key: str) -> KeyRow:
        """Give a key; raises `NotFound`."""
        return await self._records.get(tenant, key)

    async def list(self, tenant: str, *, after: str | None = None, limit: int = 50) -> Page[KeyRow]:
        """List the keys of a tenant, oldest first, those that have ended included."""
        at, id_ = place_of("keys", after, (0, ""))
        rows = await self._records.page(tenant, (at, id_), limit + 1)
        return page_of("keys", rows, limit, lambda row: row.place)

    async def authenticate(self, bearer: str | None) -> Caller:
        """Say who has this key; raises `Unauthenticated`, which says the same whatever is wrong.

        `bearer` is what stands behind `Bearer ` in the header.
        """
        now = self._clock.now()
        id_, secret = _taken_apart(bearer or "")
        row = await self._records.find(id_) if id_ else None
        # compared even where there is nothing to compare with: the time it takes says nothing
        same = hmac.compare_digest(_hash(secret).encode(), (row.hash if row else _NOBODY).encode())
        if row is None or not same or not row.lives(now):
            _log.warning("key_refused", key=row.id if row else None, why=_why(id_, row, same=same))
            raise Unauthenticated("there is no such key", hint="send the header `Authorization: Bearer gw_live_…`")
        if row.last_used_at is None or now - row.last_used_at >= SELDOM:
            with contextlib.suppress(StoreError):
                await self._records.touch(row.tenant, row.id, now)
        return Caller(row.tenant, row.id, frozenset(row.scopes))


def _minted(tenant: str, name: str, scopes: tuple[str, ...], now: datetime, expires_at: datetime | None) -> Minted:
    id_ = new_id("key")
    secret = "".join(secrets.choice(_DIGITS) for _ in range(_SECRET))
    head = f"{PREFIX}_live_{id_.removeprefix('key_')}_{secret}"
    row = KeyRow(
        id=id_,
        tenant=tenant,
        name=name,
        hash=_hash(secret),
        scopes=scopes,
        created_at=now,
        expires_at=expires_at,
    )
    return Minted(row, head + _sum(head))


def _taken_apart(text: str) -> tuple[str, str]:
    """Give the id and the secret of a key; two empty texts for what is none, or was mistyped."""
    head, tail = text[:-_SUM], text[-_SUM:]
    prefix, _, rest = head.partition("_live_")
    id_, _, secret = rest.partition("_")
    if (prefix, len(id_), len(secret)) != (PREFIX, _ID, _SECRET) or not text.isascii() or tail != _sum(head):
        return "", ""
    return f"key_{id_}", secret


def _sum(head: str) -> str:
    """Give the check digits of a key: CRC-32 in base 32, so that a scanner knows one without asking us."""
    number = zlib.crc32(head.encode("utf-8", "surrogatepass"))
    return "".join(_DIGITS[number >> place & 31] for place in range(30, -1, -5))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _why(id_: str, row: KeyRow | None, *, same: bool) -> str:
    """Say what was wrong, for the log."""
    if not id_:
        return "malformed"
    if row is None:
        return "unknown"
    if not same:
        return "wrong_secret"
    return "revoked" if row.revoked_at else "expired"
