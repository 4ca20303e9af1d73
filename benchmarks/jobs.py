"""Messages for a store by itself: rows like those that the engine makes, and carrying them out with no vendor behind.

What is executed takes three commits, as in the engine: the claim, the marker before the call, the result.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from gateway.ids import ChatId, MessageId, Token
from gateway.store import AttemptRow, MessageRow, MessageState, Settlement, StepRow, StepState, Store, Work

__all__ = ["ACTION", "CALLERS", "Jobs", "job"]

CALLERS = 32
"""Callers at the same time."""
_LEASE = 60.0
_PAST = datetime(2026, 1, 1, tzinfo=UTC)
_CALL = '{"method":"POST","path":"/chats/%2B12025550123/messages","json":{"text":"' + 120 * "x" + '"},"headers":{}}'
ACTION = '{"type":"send_message","messages":[{"parts":[{"type":"text","text":"' + 215 * "x" + '"}]}],"key":"k"}'
"""About 300 bytes, as engine benchmarks use to take."""


def job(number: int, lane: str, connection: str = "main") -> tuple[MessageRow, list[StepRow]]:
    """Make a message of one step that is due, in a lane."""
    id_ = MessageId(f"msg_{number:026}")
    row = MessageRow(
        id=id_,
        connection=connection,
        lane=ChatId(lane),
        kind="send_message",
        request='{"to":"+12025550123","policy":"strict"}',
        fingerprint="f" * 64,
        key=None,
        adaptations="[]",
        steps=1,
        created_at=_PAST,
        due_at=_PAST + timedelta(microseconds=number),
    )
    step = StepRow(message=id_, index=0, action=ACTION, token=Token(f"token{number:017}"), pause=0, indexes=(0,))
    return row, [step]


class Jobs:
    """The messages of one store."""

    def __init__(self, store: Store, chats: int = 100) -> None:
        self._store = store
        self._chats = [f"chat_{number:025}" for number in range(chats)]
        self._numbers = count()

    async def enqueue(self, amount: int, callers: int = CALLERS) -> float:
        """Keep so many, each with an answer of its own; gives how many in a second."""
        numbers = [next(self._numbers) for _ in range(amount)]
        begin = time.perf_counter()
        await asyncio.gather(*(self._keep(numbers[place::callers]) for place in range(callers)))
        return amount / (time.perf_counter() - begin)

    async def _keep(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            await self._store.enqueue(*job(number, self._chats[number % len(self._chats)]))

    async def execute(self, amount: int) -> float:
        """Carry out so many of those that wait; gives how many in a second."""
        begin = time.perf_counter()
        running: set[asyncio.Task[None]] = set()
        left = amount
        while left or running:
            works = await self._claim(min(left, CALLERS - len(running)))
            left -= len(works)
            running |= {asyncio.create_task(self._carry_out(work)) for work in works}
            if running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            elif not works:
                raise RuntimeError("less waits than was to be executed")
        return amount / (time.perf_counter() - begin)

    async def _claim(self, most: int) -> list[Work]:
        return await self._store.claim(datetime.now(UTC), _LEASE, most) if most else []

    async def _carry_out(self, work: Work) -> None:
        """Write the marker, do nothing, write the result."""
        now, step = datetime.now(UTC), work.steps[0]
        started = replace(step, state=StepState.STARTED, attempts=1, first_at=now, call=_CALL)
        attempt = AttemptRow(message=step.message, step=0, generation=1, number=1, started_at=now, call=_CALL)
        marked = await self._store.mark(work, started, attempt)
        ended = Settlement(
            message=replace(work.message, state=MessageState.ACCEPTED),
            step=replace(started, state=StepState.ACCEPTED, receipt='{"sent":[]}'),
            attempt=replace(attempt, ended_at=datetime.now(UTC), outcome="accepted", status=202),
            next_at=now,
            sent=(f"vendor_{step.message}",),
        )
        if not marked.written or not await self._store.settle(work, ended):
            raise RuntimeError("nobody else is here, and the lane was lost")
