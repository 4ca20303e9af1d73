"""Messages for a store by itself: rows like those that the engine makes, and carrying them out with no vendor behind.

What is executed is written as by a worker: the claim, the marker before the call, the result; who settles goes on with
what is next in the chat, for nobody else waits for a turn.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple, NoReturn

from gateway.ids import ChatId, MessageId, Token
from gateway.store import AttemptRow, MessageRow, MessageState, Settlement, StepRow, StepState, Store, Work
from gateway.worker import AT_ONCE

__all__ = ["ACTION", "CALLERS", "CONNECTIONS", "UNDER_WAY", "Jobs", "Script", "job", "script"]

CALLERS = 32
"""Callers at the same time."""
UNDER_WAY = AT_ONCE
"""Messages that are carried out at the same time: as many as one worker has under way."""
CONNECTIONS = 8
"""Connections that the chats belong to: few enough chats of each for one worker to have all of them under way."""
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


class Script(NamedTuple):
    """What carrying out a message writes: the marker and the result."""

    started: StepRow
    attempt: AttemptRow
    ended: Settlement


def script(message: MessageRow, step: StepRow) -> Script:
    """Make what is written while a message is carried out."""
    started = replace(step, state=StepState.STARTED, attempts=1, first_at=_PAST, call=_CALL)
    attempt = AttemptRow(message=step.message, step=0, generation=1, number=1, started_at=_PAST, call=_CALL)
    ended = Settlement(
        message=replace(message, state=MessageState.ACCEPTED),
        step=replace(started, state=StepState.ACCEPTED, receipt='{"sent":[]}'),
        attempt=replace(attempt, ended_at=_PAST, outcome="accepted", status=202),
        next_at=_PAST,
        sent=(f"vendor_{step.message}",),
    )
    return Script(started, attempt, ended)


class Jobs:
    """The messages of one store. What is written is made before the clock runs: the store is measured, not that."""

    def __init__(self, store: Store, chats: int = 100) -> None:
        self._store = store
        self._chats = [f"chat_{number:025}" for number in range(chats)]
        self._numbers = count()
        self._scripts: dict[MessageId, Script] = {}
        self._left = 0
        self._running = 0
        self._ended = asyncio.Event()

    async def enqueue(self, amount: int, callers: int = CALLERS) -> float:
        """Keep so many, each with an answer of its own; gives how many in a second."""
        numbers = itertools.islice(self._numbers, amount)
        jobs = [self._job(number % len(self._chats), number) for number in numbers]
        self._scripts |= {message.id: script(message, *steps) for message, steps in jobs}
        begin = time.perf_counter()
        await asyncio.gather(*(self._keep(jobs[place::callers]) for place in range(callers)))
        return amount / (time.perf_counter() - begin)

    def _job(self, chat: int, number: int) -> tuple[MessageRow, list[StepRow]]:
        return job(number, self._chats[chat], f"main{chat % CONNECTIONS}")

    async def _keep(self, jobs: Iterable[tuple[MessageRow, list[StepRow]]]) -> None:
        for message, steps in jobs:
            await self._store.enqueue(message, steps)

    async def execute(self, amount: int) -> float:
        """Carry out so many of those that wait; gives how many in a second."""
        begin = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            self._left = amount
            while self._left or self._running:
                works = await self._claim(min(self._left, UNDER_WAY - self._running))
                self._left -= len(works)
                self._running += len(works)
                for work in works:
                    group.create_task(self._carry_out(work))
                if not self._running:
                    raise RuntimeError("less waits than was to be executed")
                await self._ended.wait()
                self._ended.clear()
        return amount / (time.perf_counter() - begin)

    async def _claim(self, most: int) -> list[Work]:
        return await self._store.claim(datetime.now(UTC), _LEASE, most) if most else []

    async def _carry_out(self, work: Work | None) -> None:
        """Write the marker, do nothing, write the result; then the same with what is next in the chat."""
        while work is not None:
            ready = self._scripts.pop(work.message.id, None) or script(work.message, work.steps[0])
            marked = await self._store.mark(work, ready.started, ready.attempt)
            work = await self._settle(work, ready.ended) if marked.written else _lost()
        self._running -= 1
        self._ended.set()

    async def _settle(self, work: Work, ended: Settlement) -> Work | None:
        if not self._left:
            return None if await self._store.settle(work, ended) else _lost()
        self._left -= 1
        settled = await self._store.settle_and_claim(work, ended, datetime.now(UTC), _LEASE)
        self._left += settled.next is None
        return settled.next if settled.written else _lost()


def _lost() -> NoReturn:
    raise RuntimeError("nobody else is here, and the lane was lost")
