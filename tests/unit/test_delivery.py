"""The delivery state is a merge: no order and no repetition of reports changes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import combinations, permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.actions import DeliveryState
from gateway.delivery import Delivery, merge, overall
from gateway.model import Channel
from gateway.store import FactRow

S = DeliveryState
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def fact(state: DeliveryState, n: int = 0, **more: Any) -> FactRow:
    """Make a report."""
    fields: dict[str, Any] = {"source": f"s{n}", "received_at": NOW + timedelta(seconds=n), **more}
    return FactRow(connection="c", vendor_id="v", state=state, **fields)


FACTS = st.builds(
    fact,
    st.sampled_from(list(DeliveryState)),
    st.integers(0, 20),
    code=st.sampled_from([None, "1", "2"]),
    channel=st.sampled_from([None, "imessage", "sms"]),
    certain=st.booleans(),
)


@given(st.lists(FACTS, max_size=7, unique_by=lambda f: f.source), st.randoms())
def test_order_and_repetition_change_nothing(facts: list[FactRow], random: Random) -> None:
    """The same facts give the same state, however they come."""
    shuffled = facts + facts
    random.shuffle(shuffled)

    assert merge("v", facts) == merge("v", shuffled)


SEVEN = (
    fact(S.QUEUED, 0, source="answer"),
    fact(S.SENT, 2, channel="imessage"),
    fact(S.FAILED, 1, code="1030", certain=False),
    fact(S.DELIVERED, 3, channel="sms"),
    fact(S.FAILED, 3, source="look-up", code="1110"),
    fact(S.READ, 3, source="again", occurred_at=NOW),
    fact(S.UNKNOWN, 6),
)
"""Reports that contradict each other, some of the same moment."""


@pytest.mark.parametrize("number", range(len(SEVEN) + 1))
def test_every_order_of_up_to_seven_facts_comes_to_the_same(number: int) -> None:
    """Any of the seven, in each of their orders: 13 700 in all."""
    for chosen in combinations(SEVEN, number):
        assert [merge("v", chosen)] == _different(merge("v", order) for order in permutations(chosen))


def _different(merged: Iterable[Delivery]) -> list[Delivery]:
    """Give what is not there yet, each once."""
    found: list[Delivery] = []
    for delivery in merged:
        if delivery not in found:
            found.append(delivery)
    return found


@pytest.mark.parametrize(
    ("states", "shown"),
    [
        ([], S.UNKNOWN),
        ([S.QUEUED], S.QUEUED),
        ([S.QUEUED, S.SENT, S.DELIVERED, S.READ], S.READ),
        ([S.SENT, S.FAILED], S.FAILED),
        ([S.FAILED, S.DELIVERED], S.DELIVERED),
        ([S.CANCELLED, S.QUEUED], S.CANCELLED),
        ([S.UNKNOWN, S.SENT], S.SENT),
        ([S.CANCELLED, S.FAILED], S.FAILED),
    ],
)
def test_the_most_telling_fact_decides(states: list[DeliveryState], shown: DeliveryState) -> None:
    """In every order: an arrival beats a failure, a failure beats what was only on its way."""
    facts = [fact(state, n) for n, state in enumerate(states)]

    assert {shown} == {merge("v", order).state for order in permutations(facts)}


def test_failed_then_delivered_is_visible() -> None:
    """The state is delivered, and the contradiction is shown."""
    merged = merge("v", [fact(S.FAILED, 1, code="1030", certain=False), fact(S.DELIVERED, 2, channel="sms")])

    assert merged == Delivery(
        vendor_id="v",
        state=S.DELIVERED,
        channel=Channel.SMS,
        contradicted=True,
        changed_at=NOW + timedelta(seconds=2),
    )


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        ([], S.QUEUED),
        ([S.READ, S.SENT], S.SENT),
        ([S.DELIVERED, S.FAILED], S.FAILED),
        ([S.DELIVERED, S.UNKNOWN], S.UNKNOWN),
        ([S.READ, S.READ], S.READ),
    ],
)
def test_a_send_is_as_far_as_its_last_message(states: list[DeliveryState], whole: DeliveryState) -> None:
    """The least advanced one decides, and a failure of one is a failure of all."""
    assert whole == overall(Delivery(vendor_id=str(n), state=state) for n, state in enumerate(states))
