"""The forwarder: turns events into deliveries, and delivers them; at least once, in order per endpoint and chat.

Any number of processes may run one on PostgreSQL. What a process that dies had in hand is delivered again, with the
same `webhook-id`, once its hold ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.clock import Clock, wait_for_change
from gateway.egress import Egress
from gateway.errors import GatewayError, SecretsLocked, StoreError
from gateway.events import Event
from gateway.failpoints import Point, reach
from gateway.forward.book import Book
from gateway.forward.formats import Format, Telling, shaped
from gateway.forward.joining import joined, trace_about
from gateway.forward.keys import Keyring, living
from gateway.forward.notices import endpoint_disabled, read_event
from gateway.forward.pump import Pump, SinkPlan
from gateway.forward.schedule import ForwardRules, judged
from gateway.forward.signing import signed_headers
from gateway.ids import new_id
from gateway.log import logger
from gateway.store.port import Store
from gateway.store.records import records_of
from gateway.store.records.deliveries import Standing
from gateway.store.records.forwarding import Effect, ForwardingRecords, Held, Notice, Settled, Share
from gateway.tenancy.sealing import Sealer

__all__ = ["Forwarder"]

_log = logger(__name__)

BATCH = 500
"""Events that are turned into deliveries in one transaction."""
IDLE = 5.0
"""Seconds after which the store is asked again, when nothing woke the loop."""
BUSY = 0.25
"""The same while something is due that nobody here can do just now."""
JOIN_AGAIN, JOIN_SLOWLY = 0.5, 5.0
"""Seconds after which a report that came early is looked at again: an eighth of what it has waited, within these."""
LOCKED_AGAIN = 60.0
"""Seconds after which a delivery is tried again that cannot be signed."""


class Forwarder:
    """Forwards the events of all tenants; `run` is its loop.

    `counts` grows with what was done: delivered, failed, dead, aborted, erased, disabled. `egress` is the guard that
    everything goes through; `sinks` are streams that get all events; `public_url` goes into bodies.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        sealer: Sealer,
        egress: Egress,
        *,
        rules: ForwardRules | None = None,
        sinks: Sequence[SinkPlan] = (),
        public_url: str | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._store = store
        self._records = ForwardingRecords(records_of(store))
        self._clock = clock
        self._keyring = Keyring(sealer)
        self._egress = egress
        self._rules = rules or ForwardRules()
        self._public_url = public_url
        self._chance = chance
        self._name = new_id("fwd")
        self._began = clock.now()
        self._rounds = 0
        self._looked: datetime | None = None
        """When all that was due was last asked for."""
        self._ending = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._book = Book(self._write)
        self._pumps = [Pump(store, clock, plan, public_url=public_url) for plan in sinks]

    async def run(self) -> None:
        """Work until cancelled; what is under way then is waited for, as long as an attempt may take."""
        pumps = [asyncio.create_task(pump.run(), name=f"gateway sink {pump.name}") for pump in self._pumps]
        try:
            if getattr(self._store, "alone", False):
                await self._records.void(self._clock.now())
            while True:
                await self._round()
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            await self._drain()

    async def _drain(self) -> None:
        self._ending = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._rules.total + 5)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # ── the loop ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _round(self) -> None:
        try:
            version = self._store.version
            due = await self._records.due()
            now = self._clock.now()
            worked = 0
            if due.events:
                worked += await self._records.spread(now, BATCH)
                reach(Point.SPREAD)
            if len(self._tasks) < self._rules.limit and (worked or self._is_new(due.at, now)):
                worked += await self._hold(now)
                # a look in vain is a write too, and must not wake us
                version = version if worked else self._store.version
            if not worked:
                await self._rest(version, due.at, busy=due.events)
        except StoreError as error:
            # a store that is away comes back, and what it keeps is still there
            _log.error("forwarding_unreachable", error=error.slug)
            await self._clock.sleep(IDLE)

    async def _rest(self, version: int, at: datetime | None, *, busy: bool) -> None:
        """Wait until something may be due: at its time, or with a write that made it so."""
        seconds = IDLE if at is None else (at - self._clock.now()).total_seconds()
        if busy or seconds <= 0:
            seconds = BUSY
        await wait_for_change(self._clock, min(seconds, IDLE), self._store.changed(version))

    def _is_new(self, at: datetime | None, now: datetime) -> bool:
        """Tell whether something is due that the last look could not see: who settles looks, too.

        What could be seen then had no place yet, or somebody else had it; it is looked for again after a while.
        """
        if at is None or now < at:
            return False
        return self._looked is None or self._looked < at or self._looked + timedelta(seconds=BUSY) <= now

    async def _hold(self, now: datetime) -> int:
        held = await self._records.hold(now, self._share(), self._rules.patience)
        self._looked = now
        self._begin(held)
        return len(held)

    def _share(self, ended: int = 0) -> Share:
        """Say what may be held besides what is under way, of which so many have ended."""
        self._rounds += 1
        free = 0 if self._ending else self._rules.limit - len(self._tasks) + ended
        return Share(f"{self._name}:{self._rounds}", self._rules.lease, free, self._rules.each)

    def _begin(self, held: Sequence[Held]) -> None:
        for one in held:
            task = asyncio.create_task(self._deliver(one), name=f"gateway delivery {one.delivery.id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    # ── one delivery ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _deliver(self, held: Held) -> None:
        reach(Point.HELD)
        try:
            settled = await self._outcome(held)
            if settled.attempt is not None and settled.attempt.status is not None:
                reach(Point.POSTED)
            await self._book.write(settled)
            reach(Point.DELIVERED)
        except StoreError as error:
            # delivered or not, it is not written: it goes again when its hold ends
            _log.error("delivery_not_settled", delivery_id=held.delivery.id, error=error.slug)

    async def _outcome(self, held: Held) -> Settled:
        """Make one attempt, unless there is nothing to send yet, or no longer."""
        now, row = self._clock.now(), held.delivery
        if held.body is None:
            return Settled(held, replace(row, state=Standing.ERASED, ended_at=now))
        event, seconds = await joined(read_event(held.body), self._store, now, seen=row.created_at, began=self._began)
        if seconds > 0:
            waited = (now - row.created_at).total_seconds()
            pause = min(max(waited / 8, JOIN_AGAIN), JOIN_SLOWLY, seconds)
            return Settled(held, replace(row, next_at=now + timedelta(seconds=pause)))
        try:
            return await self._attempt(held, event, now)
        except StoreError:
            raise
        except SecretsLocked as error:
            # nothing is wrong with the endpoint: it goes when the master key is there again
            _log.error("delivery_not_signed", delivery_id=row.id, code=error.code)
            return Settled(held, replace(row, next_at=now + timedelta(seconds=LOCKED_AGAIN)))
        except Exception as error:  # noqa: BLE001 - a border: an event that cannot be written down must not stop others
            _log.error("delivery_broken", delivery_id=row.id, error=type(error).__name__)
            broken = GatewayError(f"it could not be made ({type(error).__name__})", code="unmade")
            settled = judged(held, broken, now, self._clock.now(), self._rules, self._chance())
            return replace(settled, effect=Effect.NONE)

    async def _attempt(self, held: Held, event: Event, began: datetime) -> Settled:
        endpoint = held.endpoint
        form = Format(endpoint.format)
        trace = await trace_about(event, self._store)
        made = shaped(form, Telling(event, held.delivery.tenant, held.delivery.sequence, self._public_url, trace))
        keys = living(self._keyring.keys(endpoint), began)
        headers = {
            **signed_headers(held.delivery.event, int(began.timestamp()), made.body, keys),
            "content-type": made.media_type,
            "user-agent": "messaging-gateway",
            **({"traceparent": trace} if trace else {}),
        }
        rules = self._rules
        try:
            outcome = await self._egress.send(
                "POST", endpoint.url, headers, made.body, connect=rules.connect, total=rules.total, limit=rules.read
            )
        except GatewayError as error:
            return judged(held, error, began, self._clock.now(), rules, self._chance())
        return judged(held, outcome, began, self._clock.now(), rules, self._chance())

    # ── settling ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _write(self, items: Sequence[Settled]) -> None:
        """Write what several attempts came to; a store that is away for a moment is asked again."""
        for pause in (0.1, 1.0, 5.0):
            with contextlib.suppress(StoreError):
                await self._settle(items)
                return
            await self._clock.sleep(pause)
        await self._settle(items)

    async def _settle(self, items: Sequence[Settled]) -> None:
        """Write what attempts came to, and go on with what is due by then: it is the same commit."""
        now = self._clock.now()
        disabled, held = await self._records.settle_and_hold(
            items, now, self._share(len(items)), self._rules.patience, self._notice(now)
        )
        # places that stay empty may be due to another process that was just looking: then the loop looks once more
        self._looked = now if len(held) >= len(items) else None
        self._begin(held)
        self._told(items, disabled)

    def _notice(self, now: datetime) -> Callable[[str, str], Notice]:
        return lambda endpoint, reason: endpoint_disabled(endpoint, reason, now)

    def _told(self, items: Sequence[Settled], disabled: Sequence[str]) -> None:
        for item in items:
            if item.attempt is None and item.delivery.state is Standing.PENDING:
                continue
            outcome = "failed" if item.delivery.state is Standing.PENDING else item.delivery.state.value
            self.counts[outcome] += 1
            _log.info(
                "delivery_tried",
                delivery_id=item.delivery.id,
                endpoint=item.delivery.endpoint,
                outcome=outcome,
                status=item.delivery.status,
                attempts=item.delivery.attempts,
            )
        for endpoint in disabled:
            self.counts["disabled"] += 1
            _log.warning("endpoint_disabled", endpoint=endpoint)
