"""Whether calls kept a limit: by the markers that the ledger has, and by what the vendor read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from tests.crash.doubts import Strike
from tests.crash.truth import Read

_ROUNDING = 1e-3


def hurried(
    calls: Iterable[tuple[datetime, str]], rate: float, burst: float, standstills: Sequence[Strike] = ()
) -> list[str]:
    """Name the texts with which more had come than may, in any time up to then.

    Within whatever time there are at most a burst and what the rate gives for it, however calls overtake each other on
    their way into the ledger: that is all that a generic cell rate promises, and no more than that. Where whoever noted
    the calls stood still, what he found then may have come as early as that began.
    """
    found, least = [], float("inf")
    for number, (at, text) in enumerate(sorted(calls)):
        # as long as it lasted, at most, takes it to go through what had come
        came = min([at, *(begin for begin, end in standstills if begin <= at <= end + (end - begin))])
        least = min(least, number - rate * came.timestamp())
        ahead = number - rate * at.timestamp()
        if ahead - least + 1 > burst + _ROUNDING:
            found.append(text)
    return found


def unmarked(reads: Sequence[Read], markers: Mapping[str, Sequence[datetime]]) -> list[str]:
    """Name the texts with a call that had no marker of its own when it left."""
    came: dict[str, list[datetime]] = defaultdict(list)
    for read in reads:
        came[read.text].append(read.at)
    return [text for text, times in came.items() if not _each_after_its_own(times, markers.get(text, ()))]


def _each_after_its_own(times: Sequence[datetime], markers: Sequence[datetime]) -> bool:
    if len(times) > len(markers):
        return False
    return all(marker <= at for marker, at in zip(sorted(markers), sorted(times), strict=False))
