"""Retention: raw payloads go first, then content, then the rest; what is still needed stays as long as it is.

Needed is whatever has not ended (a message that waits, an event that a handler or an endpoint has not had), what tells
a repetition of a call from a new one, and what tells a webhook that is delivered once more from a new one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from gateway.clock import Clock
from gateway.connections import Connections
from gateway.errors import ConfigurationError
from gateway.log import logger
from gateway.store.ledger import LedgerStore
from gateway.store.records.ageing import Ageing, OldEvent, OldMessage, OldWebhook
from gateway.store.records.connections import ConnectionRecords
from gateway.store.records.erasing import ERASED, Pieces
from gateway.store.records.tenants import TenantRecords, TenantRow
from gateway.tenancy.erasing import LetGo, ids_in
from gateway.tenancy.fading import (
    event_without_content,
    event_without_raw,
    request_without_content,
    step_without_content,
)

__all__ = ["Retention", "Sweeper", "Swept"]

_log = logger(__name__)

REPETITION = timedelta(hours=72)
"""How long a call that is repeated with its key is known."""
REDELIVERY = timedelta(days=7)
"""How long a webhook that is delivered once more is known, of a connection that cannot be asked."""
_STEP = 200


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept; None keeps them for ever."""

    raw: timedelta | None = timedelta(days=7)
    """What vendors sent, as it came."""
    bodies: timedelta | None = timedelta(days=30)
    """What was said: texts, media, answers of receivers."""
    metadata: timedelta | None = timedelta(days=180)
    """That it was said, when, to whom, and what became of it."""

    @classmethod
    def of_days(cls, raw: float, bodies: float, metadata: float) -> Retention:
        """Make it of days; 0 keeps for ever. Raises `ConfigurationError` for a negative number."""
        if min(raw, bodies, metadata) < 0:
            raise ConfigurationError("a time of retention is negative", hint="give days; 0 keeps for ever")
        return cls(*(timedelta(days=days) if days else None for days in (raw, bodies, metadata)))

    def of(self, tenant: TenantRow) -> Retention:
        """Give the times of a tenant: its own, as days in its settings, where it has any."""
        own: Any = tenant.settings.get("retention") or {}
        days = {f"{name}": own.get(f"{name}_days") for name in ("raw", "bodies", "metadata")}
        kept = {name: timedelta(days=value) if value else None for name, value in days.items() if value is not None}
        return Retention(**{"raw": self.raw, "bodies": self.bodies, "metadata": self.metadata, **kept})


@dataclass(slots=True)
class Swept:
    """What a sweep let go of, in numbers."""

    raw: int = 0
    bodies: int = 0
    metadata: int = 0


@dataclass(frozen=True, slots=True)
class _Limits:
    """Before when things of one connection are old."""

    tenant: str
    raw: datetime | None
    bodies: datetime | None
    metadata: datetime | None
    repetition: datetime


class _Old(Protocol):
    @property
    def at(self) -> datetime: ...
    @property
    def connection(self) -> str: ...
    @property
    def place(self) -> Any: ...


_OldT = TypeVar("_OldT", bound=_Old)


