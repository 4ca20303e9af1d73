"""Handlers of a gateway that runs elsewhere: its events by long poll, with a cursor.

At least once: the cursor moves on when all handlers of a batch are done, so what a process that died had in hand comes
again. In order per chat: the events of one chat wait for each other, those of different chats do not.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.calling import call
from gateway.errors import ConfigurationError, GatewayError
from gateway.events import Event
from gateway.log import logger
from gateway.remote.spelling import event_of

__all__ = ["Follower"]

_log = logger(__name__)

POLL = 25.0
"""Seconds that one question waits for an answer."""
TRIES = 5
"""Times that a handler is called which raises; then the event is left, as a gateway parks it."""
_FIRST, _MOST = 0.2, 10.0
LATEST = "latest"

Ask = Callable[[str], Awaitable[Any]]
"""Asks for the events after a cursor; waits where there is none."""


@dataclass(frozen=True, slots=True)
class _Handler:
    kind: type[Event]
    function: Callable[[Any], Any]
    connection: str | None

    def takes(self, event: Event, ids: dict[str, str]) -> bool:
        wanted = self.connection
        named = wanted is None or event.connection in {wanted, ids.get(wanted)}
        return isinstance(event, self.kind) and named


class Follower:
    """Reads events and hands them over."""

    def __init__(self, cursor: str | Path | None) -> None:
        self._file = cursor if isinstance(cursor, Path) else None
        self.cursor: str = _kept(cursor) if isinstance(cursor, Path) else cursor or LATEST
        self._handlers: list[_Handler] = []
        self._task: asyncio.Task[None] | None = None

    def add(self, kind: type[Event], function: Callable[[Any], Any], connection: str | None) -> None:
        """Add a handler."""
        self._handlers.append(_Handler(kind, function, connection))

    @property
    def wanted(self) -> bool:
        """Tell whether anybody wants events."""
        return bool(self._handlers)

    def start(self, ask: Ask, ids: dict[str, str]) -> None:
        """Begin to follow, once there are handlers."""
        if self._task is None and self._handlers:
            self._task = asyncio.create_task(self._run(ask, ids), name="gateway remote handlers")

    async def stop(self) -> None:
        """Stop; what is in hand comes again the next time."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self, ask: Ask, ids: dict[str, str]) -> None:
        failures = 0
        while True:
            try:
                page = await ask(self.cursor)
                failures = 0
            except (GatewayError, ConfigurationError) as error:
                failures += 1
                _log.warning("events_not_followed", error=type(error).__name__)
                await asyncio.sleep(_pause(failures))
                continue
            await self._hand_over([event_of(told) for told in page["items"]], ids)
            await self._move(page["next"])

    async def _hand_over(self, events: Sequence[Event], ids: dict[str, str]) -> None:
        lanes: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            lanes[event.chat_id or event.connection].append(event)
        async with asyncio.TaskGroup() as group:
            for lane in lanes.values():
                group.create_task(self._in_order(lane, ids))

    async def _in_order(self, events: Sequence[Event], ids: dict[str, str]) -> None:
        for event in events:
            for handler in self._handlers:
                if handler.takes(event, ids):
                    await _called(handler, event)

    async def _move(self, cursor: str) -> None:
        self.cursor = cursor
        if self._file is not None:
            await asyncio.to_thread(_keep, self._file, cursor)


async def _called(handler: _Handler, event: Event) -> None:
    """Call a handler until it does not raise; a border: what it raises is its own."""
    name = getattr(handler.function, "__qualname__", "handler")
    for number in range(1, TRIES + 1):
        try:
            await call(handler.function, event)
        except Exception as error:  # noqa: BLE001 - a border, as in the dispatcher
            _log.warning("handler_failed", handler=name, event_id=event.id, error=type(error).__name__, tries=number)
            await asyncio.sleep(_pause(number))
        else:
            return
    _log.error("event_left", handler=name, event_id=event.id)


def _pause(number: int) -> float:
    return random.uniform(0.5, 1.0) * min(_FIRST * 2.0**number, _MOST)  # noqa: S311 - jitter


def _kept(file: Path) -> str:
    try:
        return file.read_text("ascii").strip() or LATEST
    except FileNotFoundError:
        return LATEST
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"the cursor in {file.name} cannot be read", hint="look at its path") from None


def _keep(file: Path, cursor: str) -> None:
    """Write the cursor whole or not at all."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(cursor, "ascii")
    beside.replace(file)
