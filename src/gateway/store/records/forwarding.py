"""The way of an event to its endpoints: turned into deliveries, held while one is under way, settled.

An event becomes deliveries in one transaction with the note that it has. Whoever delivers holds the lane of endpoint
and chat for a while; when it is gone the hold ends, and the next one delivers again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from gateway.failpoints import Point, reach
from gateway.ids import new_timed_id
from gateway.store.columns import Columns
from gateway.store.instants import maybe_micros, maybe_moment, micros, moment, span
from gateway.store.ledger.plan import Plan, ask, tell, told
from gateway.store.records.deliveries import DeliveryRow, Standing, TryRow, add_delivery, delivery_ids, delivery_row
from gateway.store.records.durable import Records
from gateway.store.records.endpoints import OWN, EndpointRow, Wanted, endpoint_row, read_wanted
from gateway.store.records.tenants import DEFAULT_TENANT

__all__ = ["Due", "Effect", "ForwardingRecords", "Held", "Notice", "Patience", "Settled", "Share"]


class Effect(Enum):
    """What an attempt says about its endpoint."""

    NONE = "none"
    WORKS = "works"
    FAILS = "fails"
    BUSY = "busy"
    """It is there, and asks for less: not counted by the breaker."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a failing endpoint is put up with."""

    failures: int
    """Failures in a row after which only a probe goes, once in `interval` seconds."""
    interval: float
    give_up: timedelta
    """After this long without a success it is disabled."""


@dataclass(frozen=True, slots=True)
class Due:
    """What there is to do."""

    events: bool
    """Events wait to be turned into deliveries."""
    at: datetime | None
    """When the next delivery is due."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one process may hold."""

    holder: str
    """Under which name; another one each time."""
    lease: float
    """Seconds."""
    limit: int
    """How many deliveries at most."""
    each: int
    """How many at a time for one endpoint, by all processes."""


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery that is ours for a while."""

    delivery: DeliveryRow
    endpoint: EndpointRow
    body: str | None = field(repr=False)
    """The event as JSON; None when it is no longer kept."""
    holder: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What an attempt came to."""

    held: Held
    delivery: DeliveryRow
    attempt: TryRow | None = None
    effect: Effect = Effect.NONE
    closed_until: datetime | None = None
    """Until when the receiver asks to be left alone."""
    disable: str | None = None
    """Why the endpoint is to be sent nothing more."""


@dataclass(frozen=True, slots=True)
class Notice:
    """An event of the service's own."""

    id: str
    type: str
    payload: str = field(repr=False)


MakeNotice = Callable[[str, str], Notice]
"""Makes the notice that an endpoint was disabled, from its id and the reason."""


class ForwardingRecords(Records):
    """What the forwarder asks of the store; it works for all tenants."""

    async def due(self) -> Due:
        """Tell what there is to do; writes nothing."""
        [(events, at)] = await self._rows("forward_due")
        return Due(bool(events), maybe_moment(at))

    async def void(self, now: datetime) -> None:
        """Give back every lane that is held: for a store whose only process has just begun."""

        def plan() -> Plan[None]:
            yield from ask("void_forward_lanes", micros(now))

        await self._transact(plan)

    async def spread(self, now: datetime, limit: int) -> int:
        """Turn up to `limit` events into deliveries; gives how many events. One process at a time does it."""
        return await self._transact(lambda: _spread(now, limit))

    async def hold(self, now: datetime, share: Share, patience: Patience) -> list[Held]:
        """Hold deliveries that are due, the first of each lane."""
        return await self._transact(lambda: _hold(now, share, patience))

    async def settle_and_hold(
        self, items: Sequence[Settled], now: datetime, share: Share, patience: Patience, make_notice: MakeNotice
    ) -> tuple[list[str], list[Held]]:
        """Write what attempts came to and hold what is due then, in one commit.

        Gives the endpoints that were disabled by it, and what is held. An attempt whose hold was lost meanwhile is left
        out: whoever has it now will tell.
        """

        def plan() -> Plan[tuple[list[str], list[Held]]]:
            disabled = yield from _settle(items, now, patience, make_notice)
            held = (yield from _hold(now, share, patience)) if share.limit > 0 else []
            return disabled, held

        return await self._transact(plan)


