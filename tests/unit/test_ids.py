"""Identifiers: deterministic where the same thing must give the same id, random where it must not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.addresses import Address
from gateway.ids import (
    Token,
    chat_id,
    direct_chat,
    event_id,
    new_message_id,
    new_timed_id,
    new_token,
    unwrap_token,
    wrap_token,
)
from gateway.model import Chat

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CROCKFORD = str.maketrans("0123456789abcdefghjkmnpqrstvwxyz", "0123456789abcdefghijklmnopqrstuv")


@given(st.text(), st.text(), st.text(), st.text())
def test_two_different_keys_give_two_event_ids(a: str, b: str, c: str, d: str) -> None:
    """Also when the pieces would be equal once joined."""
    assert ((a, b) == (c, d)) is (event_id(a, b) == event_id(c, d))


def test_events_and_chats_never_share_an_id() -> None:
    """The kind is part of what is hashed, and of what is shown."""
    assert event_id("c", "k").removeprefix("evt_") != chat_id("c", "k").removeprefix("chat_")


@pytest.mark.parametrize("text", ["+1 202 555 0123", "Someone@Example.com", "contact:c-1"])
def test_the_chat_with_an_address_is_named_by_the_address(text: str) -> None:
    """Who has the address alone, as a row of consent does, finds the chat."""
    address = Address.parse(text)

    assert direct_chat("main", address.text) == chat_id("main", Chat.direct(address).identity)


def test_message_ids_sort_by_time() -> None:
    """A later message has a greater id, so that lists by id are lists by time."""
    ids = [new_message_id(NOW + timedelta(milliseconds=n)) for n in range(50)]

    assert sorted(ids) == ids
    assert {30} == {len(id_) for id_ in ids}


def test_message_ids_of_one_millisecond_sort_by_which_was_made_first() -> None:
    """Also while ids of other times are made in between: a clock may stand still, and another one may go on."""
    ids = []
    for number in range(2000):
        ids.append(new_message_id(NOW + timedelta(microseconds=number % 1000)))
        new_timed_id("dlv", NOW + timedelta(milliseconds=number % 50))

    assert sorted(set(ids)) == ids
    assert 1 == len({id_[:14] for id_ in ids})


def test_ids_that_threads_make_at_once_are_all_different() -> None:
    """And those of each thread are in their order."""

    def make(_: int) -> list[str]:
        return [new_timed_id("dlv", NOW) for _ in range(500)]

    with ThreadPoolExecutor(4) as threads:
        lists = list(threads.map(make, range(4)))

    assert 2000 == len({id_ for ids in lists for id_ in ids})
    assert all(sorted(ids) == ids for ids in lists)


def test_the_next_id_of_a_millisecond_cannot_be_guessed() -> None:
    """The steps between them are random, and large."""
    numbers = [int(new_timed_id("x", NOW)[-16:].translate(CROCKFORD), 32) for _ in range(50)]
    steps = {later - earlier for earlier, later in pairwise(numbers)}

    assert 49 == len(steps)
    assert max(steps) > 2**48


@given(st.one_of(st.none(), st.text(min_size=1)))
def test_a_wrapped_token_comes_back_with_the_reference(reference: str | None) -> None:
    """Whatever the caller's string holds, dots included."""
    token = new_token()

    assert (token, reference) == unwrap_token(wrap_token(token, reference))


@given(st.text())
def test_text_that_was_not_wrapped_is_all_reference(text: str) -> None:
    """A string that someone else stored at the vendor is left as it is."""
    expected = (None, text or None)
    made_by_us = text.startswith("gw1.") and len(text) > 26 and text[26] == "."

    assert made_by_us or expected == unwrap_token(text)


def test_nothing_is_nothing() -> None:
    """A vendor that returns no string returns neither token nor reference."""
    assert (None, None) == unwrap_token(None)
    assert (None, "gw1.short") == unwrap_token("gw1.short")


def test_a_token_is_short_and_has_no_dot() -> None:
    """The wrapping depends on it."""
    tokens = {new_token() for _ in range(100)}

    assert 100 == len(tokens)
    assert all(len(token) == 22 and "." not in token for token in tokens)
    assert Token("x" * 22)
