"""Catch-up: what a vendor kept is read from where it was left, within bounds, and nothing comes twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog

from gateway import catchup
from gateway.catchup import CatchUp, CaughtUp
from gateway.connections import Connection, Connections
from gateway.errors import (
    GatewayError,
    InvalidMessage,
    NotFound,
    RateLimited,
    Refused,
    Unauthorized,
    Unreachable,
    Unsupported,
    VendorFault,
)
from gateway.ids import EventId
from gateway.inbox import Inbox
from gateway.plugins import load
from gateway.provider import Exchange, Missed, Provider, Reply
from gateway.simulator import SimClock
from gateway.store import EventRow, MemoryStore
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

    async def wait(self, seconds: float) -> None:
        """Let time pass; whatever falls due in it comes to where it waits before more passes."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while (left := (end - self.clock.now()).total_seconds()) > 0:
            await self._rest()
            await self.clock.advance(min(left, catchup.SOON))
        await self._rest()

    async def _rest(self) -> None:
        for _ in range(500):  # rounds of the loop: more than fifty pages take
            await asyncio.sleep(0)

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


async def test_what_is_known_is_looked_for_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store far away is not waited for once for each webhook of a page; what is missing is kept in its order."""
    desk = Desk()
    desk.history.per_page = 40
    desk.keep(*range(40, 0, -1))
    for number in range(40, 5, -1):
        await desk.inbox.accept(hook(written(f"m{number}"), at=after(-60 * number)), desk.connection)
    look, now, most = desk.store.event, 0, 0

    async def slowly(id_: EventId) -> EventRow | None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return await look(id_)

    monkeypatch.setattr(desk.store, "event", slowly)
    assert found(pages=1, webhooks=40, recovered=5) == await desk.once()
    assert [f"m{number}" for number in range(5, 0, -1)] == (await desk.seen())[-5:]
    assert catchup.ABREAST == most


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


async def test_a_quiet_connection_leaves_its_last_webhooks_behind() -> None:
    """Else it would read them for ever, and what was let go of here in the meantime would be taken for new."""
    desk = Desk()
    desk.keep(10)
    await desk.once()
    assert 1 == (await desk.once()).webhooks
    await desk.clock.advance(2 * 86_400)
    assert found(pages=1, webhooks=1) == await desk.once()
    assert found(pages=1) == await desk.once()
    assert after(86_400) == datetime.fromisoformat(desk.history.calls[-1]["since"])


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


# ── cursors that are of no use ────────────────────────────────────────────────────────────────────────────────────


def refusing(desk: Desk, error: Callable[[], Exception], fits: Callable[[str], bool] = bool) -> Callable[[], None]:
    """Have the vendor answer calls with a cursor that fits by an error; gives what has it answer again."""
    answer = desk.history.send

    async def refuse(call: Any) -> Reply:
        if fits(call.params["cursor"]):
            desk.history.calls.append(call.params)
            raise error()
        return await answer(call)

    def mend() -> None:
        desk.history.send = answer  # type: ignore[method-assign]  # as it was

    desk.history.send = refuse  # type: ignore[method-assign]  # the vendor's bad day
    return mend


def begun_again(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say why it was begun again, as the log has it."""
    return [line["why"] for line in lines if line["event"] == "catch_up_begins_again"]


@pytest.mark.parametrize("status", [400, 404, 410, 422])
async def test_a_cursor_that_the_vendor_refuses_is_begun_again(status: int) -> None:
    """From the time up to which all was read: each message comes once, whatever was dropped meanwhile."""
    desk = Desk()
    desk.keep(*range(100, 90, -1))
    await desk.once(pages=3)
    # what the vendor keeps no longer is gone; what is left has moved, and the place with it
    del desk.history.kept[:5]
    refused = iter([NotFound("no such page", status=status)])
    mend = refusing(desk, lambda: next(refused), lambda cursor: cursor == "6")
    with structlog.testing.capture_logs() as lines:
        assert found(pages=3, webhooks=5, recovered=4) == await desk.once()
    mend()
    assert [f"m{n}" for n in range(100, 90, -1)] == await desk.seen()
    assert ["refused"] == begun_again(lines)
    assert 0 == (await desk.once()).recovered


@pytest.mark.parametrize(
    "error",
    [
        Unauthorized("revoked", status=401),
        Unauthorized("not yours", status=403),
        Refused("not yours", status=403),
        RateLimited("slowly", status=429),
        VendorFault("down", status=502),
        Unreachable("nobody there"),
    ],
    ids=lambda error: f"{error.slug}-{error.status}",
)
async def test_what_says_nothing_about_the_cursor_leaves_it_as_it_is(error: GatewayError) -> None:
    """A vendor that is away, or that does not let us in: the next run goes on with the cursor."""
    desk = Desk()
    desk.keep(30, 20, 10)
    await desk.once(pages=1)
    mend = refusing(desk, lambda: error)
    asking = asyncio.create_task(desk.once())
    while not asking.done():
        await desk.clock.advance(10)
    assert error is asking.exception()
    mend()
    assert found(pages=1, webhooks=1, recovered=1) == await desk.once()