# ── from events to deliveries ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Taker:
    id: str
    tenant: str
    wanted: Wanted


def _spread(now: datetime, limit: int) -> Plan[int]:
    [[ours]] = yield from ask("lock_forwarding")
    rows = (yield from ask("to_forward", limit)) if ours else []
    if not rows:
        return 0
    reach(Point.SPREADING)
    events = [row for row in rows if row[1] is not None]
    owners = yield from _owners({connection for _, _, connection, *_ in events})
    takers = yield from _takers(set(owners.values()))
    pairs = [
        (event, taker)
        for event in events
        for taker in takers
        if taker.tenant == owners.get(event[2]) and taker.wanted.takes(event[4], event[2])
    ]
    made = [
        (id_, taker.tenant, taker.id, event, sequence, f"{taker.id}:{lane}", micros(now), 0)
        for id_, ((sequence, event, _, lane, _), taker) in zip(delivery_ids(now, len(pairs)), pairs, strict=True)
    ]
    yield from _join_lanes({lane for _, _, _, lane, _ in events}, made)
    yield from tell("add_deliveries", made)
    yield from tell("raise_lanes", sorted({(row[5], row[2], micros(now)) for row in made}))
    yield from ask("drop_forwarded", [row[0] for row in rows])
    return len(rows)


def _owners(connections: Collection[str]) -> Plan[dict[str, str]]:
    """Say whose connections are; one that the service does not know was configured, and is the default tenant's."""
    known: dict[str, str] = dict((yield from ask("owners_of", sorted(connections))))
    return {
        connection: known.get(connection, DEFAULT_TENANT)
        for connection in connections
        if connection in known or not connection.startswith(OWN)
    }


def _takers(tenants: Collection[str]) -> Plan[list[_Taker]]:
    rows = yield from ask("takers", sorted(tenants))
    return [_Taker(id_, tenant, read_wanted(wanted)) for id_, tenant, wanted in rows]


def _join_lanes(lanes: Collection[str], made: Sequence[Columns]) -> Plan[None]:
    """Where a chat turned out to be another one, let what waits for it wait in front of what is new."""
    aliases = yield from ask("other_names", sorted(lanes))
    for chat, kept in sorted(aliases):
        for endpoint in sorted({row[2] for row in made if row[5] == f"{row[2]}:{kept}"}):
            former, lane = f"{endpoint}:{chat}", f"{endpoint}:{kept}"
            if (yield from ask("move_lane_deliveries", former, lane)):
                yield from ask("move_lane", former, lane)
                yield from ask("drop_lanes", [former])


# ── from deliveries to attempts ───────────────────────────────────────────────────────────────────────────────────


def _hold(now: datetime, share: Share, patience: Patience) -> Plan[list[Held]]:
    lanes: list[str] = []
    for endpoint, failures, busy in (yield from ask("due_endpoints", micros(now), share.limit)):
        # while the breaker is open one probe goes, and no more
        most = share.each if failures < patience.failures else 1
        room = min(most - busy, share.limit - len(lanes))
        if room > 0:
            lanes += [lane for (lane,) in (yield from ask("due_lanes_of", endpoint, micros(now), room))]
    if not lanes:
        return []
    yield from ask("hold_forward_lanes", lanes, share.holder, micros(now) + span(share.lease))
    rows = yield from ask("first_deliveries", lanes)
    found = [(delivery_row(row[:16]), row[16]) for row in map(tuple, rows)]
    endpoints = yield from ask("endpoints_by_id", sorted({delivery.endpoint for delivery, _ in found}))
    by_id = {endpoint.id: endpoint for endpoint in map(endpoint_row, endpoints)}
    return [
        Held(delivery, by_id[delivery.endpoint], delivery.payload or body, share.holder)
        for delivery, body in found
        if delivery.endpoint in by_id
    ]


