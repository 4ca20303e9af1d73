"""Webhooks that were turned away lately: what whoever sets a connection up is waiting to hear."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway import log
from gateway.clock import Clock

__all__ = ["Knock", "Knocks"]

_CONNECTIONS = 1000
_EACH = 5


@dataclass(frozen=True, slots=True)
class Knock:
    """One webhook that was not let in."""

    at: datetime
    error: str
    why: str


class Knocks:
    """Remembers the last few of each connection, in this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._found: OrderedDict[str, deque[Knock]] = OrderedDict()

    def listening(self) -> Callable[[], Awaitable[None]]:
        """Begin to listen to the log; gives what ends it."""
        stop = log.listen(self._hear)

        async def end() -> None:
            stop()

        return end

    def at(self, connection: str) -> tuple[Knock, ...]:
        """List those at one connection, the latest first."""
        return tuple(reversed(self._found.get(connection, ())))

    def _hear(self, name: str, fact: Mapping[str, Any]) -> None:
        if name != "webhook_refused":
            return
        connection = str(fact.get("connection"))
        knocks = self._found.setdefault(connection, deque(maxlen=_EACH))
        knocks.append(Knock(self._clock.now(), str(fact.get("error")), str(fact.get("why", ""))))
        self._found.move_to_end(connection)
        if len(self._found) > _CONNECTIONS:
            self._found.popitem(last=False)
