"""The clock, injected wherever time is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, Protocol

__all__ = ["SYSTEM", "Clock", "SystemClock", "wait_for_change"]


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """Tell the time, aware, in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Wait; zero or less only lets others run."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Tell the time, aware, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait; zero or less only lets others run."""
        await asyncio.sleep(max(seconds, 0))


SYSTEM = SystemClock()
"""The clock that is used unless another is given."""


async def wait_for_change(clock: Clock, seconds: float, change: Coroutine[Any, Any, object]) -> bool:
    """Wait until something changed, for at most `seconds` of the clock; tells whether it did.

    `change` is what ends with the change (`store.changed(version)`); what it raises is raised here. Nothing of it is
    left running.
    """
    if isinstance(clock, SystemClock):
        return await _wait_on_the_machine(seconds, change)
    changed = asyncio.ensure_future(change)
    slept = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((changed, slept), return_when=asyncio.FIRST_COMPLETED)
        if not changed.done():
            await slept
            return False
        await changed
        return True
    finally:
        for task in (changed, slept):
            task.cancel()
        await asyncio.gather(changed, slept, return_exceptions=True)


async def _wait_on_the_machine(seconds: float, change: Coroutine[Any, Any, object]) -> bool:
    """Wait without tasks: on the machine's clock a timer does it, and this is waited for several times in each send."""
    try:
        async with asyncio.timeout(seconds):
            await change
    except TimeoutError:
        return False
    return True
