"""Deliveries: one event to one endpoint, what was tried, and how far it has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.errors import Conflict, NotFound
from gateway.ids import new_timed_id
from gateway.store.columns import Columns
from gateway.store.instants import maybe_moment, micros, moment
from gateway.store.ledger.plan import Plan, ask, tell
from gateway.store.records.durable import Records

__all__ = ["DeliveryRecords", "DeliveryRow", "Range", "Standing", "TryRow", "delivery_row"]

CHUNK = 500
"""Deliveries that are made or revived in one transaction, so that others can write in between."""
_LAST = "~"
"""Sorts after every id."""


class Standing(StrEnum):
    """How far a delivery has come."""

    PENDING = "pending"
    """It waits, or is under way."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """It was tried as often as the schedule says, or the endpoint is gone; it can be sent again."""
    ABORTED = "aborted"
    """The receiver asked for no further attempt."""
    ERASED = "erased"
    """Its event is no longer kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One delivery."""

    id: str
    tenant: str
    endpoint: str
    event: str
    sequence: int
    """The place of its event among all."""
    lane: str
    """Deliveries of one lane go one after the other."""
    state: Standing
    attempts: int = 0
    tries: int = 0
    """How many of the attempts belong to the present series."""
    next_at: datetime
    status: int | None = None
    """HTTP status of the last attempt."""
    error: str | None = None
    """Why the last attempt failed, where there is no status."""
    created_at: datetime
    ended_at: datetime | None = None
    manual: bool = False
    payload: str | None = field(default=None, repr=False)
    """The event as JSON, where it is kept nowhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryRow:
    """One attempt."""

    number: int
    started_at: datetime
    ended_at: datetime
    status: int | None = None
    error: str | None = None
    answer: str | None = field(default=None, repr=False)
    """What the receiver said, cut."""


@dataclass(frozen=True, slots=True)
class Range:
    """Which events are to be sent again."""

    since: datetime
    until: datetime
    connections: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    """Whole names; empty is all."""
    missing: bool = False
    """Only those of which the endpoint has no delivery."""


class DeliveryRecords(Records):
    """The deliveries of a service; every call takes the tenant first."""

    async def get(self, tenant: str, delivery: str) -> tuple[DeliveryRow, list[TryRow]]:
        """Give a delivery and its attempts, oldest first; raises `NotFound`."""
        rows = await self._find("delivery", tenant, delivery)
        if not rows:
            raise NotFound(f"there is no delivery {delivery}", hint="list the deliveries of an endpoint")
        tries = await self._find("delivery_attempts", delivery)
        return delivery_row(rows[0]), [_try_row(row) for row in tries]

    async def of_event(
        self, tenant: str, event: str, *, state: Standing | None = None, before: str | None = None, limit: int = 50
    ) -> list[DeliveryRow]:
        """List the deliveries of an event, newest first, from before an id on."""
        asked = (before or _LAST, state.value if state else "", limit)
        return [delivery_row(row) for row in await self._rows("deliveries_of_event", tenant, event, *asked)]

    async def add(self, row: DeliveryRow) -> None:
        """Keep a delivery that was asked for."""

        def plan() -> Plan[None]:
            yield from add_delivery(row)

        await self._transact(plan)

    async def revive(self, tenant: str, delivery: str, now: datetime) -> None:
        """Try a delivery again from the start; raises `NotFound`, and `Conflict` when it is still being tried."""

        def plan() -> Plan[None]:
            if not (yield from ask("delivery", tenant, delivery)):
                raise NotFound(f"there is no delivery {delivery}", hint="list the deliveries of an endpoint")
            if not (yield from _revive(tenant, delivery, now)):
                raise Conflict(f"{delivery} is still being tried", hint="it goes by itself; look at it again later")

        await self._transact(plan)

    async def recover(self, tenant: str, endpoint: str, since: datetime, now: datetime) -> int:
        """Try again, in their order, up to `CHUNK` deliveries that came to nothing since a time; gives how many."""

        def plan() -> Plan[int]:
            found = yield from ask("dead_deliveries", endpoint, micros(since), tenant, CHUNK)
            for (delivery,) in found:
                yield from _revive(tenant, delivery, now)
            return len(found)

        return await self._transact(plan)

    async def dead(self, tenant: str, endpoint: str, since: datetime) -> int:
        """Count the deliveries that came to nothing since a time."""
        [[count]] = await self._rows("dead_count", endpoint, micros(since), tenant)
        return int(count)

    async def count(self, tenant: str, endpoint: str, wanted: Range) -> int:
        """Count the events that `replay` would send."""
        [[count]] = await self._rows("count_to_replay", tenant, *_asked(wanted), endpoint)
        return int(count)

    async def replay(
        self, tenant: str, endpoint: str, wanted: Range, now: datetime, *, after: int = 0
    ) -> tuple[int, int | None]:
        """Make deliveries of up to `CHUNK` events, from the number `after` on.

        Gives how many, and the number to go on from; None when that was all.
        """

        def plan() -> Plan[tuple[int, int | None]]:
            found = yield from ask("events_to_replay", after, tenant, *_asked(wanted), endpoint, CHUNK)
            at = micros(now)
            rows = [
                (id_, tenant, endpoint, event, sequence, f"again:{endpoint}:{lane}", at, 1)
                for id_, (sequence, event, lane) in zip(delivery_ids(now, len(found)), found, strict=True)
            ]
            yield from tell("add_deliveries", rows)
            yield from tell("raise_lanes", sorted({(row[5], endpoint, at) for row in rows}))
            return len(rows), found[-1][0] if len(found) == CHUNK else None

        return await self._transact(plan)

    async def list(
        self, tenant: str, endpoint: str, *, state: Standing | None = None, before: str | None = None, limit: int = 50
    ) -> list[DeliveryRow]:
        """List the deliveries of an endpoint, newest first, from before an id on."""
        asked = (before or _LAST, state.value if state else "", limit)
        return [delivery_row(row) for row in await self._rows("deliveries", tenant, endpoint, *asked)]


