"""What a request with an `Idempotency-Key` came to: one row for tenant, route and key, held while it is under way.

A row that is held by nobody any more, for its process died, is taken over by the next request with the same content:
what it had kept in the outbox is under a key of the same making, so that it finds it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from pydantic_core import from_json, to_json

from gateway.store.instants import micros
from gateway.store.ledger.plan import Plan, ask
from gateway.store.records.durable import Records

__all__ = ["Begun", "IdempotencyRecords", "Kept", "Turn"]


class Turn(Enum):
    """Whose turn it is."""

    MINE = "mine"
    """The request is to be carried out."""
    HELD = "held"
    """Another one with this key is under way."""
    OTHER = "other"
    """The key was used with another request."""
    DONE = "done"
    """It was carried out before; here is what it came to."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Begun:
    """What a request with a key is told."""

    turn: Turn
    answer: Kept | None = None


class IdempotencyRecords(Records):
    """The requests with a key, of all tenants."""

    async def begin(
        self, tenant: str, route: str, key: str, *, fingerprint: str, now: datetime, until: datetime
    ) -> Begun:
        """Take a key for a request until a time, or say why it cannot be taken."""

        def plan() -> Plan[Begun]:
            taken = yield from ask("add_idempotency", tenant, route, key, fingerprint, micros(until), micros(now))
            if taken:
                return Begun(Turn.MINE)
            again = yield from ask("take_idempotency", tenant, route, key, fingerprint, micros(until), micros(now))
            if again:
                return Begun(Turn.MINE)
            rows = yield from ask("idempotency", tenant, route, key)
            return _begun(rows[0], fingerprint) if rows else Begun(Turn.HELD)

        return await self._transact(plan)

    async def void(self) -> None:
        """Let every key go that is held: for a store whose only process has just begun."""

        def plan() -> Plan[None]:
            yield from ask("void_idempotency")

        await self._transact(plan)

    async def finish(self, tenant: str, route: str, key: str, answer: Kept) -> None:
        """Keep what a request came to."""
        columns = (answer.status, to_json(dict(answer.headers)).decode(), answer.body)

        def plan() -> Plan[None]:
            yield from ask("finish_idempotency", tenant, route, key, *columns)

        await self._transact(plan)

    async def forget(self, tenant: str, route: str, key: str) -> None:
        """Give a key back that nothing was kept under; one that is done stays."""

        def plan() -> Plan[None]:
            yield from ask("forget_idempotency", tenant, route, key)

        await self._transact(plan)

    async def sweep(self, before: datetime) -> None:
        """Drop what began before a time."""

        def plan() -> Plan[None]:
            yield from ask("sweep_idempotency", micros(before))

        await self._transact(plan)


def _begun(row: tuple[object, ...], fingerprint: str) -> Begun:
    theirs, status, headers, body = row
    if theirs != fingerprint:
        return Begun(Turn.OTHER)
    if status is None:
        return Begun(Turn.HELD)
    return Begun(Turn.DONE, Kept(int(str(status)), from_json(str(headers)), str(body)))
