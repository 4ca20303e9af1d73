"""Forward: events that are kept become deliveries, signed and posted and written down, against a bare loop of POSTs.

Both post to the same Starlette echo, four at a time, which is what one endpoint gets. Ours begins with the events in
the store, and ends when every delivery is durably settled.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import httpx

from benchmarks.ledgers import opened, used_server
from benchmarks.measure import Row, Run, Size, compare, here, workers
from benchmarks.processes import serving
from gateway.clock import SYSTEM
from gateway.egress import DEV, Egress
from gateway.events import MessageReceived
from gateway.forward import Endpoints, Forwarder, ForwardRules
from gateway.model import Chat, Message
from gateway.store import Store, WebhookRow
from gateway.store.records import records_of
from gateway.store.records.tenants import DEFAULT_TENANT, TenantRecords, TenantRow
from gateway.tenancy.sealing import KeyRing, Sealer

__all__ = ["forward_postgresql", "forward_sqlite"]

CHATS = 100
AT_ONCE = ForwardRules().each
BODY = b'{"type":"message.received","timestamp":"2026-11-21T12:00:00Z","data":{"text":"' + b"x" * 400 + b'"}}'


async def forward_sqlite(size: Size) -> AsyncIterator[Row]:
    """Forward from a file."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = await stack.enter_async_context(opened(f"sqlite:///{folder / 'forward.db'}"))
        yield await _forward("forward-sqlite", "SQLite", store, size, target=0.85)


async def forward_postgresql(size: Size) -> AsyncIterator[Row]:
    """Forward from a database."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(used_server())
        store = await stack.enter_async_context(opened(stack.enter_context(server.schema())))
        yield await _forward("forward-postgresql", "PostgreSQL", store, size, target=0.5)


async def _forward(name: str, kind: str, store: Store, size: Size, *, target: float) -> Row:
    async with AsyncExitStack() as stack:
        stack.enter_context(here())
        port = stack.enter_context(serving("receiver", "echo"))
        url = f"http://127.0.0.1:{port}/webhooks/main"
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=60))
        ours = await _ours(store, url, size, stack)

        async def base() -> float:
            return await workers(AT_ONCE, size.forwards, lambda _: client.post(url, content=BODY))

        title = f"forward on {kind}, {CHATS} chats, against {AT_ONCE} loops of bare POSTs"
        return await compare(name, title, base, ours, rounds=size.rounds, target=target)


async def _ours(store: Store, url: str, size: Size, stack: AsyncExitStack) -> Run:
    sealer, egress = Sealer(KeyRing.fresh()), Egress(DEV)
    stack.push_async_callback(egress.aclose)
    tenant = TenantRow(id=DEFAULT_TENANT, name="default", created_at=SYSTEM.now())
    await TenantRecords(records_of(store)).add(tenant)
    await Endpoints(store, SYSTEM, sealer, egress).create(DEFAULT_TENANT, url)
    numbers = count()

    async def run() -> float:
        await workers(32, size.forwards, lambda _: _keep(store, next(numbers)))
        forwarder = Forwarder(store, SYSTEM, sealer, egress)
        began = time.perf_counter()
        task = asyncio.create_task(forwarder.run())
        while forwarder.counts["delivered"] < size.forwards:  # noqa: ASYNC110 - a look costs less than being told
            await asyncio.sleep(0.001)
        took = time.perf_counter() - began
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return size.forwards / took

    return run


async def _keep(store: Store, number: int) -> None:
    """Take in a message, of one of some chats."""
    chat = Chat.model_validate(f"+1202555{1000 + number % CHATS}")
    event = MessageReceived(key=str(number), vendor_id=str(number), chat=chat, message=Message("x" * 100))
    event = event.stamped(connection="main", provider="bench", received_at=SYSTEM.now())
    row = WebhookRow(connection="main", digest=event.id, headers=(), body=b"{}", received_at=event.received_at)
    await store.ingest(row, [event])
