from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue
from pydantic_core import to_json

from gateway.drive import (
    BrokenExchange,
    drive,
    drive_blocking,
    drive_stored,
    dump_call,
    first_call,
    load_call,
)
from gateway.errors import Refused, VendorFault
from gateway.exchange import Blob, Call, Exchange, Page, Repeat, Reply, path

ONE = Call("POST", path("/one/{id}", id="+1 2"), json={"n": 1}, repeat=Repeat.KEYED)
TWO = Call("GET", "/two", repeat=Repeat.SAFE)


class Road:
    """A sender that answers with the number of the call, and keeps what it was sent."""

    def __init__(self, *, breaks_at: int | None = None) -> None:
        self.sent: list[Call] = []
        self._breaks_at = breaks_at

    def carry(self, call: Call) -> Reply:
        """Answer, or break."""
        self.sent.append(call)
        if len(self.sent) == self._breaks_at:
            raise VendorFault("no answer")
        return Reply(200, {}, str(len(self.sent)).encode())

    async def send(self, call: Call) -> Reply:
        """Carry, as the async driver asks."""
        return self.carry(call)


Run = Callable[[Exchange[Any], Road], Any]


def run_async(exchange: Exchange[Any], road: Road) -> Any:
    """Run an exchange by the async driver."""
    return asyncio.run(drive(exchange, road.send))


def run_blocking(exchange: Exchange[Any], road: Road) -> Any:
    """Run an exchange by the blocking driver."""
    return drive_blocking(exchange, road.carry)


both = pytest.mark.parametrize("run", [run_async, run_blocking])


def known() -> Exchange[str]:
    """Knows its result without asking."""
    yield from ()
    return "known"


def two_calls(seen: list[str]) -> Exchange[str]:
    """Two calls; notes how it ends."""
    try:
        first = yield ONE
        second = yield TWO
    except BaseException as error:
        seen.append(type(error).__name__)
        raise
    return f"{first.text}{second.text}"


@both
def test_an_exchange_gets_the_reply_to_each_of_its_calls(run: Run) -> None:
    """Calls go out in order, each reply comes back to its call, and the result is returned."""
    road = Road()

    assert "12" == run(two_calls([]), road)
    assert [ONE, TWO] == road.sent


@both
def test_an_exchange_may_end_without_a_call(run: Run) -> None:
    """What is known without asking is returned without asking."""
    road = Road()

    assert "known" == run(known(), road)
    assert [] == road.sent


@both
def test_errors_of_the_road_never_enter_the_generator(run: Run) -> None:
    """The generator is closed, which it cannot turn into a result, and the error is raised."""
    seen: list[str] = []

    with pytest.raises(VendorFault, match="no answer"):
        run(two_calls(seen), Road(breaks_at=2))
    assert ["GeneratorExit"] == seen


@both
def test_an_error_of_the_exchange_is_raised_as_it_is(run: Run) -> None:
    """The error that a provider makes of an answer reaches the caller."""

    def refuses() -> Exchange[str]:
        reply = yield ONE
        raise Refused("no", status=reply.status)

    with pytest.raises(Refused) as caught:
        run(refuses(), Road())
    assert 200 == caught.value.status


@both
def test_a_generator_that_yields_something_else_is_named(run: Run) -> None:
    """A fault of a plugin is told by the name of its exchange, and by how much had left."""

    def confused() -> Generator[Any, Reply, None]:
        yield ONE
        yield "GET /two"

    with pytest.raises(BrokenExchange, match=r"confused yielded str, no Call") as caught:
        run(confused(), Road())
    assert 1 == caught.value.calls


@both
def test_a_generator_that_never_ends_is_named(run: Run) -> None:
    """No exchange asks for more than a thousand calls."""

    def endless() -> Exchange[None]:
        while True:
            yield TWO

    road = Road()
    with pytest.raises(BrokenExchange, match=r"endless asked for more than 1000 calls") as caught:
        run(endless(), road)
    assert (1000, 1000) == (caught.value.calls, len(road.sent))


@both
def test_what_is_no_generator_is_named(run: Run) -> None:
    """A provider's method that forgot to yield is found before anything leaves."""
    with pytest.raises(BrokenExchange, match="Reply is no exchange") as caught:
        run(cast("Exchange[Any]", Reply(200)), Road())
    assert 0 == caught.value.calls


@both
def test_a_generator_that_will_not_close_does_not_hide_the_error(run: Run) -> None:
    """The error of the road comes first, with a note on the generator."""

    def stubborn() -> Exchange[None]:
        try:
            yield ONE
        finally:
            yield TWO

    with pytest.raises(VendorFault) as caught:
        run(stubborn(), Road(breaks_at=1))
    assert ["the exchange " in note and "RuntimeError" in note for note in caught.value.__notes__] == [True]


