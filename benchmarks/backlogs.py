"""What waits must not slow down what goes: a chat with a long blocked queue, and a long backlog, on SQLite."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.jobs import Jobs, job
from benchmarks.ledgers import opened
from benchmarks.measure import Row, Size, compare
from gateway.store.ledger import write
from gateway.store.ledger.calls import Enqueue
from gateway.store.sqlite import migrate
from gateway.store.sqlite.connection import connect, run

__all__ = ["backlog_sqlite", "blocked_sqlite"]

AT_ONCE = 5000
"""Messages in one commit, where nobody waits for each of them."""
CHATS = 200
MANY = 1000


async def blocked_sqlite(size: Size) -> AsyncIterator[Row]:
    """One chat waits with thousands of messages; 200 others go on."""
    amount = (size.rounds + 2) * size.writes
    async with _waiting(amount, CHATS) as alone, _waiting(amount, CHATS, size.blocked) as beside:
        yield await compare(
            "blocked-sqlite",
            f"{CHATS} chats beside one with {size.blocked:,} blocked messages, against without it",
            lambda: alone.execute(size.writes),
            lambda: beside.execute(size.writes),
            rounds=size.rounds,
            target=0.80,
        )


async def backlog_sqlite(size: Size) -> AsyncIterator[Row]:
    """Ten times as much waits, in a thousand chats."""
    async with _waiting(size.small, MANY) as small, _waiting(size.large, MANY) as large:
        amount = min(size.writes, size.small // (size.rounds + 2))
        yield await compare(
            "backlog-sqlite",
            f"a backlog of {size.large:,} messages, against one of {size.small:,}",
            lambda: small.execute(amount),
            lambda: large.execute(amount),
            rounds=size.rounds,
            target=0.65,
        )


@asynccontextmanager
async def _waiting(amount: int, chats: int, blocked: int = 0) -> AsyncIterator[Jobs]:
    """Open a store in which messages wait in so many chats, and perhaps in one whose head may not go for a day."""
    async with AsyncExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "waiting.db"
        lanes = ["chat_blocked"] * blocked + [f"chat_{number % chats:025}" for number in range(amount)]
        _fill(path, lanes)
        store = await stack.enter_async_context(opened(f"sqlite:///{path}"))
        if blocked:
            # it is the first that is due, since its messages are the oldest
            (work,) = await store.claim(datetime.now(UTC), 60, 1)
            await store.release(work, datetime.now(UTC) + timedelta(days=1))
        yield Jobs(store, chats)


def _fill(path: Path, lanes: list[str]) -> None:
    """Write a message into each of some lanes, in their order; many in one commit."""
    migrate(path)
    with closing(connect(path, writing=True)) as connection:
        for first in range(0, len(lanes), AT_ONCE):
            numbered = enumerate(lanes[first : first + AT_ONCE], first)
            connection.execute("begin immediate")
            run(connection, write([Enqueue(*job(number, lane)) for number, lane in numbered], alone=True))
            connection.execute("commit")