@dataclass(slots=True)
class Sweeper:
    """Lets go of what is old, for all tenants.

    It remembers how far it has come, so that each sweep looks only at what has become old since the one before; a
    process that starts looks at everything once.
    """

    store: LedgerStore
    connections: Connections
    clock: Clock
    retention: Retention
    let_go: LetGo | None = None
    """Lets go of files that are kept outside the store."""
    _marks: dict[str, Any] = field(default_factory=dict)

    async def sweep(self) -> Swept:
        """Let go of what is old now; gives how much that was. Raises `StoreError`."""
        swept, limits = Swept(), await self._limits()
        ageing, pieces = Ageing(self.store), Pieces(self.store)
        run = _Run(ageing, pieces, limits, swept, self.let_go)
        await self._walk(run, "raw", ageing.webhooks, 0, run.raw_webhooks)
        await self._walk(run, "bodies", ageing.webhooks, 0, run.quarantined_webhooks)
        await self._walk(run, "raw", ageing.events, 0, run.raw_events)
        await self._walk(run, "bodies", ageing.events, 0, run.event_bodies)
        await self._walk(run, "bodies", ageing.messages, "", run.message_bodies)
        await self._walk(run, "repetition", ageing.messages, "", run.erased_messages)
        await self._walk(run, "metadata", ageing.messages, "", run.messages)
        await self._walk(run, "metadata", ageing.events, 0, run.events)
        await self._walk(run, "metadata", ageing.webhooks, 0, run.webhooks)
        await run.the_rest()
        if swept != Swept():
            await self.store.scrub()
            _log.info("swept", raw=swept.raw, bodies=swept.bodies, metadata=swept.metadata)
        return swept

    async def _walk(
        self,
        run: _Run,
        level: str,
        read: Callable[[Any, int], Awaitable[list[_OldT]]],
        first: Any,
        take: Callable[[Sequence[_OldT]], Awaitable[set[Any]]],
    ) -> None:
        """Go through rows from the oldest that is left; `take` gives the places of those that stay for now.

        It ends with the first step in which nothing can be old. The next sweep begins before the first row that stayed
        and is not to stay for ever.
        """
        name, mark = take.__name__, None
        latest = run.latest(level)
        after = self._marks.get(name, first)
        while latest is not None and (rows := await read(after, _STEP)):
            left = await take(rows)
            before = after
            for row in rows:
                if mark is None and row.place in left and not run.stays(row, level):
                    mark = before
                before = row.place
            after = before
            if all(row.at >= latest for row in rows):
                break
        self._marks[name] = after if mark is None else mark

    async def _limits(self) -> Mapping[str, _Limits]:
        now, found, after = self.clock.now(), {}, ""
        tenants, connections = TenantRecords(self.store), ConnectionRecords(self.store)
        while rows := await tenants.page(after):
            for row in rows:
                times = self.retention.of(row)
                for connection in await connections.ids(row.id):
                    found[connection] = self._limits_of(row.id, connection, times, now)
            after = rows[-1].id
        return found

    def _limits_of(self, tenant: str, connection: str, times: Retention, now: datetime) -> _Limits:
        """Keep everything that is needed to know a repetition, whatever the times say."""
        running = self.connections.find(connection)
        again = running.provider.proof.redelivery_window if running is not None else REDELIVERY
        # without its content a message that is delivered once more would look as if more of it had come
        bodies_for = None if times.bodies is None else max(times.bodies, again)
        metadata = None if times.metadata is None else max(times.metadata, REPETITION, again)
        raw, bodies, rest = (None if age is None else now - age for age in (times.raw, bodies_for, metadata))
        return _Limits(tenant, raw, bodies, rest, now - REPETITION)


