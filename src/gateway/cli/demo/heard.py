"""What the application heard: every event of the gateway, to be waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from gateway.cli.demo.phone import PATIENCE
from gateway.cli.demo.verdict import Missed
from gateway.events import Event

__all__ = ["Heard"]

EventT = TypeVar("EventT", bound=Event)


class Heard:
    """Collects events as a handler of the gateway, and finds them."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._news = asyncio.Event()

    async def take(self, event: Event) -> None:
        """Take an event."""
        self._events.append(event)
        self._news.set()

    async def wait(self, what: str, kind: type[EventT], fits: Callable[[EventT], bool]) -> EventT:
        """Give the first such event, waiting for it where it has not come yet; raises `Missed`."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    self._news.clear()
                    for event in self._events:
                        if isinstance(event, kind) and fits(event):
                            return event
                    await self._news.wait()
        except TimeoutError:
            raise Missed(what) from None
