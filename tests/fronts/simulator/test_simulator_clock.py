from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.clock import Clock
from gateway.simulator import SimClock

START = datetime(2026, 3, 1, tzinfo=UTC)


def clock_at_start() -> SimClock:
    """A virtual clock that begins at a known time."""
    return SimClock("virtual", start=START)


async def test_virtual_time_stands_still_until_it_is_advanced() -> None:
    """Nothing but an advance moves a virtual clock."""
    clock = clock_at_start()
    before = clock.now()
    await asyncio.sleep(0.01)
    assert START == before == clock.now()
    await clock.advance(90)
    assert START + timedelta(seconds=90) == clock.now()


async def test_what_is_due_runs_in_order_of_time_and_then_of_asking() -> None:
    """An advance runs due work in order, each at its own time, also what that work asks for."""
    clock = clock_at_start()
    ran: list[tuple[str, float]] = []

    def note(name: str) -> None:
        ran.append((name, clock.elapsed))

    clock.later(5, lambda: note("second"))
    clock.later(5, lambda: note("third"))

    def go_on() -> None:
        clock.later(2, lambda: note("first"))

    clock.later(1, go_on)
    clock.later(11, lambda: note("later"))
    assert 4 == await clock.advance(10)
    assert [("first", 3.0), ("second", 5.0), ("third", 5.0)] == ran
    assert 1 == clock.pending


async def test_what_is_due_now_runs_without_an_advance() -> None:
    """A virtual clock runs what is due at once by itself, after whoever asked is done."""
    clock = clock_at_start()
    ran = asyncio.Event()
    clock.later(0, ran.set)
    assert not ran.is_set()
    async with asyncio.timeout(60):
        await ran.wait()
    assert START == clock.now()


async def test_sleepers_wake_by_the_clock() -> None:
    """Whoever sleeps wakes when the time has come, and an advance lets it take its next step."""
    clock = clock_at_start()
    woken: list[float] = []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(clock.elapsed)

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (30, 10, 0)]
    await asyncio.sleep(0)
    await clock.advance(20)
    assert [0.0, 10.0] == woken
    await clock.advance(20)
    assert [0.0, 10.0, 30.0] == woken
    await asyncio.gather(*tasks)


async def test_a_sleeper_that_is_cancelled_leaves_nothing_behind() -> None:
    """A cancelled sleep is no longer pending and holds up nobody."""
    clock = clock_at_start()
    task = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert 0 == clock.pending
    async with asyncio.timeout(60):
        await clock.advance(20)


async def test_an_advance_waits_for_work_that_is_under_way() -> None:
    """Real input and output that began at one moment is over before the next moment begins."""
    clock = clock_at_start()
    order: list[str] = []

    async def attempt() -> None:
        with clock.working():
            await asyncio.sleep(0.01)
            order.append("attempt")

    tasks: list[asyncio.Task[None]] = []
    clock.later(1, lambda: tasks.append(asyncio.create_task(attempt())))
    clock.later(2, lambda: order.append("next"))
    await clock.advance(3)
    assert ["attempt", "next"] == order
    await asyncio.gather(*tasks)


async def test_a_cancelled_timer_does_not_run() -> None:
    """What was taken back does not happen."""
    clock = clock_at_start()
    ran: list[str] = []
    clock.later(1, lambda: ran.append("no")).cancel()
    assert 0 == await clock.advance(2)
    assert [] == ran


async def test_real_time_runs_by_itself_and_can_be_advanced_too() -> None:
    """A real clock runs what is due without being moved, and jumps when it is."""
    clock = SimClock("real", start=START)
    done = asyncio.Event()
    clock.later(0.005, done.set)
    async with asyncio.timeout(60):
        await done.wait()
    far = asyncio.Event()
    clock.later(3600, far.set)
    await clock.advance(3601)
    assert far.is_set()
    assert clock.now() > START + timedelta(seconds=3601)
    await clock.close()


async def test_a_clock_switches_between_real_and_virtual_without_a_jump() -> None:
    """Switched to virtual it stands, switched back it goes on from there."""
    clock = SimClock("real", start=START)
    clock.switch("virtual")
    stood = clock.now()
    await asyncio.sleep(0.005)
    assert stood == clock.now()
    done = asyncio.Event()
    clock.later(0.005, done.set)
    clock.switch("real")
    async with asyncio.timeout(60):
        await done.wait()
    assert "real" == clock.mode
    await clock.close()


async def test_an_action_that_raises_does_not_stop_the_time() -> None:
    """A failure is handed over, and what is due after it runs all the same."""
    failures: list[Exception] = []
    clock = SimClock("virtual", failed=failures.append)
    ran: list[str] = []

    def fail() -> None:
        raise RuntimeError("broken")

    clock.later(1, fail)
    clock.later(2, lambda: ran.append("after"))
    await clock.advance(3)
    assert (["broken"], ["after"]) == ([str(failure) for failure in failures], ran)


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 1e12])
async def test_time_moves_forward_only_and_within_reason(seconds: float) -> None:
    """A negative, endless or absurd advance is refused."""
    with pytest.raises(ValueError, match="forward only"):
        await clock_at_start().advance(seconds)


def test_a_naive_start_is_refused() -> None:
    """A start without a time zone is a mistake."""
    with pytest.raises(ValueError, match="time zone"):
        SimClock("virtual", start=datetime(2026, 1, 1))  # noqa: DTZ001 - that is what is refused


def test_it_fits_where_the_gateway_takes_a_clock() -> None:
    """The simulator's clock can drive a gateway."""
    clock: Clock = SimClock("virtual", start=START)
    assert START == clock.now()
