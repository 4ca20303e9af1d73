"""Handing events over: at least once, in order per chat, to each handler until it has done its work."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any, Self

import pytest

from gateway import dispatch
from gateway.clock import wait_for_change
from gateway.connections import Connections
from gateway.dispatch import Dispatcher
from gateway.errors import Conflict, NotFound, StoreError
from gateway.events import DeliveryUpdated, Event, MessageReceived
from gateway.ids import chat_id
from gateway.inbox import Inbox, Stale
from gateway.model import Chat
from gateway.plugins import load
from gateway.simulator import SimClock
from gateway.store import EventOutcome, EventRow, MemoryStore, RunRow
from gateway.store.rules import ENDED
from gateway.testing.stores.samples import LEASE, attempt_of, enqueued, finished, started
from tests.unit.plain_vendor import NOW, OTHER, PHONE, after, connection, hook, reported, written

HERE = __name__


class Desk:
    """A dispatcher at work over a store, in virtual time."""

    def __init__(self, store: MemoryStore | None = None, **options: Any) -> None:
        self.store = store or MemoryStore()
        self.clock = SimClock("virtual", start=NOW)
        self.dispatcher = Dispatcher(self.store, self.clock, **options)
        self.inbox = Inbox(self.store, Connections(load()), self.clock, Stale(dispatch=False))

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.dispatcher.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def take(self, *events: Event, at: datetime | None = None) -> None:
        """Take a webhook in."""
        await self.inbox.accept(hook(*events, at=at or self.clock.now()), connection())

    async def row(self, place: int = 0) -> EventRow:
        """Give an event by its place."""
        return (await self.store.events())[place]

    async def until(self, condition: Callable[[], bool], *, step: float = 0.0) -> None:
        """Wait until something holds, moving the clock meanwhile."""
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.001)
                if step:
                    await self.clock.advance(step)

    async def killed(self, times: int) -> None:
        """Have processes take what is due, and end with it in their hands."""
        for _ in range(times):
            await self.store.claim_events(self.clock.now(), dispatch.LEASE, 100)
            await self.clock.advance(dispatch.LEASE)

    async def settled(self, *, step: float = 0.0) -> None:
        """Wait until no event waits."""
        async with asyncio.timeout(60):
            while any(row.outcome is EventOutcome.PENDING for row in await self.store.events()):
                await asyncio.sleep(0.001)
                if step:
                    await self.clock.advance(step)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A desk that is open."""
    async with Desk() as desk:
        yield desk


class Fragile:
    """A handler that fails as often as it is told, and notes what it got."""

    def __init__(self, failures: int, error: BaseException | None = None) -> None:
        self.failures = failures
        self.error = error or ValueError("never say what a message says")
        self.got: list[str] = []

    async def __call__(self, event: Event) -> None:
        self.got.append(event.id)
        if len(self.got) <= self.failures:
            raise self.error


# ── runs ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_each_run_of_a_handler_is_written_down(desk: Desk) -> None:
    """With its qualified name, its times, and the class of what it raised."""

    async def slow(event: Event) -> None:
        await desk.clock.sleep(2)

    desk.dispatcher.add(MessageReceived, Fragile(0))
    desk.dispatcher.add(MessageReceived, slow)
    desk.dispatcher.add(DeliveryUpdated, Fragile(0))
    await desk.take(written("m1"))
    await desk.settled(step=1)
    row = await desk.row()
    runs = await desk.store.runs(row.id)
    names = [f"{HERE}.Fragile", f"{HERE}.test_each_run_of_a_handler_is_written_down.<locals>.slow"]
    assert names == [run.handler for run in runs]
    assert [timedelta(0), timedelta(seconds=2)] == [run.ended_at - run.started_at for run in runs]
    assert [None, None] == [run.error for run in runs]