@dataclass(slots=True)
class _Run:
    """One sweep: each call lets go of some rows, and gives the places of those whose time has not come."""

    ageing: Ageing
    pieces: Pieces
    limits: Mapping[str, _Limits]
    swept: Swept
    let_go: LetGo | None

    def _old(self, row: _Old, level: str) -> bool:
        limits = self.limits.get(row.connection)
        before: datetime | None = getattr(limits, level) if limits is not None else None
        return before is not None and row.at < before

    def latest(self, level: str) -> datetime | None:
        """Give the time before which anything at all may be old; None where all stays for ever."""
        return max((before for each in self.limits.values() if (before := getattr(each, level))), default=None)

    def stays(self, row: _Old, level: str) -> bool:
        """Tell whether a row is to stay for ever."""
        limits = self.limits.get(row.connection)
        return limits is None or getattr(limits, level) is None

    # ── what came in ──────────────────────────────────────────────────────────────────────────────────────────────

    async def raw_webhooks(self, rows: Sequence[OldWebhook]) -> set[Any]:
        due = [row for row in rows if self._old(row, "raw") and not row.quarantined]
        await self._empty(due)
        return {row.place for row in rows if not self._old(row, "raw")}

    async def quarantined_webhooks(self, rows: Sequence[OldWebhook]) -> set[Any]:
        due = [row for row in rows if self._old(row, "bodies")]
        await self._empty(due)
        return {row.place for row in rows} - {row.place for row in due}

    async def _empty(self, rows: Sequence[OldWebhook]) -> None:
        if full := [row.sequence for row in rows if row.size]:
            await self.ageing.empty_webhooks(full)
            self.swept.raw += len(full)

    async def webhooks(self, rows: Sequence[OldWebhook]) -> set[Any]:
        due = {row.sequence for row in rows if self._old(row, "metadata")}
        if due:
            await self.ageing.drop_webhooks(due)
            self.swept.metadata += len(due)
        return {row.place for row in rows} - due

    async def raw_events(self, rows: Sequence[OldEvent]) -> set[Any]:
        due = [row for row in rows if row.done and self._old(row, "raw")]
        await self._write([(row, event_without_raw(row.body)) for row in due])
        return {row.place for row in rows} - {row.place for row in due}

    async def event_bodies(self, rows: Sequence[OldEvent]) -> set[Any]:
        due = [row for row in rows if row.done and self._old(row, "bodies")]
        self.swept.bodies += await self._write([(row, event_without_content(row.body)) for row in due])
        if due:
            await self.ageing.clear_answers([row.id for row in due])
            await self._drop_media(due)
        return {row.place for row in rows} - {row.place for row in due}

    async def _write(self, rows: Sequence[tuple[OldEvent, str]]) -> int:
        changed = [(row.id, row.body, body) for row, body in rows if body != row.body]
        if changed:
            await self.ageing.write_events(changed)
        return len(changed)

    async def _drop_media(self, events: Sequence[OldEvent]) -> None:
        """Let go of the files that came with events."""
        for tenant in sorted({self.limits[event.connection].tenant for event in events}):
            mine = [event.id for event in events if self.limits[event.connection].tenant == tenant]
            for digest in await self.pieces.erase_files(tenant, mine, ()):
                if self.let_go is not None:
                    await self.let_go(digest)

    async def events(self, rows: Sequence[OldEvent]) -> set[Any]:
        due = [row for row in rows if row.done and self._old(row, "metadata")]
        if due:
            self.swept.metadata += await self.ageing.drop_events(due)
        return {row.place for row in rows} - {row.place for row in due}

    # ── what went out ─────────────────────────────────────────────────────────────────────────────────────────────

    async def message_bodies(self, rows: Sequence[OldMessage]) -> set[Any]:
        due = [row for row in rows if row.done and self._old(row, "bodies")]
        full = {row.id: row for row in due if row.lane != ERASED and '"expired":true' not in row.request}
        steps: dict[str, list[tuple[int, str, str | None]]] = {id_: [] for id_ in full}
        for id_, place, action, receipt, _ in await self.pieces.steps(full) if full else ():
            steps[id_].append((place, *step_without_content(action, receipt)))
        for id_, row in full.items():
            await self.ageing.fade_message(id_, request_without_content(row.request), steps[id_])
        self.swept.bodies += len(full)
        return {row.place for row in rows} - {row.place for row in due}

    async def messages(self, rows: Sequence[OldMessage]) -> set[Any]:
        due = {row.id: row for row in rows if row.done and self._old(row, "metadata")}
        if due:
            ids: dict[str, set[str]] = {}
            tokens = set()
            for id_, _, _, receipt, token in await self.pieces.steps(due):
                ids.setdefault(due[id_].connection, set()).update(ids_in(receipt))
                tokens.add(token)
            self.swept.metadata += len(await self.ageing.drop_messages(due))
            for connection, vendor_ids in ids.items():
                await self.pieces.erase_ids(connection, vendor_ids, tokens)
        return {row.place for row in rows} - set(due)

    async def erased_messages(self, rows: Sequence[OldMessage]) -> set[Any]:
        """Let go of the marks of messages that were erased: they only tell a repetition of a call."""
        due = [row.id for row in rows if row.lane == ERASED and self._old(row, "repetition")]
        if due:
            await self.ageing.drop_messages(due)
        return {row.id for row in rows if not self._old(row, "repetition")}

    async def the_rest(self) -> None:
        """Let go of what nothing else leads to."""
        by_tenant: dict[tuple[str, datetime], list[str]] = {}
        for connection, limits in self.limits.items():
            if limits.metadata is not None:
                by_tenant.setdefault((limits.tenant, limits.metadata), []).append(connection)
        for (tenant, before), connections in by_tenant.items():
            await self.ageing.drop_the_rest(tenant, connections, before)
