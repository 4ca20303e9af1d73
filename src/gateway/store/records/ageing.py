"""Letting go of what is old: raw payloads, then content, then all of it; in short transactions, the oldest first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway.store.instants import micros, moment
from gateway.store.ledger.plan import Plan, ask, tell
from gateway.store.records.durable import Records
from gateway.store.records.erasing import holding_lanes

__all__ = ["Ageing", "OldEvent", "OldMessage", "OldWebhook"]


@dataclass(frozen=True, slots=True)
class OldEvent:
    """An event, as far as its age is looked at."""

    sequence: int
    id: str
    connection: str
    lane: str
    at: datetime
    done: bool
    """Neither has a handler it at this moment, nor does an endpoint wait for it."""
    body: str = field(repr=False)

    @property
    def place(self) -> int:
        """Where it stands in the order."""
        return self.sequence


@dataclass(frozen=True, slots=True)
class OldMessage:
    """A message, as far as its age is looked at."""

    id: str
    connection: str
    at: datetime
    done: bool
    lane: str
    request: str = field(repr=False)

    @property
    def place(self) -> str:
        """Where it stands in the order."""
        return self.id


@dataclass(frozen=True, slots=True)
class OldWebhook:
    """A webhook, as far as its age is looked at."""

    sequence: int
    connection: str
    at: datetime
    size: int
    quarantined: bool
    """It is still to be parsed."""

    @property
    def place(self) -> int:
        """Where it stands in the order."""
        return self.sequence


class Ageing(Records):
    """Reads by age, and lets go."""

    async def events(self, after: int, limit: int) -> list[OldEvent]:
        """List events from a number on."""
        rows = await self._rows("walk_events", after, limit)
        return [
            OldEvent(number, id_, where, lane, moment(at), not wanted, body)
            for number, id_, where, lane, at, wanted, body in rows
        ]

    async def messages(self, after: str, limit: int) -> list[OldMessage]:
        """List messages from an id on."""
        rows = await self._rows("walk_messages", after, limit)
        return [
            OldMessage(id_, where, moment(at), not waiting, lane, request)
            for id_, where, at, waiting, lane, request in rows
        ]

    async def webhooks(self, after: int, limit: int) -> list[OldWebhook]:
        """List webhooks from a number on."""
        rows = await self._rows("walk_webhooks", after, limit)
        return [OldWebhook(n, where, moment(at), size, problem is not None) for n, where, at, size, problem in rows]

    async def write_events(self, bodies: Sequence[tuple[str, str, str]]) -> None:
        """Put other bodies in the place of events': id, the body that it has, the other one."""

        def plan() -> Plan[None]:
            for id_, before, after in bodies:
                yield from ask("redact_event", id_, before, after)

        await self._transact(plan)

    async def clear_answers(self, events: Collection[str]) -> None:
        """Forget what receivers answered to the deliveries of events."""

        def plan() -> Plan[None]:
            yield from ask("clear_answers", sorted(events))

        await self._transact(plan)

    async def drop_events(self, events: Sequence[OldEvent]) -> int:
        """Forget events, their runs and their deliveries, but for those that somebody waits for."""
        ids, lanes = sorted(event.id for event in events), sorted({event.lane for event in events})

        def plan() -> Plan[int]:
            yield from holding_lanes(lanes, alone=getattr(self._store, "alone", False))
            gone = sorted(id_ for (id_,) in (yield from ask("drop_events", ids)))
            yield from ask("erase_runs", gone)
            yield from ask("erase_delivery_attempts", gone)
            yield from ask("erase_deliveries", gone)
            yield from tell("write_event_lanes", [(lane,) for lane in lanes])
            return len(gone)

        return await self._transact(plan)

    async def empty_webhooks(self, sequences: Collection[int]) -> None:
        """Forget what webhooks held; that they came is still known."""

        def plan() -> Plan[None]:
            yield from ask("erase_webhooks", sorted(sequences))

        await self._transact(plan)

    async def drop_webhooks(self, sequences: Collection[int]) -> None:
        """Forget webhooks."""

        def plan() -> Plan[None]:
            yield from ask("drop_webhooks", sorted(sequences))

        await self._transact(plan)

    async def fade_message(self, message: str, request: str, steps: Sequence[tuple[int, str, str | None]]) -> None:
        """Keep of a message that has ended only what is given: its request, and place, action, receipt of its steps."""

        def plan() -> Plan[None]:
            yield from ask("fade_message", message, request)
            for place, action, receipt in steps:
                yield from ask("redact_step", message, place, action, receipt)
            yield from ask("redact_attempts", message)

        await self._transact(plan)

    async def drop_messages(self, messages: Collection[str]) -> list[str]:
        """Forget messages that have ended, with their steps and attempts; gives which."""

        def plan() -> Plan[list[str]]:
            gone = sorted(id_ for (id_,) in (yield from ask("drop_messages", sorted(messages))))
            yield from ask("erase_steps", gone)
            yield from ask("erase_attempts", gone)
            return gone

        return await self._transact(plan)

    async def drop_the_rest(self, tenant: str, connections: Collection[str], before: datetime) -> None:
        """Forget what no message and no event of a tenant leads to."""

        def plan() -> Plan[None]:
            for connection in sorted(connections):
                yield from ask("drop_old_inbound", connection, micros(before))
            yield from ask("drop_old_payloads", tenant, micros(before))

        await self._transact(plan)