async def test_a_handler_that_did_its_work_is_not_called_again_because_another_failed(desk: Desk) -> None:
    """The one that failed is, after a while that doubles; others are not kept from the event by it."""
    before, broken, behind = Fragile(0), Fragile(2), Fragile(0)
    for handler in (before, broken, behind):
        desk.dispatcher.add(MessageReceived, handler)
    await desk.take(written("m1"))
    await desk.settled(step=0.1)
    row = await desk.row()
    runs = await desk.store.runs(row.id)
    assert (1, 3, 1) == (len(before.got), len(broken.got), len(behind.got))
    assert {row.id} == {*before.got, *broken.got, *behind.got}
    assert (EventOutcome.DONE, None) == (row.outcome, row.error)
    assert ["ValueError", "ValueError", None] == [run.error for run in runs if run.handler.endswith("Fragile#2")]
    starts = [run.started_at for run in runs if run.handler.endswith("Fragile#2")]
    assert [True, True] == [
        timedelta(seconds=low) <= later - earlier <= timedelta(seconds=low + 0.2)
        for low, (earlier, later) in zip((0.2, 0.4), pairwise(starts), strict=True)
    ]


async def test_handlers_are_named_as_a_person_would_find_them() -> None:
    """Functions, objects, parts of functions, and two of one name."""
    desk = Desk()
    async with desk:
        seen: list[Event] = []
        for handler in (seen.append, partial(seen.append), Fragile(0), lambda _: None):
            desk.dispatcher.add(Event, handler)
        await desk.take(written("m1"))
        await desk.settled()
        names = [run.handler for run in await desk.store.runs((await desk.row()).id)]
    assert ["builtins.list.append", "builtins.list.append#2", f"{HERE}.Fragile"] == names[:3]
    assert names[3].endswith("<lambda>")


# ── failing ───────────────────────────────────────────────────────────────────────────────────────────────────────


class _OfNoKindError(BaseException):
    """Something that is no `Exception`."""


@pytest.mark.parametrize(
    "error",
    [ValueError(), asyncio.CancelledError(), TimeoutError(), SystemExit(3), GeneratorExit(), _OfNoKindError()],
    ids=lambda error: type(error).__name__,
)
async def test_what_always_fails_is_parked_and_the_chat_goes_on(desk: Desk, error: Any) -> None:
    """Shown with the class of the error; what was cancelled in a handler, or wants to end the program, is one too."""
    broken = Fragile(99, error)
    fine = Fragile(0)
    desk.dispatcher.add(MessageReceived, broken, "main")
    await desk.take(written("m1"))
    await desk.settled(step=1)
    desk.dispatcher.add(DeliveryUpdated, fine)
    await desk.take(reported("m2"), at=after(-60))
    await desk.settled(step=1)
    parked, done = await desk.row(0), await desk.row(1)
    assert (EventOutcome.PARKED, dispatch.TRIES, dispatch.TRIES) == (parked.outcome, parked.tries, len(broken.got))
    assert (parked.error or "").endswith("in a handler")
    assert "never say" not in (parked.error or "")
    assert (EventOutcome.DONE, 1) == (done.outcome, len(fine.got))


async def test_a_plain_function_that_wants_to_end_the_program_has_failed(desk: Desk) -> None:
    """It does so in its thread, and neither the loop nor the program ends of it."""
    desk.dispatcher.add(MessageReceived, lambda _: sys.exit(3))
    await desk.take(written("m1"))
    await desk.settled(step=1)
    row = await desk.row()
    assert (EventOutcome.PARKED, "SystemExit in a handler") == (row.outcome, row.error)
    assert ["SystemExit"] * dispatch.TRIES == [run.error for run in await desk.store.runs(row.id)]


