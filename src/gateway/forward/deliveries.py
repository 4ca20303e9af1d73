"""Deliveries as people handle them: looked at, sent again, replayed, tried out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from gateway.clock import Clock
from gateway.errors import Conflict, InvalidRequest
from gateway.forward.endpoints import check_types
from gateway.forward.notices import EVENT_TYPES
from gateway.forward.samples import sample
from gateway.ids import new_timed_id
from gateway.store.port import Store
from gateway.store.records import records_of
from gateway.store.records.audit import AuditRecords, Deed
from gateway.store.records.deliveries import DeliveryRecords, DeliveryRow, Range, Standing, TryRow
from gateway.store.records.endpoints import EndpointRecords, EndpointRow, EndpointState, Wanted
from gateway.tenancy.paging import Page, page_of, place_of

__all__ = ["Deliveries", "DeliveryStory", "Progress"]

ALL = Wanted()
"""No filter."""


@dataclass(frozen=True, slots=True)
class DeliveryStory:
    """A delivery, and everything that was tried for it, oldest first."""

    delivery: DeliveryRow
    attempts: tuple[TryRow, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay or a recovery has come."""

    done: int
    """Deliveries that wait to be sent by now."""
    total: int
    """How many there were to make when it began; events that come meanwhile may be more."""


