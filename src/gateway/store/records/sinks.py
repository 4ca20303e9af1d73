"""Sinks: how far events were handed to a stream, and which process does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gateway.store.instants import micros, span
from gateway.store.ledger.plan import Plan, ask
from gateway.store.records.durable import Records

__all__ = ["OwnedEvent", "SinkRecords"]


@dataclass(frozen=True, slots=True)
class OwnedEvent:
    """An event, and whose it is."""

    sequence: int
    body: str = field(repr=False)
    """The event as JSON."""
    tenant: str | None
    """None when its connection is gone."""


class SinkRecords(Records):
    """The sinks of a service."""

    async def begin(self, name: str, *, first: bool) -> None:
        """Make a sink known, once; it begins with the first event that is kept, or else with the next one."""
        [[last]] = await self._rows("newest_event")

        def plan() -> Plan[None]:
            yield from ask("add_sink", name, 0 if first else last)

        await self._transact(plan)

    async def hold(self, name: str, holder: str, now: datetime, lease: float) -> int | None:
        """Take a sink for `lease` seconds, or keep it; gives how far it has come. None: somebody else has it."""

        def plan() -> Plan[int | None]:
            held = yield from ask("hold_sink", name, holder, micros(now) + span(lease), micros(now))
            return int(held[0][0]) if held else None

        return await self._transact(plan)

    async def void(self, name: str) -> None:
        """Take it from whoever held it: for a store whose only process has just begun."""

        def plan() -> Plan[None]:
            yield from ask("void_sink", name)

        await self._transact(plan)

    async def move(self, name: str, holder: str, sequence: int) -> bool:
        """Write how far it has come; False when it is no longer ours."""

        def plan() -> Plan[bool]:
            return bool((yield from ask("move_sink", name, holder, sequence)))

        return await self._transact(plan)

    async def free(self, name: str, holder: str) -> None:
        """Give it back."""

        def plan() -> Plan[None]:
            yield from ask("free_sink", name, holder)

        await self._transact(plan)

    async def place(self, name: str) -> int:
        """Tell how far it has come, without taking it."""
        rows = await self._rows("sink", name)
        return int(rows[0][0]) if rows else 0

    async def events(self, after: int, limit: int) -> list[OwnedEvent]:
        """Read events in order, from a number on."""
        return [OwnedEvent(*row) for row in await self._rows("owned_events", after, limit)]