async def test_an_event_that_no_process_outlives_is_parked_and_the_chat_goes_on(desk: Desk) -> None:
    """After as many tries as one that raises; it is shown with what happened, and can be replayed."""
    await desk.take(written("m1"))
    await desk.take(written("m2"))
    await desk.killed(dispatch.TRIES)
    handler = Fragile(0)
    desk.dispatcher.add(MessageReceived, handler)
    await desk.settled(step=1)
    parked, done = await desk.row(0), await desk.row(1)
    assert (EventOutcome.PARKED, dispatch.TRIES, ENDED) == (parked.outcome, parked.tries, parked.error)
    assert (EventOutcome.DONE, [done.id]) == (done.outcome, handler.got)
    assert [] == await desk.store.runs(parked.id)

    await desk.dispatcher.replay(parked.id)
    await desk.settled(step=1)
    again = await desk.row(0)
    assert (EventOutcome.DONE, 0, None) == (again.outcome, again.tries, again.error)
    assert [done.id, again.id] == handler.got


async def test_what_was_under_way_beside_it_as_often_is_handed_over_alone(desk: Desk) -> None:
    """The process ends with one of many: before any of them is parked it has been tried with nothing beside it."""
    at_once: list[int] = []
    under_way = 0

    async def handler(event: MessageReceived) -> None:
        nonlocal under_way
        under_way += 1
        at_once.append(under_way)
        await asyncio.sleep(0.001)
        under_way -= 1

    await desk.take(*(written(f"m{n}", phone=f"+1202555{n:04}") for n in range(6)))
    await desk.killed(dispatch.TRIES - 1)
    await desk.take(*(written(f"n{n}", phone=f"+1202555{n:04}") for n in range(10, 16)))
    desk.dispatcher.add(MessageReceived, handler)
    await desk.settled(step=1)
    assert {(EventOutcome.DONE, None)} == {(row.outcome, row.error) for row in await desk.store.events()}
    assert (12, 6) == (len(at_once), max(at_once))
    assert 6 <= at_once.count(1)
    calm = [run for row in (await desk.store.events())[:6] for run in await desk.store.runs(row.id)]
    assert 6 == len(calm)


async def test_a_parked_event_is_replayed_for_the_handlers_that_failed(desk: Desk) -> None:
    """When the cause is mended, it waits in its chat again."""
    fine, broken = Fragile(0), Fragile(dispatch.TRIES)
    desk.dispatcher.add(MessageReceived, fine)
    desk.dispatcher.add(MessageReceived, broken)
    await desk.take(written("m1"))
    await desk.settled(step=1)
    row = await desk.row()
    assert row.outcome is EventOutcome.PARKED
    await desk.dispatcher.replay(row.id)
    await desk.settled(step=1)
    again = await desk.row()
    assert (EventOutcome.DONE, 0, None) == (again.outcome, again.tries, again.error)
    assert (1, dispatch.TRIES + 1) == (len(fine.got), len(broken.got))


async def test_an_event_that_was_handed_over_is_replayed_at_once_for_all(desk: Desk) -> None:
    """What a handler raises then comes out of the call, and is written down."""
    handler = Fragile(0)
    desk.dispatcher.add(MessageReceived, handler)
    await desk.take(written("m1"))
    await desk.settled()
    row = await desk.row()
    await desk.dispatcher.replay(row.id)
    handler.failures = 3
    with pytest.raises(ValueError, match="never say"):
        await desk.dispatcher.replay(row.id)
    assert [None, None, "ValueError"] == [run.error for run in await desk.store.runs(row.id)]
    assert (await desk.row()).outcome is EventOutcome.DONE


async def test_a_stale_event_that_was_kept_back_can_be_replayed(desk: Desk) -> None:
    """It was not handed over, and it is not lost."""
    handler = Fragile(0)
    desk.dispatcher.add(MessageReceived, handler)
    await desk.take(written("m1", occurred_at=after(-90_000)))
    row = await desk.row()
    assert (EventOutcome.DONE, []) == (row.outcome, handler.got)
    await desk.dispatcher.replay(row.id)
    assert [row.id] == handler.got


