"""Hints between processes: what they say, and when who hears them passes that on."""

from __future__ import annotations

import asyncio

import pytest

from gateway.store.postgresql.hints import Ear, News


@pytest.mark.parametrize("news", [News(), News(5), News(None, 7), News(5, 7, left=True)])
def test_what_is_said_is_heard(news: News) -> None:
    """Times of lanes and of events, and whether they are left to others."""
    assert news == News.heard(news.said())


@pytest.mark.parametrize("words", ["", "one two", "soon - taken", "1 2 3 4"])
def test_words_of_another_version_mean_that_anything_may_be_due(words: str) -> None:
    """Looking in vain costs little; not looking would cost a message its time."""
    assert News(0, 0, left=True) == News.heard(words)


def test_of_two_times_the_sooner_one_counts() -> None:
    """And what one of them leaves to others is left to others."""
    assert News(3, 7, left=True) == News(5, 7).also(News(3, None, left=True))


async def test_what_others_take_is_passed_on_once() -> None:
    """All that was said in a moment, and nothing of it a second time."""
    passed: asyncio.Queue[News] = asyncio.Queue()
    ear = Ear(passed.put_nowait)
    ear.hear(News(5))
    ear.hear(News(3, 7))
    assert News(3, 7) == await passed.get()
    ear.hear(News(9))
    assert News(9) == await passed.get()


async def test_what_is_left_to_us_does_not_wait() -> None:
    """Nor does what was heard before it."""
    passed: list[News] = []
    ear = Ear(passed.append)
    ear.hear(News(5))
    ear.hear(News(None, 7, left=True))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [News(5, 7, left=True)] == passed