def delivery_ids(now: datetime, number: int) -> list[str]:
    """Make the ids of deliveries that begin together, in the order in which they are to be listed."""
    return [new_timed_id("dlv", now) for _ in range(number)]


def add_delivery(row: DeliveryRow) -> Plan[None]:
    """Keep a delivery that waits, and its lane."""
    at = micros(row.next_at)
    yield from ask("raise_lane", row.lane, row.endpoint, at)
    yield from ask(
        "add_delivery",
        row.id,
        row.tenant,
        row.endpoint,
        row.event,
        row.sequence,
        row.lane,
        at,
        int(row.manual),
        row.payload,
    )


def _revive(tenant: str, delivery: str, now: datetime) -> Plan[bool]:
    revived = yield from ask("revive_delivery", tenant, delivery, micros(now))
    for lane, endpoint in revived:
        yield from ask("raise_lane", lane, endpoint, micros(now))
    return bool(revived)


def _asked(wanted: Range) -> tuple[int, int, Sequence[str], Sequence[str], int]:
    connections, types = list(wanted.connections), list(wanted.types)
    return micros(wanted.since), micros(wanted.until), connections, types, int(wanted.missing)


def delivery_row(columns: Columns) -> DeliveryRow:
    """Read a delivery."""
    (id_, tenant, endpoint, event, sequence, lane, state, attempts, tries, next_at, status, error, *rest) = columns
    created, ended, manual, payload = rest
    return DeliveryRow(
        id=id_,
        tenant=tenant,
        endpoint=endpoint,
        event=event,
        sequence=sequence,
        lane=lane,
        state=Standing(state),
        attempts=attempts,
        tries=tries,
        next_at=moment(next_at),
        status=status,
        error=error,
        created_at=moment(created),
        ended_at=maybe_moment(ended),
        manual=bool(manual),
        payload=payload,
    )


def _try_row(columns: Columns) -> TryRow:
    number, started, ended, status, error, answer = columns
    return TryRow(
        number=number,
        started_at=moment(started),
        ended_at=moment(ended),
        status=status,
        error=error,
        answer=answer,
    )
