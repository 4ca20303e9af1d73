"""Catch-up: what a vendor kept is read from where it was left, within bounds, and nothing comes twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway import catchup
from gateway.catchup import CatchUp, CaughtUp
from gateway.connections import Connection, Connections
from gateway.errors import InvalidMessage, Unauthorized, Unsupported, VendorFault
from gateway.inbox import Inbox
from gateway.plugins import load
from gateway.provider import Exchange, Missed, Provider, Reply
from gateway.simulator import SimClock
from gateway.store import MemoryStore
from tests.unit.plain_vendor import NOW, History, Plain, PlainSettings, after, connection, hook, written


class Desk:
    """A catch-up over an empty store, and what the vendor kept."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = SimClock("virtual", start=NOW)
        self.history = History()
        self.connection = connection(self.history)
        self.connections = Connections(load())
        self.inbox = Inbox(self.store, self.connections, self.clock)
        self.catch_up = CatchUp(self.store, self.connections, self.inbox, self.clock, lambda: 0.5)

    def keep(self, *minutes: float) -> None:
        """Have the vendor keep one message for each time, in minutes before now."""
        for minute in minutes:
            at = after(-60 * minute)
            self.history.add(at, written(f"m{minute}"))

    async def once(self, **options: Any) -> CaughtUp:
        """Catch up."""
        return await self.catch_up.once(self.connection, **options)

    async def seen(self) -> list[str]:
        """Name the messages that are kept, in their order."""
        return [row.event.vendor_id for row in await self.store.events(limit=1000)]  # type: ignore[attr-defined]  # messages all


def found(**fields: Any) -> CaughtUp:
    """What a catch-up on the connection found."""
    return CaughtUp(connection="main", **fields)


async def test_what_was_missed_is_kept_once_and_counted() -> None:
    """Page by page; what had arrived by itself costs a look, and is not written again."""
    desk = Desk()
    desk.keep(30, 20, 10)
    await desk.inbox.accept(hook(written("m20"), at=after(-60 * 20)), desk.connection)
    assert found(pages=2, webhooks=3, recovered=2) == await desk.once()
    assert ["m20", "m30", "m10"] == await desk.seen()
    assert [0, 0, 0] == [row.repeats for row in await desk.store.webhooks()]
    assert [after(-1800), after(-1200), after(-600)] == sorted(
        row.event.received_at for row in await desk.store.events()
    )


async def test_it_goes_on_where_it_was_left() -> None:
    """With an overlap, for a vendor writes an attempt down when it is over; what was read long ago is not asked for."""
    desk = Desk()
    desk.keep(30, 20, 10)
    await desk.once()
    desk.keep(12, 1)
    assert found(pages=2, webhooks=3, recovered=2) == await desk.once()
    assert after(-600) - catchup.OVERLAP == datetime.fromisoformat(desk.history.calls[-1]["since"])


async def test_the_first_time_it_looks_a_day_back() -> None:
    """A new connection does not bring its whole past; who wants that says since when."""
    desk = Desk()
    desk.keep(60 * 48, 60 * 23)
    assert 1 == (await desk.once()).recovered
    assert 1 == (await desk.once(since=after(-3 * 86_400))).recovered


async def test_a_later_since_skips_nothing() -> None:
    """It only ever goes further back: what was not read yet is read all the same."""
    desk = Desk()
    desk.keep(30)
    await desk.once()
    desk.keep(29, 1)
    assert 2 == (await desk.once(since=after(-120))).recovered


async def test_it_stops_at_its_bounds_and_goes_on_from_there() -> None:
    """So many pages, or so many seconds; it says that there is more."""
    desk = Desk()
    desk.keep(*range(100, 90, -1))
    assert found(pages=2, webhooks=4, recovered=4, complete=False) == await desk.once(pages=2)
    assert found(pages=1, webhooks=2, recovered=2, complete=False) == await desk.once(seconds=0)
    assert found(pages=2, webhooks=4, recovered=4) == await desk.once()
    assert [f"m{n}" for n in range(100, 90, -1)] == await desk.seen()