async def test_what_cannot_be_replayed_says_why(desk: Desk) -> None:
    """No such event, it still waits for its first time, or nobody here takes it."""
    with pytest.raises(NotFound):
        await desk.dispatcher.replay(written("m1").id)
    await desk.take(written("m1"))
    await desk.take(written("m2", occurred_at=after(-90_000)))
    for place in (0, 1):
        with pytest.raises(Conflict):
            await desk.dispatcher.replay((await desk.row(place)).id)


# ── lanes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_handler_that_does_not_return_blocks_its_chat_only(desk: Desk) -> None:
    """Others are served meanwhile, by plain functions in threads as by coroutines; then the chat goes on in order."""
    gate, thread_gate = asyncio.Event(), threading.Event()
    seen: list[str] = []

    async def stuck(event: MessageReceived) -> None:
        if event.vendor_id == "a1":
            await gate.wait()
        seen.append(event.vendor_id)

    def stuck_in_a_thread(event: MessageReceived) -> None:
        if event.vendor_id == "b1":
            thread_gate.wait(5)

    desk.dispatcher.add(MessageReceived, stuck)
    desk.dispatcher.add(MessageReceived, stuck_in_a_thread)
    await desk.take(written("a1"), written("a2"), written("b1", phone=OTHER), written("b2", phone=OTHER))
    await desk.take(*(written(f"c{n}", phone=f"+1202555{n:04}") for n in range(40)))
    await desk.until(lambda: len(seen) == 41)
    assert {"a1", "a2", "b2"}.isdisjoint(seen)
    gate.set()
    thread_gate.set()
    await desk.settled()
    assert ["a1", "a2"] == [name for name in seen if name.startswith("a")]
    assert ["b1", "b2"] == [name for name in seen if name.startswith("b")]


async def test_as_many_chats_at_once_as_the_limit_says() -> None:
    """The others wait their turn, and get it."""
    at_once = most = 0

    async def handler(event: Event) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.001)
        at_once -= 1

    async with Desk(limit=3) as desk:
        desk.dispatcher.add(MessageReceived, handler)
        await desk.take(*(written(f"m{n}", phone=f"+1202555{n:04}") for n in range(20)))
        await desk.settled()
    assert 3 == most


async def test_a_handler_that_outlives_its_lease_is_not_called_a_second_time_here(desk: Desk) -> None:
    """Its chat may be given to another process; this one knows that it is still at work."""
    gate = asyncio.Event()
    handler = Fragile(0)

    async def stuck(event: Event) -> None:
        await handler(event)
        await gate.wait()

    desk.dispatcher.add(MessageReceived, stuck)
    await desk.take(written("m1"))
    await desk.until(lambda: bool(handler.got))
    for _ in range(5):
        await desk.clock.advance(dispatch.LEASE)
    gate.set()
    await desk.settled()
    assert 1 == len(handler.got)