# ── from attempts to outcomes ─────────────────────────────────────────────────────────────────────────────────────


def _settle(items: Sequence[Settled], now: datetime, patience: Patience, make_notice: MakeNotice) -> Plan[list[str]]:
    ours = [(item.delivery.id, item.held.holder) for item in sorted(items, key=lambda item: item.delivery.lane)]
    lanes: dict[str, str] = dict((yield from told("free_lanes", ours)))
    written = [item for item in items if item.delivery.id in lanes]
    yield from tell("write_deliveries", [_written(item.delivery) for item in written])
    yield from tell(
        "add_delivery_attempts", [_tried(item.delivery, item.attempt) for item in written if item.attempt is not None]
    )
    if lanes:
        freed = sorted(set(lanes.values()))
        resting = {lane for (lane,) in (yield from ask("rest_lanes", freed))}
        if len(resting) < len(freed):
            yield from ask("drop_lanes", [lane for lane in freed if lane not in resting])
    disabled = []
    ailing = yield from _ailing(written)
    for item in sorted(written, key=lambda item: item.held.endpoint.id):
        endpoint = item.held.endpoint
        reason = yield from _count(item, now, patience, ails=endpoint.id in ailing)
        if reason and (yield from ask("disable_endpoint", endpoint.id, reason, micros(now))):
            disabled.append(endpoint.id)
            yield from _tell_others(endpoint, make_notice(endpoint.id, reason), now)
    return disabled


def _written(row: DeliveryRow) -> Columns:
    return (
        row.id,
        row.state.value,
        row.attempts,
        row.tries,
        micros(row.next_at),
        row.status,
        row.error,
        maybe_micros(row.ended_at),
    )


def _tried(row: DeliveryRow, attempt: TryRow) -> Columns:
    times = (micros(attempt.started_at), micros(attempt.ended_at))
    return (row.id, attempt.number, *times, attempt.status, attempt.error, attempt.answer)


def _ailing(items: Sequence[Settled]) -> Plan[set[str]]:
    """Tell which endpoints were failing, or are now: a success of others is nothing to be written down."""
    worked = {item.held.endpoint.id for item in items if item.effect is Effect.WORKS}
    failed = {item.held.endpoint.id for item in items if item.effect in {Effect.FAILS, Effect.BUSY}}
    rows = (yield from ask("ailing_endpoints", sorted(worked))) if worked else []
    return failed | {id_ for (id_,) in rows}


def _count(item: Settled, now: datetime, patience: Patience, *, ails: bool) -> Plan[str | None]:
    """Note what an attempt says about its endpoint; gives the reason to disable it, where there is one."""
    endpoint = item.held.endpoint.id
    if item.effect is Effect.WORKS:
        if ails:
            yield from ask("endpoint_works", endpoint)
    elif item.effect is not Effect.NONE:
        counted = int(item.effect is Effect.FAILS)
        for _, _, since, failures in (yield from ask("endpoint_fails", endpoint, micros(now), counted)):
            if item.disable is None and now - moment(since) >= patience.give_up:
                return f"no delivery went through for {patience.give_up.days} days"
            until = [item.closed_until] if item.closed_until else []
            if failures >= patience.failures:
                until.append(now + timedelta(seconds=patience.interval))
            if until:
                yield from ask("close_endpoint", endpoint, micros(max(until)))
    return item.disable


def _tell_others(endpoint: EndpointRow, notice: Notice, now: datetime) -> Plan[None]:
    """Send a notice to the tenant's other endpoints that want such."""
    others: Iterable[Columns] = yield from ask("other_endpoints", endpoint.tenant, endpoint.id)
    for id_, tenant, wanted in others:
        if read_wanted(wanted).takes(notice.type, ""):
            row = DeliveryRow(
                id=new_timed_id("dlv", now),
                tenant=tenant,
                endpoint=id_,
                event=notice.id,
                sequence=0,
                lane=f"{id_}:{endpoint.id}",
                state=Standing.PENDING,
                next_at=now,
                created_at=now,
                payload=notice.payload,
            )
            yield from add_delivery(row)