async def test_a_page_that_cannot_be_fetched_loses_nothing() -> None:
    """The error comes out with its place; the next run goes on after what was read."""
    desk = Desk()
    desk.keep(30, 20, 10)
    answer, failures = desk.history.send, 0

    async def fail_second(call: Any) -> Reply:
        nonlocal failures
        if call.params["cursor"]:
            failures += 1
            raise Unauthorized("revoked")
        return await answer(call)

    desk.history.send = fail_second  # type: ignore[method-assign]  # the vendor's bad day
    with pytest.raises(Unauthorized) as caught:
        await desk.once()
    assert ("main", "plain") == (caught.value.connection, caught.value.provider)
    desk.history.send = answer  # type: ignore[method-assign]  # and its good one
    assert found(pages=1, webhooks=1, recovered=1) == await desk.once()


async def test_a_cursor_of_another_version_begins_again() -> None:
    """What a provider no longer reads is not in the way; neither is a place that we no longer read."""

    class Strict(Plain):
        def missed(self, cursor: str | None, *, since: datetime | None = None) -> Exchange[Missed]:
            if cursor is not None:
                raise InvalidMessage("another make")
            return super().missed(cursor, since=since)

    desk = Desk()
    desk.keep(30, 20, 10)
    await desk.once(pages=1)
    changed = Connection("main", Strict(PlainSettings()), desk.connection.transport)
    assert 2 == (await desk.catch_up.once(changed, pages=1)).webhooks
    await desk.store.keep_cursor("missed:main", json.dumps({"page": 7}))
    assert found(pages=2, webhooks=3, recovered=1) == await desk.once()


async def test_a_time_that_is_still_to_come_does_not_skip_what_comes_until_then() -> None:
    """A vendor's clock may be wrong."""
    desk = Desk()
    desk.keep(30, -600)
    await desk.once()
    desk.keep(1)
    assert 1 == (await desk.once()).recovered


async def test_what_cannot_be_parsed_is_quarantined_as_if_it_had_been_pushed() -> None:
    """And the rest is read."""
    desk = Desk()
    desk.history.kept.append((after(-60), b"crash"))
    desk.keep(0.5)
    assert 1 == (await desk.once()).recovered
    assert 1 == len(await desk.store.webhooks(quarantined=True))


class Unable(Plain):
    """A vendor that keeps nothing."""

    def missed(self, cursor: str | None, *, since: datetime | None = None) -> Exchange[Missed]:
        return Provider.missed(self, cursor, since=since)


async def test_a_vendor_that_keeps_nothing_says_so() -> None:
    """Whoever asks hears it."""
    desk = Desk()
    with pytest.raises(Unsupported):
        await desk.catch_up.once(Connection("main", Unable(PlainSettings()), desk.connection.transport))


async def test_the_loop_catches_up_on_those_that_ask_for_it_and_goes_on_whatever_happens() -> None:
    """At the start and every while; soon again while there is more; one that fails keeps none from it."""
    desk = Desk()
    faults: list[Callable[[], Exception]] = [lambda: VendorFault("down"), lambda: KeyError("broken")]

    class Failing(History):
        async def send(self, call: Any) -> Reply:
            self.calls.append(call.params)
            raise faults.pop(0)() if faults else Unauthorized("x")

    failing, quiet = Failing(), History()
    loud = connection(failing, "failing")
    unable = Connection("unable", Unable(PlainSettings()), quiet)  # type: ignore[arg-type]  # stands in for it
    off = connection(quiet, "off")
    for each in (loud, unable, off, desk.connection):
        desk.connections._by_name[each.name] = each
        each.catch_up = each is not off
    desk.keep(30)
    loop = asyncio.create_task(desk.catch_up.run())
    await desk.clock.advance(60)
    assert ["m30"] == await desk.seen()
    for _ in range(3):
        await desk.clock.advance(catchup.EVERY)
    assert ([], 4) == (quiet.calls, len(desk.history.calls))
    desk.keep(*(n / 1000 for n in range(2 * catchup.PAGES + 1, 0, -1)))
    await desk.clock.advance(catchup.EVERY + 60)
    assert 2 * catchup.PAGES + 2 == len(await desk.seen())
    loud.stopped = Unauthorized("x")
    asked = len(failing.calls)
    await desk.clock.advance(catchup.EVERY)
    assert asked == len(failing.calls)
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop


def test_the_overlap_is_shorter_than_the_first_look() -> None:
    """Else the first run would end before where it began."""
    assert timedelta(0) < catchup.OVERLAP < catchup.FIRST
