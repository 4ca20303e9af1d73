"""`gateway serve` is killed under load, with forwarding on: nothing is lost, nothing is sent or told twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.premises import premises
from tests.crash.servants import Servants
from tests.crash.siege import Siege
from tests.crash.site import REAL
from tests.crash.size import CAMPAIGN, SEED, SENDS

SHARE = SENDS // 4 if CAMPAIGN else SENDS // 20
"""Messages that go through it: each is a call by HTTP, and several deliveries."""


@pytest.fixture(scope="module")
def servants() -> Iterator[Servants]:
    """The process that forks services."""
    with Servants() as made:
        yield made


@pytest.mark.parametrize(("kind", "processes"), [("sqlite", 1), ("postgresql", 2)])
async def test_a_service_that_is_killed_under_load(
    kind: str, processes: int, store: str, tmp_path: Path, servants: Servants
) -> None:
    """One process after the other dies; callers repeat their calls, vendors their webhooks, receivers fail and hang."""
    terms = {"pace": "400/s" if CAMPAIGN else "40/s", "lease": 60.0 if processes == 1 else 2.0}
    async with premises(REAL, store, tmp_path, servants, processes=processes, seed=SEED, **terms) as place:
        siege = Siege(place, SHARE)
        await siege.run()
        print(await siege.verify())  # noqa: T201 - the result of `make campaign`
