"""Turns of requests with a key, on both durable stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.store import open_store
from gateway.store.records import records_of
from gateway.store.records.idempotency import Begun, IdempotencyRecords, Kept, Turn

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = ("tn_a", "POST /x", "key")
DONE = Kept(202, {"content-type": "application/json"}, "{}")


@pytest.fixture(params=["sqlite", "postgresql"])
async def records(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[IdempotencyRecords]:
    """The records in a place of their own."""
    url = f"sqlite:///{tmp_path / 'gateway.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    store = open_store(url, {})
    await store.open()
    yield IdempotencyRecords(records_of(store))
    await store.close()


async def begin(records: IdempotencyRecords, fingerprint: str = "a", after: float = 0.0) -> Begun:
    """Ask for the key some seconds later, to hold it for ten."""
    now = NOW + timedelta(seconds=after)
    return await records.begin(*PLACE, fingerprint=fingerprint, now=now, until=now + timedelta(seconds=10))


async def test_the_first_has_its_turn_and_the_second_waits(records: IdempotencyRecords) -> None:
    """As long as the first holds the key."""
    assert [Turn.MINE, Turn.HELD, Turn.OTHER] == [
        (await begin(records)).turn,
        (await begin(records, after=9)).turn,
        (await begin(records, "b", after=9)).turn,
    ]


async def test_what_is_done_is_given_again_for_ever_and_to_no_other_request(records: IdempotencyRecords) -> None:
    """The answer stays until it is swept, also past the time of the first."""
    await begin(records)
    await records.finish(*PLACE, DONE)
    assert Begun(Turn.DONE, DONE) == await begin(records, after=1000)
    assert Turn.OTHER is (await begin(records, "b", after=1000)).turn
    await records.sweep(NOW + timedelta(seconds=1))
    assert Turn.MINE is (await begin(records, "b", after=1000)).turn


async def test_who_died_is_followed_by_the_same_request_only(records: IdempotencyRecords) -> None:
    """Once the hold is over, one of those who ask gets the turn, and holds it from then on."""
    await begin(records)
    assert [Turn.OTHER, Turn.MINE, Turn.HELD] == [
        (await begin(records, "b", after=11)).turn,
        (await begin(records, after=11)).turn,
        (await begin(records, after=12)).turn,
    ]


async def test_a_key_that_is_given_back_is_free_and_one_that_is_done_is_not(records: IdempotencyRecords) -> None:
    """Forgetting is for what nothing was kept under."""
    await begin(records)
    await records.forget(*PLACE)
    assert Turn.MINE is (await begin(records, "b")).turn
    await records.finish(*PLACE, DONE)
    await records.forget(*PLACE)
    assert Turn.DONE is (await begin(records, "b")).turn


async def test_tenants_and_routes_have_keys_of_their_own(records: IdempotencyRecords) -> None:
    """The same word means nothing elsewhere."""
    await begin(records)
    until = NOW + timedelta(seconds=10)
    elsewhere = [("tn_b", "POST /x", "key"), ("tn_a", "POST /y", "key"), ("tn_a", "POST /x", "other")]
    turns = [(await records.begin(*place, fingerprint="z", now=NOW, until=until)).turn for place in elsewhere]
    assert [Turn.MINE] * 3 == turns