async def test_without_handlers_events_are_left_to_a_process_that_has_some(desk: Desk) -> None:
    """Who only sends takes nothing from who listens; a handler that comes later gets what waits."""
    await desk.take(written("m1"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert (await desk.row()).outcome is EventOutcome.PENDING
    handler = Fragile(0)
    desk.dispatcher.add(MessageReceived, handler)
    await desk.settled()
    assert 1 == len(handler.got)


async def test_handlers_under_way_are_given_time_and_then_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing does not hang; the event comes again, at once and with no try counted."""
    monkeypatch.setattr(dispatch, "DRAIN", 0.01)
    handler = Fragile(0)

    async def endless(event: Event) -> None:
        await handler(event)
        await asyncio.Event().wait()

    async with asyncio.timeout(60):
        async with Desk() as desk:
            desk.dispatcher.add(MessageReceived, endless)
            await desk.take(written("m1"))
            await desk.until(lambda: bool(handler.got))
    [row] = await desk.store.claim_events(desk.clock.now(), dispatch.LEASE, 10)
    assert (EventOutcome.PENDING, 0, None) == (row.outcome, row.tries, row.error)


async def test_a_report_that_still_waits_when_the_gateway_is_closed_is_free_at_once() -> None:
    """The next process need not wait until a lease ends that nobody holds."""
    async with Desk() as desk:
        desk.dispatcher.add(DeliveryUpdated, Fragile(0))
        await desk.take(reported("elsewhere"))
        await desk.until(lambda: not desk.store.next_due(desk.clock.now()) or bool(desk.dispatcher._early))
    [row] = await desk.store.claim_events(desk.clock.now(), dispatch.LEASE, 10)
    assert (EventOutcome.PENDING, 0, None) == (row.outcome, row.tries, row.error)


async def test_what_is_being_taken_when_the_gateway_is_closed_goes_back() -> None:
    """A claim that has left for the database is waited for: what it brings is nobody's otherwise."""

    class Slow(MemoryStore):
        asked = False

        async def claim_events(self, now: datetime, lease: float, limit: int) -> list[EventRow]:
            rows = await super().claim_events(now, lease, limit)
            self.asked = self.asked or bool(rows)
            await asyncio.sleep(0.01)
            return rows

    store, handler = Slow(), Fragile(0)
    async with Desk(store) as desk:
        desk.dispatcher.add(MessageReceived, handler)
        await desk.take(written("m1"))
        await desk.until(lambda: store.asked)
    [row] = await store.claim_events(desk.clock.now(), dispatch.LEASE, 10)
    assert ([], EventOutcome.PENDING, 0, None) == (handler.got, row.outcome, row.tries, row.error)


# ── a store that goes away ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_store_that_is_away_for_a_while_loses_nothing() -> None:
    """Claiming goes on when it is back; what was done is written then, and not done again."""

    class Shaky(MemoryStore):
        away = 0

        async def claim_events(self, now: datetime, lease: float, limit: int) -> list[EventRow]:
            self._fail()
            return await super().claim_events(now, lease, limit)

        async def settle_event(self, row: EventRow, runs: Sequence[RunRow] = ()) -> None:
            self._fail()
            await super().settle_event(row, runs)

        def _fail(self) -> None:
            if self.away:
                self.away -= 1
                raise StoreError("gone")

    store = Shaky()
    handler = Fragile(0)

    async def handle(event: Event) -> None:
        await handler(event)
        store.away = 3

    async with Desk(store) as desk:
        store.away = 2
        desk.dispatcher.add(MessageReceived, handle)
        await desk.take(written("m1"), written("m2", phone=OTHER))
        await desk.settled(step=1)
    assert 2 == len(handler.got)


async def test_what_falls_due_before_its_settling_has_returned_is_handed_over_again() -> None:
    """A slow answer of the store does not make of the next try one that is under way, which nobody would begin."""

    class Slow(MemoryStore):
        claimed = asyncio.Event()

        async def claim_events(self, now: datetime, lease: float, limit: int) -> list[EventRow]:
            found = await super().claim_events(now, lease, limit)
            if found:
                self.claimed.set()
            return found

        async def settle_event(self, row: EventRow, runs: Sequence[RunRow] = ()) -> None:
            self.claimed.clear()
            await super().settle_event(row, runs)
            if row.outcome is EventOutcome.PENDING:
                await self.claimed.wait()

    handler = Fragile(2)
    async with Desk(Slow()) as desk:
        desk.dispatcher.add(MessageReceived, handler)
        await desk.take(written("m1"))
        await desk.until(lambda: len(handler.got) == 3, step=0.1)
        await desk.settled(step=0.1)
    assert [(EventOutcome.DONE, 2)] == [(row.outcome, row.tries) for row in await desk.store.events()]
    assert (desk.clock.now() - NOW).total_seconds() < dispatch.LEASE


# ── early and foreign reports ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_report_that_joins_nothing_is_about_a_message_sent_elsewhere(desk: Desk) -> None:
    """It waits a moment for the answer to a send that it may be about, and then is not ours."""
    got: list[DeliveryUpdated] = []

    async def note(event: DeliveryUpdated) -> None:
        got.append(event)

    desk.dispatcher.add(DeliveryUpdated, note)
    await desk.take(reported("foreign"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert [] == got
    await desk.settled(step=0.2)
    assert [(None, False)] == [(event.message_id, event.ours) for event in got]
    assert not (await desk.row()).event.ours


async def test_a_report_waits_for_a_send_that_is_undecided_and_other_chats_do_not(desk: Desk) -> None:
    """Longer than a moment, and as soon as it is decided it is handed over with what is behind it in its chat."""
    store, got = desk.store, list[Event]()

    async def note(event: Event) -> None:
        got.append(event)

    desk.dispatcher.add(Event, note)
    await enqueued(store, "1", chat_id("main", Chat.direct(PHONE).identity))
    [work] = await store.claim(NOW, LEASE, 1)
    step = started(work)
    assert not (await store.mark(work, step, attempt_of(step))).lost
    await desk.take(reported("v1", reference="order-7"), written("m1"), at=after(-600))
    await desk.take(written("m2").model_copy(update={"chat": Chat.direct(OTHER)}))
    await desk.until(lambda: bool(got))
    for _ in range(120):
        await desk.clock.advance(1)
        await asyncio.sleep(0)
    assert ["m2"] == [event.vendor_id for event in got if isinstance(event, MessageReceived)]
    await store.settle(work, finished(work, sent=("v1",)))
    await desk.settled(step=0.2)
    [report] = [event for event in got if isinstance(event, DeliveryUpdated)]
    assert (work.message.id, True) == (report.message_id, report.ours)
    assert ["message.received", "delivery.updated", "message.received"] == [event.type for event in got]


async def test_waiting_for_a_send_is_no_try_however_often_the_process_ends(desk: Desk) -> None:
    """It is handed over as what it is about, and not parked: no handler ever had it."""
    store, got = desk.store, list[Event]()

    async def note(event: Event) -> None:
        got.append(event)

    await enqueued(store, "1", chat_id("main", Chat.direct(PHONE).identity))
    [work] = await store.claim(NOW, LEASE, 1)
    step = started(work)
    assert not (await store.mark(work, step, attempt_of(step))).lost
    await desk.take(reported("v1", reference="order-7"))
    for _ in range(dispatch.TRIES):
        assert await store.claim_events(desk.clock.now(), 1, 1)
        await desk.clock.advance(2)
    before = await desk.row()
    desk.dispatcher.add(Event, note)
    for _ in range(100):
        await desk.clock.advance(0.1)
        await asyncio.sleep(0)
    waiting = await desk.row()
    await store.settle(work, finished(work, sent=("v1",)))
    await desk.settled(step=0.2)
    assert [(dispatch.TRIES - 1, ENDED), (0, None)] == [(row.tries, row.error) for row in (before, waiting)]
    assert [(work.message.id, True)] == [(event.message_id, event.ours) for event in got]
    assert EventOutcome.DONE is (await desk.row()).outcome


# ── waiting ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_waiting_ends_with_the_change_or_with_the_time_whichever_is_first() -> None:
    """By the clock that is given; nothing is left running."""
    clock = SimClock("virtual", start=NOW)
    change = asyncio.Event()
    waiting = asyncio.create_task(wait_for_change(clock, 5, change.wait()))
    await asyncio.sleep(0)
    await clock.advance(4.9)
    assert not waiting.done()
    await clock.advance(0.1)
    assert not await waiting
    change.set()
    assert await wait_for_change(clock, 5, change.wait())
    assert 1 == len(asyncio.all_tasks())


async def test_waiting_raises_what_the_change_raises_and_can_be_cancelled() -> None:
    """A store that is closed says so to who waits for it."""
    clock = SimClock("virtual", start=NOW)
    store = MemoryStore()
    await store.close()
    with pytest.raises(StoreError):
        await wait_for_change(clock, 5, store.changed(store.version))
    waiting = asyncio.create_task(wait_for_change(clock, 5, asyncio.Event().wait()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert 1 == len(asyncio.all_tasks())
