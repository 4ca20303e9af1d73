"""Hints between processes: something was written, and when it falls due. Only hints: who misses one asks later.

They have a connection of their own, for the server sends them one transaction after the other: sent from inside the
transactions that write, they would make those wait for each other.

Who writes mostly takes what it wrote by itself, and a look in vain is a transaction too. So a hint says whether the
process that sends it takes such things: if so the others look a moment later, each at a time of its own, and once for
all hints of that moment; if not they look at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from gateway.log import logger
from gateway.store.postgresql.driver import Connection, connect, failing, find
from gateway.store.postgresql.place import Place

__all__ = ["Ear", "Hints", "News"]

_log = logger(__name__)

CHANNEL = "messaging_gateway"
GATHER = 0.01
"""Seconds in which the first hint after a silence gathers what else is written."""
APART = 0.05
"""Seconds between two hints of a process: each is a transaction, and wakes all others."""
QUIET = 0.05
"""Seconds that hints of others wait for each other, more or less; and those that nobody else follows, at most."""
POLL = 1.0
"""Seconds after which who cannot listen looks by itself."""
AGAIN = 2.0
"""Seconds until a lost connection is made anew."""


@dataclass(frozen=True, slots=True)
class News:
    """What was written, as far as others have to know it."""

    lanes_due: int | None = None
    """When the first lane falls due by it, in microseconds; None where none does."""
    events_due: int | None = None
    """The same of events."""
    left: bool = False
    """True where the process that wrote it takes no such things itself."""

    def also(self, other: News) -> News:
        """Join what came later."""
        lanes = [at for at in (self.lanes_due, other.lanes_due) if at is not None]
        events = [at for at in (self.events_due, other.events_due) if at is not None]
        return News(min(lanes, default=None), min(events, default=None), self.left or other.left)

    def said(self) -> str:
        """Write it as words."""
        times = ("-" if at is None else str(at) for at in (self.lanes_due, self.events_due))
        return " ".join((*times, "left" if self.left else "taken"))

    @classmethod
    def heard(cls, words: str) -> News:
        """Read words; those of another version may say nothing, and anything may be due."""
        match words.split():
            case [lanes, events, who]:
                with contextlib.suppress(ValueError):
                    return cls(_time(lanes), _time(events), who == "left")
        return UNKNOWN


def _time(word: str) -> int | None:
    return None if word == "-" else int(word)


UNKNOWN = News(0, 0, left=True)
"""Anything may have been written: what is due since ever is looked for at once."""


class Hints:
    """Tells other processes of writes, and is told of theirs."""

    def __init__(self, place: Place, heard: Callable[[News], None]) -> None:
        self._place = place
        self._ear = Ear(heard)
        self._me = secrets.token_hex(8)
        self._home = ""
        self._news = asyncio.Event()
        self._to_tell = News()
        self._begun = asyncio.Event()
        run = self._poll() if place.pooled else self._listen()
        self._task = asyncio.create_task(run, name="gateway store hints")

    async def begin(self) -> None:
        """Wait until it listens, or could not: what is written from then on is heard, or looked for."""
        await self._begun.wait()

    def tell(self, news: News) -> None:
        """Let the others know, soon."""
        self._to_tell = self._to_tell.also(news)
        self._news.set()

    async def close(self) -> None:
        """Stop."""
        self._ear.close()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _poll(self) -> None:
        """Behind a pooler nobody can listen: a connection is lent for one transaction only."""
        self._begun.set()
        while True:
            await asyncio.sleep(POLL)
            self._ear.wake(UNKNOWN)

    async def _listen(self) -> None:
        while True:
            try:
                await self._session()
            except Exception as error:  # noqa: BLE001 - a border: without hints every process is late, and none says why
                _log.warning("store_hints_lost", error=type(error).__name__, code=getattr(error, "code", None))
                self._begun.set()
                self._ear.wake(UNKNOWN)  # what was said meanwhile was not heard
                await asyncio.sleep(AGAIN)

    async def _session(self) -> None:
        connection = await connect(self._place)
        try:
            with failing():
                [(self._home,)] = await find(connection, "home")
                await connection.add_listener(CHANNEL, self._on_hint)
                if self._begun.is_set():
                    self._ear.wake(UNKNOWN)
                self._begun.set()
                await self._pass_on(connection)
        finally:
            connection.terminate()

    async def _pass_on(self, connection: Connection) -> None:
        """Send a hint for all that was written in a moment; asks now and then whether the connection still stands."""
        clock = asyncio.get_running_loop()
        next_at = clock.time()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5 * POLL):
                    await self._news.wait()
            if self._news.is_set():
                await asyncio.sleep(max(GATHER, next_at - clock.time()))
                self._news.clear()
                news, self._to_tell = self._to_tell, News()
                await find(connection, "send_hint", CHANNEL, f"{self._me} {self._home} {news.said()}")
                next_at = clock.time() + APART
            else:
                await find(connection, "ask_back")

    def _on_hint(self, connection: Connection, pid: int, channel: str, hint: str) -> None:
        sender, home, words = (*hint.split(" ", 2), "", "")[:3]
        # the channel is the database's; one without a home is of another version, and may be of ours
        if sender != self._me and home in (self._home, ""):
            self._ear.hear(News.heard(words))


class Ear:
    """Gathers what others say, and passes it on: at once where they leave it to us, else a moment later."""

    def __init__(self, passes: Callable[[News], None]) -> None:
        self._passes = passes
        self._gathered = News()
        self._timer: asyncio.TimerHandle | None = None
        self._woke = 0.0

    def hear(self, news: News) -> None:
        """Take note of news, and pass them on when it is time."""
        loop = asyncio.get_running_loop()
        self._gathered = self._gathered.also(news)
        at = self._woke + QUIET
        if not news.left:
            # of several that would look at the same moment all but one would look in vain
            at = loop.time() + QUIET * random.uniform(0.6, 1.4)  # noqa: S311 - it only has to differ
        if self._timer is None or at < self._timer.when():
            self.close()
            self._timer = loop.call_at(at, self.wake)

    def wake(self, news: News | None = None) -> None:
        """Pass on what was heard, and some more."""
        self.close()
        gathered, self._gathered = self._gathered.also(news or News()), News()
        self._woke = asyncio.get_running_loop().time()
        self._passes(gathered)

    def close(self) -> None:
        """Wait for nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
