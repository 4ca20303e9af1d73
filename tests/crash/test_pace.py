"""What is taken for a limit that was kept, and what is not: the crash tests are no better than that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tests.crash.pace import hurried

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(*seconds: float) -> list[tuple[datetime, str]]:
    """Give calls at times after noon, named by their place."""
    return [(NOON + timedelta(seconds=second), str(number)) for number, second in enumerate(seconds)]


@pytest.mark.parametrize(
    ("seconds", "found"),
    [((0, 0, 1, 2, 3), []), ((0, 0, 0), ["2"]), ((0, 5, 5, 5), ["3"]), ((0, 0, 1, 1.5), ["3"]), ((3, 2, 1, 0), [])],
)
def test_a_burst_and_what_the_rate_gives(seconds: Sequence[float], found: list[str]) -> None:
    """Two at once and one a second, in whatever order they are told; time without calls saves nothing up."""
    assert found == hurried(at(*seconds), 1, 2)


def test_what_came_while_its_reader_stood_still() -> None:
    """It was read when that went on: as many as would have come, and none beyond that, nor long after it."""
    stood = [(NOON + timedelta(seconds=1), NOON + timedelta(seconds=4))]
    assert [] == hurried(at(0, 0, *[4] * 4), 1, 2, stood)
    assert ["6"] == hurried(at(0, 0, *[4] * 5), 1, 2, stood)
    assert ["4", "5"] == hurried(at(0, 0, *[8] * 4), 1, 2, stood)
