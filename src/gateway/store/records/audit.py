"""The audit: who did what, each line bound to the one before it by a hash.

A line is written in the very transaction of what it tells of, while that holds its tenant, so that a chain never forks
and nothing is done without its line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue
from pydantic_core import from_json, to_json

from gateway.store.columns import Columns
from gateway.store.instants import micros, moment
from gateway.store.ledger.plan import Plan, ask
from gateway.store.records.durable import Records
from gateway.store.records.tenants import holding

__all__ = ["FIRST", "AuditRecords", "AuditRow", "Deed", "noted"]

FIRST = ""
"""What the first line of a chain has before it."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done, for the audit."""

    tenant: str
    actor: str
    """Who: the id of a key, `operator`, `gateway`."""
    action: str
    """What, in two words: `key.created`, `connection.rotated`."""
    target: str
    """The id of what it was done to."""
    detail: Mapping[str, JsonValue] = field(default_factory=dict)
    """Ids, names and numbers; neither content nor secrets nor addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One line of a tenant's chain."""

    tenant: str
    number: int
    """From 1 on, without gaps."""
    at: datetime
    actor: str
    action: str
    target: str
    detail: Mapping[str, JsonValue]
    previous: str
    """Hash of the line before; empty in the first."""
    hash: str

    @property
    def due_hash(self) -> str:
        """The hash that the line has to have: SHA-256, in hexadecimal, over all that it says."""
        said = [self.previous, self.tenant, self.number, micros(self.at), self.actor, self.action, self.target]
        return hashlib.sha256(to_json([*said, _text(self.detail)])).hexdigest()


class AuditRecords(Records):
    """The chains of all tenants."""

    async def add(self, deed: Deed, at: datetime) -> None:
        """Write a line about what no other transaction tells of; raises `NotFound` when there is no such tenant."""

        def plan() -> Plan[None]:
            yield from noted(deed, at)

        await self._transact(plan)

    async def page(self, tenant: str, before: int, limit: int) -> list[AuditRow]:
        """List lines, newest first, from a number down, which is left out."""
        return [_row(row) for row in await self._rows("audit_down", tenant, before, limit)]

    async def walk(self, tenant: str, after: int, limit: int) -> list[AuditRow]:
        """List lines, oldest first, from a number up, which is left out."""
        return [_row(row) for row in await self._rows("audit_up", tenant, after, limit)]


def noted(deed: Deed | None, at: datetime) -> Plan[None]:
    """Write a line within a transaction; holds the tenant until that ends. Raises `NotFound`."""
    if deed is None:
        return
    yield from holding(deed.tenant)
    last = yield from ask("audit_down", deed.tenant, _MOST, 1)
    before = _row(last[0]) if last else None
    row = AuditRow(
        tenant=deed.tenant,
        number=before.number + 1 if before else 1,
        at=moment(micros(at)),
        actor=deed.actor,
        action=deed.action,
        target=deed.target,
        detail=deed.detail,
        previous=before.hash if before else FIRST,
        hash="",
    )
    places = (row.tenant, row.number, micros(row.at), row.actor, row.action, row.target)
    yield from ask("add_audit", *places, _text(row.detail), row.previous, row.due_hash)


_MOST = 2**62


def _text(value: Mapping[str, JsonValue]) -> str:
    return to_json(dict(sorted(value.items()))).decode()


def _row(columns: Columns) -> AuditRow:
    tenant, number, at, actor, action, target, detail, previous, hash_ = columns
    return AuditRow(
        tenant=tenant,
        number=number,
        at=moment(at),
        actor=actor,
        action=action,
        target=target,
        detail=from_json(detail),
        previous=previous,
        hash=hash_,
    )
