"""Events to a program on a developer's machine: signed as an endpoint's are, tried again, in order per chat."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from rich.text import Text

from gateway.cli.failing import Usage
from gateway.cli.screen import Screen, printable
from gateway.errors import ConfigurationError
from gateway.events import Event
from gateway.forward.formats import Format, Telling, shaped
from gateway.forward.signing import KeyKind, SigningKey, SymmetricKey, new_key, read_key, signed_headers
from gateway.transport import ClientError, PlainClient, plain_client

__all__ = ["Lanes", "Receiver", "ReceiverGone", "receiver_key"]

PAUSES = (1.0, 3.0, 10.0)
"""Seconds before each further try: somebody sits there, and has perhaps just restarted the program."""
_PATIENCE = 15.0
"""Seconds that the receiver has, as an endpoint's has."""


class ReceiverGone(Exception):
    """It is time to go, and an event was not taken yet."""


def receiver_key(file: Path | None) -> SymmetricKey | SigningKey:
    """Give the key that deliveries are signed with: that of a file, made there where it is none yet, or a new one.

    Raises `ConfigurationError`, and `InvalidRequest` for what is no key of Standard Webhooks.
    """
    if file is None:
        return new_key(KeyKind.V1)
    try:
        if not file.exists():
            made = new_key(KeyKind.V1)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as kept:
                kept.write(f"{made.text}\n")
            return made
        key = read_key(file.read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError):
        hint = "check its path and rights, or leave it out for a new secret each time"
        raise ConfigurationError(f"the secret file {file} cannot be used", hint=hint) from None
    if not isinstance(key, SymmetricKey | SigningKey):
        raise ConfigurationError(f"{file} holds a public key, which signs nothing", hint="put whsec_… or whsk_… there")
    return key


@dataclass(slots=True)
class Receiver:
    """One URL that events are posted to; what becomes of each is said at once, and counted."""

    screen: Screen
    url: str
    key: SymmetricKey | SigningKey = field(repr=False)
    form: Format
    json: bool = False
    tenant: str = "tn_default"
    public_url: str | None = None
    taken: int = 0
    left: list[str] = field(default_factory=list)
    """Ids of events that it did not take, however often they were brought."""
    _client: PlainClient = field(init=False, repr=False)
    _end: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Usage("--forward-to is no URL", hint="write it as http://127.0.0.1:3000/hook")
        self._client = plain_client(_PATIENCE)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def end(self) -> None:
        """Say that it is time to go: whoever waits for the next try gives it up."""
        self._end.set()

    async def take(self, event: Event, name: str) -> None:
        """Bring it an event until it takes it, a few times; what it never takes is left, and said.

        Raises `ReceiverGone` where it is time to go before that.
        """
        for number, pause in enumerate((*PAUSES, None), 1):
            if await self._tried(event, name, number, pause):
                self.taken += 1
                return
            if pause is None:
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), pause)
                raise ReceiverGone
        self.left.append(str(event.id))
        self._say(Text.assemble(("✗   ", "bold red"), f"{event.id} was not taken in {len(PAUSES) + 1} tries"))

    async def _tried(self, event: Event, name: str, number: int, pause: float | None) -> bool:
        """Make one attempt; tells whether it was taken."""
        made = shaped(self.form, Telling(event, self.tenant, 0, self.public_url))
        headers = {
            **signed_headers(event.id, int(time.time()), made.body, [self.key]),
            "content-type": made.media_type,
            "user-agent": "messaging-gateway",
        }
        again = f", try {number}" if number > 1 else ""
        self._say(Text.assemble("--> ", (event.type, "bold"), f" {event.id} ({name}{again})"))
        began, status, error = time.perf_counter(), None, None
        try:
            status = (await self._client.post(self.url, headers=headers, content=made.body)).status_code
        except ClientError as failed:
            error = type(failed).__name__
        took = round((time.perf_counter() - began) * 1000)
        fine = status is not None and 200 <= status < 300
        self._answered(event, status, error, took, None if fine else pause)
        if self.json:
            attempt = {"status": status, "error": error, "milliseconds": took, "try": number}
            self.screen.data({"forwarded": event.id, "url": self.url, **attempt})
        return fine

    def _answered(self, event: Event, status: int | None, error: str | None, took: int, pause: float | None) -> None:
        fine = status is not None and 200 <= status < 300
        later = f"; again in {pause:g} s" if pause else ""
        self._say(
            Text.assemble(
                "<-- ",
                (f"[{status or error}]", "green" if fine else "bold red"),
                f" POST {printable(self.url)} {took} ms",
                (later, "yellow"),
                (f"  {event.id}", "dim"),
            )
        )

    def _say(self, line: Text) -> None:
        if not self.json:
            now = f"{datetime.now().astimezone():%H:%M:%S} "
            self.screen.show(Text.assemble((now, "dim"), line))


class Lanes:
    """Does something with each event, those of one chat one after the other, those of different chats at once."""

    def __init__(self, work: Callable[[Event], Awaitable[None]], *, most: int = 1_000) -> None:
        self._work = work
        self._lanes: dict[str, deque[Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(most)
        self._failed: BaseException | None = None

    async def put(self, event: Event) -> None:
        """Add an event; waits while too many are waiting already, and raises what the work raised for another one."""
        await self._room.acquire()
        if self._failed is not None:
            raise self._failed
        name = event.chat_id or event.connection
        if name in self._lanes:
            self._lanes[name].append(event)
            return
        self._lanes[name] = deque([event])
        task = asyncio.create_task(self._run(name), name=f"gateway listen {name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, ReceiverGone):
            self._failed = error

    async def _run(self, name: str) -> None:
        lane = self._lanes[name]
        while lane:
            await self._work(lane[0])
            lane.popleft()
            self._room.release()
        del self._lanes[name]

    async def close(self, seconds: float) -> list[Event]:
        """Wait for what is under way, for a while; gives the events that were not done, in order per chat."""
        tasks = list(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [event for lane in self._lanes.values() for event in lane]