async def test_a_vendor_that_refuses_all_its_cursors_is_not_asked_for_ever() -> None:
    """It is begun again once, then the refusal is told; nothing is skipped, and a later run reads the rest."""
    desk = Desk()
    desk.connection.catch_up = True
    desk.connections._by_name["main"] = desk.connection
    desk.keep(*range(100, 90, -1))
    mend = refusing(desk, lambda: NotFound("no such page", status=404))
    loop = asyncio.create_task(desk.catch_up.run())
    await desk.wait(catchup.EVERY - 1)
    asked = [call["cursor"] for call in desk.history.calls]
    for _ in range(3):
        await desk.wait(catchup.EVERY)
    again = len(desk.history.calls) - len(asked)
    mend()
    await desk.wait(catchup.EVERY)
    loop.cancel()
    assert ["", "2", "", "2"] == asked
    assert 3 * len(asked) == again
    assert [f"m{n}" for n in range(100, 90, -1)] == await desk.seen()


async def test_a_refusal_far_back_ends_in_one_failure_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor that gives no more than so many pages: runs that come to their bounds do not chase each other."""
    monkeypatch.setattr(catchup, "PAGES", 2)
    desk = Desk()
    desk.keep(*range(100, 80, -1))
    refusing(desk, lambda: NotFound("no such page", status=400), lambda cursor: cursor == "6")
    outcomes: list[object] = []
    for _ in range(6):
        try:
            outcomes.append((await desk.once(pages=2)).complete)
        except NotFound:
            outcomes.append("refused")
    assert [False, False, False, "refused", False, False] == outcomes
    assert [f"m{n}" for n in range(100, 94, -1)] == await desk.seen()


async def test_a_cursor_that_was_left_long_ago_is_not_gone_on_from() -> None:
    """It is a place in a list that moved meanwhile: what moved past it would never be read."""
    desk = Desk()
    desk.keep(*range(100, 90, -1))
    await desk.once(pages=2)
    await desk.clock.advance(catchup.LASTS.total_seconds() + 1)
    del desk.history.kept[:4]
    with structlog.testing.capture_logs() as lines:
        assert found(pages=3, webhooks=6, recovered=6) == await desk.once()
    assert [f"m{n}" for n in range(100, 90, -1)] == await desk.seen()
    assert ["old"] == begun_again(lines)


async def test_a_cursor_that_was_left_a_moment_ago_is_gone_on_from() -> None:
    """Also after a run or two that failed: what was read is not read again."""
    desk = Desk()
    desk.keep(*range(100, 90, -1))
    await desk.once(pages=2)
    for _ in range(2):
        await desk.wait(catchup.EVERY)
    with structlog.testing.capture_logs() as lines:
        assert found(pages=3, webhooks=6, recovered=6) == await desk.once()
    assert [] == begun_again(lines)


async def test_a_cursor_of_which_nobody_knows_how_old_it_is_counts_as_old() -> None:
    """A place of the version before says no time; one that is done is the same for both."""
    desk = Desk()
    desk.keep(30, 20, 10)
    at = {"since": after(-3600).isoformat(), "newest": after(-1800).isoformat()}
    await desk.store.keep_cursor("missed:main", json.dumps({**at, "cursor": "2"}))
    assert found(pages=2, webhooks=3, recovered=3) == await desk.once()
    assert {"since", "newest"} == set(json.loads(await desk.store.cursor("missed:main") or ""))


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
    await desk.wait(60)
    assert ["m30"] == await desk.seen()
    for _ in range(3):
        await desk.wait(catchup.EVERY)
    assert ([], 4) == (quiet.calls, len(desk.history.calls))
    desk.keep(*(n / 1000 for n in range(2 * catchup.PAGES + 1, 0, -1)))
    await desk.wait(catchup.EVERY + 60)
    assert 2 * catchup.PAGES + 2 == len(await desk.seen())
    loud.stopped = Unauthorized("x")
    asked = len(failing.calls)
    await desk.wait(catchup.EVERY)
    assert asked == len(failing.calls)
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop


def test_the_overlap_is_shorter_than_the_first_look() -> None:
    """Else the first run would end before where it began."""
    assert timedelta(0) < catchup.OVERLAP < catchup.FIRST
