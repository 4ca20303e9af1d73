"""What a vendor asks of whoever sends, as data: pace, daily caps, pauses, consent. The core keeps it.

A provider declares it (`Provider.rules`), from its settings where it depends on the account. Where a vendor does not
say how often, it declares nothing: a limit that nobody asked for only slows everybody down.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Self

__all__ = ["DailyCap", "Pace", "Pause", "Rules", "Scope", "Whom"]


class Scope(StrEnum):
    """What is counted together."""

    CONNECTION = "connection"
    """Everything that a connection sends."""
    LINE = "line"
    """What leaves by one line; messages that leave the line to the vendor are counted as one line of their own."""
    RECIPIENT = "recipient"
    """What goes to one address, also where it is one of several; a group counts as one."""
    CHAT = "chat"
    """What goes into one chat."""


class Whom(StrEnum):
    """Which messages count, by what the contact has done."""

    EVERYONE = "everyone"
    """All of them."""
    SILENT = "silent"
    """Those to a contact who has not written, or opted in, within `Rules.recent`."""
    NEW = "new"
    """The first one of a conversation: as far as the gateway knows, nobody has written in this chat before."""


_UNITS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "day": 86_400}
_RATE = re.compile(
    rf"\s*(?P<count>\d+)\s*(?:/|per)\s*(?P<many>\d+)?\s*(?P<unit>{'|'.join(sorted(_UNITS, key=len, reverse=True))})s?"
    r"(?:\s+burst\s+(?P<burst>\d+))?\s*"
)


@dataclass(frozen=True, slots=True)
class Pace:
    """At most one in `interval` seconds; after a pause `burst` of them may go at once.

    Messages and reactions count; everything does where all of a connection is counted, typing dots and read marks too.
    """

    name: str
    """Tells it from the other paces and caps of its provider; the count is kept under it."""
    scope: Scope
    interval: float
    """Seconds from one to the next."""
    burst: int = 1
    whom: Whom = Whom.EVERYONE
    why: str = ""
    """In words, shown with a message that waits for it."""

    def __post_init__(self) -> None:
        """Refuse what would never let anything go, or would be no limit."""
        if not 0 < self.interval <= 366 * 86_400 or self.burst < 1:
            raise ValueError("a pace has an interval above 0 seconds and of at most a year, and a burst of 1 or more")

    @classmethod
    def parse(cls, scope: Scope | str, rate: str, *, name: str = "pace") -> Self:
        """Read `10/s`, `30/min burst 10`, `1/120s`, `1000/day`; raises `ValueError` for anything else.

        They are spread evenly: `10/s` is one every 100 ms, unless a burst says how many may come at once.
        """
        found = _RATE.fullmatch(rate.lower())
        where = Scope(scope)
        if found is None or not int(found["count"]):
            raise ValueError(f'{rate!r} is no pace; write "10/s", "30/min burst 10" or "1/120s"')
        interval = int(found["many"] or 1) * _UNITS[found["unit"]] / int(found["count"])
        why = f"the pace of {rate.strip()} for one {where.value}"
        return cls(f"{name}-{where.value}", where, interval, int(found["burst"] or 1), why=why)


@dataclass(frozen=True, slots=True)
class DailyCap:
    """At most so many a day (UTC), with a warm-up: the number grows with the days since the beginning."""

    name: str
    scope: Scope
    steps: tuple[tuple[int, int], ...]
    """From which day on (the first one is 1), and how many then; sorted by day."""
    since: date
    """The first day."""
    whom: Whom = Whom.EVERYONE
    why: str = ""

    def __post_init__(self) -> None:
        """Refuse a table with holes in it."""
        days = [day for day, _ in self.steps]
        if days[:1] != [1] or days != sorted(set(days)) or any(most < 0 for _, most in self.steps):
            raise ValueError("the steps of a cap begin with day 1, grow, and hold no negative number")

    def most(self, day: date) -> int:
        """Tell how many are allowed on a day; before the first day it is as on the first."""
        number = max((day - self.since).days + 1, 1)
        return [most for start, most in self.steps if start <= number][-1]


@dataclass(frozen=True, slots=True)
class Pause:
    """What a code of the vendor stops for a while, and nothing else; what is stopped waits, and is not lost.

    With `Scope.LINE` only messages that name the same line are stopped, or that name none where none was named.
    """

    seconds: float
    """How long; then one tries again."""
    whom: Whom = Whom.EVERYONE
    scope: Scope = Scope.CONNECTION

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.seconds <= 0 or self.scope not in {Scope.CONNECTION, Scope.LINE}:
            raise ValueError("a pause has a length, and stops a connection or a line")


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that a vendor asks of whoever sends."""

    paces: tuple[Pace, ...] = ()
    caps: tuple[DailyCap, ...] = ()
    recent: timedelta = timedelta(hours=24)
    """How long ago a contact may have written and still counts as in conversation."""
    opt_in_first: bool = False
    """True where the vendor lets us write only to contacts who opted in, or wrote first."""

    def __post_init__(self) -> None:
        """Refuse two rules under one name: they would spend each other's count."""
        names = [*(pace.name for pace in self.paces), *(cap.name for cap in self.caps)]
        if len(names) != len(set(names)):
            raise ValueError("each pace and cap of a provider has a name of its own")
