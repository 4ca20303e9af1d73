"""Media that contacts send, fetched and kept before the vendor's link to it dies, for connections that ask for it.

Events are read in the order they came, from where this was left; each URL of a message is fetched through the egress
guard, for who put it there is a stranger. What cannot be fetched is tried a few times and then left: the event says
where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import unquote, urlsplit

from gateway.clock import Clock, wait_for_change
from gateway.egress import Egress, EgressFailed, EgressRefused, Stream
from gateway.errors import GatewayError, InvalidMessage, NotFound, StoreError
from gateway.events import MessageReceived
from gateway.files import File, Files, Given
from gateway.log import logger
from gateway.model import Media
from gateway.store.ledger import LedgerStore
from gateway.store.records.uploads import Uploads
from gateway.store.rows import EventRow
from gateway.tenancy import Accounts

__all__ = ["Pinning"]

_log = logger(__name__)

CURSOR = "media that was pinned"
"""Under which name it is kept how far events were read."""
AT_ONCE = 8
"""Events whose media is fetched at the same time."""
PAUSES = (1.0, 5.0, 30.0, 120.0)
"""Seconds before the second time and so on."""
LOOK = 5.0
"""Seconds after which events are looked for when nothing told that there are any."""
SKIPPED = 1000
"""Events that nobody wants, after which it is kept how far events were read."""
SECONDS = 300.0
"""For one file."""


class _AgainError(Exception):
    """The other side may have it later."""


class Pinning:
    """Keeps what comes in; `run` goes on until it is cancelled, and from there the next time."""

    def __init__(self, store: LedgerStore, files: Files, accounts: Accounts, egress: Egress, clock: Clock) -> None:
        self._store = store
        self._files = files
        self._accounts = accounts
        self._egress = egress
        self._clock = clock
        self._owners = Uploads(store)
        self._open: set[int] = set()

    async def run(self) -> None:
        """Pin until cancelled."""
        place = kept = await self._begin()
        pinned = False
        room = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                version = self._store.version
                rows, place = await self._read(place)
                for row in rows:
                    tenant = await self._asked_by(row)
                    if tenant is not None:
                        await room.acquire()
                        self._open.add(row.sequence)
                        group.create_task(self._pinned(row, tenant, room))
                # what is still under way comes again after a restart
                reached = min(self._open, default=place + 1) - 1
                # every write wakes whoever waits for one, this loop too
                pinned = pinned or bool(rows)
                if reached - kept >= (1 if pinned else SKIPPED):
                    with contextlib.suppress(StoreError):
                        await self._store.keep_cursor(CURSOR, str(reached))
                        kept, pinned = reached, bool(self._open)
                if not rows:
                    await wait_for_change(self._clock, LOOK, self._store.changed(version))

    async def _begin(self) -> int:
        """Tell how far this was; the first time, what is to come is what counts: links of old are dead."""
        while True:
            try:
                return await self._beginning()
            except StoreError as error:
                _log.warning("media_not_pinned", error=error.code or error.slug)
                await self._clock.sleep(LOOK)

    async def _beginning(self) -> int:
        kept = await self._store.cursor(CURSOR)
        if kept is not None:
            return int(kept)
        return await self._owners.newest()

    async def _read(self, place: int) -> tuple[list[EventRow], int]:
        try:
            return await self._owners.to_pin(place, 100)
        except StoreError as error:
            _log.warning("media_not_pinned", error=error.code or error.slug)
            return [], place

    async def _asked_by(self, row: EventRow) -> str | None:
        """Name the tenant for whom an event brought something that its connection wants kept; None where none is."""
        event = row.event
        if not isinstance(event, MessageReceived) or event.ours or not _urls(event):
            return None
        while True:
            try:
                tenant = await self._owners.tenant_of(event.connection)
                wants = (await self._accounts.get(tenant, event.connection)).options.pin_media
            except NotFound:
                return None
            except StoreError as error:
                # a store that is away comes back, and the event is still to be looked at then
                _log.warning("media_not_pinned", error=error.code or error.slug)
                await self._clock.sleep(LOOK)
            else:
                return tenant if wants else None

    async def _pinned(self, row: EventRow, tenant: str, room: asyncio.Semaphore) -> None:
        try:
            event = row.event
            assert isinstance(event, MessageReceived)  # noqa: S101 - as it was asked
            for part in _urls(event):
                await self._persistently(part, Given(tenant=tenant, connection=event.connection, event=event.id))
        finally:
            self._open.discard(row.sequence)
            room.release()

    async def _persistently(self, part: Media, given: Given) -> None:
        """Fetch and keep one file; what it fails with is noted, never its URL."""
        for pause in (*PAUSES, None):
            try:
                await self._fetched(part, given)
            except (EgressRefused, InvalidMessage) as error:
                _log.warning("media_refused", event_id=given.event, error=error.code or error.slug)
                return
            except (_AgainError, EgressFailed, TimeoutError, GatewayError) as error:
                if pause is None:
                    _log.warning("media_left", event_id=given.event, error=type(error).__name__)
                    return
                await self._clock.sleep(pause)
            else:
                return

    async def _fetched(self, part: Media, given: Given) -> None:
        url = part.url or ""

        async def take(answer: Stream) -> File:
            _check(answer, self._files.most)
            name = part.name or unquote(urlsplit(url).path.rpartition("/")[2]) or None
            kind = part.media_type or answer.headers.get("content-type", "").partition(";")[0].strip() or None
            known = Given(
                tenant=given.tenant, name=name, media_type=kind, connection=given.connection, event=given.event
            )
            return await self._files.keep_once(answer.pieces, known)

        async with asyncio.timeout(SECONDS):
            kept = await self._egress.carry("GET", url, {"accept": "*/*"}, take=take)
        _log.info("media_pinned", event_id=given.event, file_id=kept.id, size=kept.size)


def _urls(event: MessageReceived) -> list[Media]:
    return [part for part in event.message.parts if isinstance(part, Media) and part.url is not None]


def _check(answer: Stream, most: int) -> None:
    """Raise for what is no file: a refusal for ever, or one for now."""
    if answer.status in {408, 425, 429} or answer.status >= 500:
        raise _AgainError
    if answer.status != 200:
        # a redirect may lead inside, and the vendors' own links have none
        raise InvalidMessage(f"the media cannot be had: {answer.status}", hint="ask the vendor")
    length = answer.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and len(length) < 16 and int(length) > most:
        raise InvalidMessage(f"the media has more than {most} bytes", hint="fetch it from the vendor yourself")
