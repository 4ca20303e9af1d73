"""What the forwarding tests stand on: a receiver on this machine, a store with a tenant, and events to forward."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from gateway.clock import SYSTEM
from gateway.egress import DEV, Egress
from gateway.events import Event, MessageReceived
from gateway.forward import Deliveries, Endpoints, Forwarder, ForwardRules, SinkPlan
from gateway.forward.signing import Verdict, read_key, verify
from gateway.model import Chat, Message
from gateway.store import Store, WebhookRow
from gateway.store.ledger.plan import Plan, ask, tell
from gateway.store.records import records_of
from gateway.store.records.audit import Deed
from gateway.store.records.connections import ConnectionRecords, ConnectionRow, ConnectionState
from gateway.store.records.deliveries import DeliveryRow, Standing, TryRow
from gateway.store.records.forwarding import Patience
from gateway.store.records.tenants import TenantRecords, TenantRow
from gateway.tenancy.sealing import KeyRing, Sealer
from gateway.testing.answering import answering

TENANT = "tn_default"
QUICK = ForwardRules(
    schedule=(0.0, 0.01, 0.01),
    jitter=0.0,
    connect=2.0,
    total=2.0,
    patience=Patience(failures=100, interval=0.05, give_up=timedelta(days=5)),
)
"""Patient with the machine, and quick with everything else."""


@dataclass(frozen=True, slots=True)
class Got:
    """One request that a receiver got."""

    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """The `webhook-id`."""
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The text of the message, in the format `standard`."""
        return str(self.json["data"]["message"]["parts"][0]["text"])

    def verdict(self, *secrets: str, now: int | None = None) -> Verdict:
        """Hold the signatures against secrets."""
        seconds = int(datetime.now(UTC).timestamp()) if now is None else now
        return verify(self.headers, self.body, [read_key(secret) for secret in secrets], now=seconds)


Answers = Callable[[Got], tuple[int, dict[str, str]]]


class Receiver:
    """A receiver of webhooks on this machine; `answer` decides what it says, `delay` how long it takes."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answer: Answers = lambda _: (200, {})
        self.delay = 0.0
        self.said = b"ok"
        self.at_once = 0
        """Most requests that were under way at a time."""
        self._open = 0
        self.url = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        while head := await _head(reader):
            await self._one(head, reader, writer)

    async def _one(self, head: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        got = Got(head[0].split(" ")[1], headers, body)
        self._open += 1
        self.at_once = max(self.at_once, self._open)
        self.got.append(got)
        status, extra = self.answer(got)
        await asyncio.sleep(self.delay)
        self._open -= 1
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(self.said)}", *(f"{k}: {v}" for k, v in extra.items())]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + self.said)
        await writer.drain()


async def _head(reader: asyncio.StreamReader) -> list[str]:
    data = await reader.readuntil(b"\r\n\r\n")
    return data.decode("latin-1").split("\r\n")[:-2]


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Lend a receiver."""
    receiver = Receiver()
    async with answering(receiver) as port:
        receiver.url = f"http://127.0.0.1:{port}/hook"
        yield receiver


class Town:
    """A store with a tenant, and all that forwards."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ring = KeyRing.fresh()
        self.sealer = Sealer(self.ring)
        self.egress = Egress(DEV)
        self.endpoints = Endpoints(store, SYSTEM, self.sealer, self.egress)
        self.deliveries = Deliveries(store, SYSTEM)
        self._numbers = count(1)

    async def settle(self) -> None:
        """Make the default tenant."""
        row = TenantRow(id=TENANT, name="default", created_at=SYSTEM.now())
        await TenantRecords(records_of(self.store)).add(row)

    def forwarder(self, rules: ForwardRules = QUICK, sinks: Sequence[SinkPlan] = ()) -> Forwarder:
        """Make a forwarder over this store."""
        return Forwarder(self.store, SYSTEM, self.sealer, self.egress, rules=rules, sinks=sinks)

    @contextlib.asynccontextmanager
    async def forwarding(self, rules: ForwardRules = QUICK, sinks: Sequence[SinkPlan] = ()) -> AsyncIterator[Forwarder]:
        """Run a forwarder."""
        forwarder = self.forwarder(rules, sinks)
        task = asyncio.create_task(forwarder.run())
        try:
            yield forwarder
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def message(self, text: str, who: str = "+12025550123", connection: str = "main") -> MessageReceived:
        """Make a message that came."""
        key = f"{connection}-{next(self._numbers)}"
        event = MessageReceived(key=key, vendor_id=key, chat=Chat.model_validate(who), message=Message(text))
        return event.stamped(connection=connection, provider="test", received_at=SYSTEM.now())

    async def keep(self, *events: Event, back: bool = False) -> list[str]:
        """Take events in, as the inbox does, or keep them back as it does with old news; gives their ids."""
        for event in events:
            row = WebhookRow(
                connection=event.connection, digest=event.id, headers=(), body=b"{}", received_at=event.received_at
            )
            await self.store.ingest(row, [event], handled={event.id} if back else ())
        return [event.id for event in events]

    async def rows(self, endpoint: str, state: Standing | None = None) -> list[DeliveryRow]:
        """List the deliveries of an endpoint, newest first."""
        return list((await self.deliveries.list(TENANT, endpoint, state=state, limit=1000)).items)

    async def tries(self, row: DeliveryRow) -> tuple[TryRow, ...]:
        """List what was tried for a delivery."""
        return (await self.deliveries.get(TENANT, row.id)).attempts

    async def add_tenant(self, tenant: str, connection: str) -> None:
        """Make another tenant, with a connection."""
        now = SYSTEM.now()
        await TenantRecords(records_of(self.store)).add(TenantRow(id=tenant, name=tenant, created_at=now))
        row = ConnectionRow(
            id=connection,
            tenant=tenant,
            name=connection,
            provider="test",
            settings="",
            data_key="",
            options="{}",
            state=ConnectionState.ACTIVE,
            created_at=now,
            reason=None,
            updated_at=now,
        )
        await ConnectionRecords(records_of(self.store)).add(row, Deed(tenant, "operator", "test", connection))

    async def erase(self, event: str) -> None:
        """Leave of an event only that it was there, as erasing a contact does."""
        await self._plan("erase_events", [event], ['{"type":"unknown","key":"erased","reason":"erased"}'])

    async def link(self, other: str, kept: str) -> None:
        """Let two chats turn out to be one."""

        def plan() -> Plan[None]:
            yield from tell("add_alias", [(other, kept)])

        await records_of(self.store).transact(plan)

    async def _plan(self, query: str, *arguments: Any) -> None:
        def plan() -> Plan[None]:
            yield from ask(query, *arguments)

        await records_of(self.store).transact(plan)


async def until_async(condition: Callable[[], Awaitable[Any]], seconds: float = 55.0) -> Any:
    """Wait until something is so; gives it."""
    async with asyncio.timeout(seconds):
        while not (found := await condition()):
            await asyncio.sleep(0.005)
    return found


async def until(condition: Callable[[], Any], seconds: float = 55.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