class Deliveries:
    """The deliveries of a service; every call takes the tenant first, and gives nothing of another one."""

    def __init__(self, store: Store, clock: Clock) -> None:
        ledger = records_of(store)
        self._records = DeliveryRecords(ledger)
        self._endpoints = EndpointRecords(ledger)
        self._audit = AuditRecords(ledger)
        self._clock = clock

    async def get(self, tenant: str, delivery: str) -> DeliveryStory:
        """Give a delivery with its attempts; raises `NotFound`."""
        row, tries = await self._records.get(tenant, delivery)
        return DeliveryStory(row, tuple(tries))

    async def list(
        self,
        tenant: str,
        endpoint: str | None = None,
        *,
        event: str | None = None,
        state: Standing | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[DeliveryRow]:
        """List the deliveries of an endpoint, or of an event, newest first; raises `NotFound` for no such endpoint."""
        if (endpoint is None) == (event is None):
            raise InvalidRequest("name an endpoint or an event", hint="one of the two")
        (before,) = place_of("deliveries", after, ("",))
        if endpoint is not None:
            await self._endpoints.get(tenant, endpoint)
            rows = await self._records.list(tenant, endpoint, state=state, before=before or None, limit=limit + 1)
        else:
            rows = await self._records.of_event(tenant, str(event), state=state, before=before or None, limit=limit + 1)
        return page_of("deliveries", rows, limit, lambda row: (row.id,))

    async def resend(self, tenant: str, delivery: str, *, actor: str = "operator") -> DeliveryRow:
        """Send one delivery again, from the start of its schedule, beside what else waits for its chat.

        It keeps its `webhook-id`. Raises `NotFound`, and `Conflict` while it is still being tried or when its endpoint
        is disabled.
        """
        row, _ = await self._records.get(tenant, delivery)
        await self._may_send(tenant, row.endpoint)
        await self._records.revive(tenant, delivery, self._clock.now())
        await self._note(tenant, actor, "delivery.resent", delivery)
        return (await self._records.get(tenant, delivery))[0]

    async def recover(
        self, tenant: str, endpoint: str, since: datetime, *, actor: str = "operator"
    ) -> AsyncIterator[Progress]:
        """Send again everything that came to nothing since a time, in order per chat; tells after each few hundred.

        Raises `NotFound` and `Conflict` before the first.
        """
        await self._may_send(tenant, endpoint)
        total, done = await self._records.dead(tenant, endpoint, since), 0
        await self._note(tenant, actor, "endpoint.recovered", endpoint, total)
        yield Progress(0, total)
        while made := await self._records.recover(tenant, endpoint, since, self._clock.now()):
            done += made
            yield Progress(done, max(total, done))
            await asyncio.sleep(0)

    async def preview(
        self,
        tenant: str,
        endpoint: str,
        since: datetime,
        until: datetime,
        *,
        missing: bool = False,
        only: Wanted = ALL,
    ) -> int:
        """Count the events that `replay` would send, by the filter that the endpoint has now."""
        wanted = await self._range(tenant, endpoint, since, until, missing=missing, only=only)
        return 0 if wanted is None else await self._records.count(tenant, endpoint, wanted)

    async def replay(
        self,
        tenant: str,
        endpoint: str,
        since: datetime,
        until: datetime,
        *,
        missing: bool = False,
        only: Wanted = ALL,
        actor: str = "operator",
    ) -> AsyncIterator[Progress]:
        """Send all events that were received from a time until another, delivered before or not; in order per chat.

        With `missing` only those of which the endpoint has no delivery, as after it was disabled; `only` names types
        and connections within the endpoint's own filter. They go beside what else waits, so a chat may hear of new
        events first. Raises `NotFound`, `Conflict` and `InvalidRequest` before the first.
        """
        wanted = await self._range(tenant, endpoint, since, until, missing=missing, only=only)
        await self._may_send(tenant, endpoint)
        if wanted is None:
            yield Progress(0, 0)
            return
        total, done, after = await self._records.count(tenant, endpoint, wanted), 0, 0
        await self._note(tenant, actor, "endpoint.replayed", endpoint, total)
        yield Progress(0, total)
        going: int | None = after
        while going is not None:
            made, going = await self._records.replay(tenant, endpoint, wanted, self._clock.now(), after=going)
            done += made
            yield Progress(done, max(total, done))
            await asyncio.sleep(0)

    async def test(self, tenant: str, endpoint: str, kind: str, *, actor: str = "operator") -> DeliveryRow:
        """Send an example of a type of event; raises `InvalidRequest`, `NotFound` and `Conflict`."""
        if kind not in EVENT_TYPES:
            known = ", ".join(sorted(EVENT_TYPES))
            raise InvalidRequest(f"there is no type of event {kind!r}", hint=f"there are: {known}")
        row = await self._may_send(tenant, endpoint)
        now = self._clock.now()
        event = sample(kind, now, connection=next(iter(row.wanted.connections), "pc_example"))
        delivery = DeliveryRow(
            id=new_timed_id("dlv", now),
            tenant=tenant,
            endpoint=endpoint,
            event=event.id,
            sequence=0,
            lane=f"test:{event.id}",
            state=Standing.PENDING,
            next_at=now,
            created_at=now,
            manual=True,
            payload=event.model_dump_json(),
        )
        await self._records.add(delivery)
        await self._note(tenant, actor, "endpoint.tested", endpoint)
        return delivery

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _may_send(self, tenant: str, endpoint: str) -> EndpointRow:
        row = await self._endpoints.get(tenant, endpoint)
        if row.state is EndpointState.DISABLED:
            raise Conflict(f"{endpoint} is disabled: {row.reason or 'by hand'}", hint="resume it first")
        return row

    async def _range(
        self, tenant: str, endpoint: str, since: datetime, until: datetime, *, missing: bool, only: Wanted
    ) -> Range | None:
        """Say which events are meant; None where what is asked for is nothing that the endpoint takes."""
        wanted = (await self._endpoints.get(tenant, endpoint)).wanted
        check_types(only.types)
        both = [Wanted(each.types) for each in (wanted, only) if each.types]
        types = [kind for kind in EVENT_TYPES if all(each.takes(kind, "") for each in both)] if both else []
        asked = [name for name in only.connections if name in wanted.connections or not wanted.connections]
        if (both and not types) or (only.connections and not asked):
            return None
        return Range(since, until, tuple(asked) or wanted.connections, tuple(types), missing)

    async def _note(self, tenant: str, actor: str, action: str, target: str, count: int | None = None) -> None:
        detail = {} if count is None else {"count": count}
        await self._audit.add(Deed(tenant, actor, action, target, detail), self._clock.now())
