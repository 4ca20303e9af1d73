"""Send: the whole way from `Gateway.send` to its receipt, against a bare POST of the same body with the same client.

The bare client has what our transport has: the same limits, time to keep connections, HTTP/1.1, no environment.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from benchmarks.measure import Row, Size, compare, here, workers
from benchmarks.processes import serving
from gateway import Gateway

__all__ = ["send_memory", "send_sqlite"]

MEMORY = {1: 0.80, 10: 0.90, 16: 0.90}
SQLITE: Mapping[int, float | None] = dict.fromkeys(MEMORY)
CHATS = 200


async def send_memory(size: Size) -> AsyncIterator[Row]:
    """Send with nothing on the disk."""
    async for row in _sends("send-memory", "memory:", MEMORY, size):
        yield row


async def send_sqlite(size: Size) -> AsyncIterator[Row]:
    """Send with three commits on the disk: the promise, the marker, the outcome."""
    with tempfile.TemporaryDirectory() as folder:
        async for row in _sends("send-sqlite", f"sqlite:///{Path(folder) / 'send.db'}", SQLITE, size):
            yield row


async def _sends(name: str, store: str, targets: Mapping[int, float | None], size: Size) -> AsyncIterator[Row]:
    async with AsyncExitStack() as stack:
        stack.enter_context(here())
        base = f"http://127.0.0.1:{stack.enter_context(serving('vendor'))}"
        gateway = await stack.enter_async_context(Gateway(store, queue=1_000_000))
        gateway.connect("blooio", "main", api_key="bl_live_0123456789", base_url=base)
        for in_flight, target in targets.items():
            async with _client() as client:

                async def bare(number: int = in_flight) -> float:
                    return await workers(number, size.sends, lambda index: _post(client, base, index))

                async def ours(number: int = in_flight) -> float:
                    return await workers(number, size.sends, lambda index: gateway.send(_phone(index), _text(index)))

                what = f"send on {store.partition(':')[0]} against a bare POST, {in_flight} in flight"
                yield await compare(f"{name}-{in_flight}", what, bare, ours, rounds=size.rounds, target=target)


@asynccontextmanager
async def _client() -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=16, max_keepalive_connections=16, keepalive_expiry=5)
    async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=30) as client:
        yield client


async def _post(client: httpx.AsyncClient, base: str, index: int) -> None:
    answer = await client.post(
        f"{base}/chats/%2B{_phone(index)[1:]}/messages",
        json={"text": _text(index)},
        headers={"authorization": "Bearer bl_live_0123456789", "idempotency-key": f"key-{index}"},
    )
    answer.json()


def _phone(index: int) -> str:
    return f"+1202555{index % CHATS:04}"


def _text(index: int) -> str:
    return f"Hello, this is message number {index} of a benchmark."