def test_a_generator_that_will_not_close_is_named() -> None:
    """Where there is no other error, a failing close is one."""

    def stubborn() -> Exchange[None]:
        try:
            yield ONE
        finally:
            raise LookupError

    with pytest.raises(BrokenExchange, match="stubborn cannot be closed"):
        first_call(stubborn())


async def test_cancelling_closes_the_generator() -> None:
    """A cancelled caller leaves no half-run exchange behind."""
    seen: list[str] = []
    reached = asyncio.Event()

    async def never(_call: Call) -> Reply:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.create_task(drive(two_calls(seen), never))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ["GeneratorExit"] == seen


async def test_a_stored_call_goes_in_place_of_the_first() -> None:
    """A keyed repetition sends what was stored, not what the provider would build now; the rest is as ever."""
    stored = Call("POST", "/old", json={"n": 0}, repeat=Repeat.KEYED)
    road = Road()

    assert "12" == await drive_stored(two_calls([]), road.send, stored)
    assert [stored, TWO] == road.sent


async def test_without_a_stored_call_the_exchange_makes_its_own() -> None:
    """The first attempt has nothing stored."""
    road = Road()

    await drive_stored(two_calls([]), road.send, None)

    assert [ONE, TWO] == road.sent


async def test_a_stored_call_is_not_sent_for_an_exchange_without_calls() -> None:
    """An exchange that has become a no-op sends nothing."""
    road = Road()

    assert "known" == await drive_stored(known(), road.send, ONE)
    assert [] == road.sent


def test_a_dry_run_tells_the_first_call() -> None:
    """The first call is told without a sender, and the exchange is closed."""
    seen: list[str] = []

    assert ONE == first_call(two_calls(seen))
    assert ["GeneratorExit"] == seen


def test_a_dry_run_names_an_exchange_without_calls() -> None:
    """There is nothing to show of an exchange that asks nothing."""
    with pytest.raises(BrokenExchange, match="known asks the vendor nothing"):
        first_call(known())


@both
def test_pages_are_exchanges_too(run: Run) -> None:
    """The next page of a page is run like the first."""

    def page(number: int) -> Exchange[Page[str]]:
        reply = yield TWO
        return Page([reply.text], (lambda: page(number + 1)) if number < 2 else None)

    road = Road()
    first: Page[str] = run(page(1), road)
    assert first.more is not None
    last: Page[str] = run(first.more(), road)

    assert (["1"], ["2"], None) == (first.items, last.items, last.more)


def run_by_hand(exchange: Exchange[Any], road: Road) -> Any:
    """Turn the crank as the border describes it, without a driver."""
    try:
        call = next(exchange)
        while True:
            call = exchange.send(road.carry(call))
    except StopIteration as end:
        return end.value


@given(st.lists(st.sampled_from([ONE, TWO]), max_size=5), st.none() | st.integers(1, 5))
def test_every_driver_runs_the_same_exchange(asked: list[Call], breaks_at: int | None) -> None:
    """Async, blocking or by hand: the same calls leave, and the same comes of it."""

    def exchange() -> Exchange[list[str]]:
        heard: list[str] = []
        for call in asked:
            reply = yield call
            heard.append(reply.text)
        return heard

    outcomes = []
    for run in (run_by_hand, run_async, run_blocking):
        road = Road(breaks_at=breaks_at)
        try:
            result = run(exchange(), road)
        except VendorFault as error:
            result = repr(error)
        outcomes.append((road.sent, result))

    assert [outcomes[0]] * 3 == outcomes


# ── stored calls ──────────────────────────────────────────────────────────────────────────────────────────────────

words = st.text(st.characters(codec="utf-8"), max_size=8)
values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=10,
)
calls = st.builds(
    Call,
    method=st.sampled_from(["GET", "POST"]),
    path=st.just("/plain")
    | words.filter(lambda word: word not in {"", ".", ".."}).map(lambda w: path("/a/{id}", id=w)),
    json=values,
    params=st.dictionaries(words, words, max_size=3),
    headers=st.dictionaries(words, words, max_size=3),
    files=st.dictionaries(words, st.builds(Blob, source=words, name=words, media_type=words), max_size=2),
    base=words,
    repeat=st.sampled_from(Repeat),
)


@given(calls)
def test_a_stored_call_comes_back_whole(call: Call) -> None:
    """Every field survives, the template of the path and the very bytes of the body too."""
    back = load_call(dump_call(call))

    assert call == back
    assert call.template == back.template
    assert to_json(call.json) == to_json(back.json)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"method": "GET"}'])
def test_text_that_is_no_stored_call_is_refused(text: str) -> None:
    """A damaged row is an error, never another call."""
    with pytest.raises(ValueError, match="validation error"):
        load_call(text)
