"""Catch-up: what a vendor could not deliver is fetched from what it kept, once, through the same parser.

A vendor gives up after a while (minutes or hours). Where it keeps its webhooks (`Provider.missed`), they are read from
the time up to which all was read before; what had arrived by itself is recognised and costs a look only.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from pydantic import AwareDatetime, ValidationError

from gateway.addresses import Word
from gateway.clock import Clock
from gateway.connections import Connection, Connections
from gateway.drive import drive
from gateway.errors import (
    GatewayError,
    InvalidMessage,
    OutcomeUnknown,
    Refused,
    Retriable,
    StoreError,
    Unauthorized,
    Unsupported,
)
from gateway.failpoints import Point, reach
from gateway.ids import MessageId
from gateway.inbox import Inbox, Reading
from gateway.log import logger
from gateway.proof import look_again
from gateway.provider import Missed, WebhookRequest
from gateway.store.port import Store

__all__ = ["CatchUp", "CaughtUp"]

_log = logger(__name__)

Wanted: TypeAlias = Callable[[Reading], Awaitable[bool]]
"""Says whether a webhook of which something is new is to be taken in."""

FIRST = timedelta(hours=24)
"""How far back the first catch-up of a connection looks: the longest that a vendor is known to go on trying."""
OVERLAP = timedelta(minutes=5)
"""How much of what was read is read again: an attempt is in the vendor's list only when it is over."""
PAGES = 50
"""Pages of one run; the next one goes on."""
PARKED = 200
"""Sends that wait for a person and are looked at again in one run: each may be a call to the vendor."""
ABREAST = 16
"""Webhooks of a page that are looked for at the same time."""
SECONDS = 120.0
"""Seconds of one run."""
EVERY = 900.0
"""Seconds between the runs that start by themselves, so that there is never much to look through."""
SOON = 5.0
"""Seconds until a run that came to its bounds goes on."""
LASTS = timedelta(hours=1)
"""How old a vendor's cursor may be.

It is a place in a list whose oldest entries are dropped when the vendor likes, and none of them says when: then all
others move, and those that move past the place would never be read. A run that came to its bounds goes on after
seconds, and one that failed after a quarter of an hour; what is older was left by a process that was away.
"""
NOT_THE_CURSOR = frozenset({401, 403, 408, 425, 429})
"""What an answer of 4xx may be that says nothing about the cursor: who asks, or how often and how soon."""


class CaughtUp(Word):
    """What a catch-up found."""

    connection: str
    pages: int = 0
    webhooks: int = 0
    """How many the vendor had."""
    recovered: int = 0
    """Events that had not arrived by themselves."""
    complete: bool = True
    """False when it came to its bounds; another one goes on from there."""


class _Place(Word):
    """How far a connection was read."""

    since: AwareDatetime
    """All before this has been read."""
    newest: AwareDatetime
    """The newest that was seen since then."""
    cursor: str | None = None
    """The vendor's next page, while a run is not complete."""
    kept_at: AwareDatetime | None = None
    """When the vendor gave the cursor, by our clock."""
    anew: bool = False
    """True from when the vendor refused a cursor until all is read: another refusal is then its answer."""


@dataclass(slots=True)
class _Round:
    """A look at all that wait for a person on a connection, in as many runs as it takes."""

    began: datetime
    before: datetime | None
    """When the round before it began: all that waited then have been looked at since."""
    reached: MessageId | None = None
    over: bool = False


@dataclass(frozen=True, slots=True)
class _Bounds:
    pages: int
    until: datetime


class CatchUp:
    """Fetches what was missed."""

    def __init__(
        self, store: Store, connections: Connections, inbox: Inbox, clock: Clock, chance: Callable[[], float]
    ) -> None:
        self._store = store
        self._connections = connections
        self._inbox = inbox
        self._clock = clock
        self._chance = chance
        self._unable: set[str] = set()
        self._rounds: dict[str, _Round] = {}
        """How far each connection's parked sends were looked at."""
        self._reading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self) -> None:
        """Catch up on all connections that ask for it, now and every while, until cancelled."""
        while True:
            done = [await self._quietly(connection) for connection in tuple(self._connections) if connection.catch_up]
            await self._clock.sleep(EVERY if all(done) else SOON)

    async def once(
        self,
        connection: Connection,
        *,
        since: datetime | None = None,
        pages: int = PAGES,
        seconds: float = SECONDS,
    ) -> CaughtUp:
        """Fetch what was missed on one connection since it was read the last time, or since a time before that.

        Raises `Unsupported` where the vendor keeps nothing, and what a call raises; what was read until then is kept.
        """
        return await self._once(connection, since, self._bounds(pages, seconds), asked=True)

    async def take(
        self, hooks: Sequence[WebhookRequest], connection: Connection, *, wanted: Wanted | None = None
    ) -> int:
        """Keep what is new of a vendor's page, in its order, as if it had been pushed; tells how many events were."""
        unknown = await self._unknown(hooks, connection, wanted)
        return sum([await self._take(hook, connection) for hook in unknown])

    # ── how ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _once(self, connection: Connection, since: datetime | None, bounds: _Bounds, *, asked: bool) -> CaughtUp:
        try:
            async with self._reading[connection.name]:
                # what was not to be found when its time was over may be there by now; a vendor that keeps no webhooks
                # may still be asked for that
                looked = await self._look(connection, bounds, asked=asked)
                found = await self._read(connection, await self._begin(connection, since), bounds)
                return found.model_copy(update={"complete": found.complete and looked})
        except GatewayError as error:
            raise error.locate(connection=connection.name, provider=connection.provider.name) from error.__cause__

    async def _quietly(self, connection: Connection) -> bool:
        """Catch up without a caller; tells whether nothing is left to do soon."""
        if connection.stopped is not None:
            return True
        bounds = self._bounds(PAGES, SECONDS)
        try:
            if connection.name in self._unable:
                return await self._look(connection, bounds, asked=False)
            found = await self._once(connection, None, bounds, asked=False)
        except Unsupported:
            self._unable.add(connection.name)
            _log.warning("catch_up_impossible", connection=connection.name, provider=connection.provider.name)
        except GatewayError as error:
            _log.warning("catch_up_failed", connection=connection.name, error=error.slug, code=error.code)
        except Exception as error:  # noqa: BLE001 - a border: a provider may raise anything, and the others go on
            _log.error("catch_up_failed", connection=connection.name, error=type(error).__name__)
        else:
            return found.complete
        return True

    def _bounds(self, pages: int, seconds: float) -> _Bounds:
        return _Bounds(pages, self._clock.now() + timedelta(seconds=seconds))

    async def _look(self, connection: Connection, bounds: _Bounds, *, asked: bool) -> bool:
        """Look again at what waits for a person, from where the last run came to; tells whether it came to the end.

        A vendor that does not answer is asked the next time: what it missed to tell may be read all the same. Where
        nobody `asked` for it, the vendor is asked only for those that have aged enough since the round before.
        """
        name, send, current = connection.name, connection.patient(self._clock, self._chance), self._round(connection)
        rows = await self._store.parked(name, current.reached, PARKED)
        for row in rows:
            if self._clock.now() >= bounds.until:
                return False
            try:
                if (kept := await self._store.message(row.id)) is not None:
                    looked = None if asked else current.before
                    await look_again(self._store, *kept, connection, send, self._clock.now(), looked=looked)
            except StoreError:
                raise
            except GatewayError as error:
                _log.warning("look_failed", connection=name, error=error.slug, code=error.code)
                if isinstance(error, Retriable | Unauthorized | OutcomeUnknown):
                    return True
                # it is about this one, or there is nothing to look into: those behind it have their turn
            current.reached = row.id
        current.over = len(rows) < PARKED
        return current.over

    def _round(self, connection: Connection) -> _Round:
        """Give the round that is under way, or begin another one."""
        found = self._rounds.get(connection.name)
        if found is None or found.over:
            found = _Round(began=self._clock.now(), before=found.began if found else None)
            self._rounds[connection.name] = found
        return found

    async def _read(self, connection: Connection, place: _Place, bounds: _Bounds) -> CaughtUp:
        found = CaughtUp(connection=connection.name)
        while True:
            place, missed = await self._page(connection, place)
            recovered = await self.take(missed.hooks, connection)
            reach(Point.FETCHED)
            place = self._further(place, missed)
            found = CaughtUp(
                connection=connection.name,
                pages=found.pages + 1,
                webhooks=found.webhooks + len(missed.hooks),
                recovered=found.recovered + recovered,
                complete=missed.cursor is None,
            )
            await self._keep(connection, _done(place, self._clock.now()))
            reach(Point.READ)
            if found.complete or found.pages >= bounds.pages or self._clock.now() >= bounds.until:
                _log.info("caught_up", **found.model_dump())
                return found

    def _further(self, place: _Place, missed: Missed) -> _Place:
        """Note what was seen; a time of the vendor's that is still to come would make us skip what comes until then."""
        now = self._clock.now()
        newest = max((place.newest, *(hook.received_at for hook in missed.hooks)))
        return place.model_copy(update={"newest": min(newest, now), "cursor": missed.cursor, "kept_at": now})

    async def _page(self, connection: Connection, place: _Place) -> tuple[_Place, Missed]:
        """Fetch a page; where its cursor is refused, the first one since all was read: what is known costs a look only.

        Raises the refusal where that was done already, and nothing was read to the end since. A vendor that refuses
        what it gave would have us go round and round; the next run of its own begins again.
        """
        provider, send = connection.provider, connection.patient(self._clock, self._chance)
        if place.cursor is not None:
            try:
                return place, await drive(provider.missed(place.cursor, since=place.since), send)
            except GatewayError as error:
                if not _refuses(error):
                    raise
                refused, place = place, place.model_copy(update={"cursor": None, "anew": not place.anew})
                if refused.anew:
                    await self._keep(connection, place)
                    raise
                _begins_again(connection, "refused", error=error.slug, status=error.status)
        return place, await drive(provider.missed(None, since=place.since), send)

    async def _keep(self, connection: Connection, place: _Place) -> None:
        # what is not set is not written: a process of the version before reads what it wrote itself
        await self._store.keep_cursor(_name(connection), place.model_dump_json(exclude_defaults=True))

    async def _unknown(
        self, hooks: Sequence[WebhookRequest], connection: Connection, wanted: Wanted | None
    ) -> list[WebhookRequest]:
        """Give the webhooks of which something may be new, in their order.

        Nearly all have arrived by themselves, and what is known stays known: so several are looked for at a time.
        """
        unknown: list[WebhookRequest] = []
        for start in range(0, len(hooks), ABREAST):
            some = hooks[start : start + ABREAST]
            looks = await asyncio.gather(*(self._news(hook, connection) for hook in some), return_exceptions=True)
            for hook, news in zip(some, looks, strict=True):
                if isinstance(news, BaseException):
                    raise news
                if news is not None and (wanted is None or await wanted(news)):
                    unknown.append(hook)
        return unknown

    async def _take(self, hook: WebhookRequest, connection: Connection) -> int:
        """Keep a webhook if anything of it is new; tells how many events were.

        It is read again in its turn: one of the same page may have brought the first version of its message just now.
        """
        reading = await self._news(hook, connection)
        return 0 if reading is None else len(await self._inbox.keep(reading))

    async def _news(self, hook: WebhookRequest, connection: Connection) -> Reading | None:
        """Read a webhook; None when all of it is known."""
        # an event is due from its time on, and keeps its chat waiting: the vendor's clock may run ahead of ours
        hook = replace(hook, received_at=min(hook.received_at, self._clock.now()))
        reading = await self._inbox.read(hook, connection)
        if reading.events and not await self._inbox.unknown(reading.events):
            return None
        return reading

    async def _begin(self, connection: Connection, since: datetime | None) -> _Place:
        kept = _place_of(await self._store.cursor(_name(connection)))
        if kept is not None and (since is None or since >= kept.since):
            if kept.cursor is None or (kept.kept_at is not None and self._clock.now() - kept.kept_at <= LASTS):
                return kept
            _begins_again(connection, "old")
            return kept.model_copy(update={"cursor": None})
        start = (since or self._clock.now() - FIRST).astimezone(UTC)
        return _Place(since=start, newest=start)


def _place_of(kept: str | None) -> _Place | None:
    """Read a place; one of another version is none, and costs looking at a day again."""
    try:
        return _Place.model_validate_json(kept) if kept else None
    except ValidationError:
        return None


def _refuses(error: GatewayError) -> bool:
    """Tell whether a cursor is of no use any more.

    The vendor has dropped what it points to, or the provider's maker writes cursors in another way by now.
    """
    if isinstance(error, InvalidMessage):
        return True
    status = error.status if isinstance(error, Refused) else None
    return status is not None and 400 <= status < 500 and status not in NOT_THE_CURSOR


def _begins_again(connection: Connection, why: str, **fields: str | int | None) -> None:
    _log.warning("catch_up_begins_again", connection=connection.name, why=why, **fields)


def _done(place: _Place, now: datetime) -> _Place:
    """Move on what is read for good, once the last page was read.

    A connection on which nothing comes any more leaves its last webhooks behind too: what was let go of here in the
    meantime is not to be read again for ever.
    """
    if place.cursor is not None:
        return place
    return _Place(since=max(place.since, place.newest - OVERLAP, now - FIRST), newest=place.newest)


def _name(connection: Connection) -> str:
    return f"missed:{connection.name}"
