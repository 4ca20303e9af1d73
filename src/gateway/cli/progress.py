"""How far long work has come: a bar for whoever watches, and a line for each tenth where nobody does.

What is over within a second says nothing. All of it is on stderr, and nothing with `--quiet`.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.cli.screen import Screen

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["Counter", "progress", "waiting"]

PATIENCE = 1.0
"""Seconds of work about which nothing is said."""
_FIRST = 1_000
"""Of work whose end is not known: the count at which the first line comes; each further one at twice as much."""


class Counter:
    """Counts what is done; made by `progress`."""

    def __init__(self, screen: Screen, what: str, total: int | None, unit: str) -> None:
        self.done: int = 0
        self.total: int | None = total
        self._screen = screen
        self._what = what
        self._unit = unit
        self._begun = time.monotonic()
        self._said = 0
        self._next = _FIRST
        self._bar: tuple[Progress, TaskID] | None = None
        self._watched = sys.stderr.isatty() and not screen.quiet

    def advance(self, count: int = 1) -> None:
        """Count some more."""
        self.done += count
        late = time.monotonic() - self._begun >= PATIENCE
        if self._watched:
            self._draw(late=late)
        elif late:
            self._say()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None

    def _draw(self, *, late: bool) -> None:
        if self._bar is None and late:
            bar = _bar(self._screen, in_bytes=self._unit == "bytes")
            bar.start()
            self._bar = (bar, bar.add_task(self._what, total=self.total, rate=""))
        if self._bar is not None:
            bar, task = self._bar
            rate = self.done / max(time.monotonic() - self._begun, PATIENCE)
            bar.update(task, completed=self.done, total=self.total, rate=f"{rate:,.0f}/s")

    def _say(self) -> None:
        """Say a line for each tenth; of work without a known end, whenever twice as much is done."""
        if self.total:
            tenth = min(10 * self.done // self.total, 10)
            if tenth > self._said:
                self._said = tenth
                self._screen.note(f"{self._what}: {10 * tenth} % ({self.done:,} of {self.total:,} {self._unit})")
        elif self.done >= self._next:
            while self._next <= self.done:
                self._next *= 2
            self._screen.note(f"{self._what}: {self.done:,} {self._unit}")


@contextlib.contextmanager
def progress(screen: Screen, what: str, total: int | None = None, *, unit: str = "items") -> Iterator[Counter]:
    """Show how far `what` has come, until the block ends; `total` is None where nobody knows how much there is.

    `unit` is what is counted, in the plural; `bytes` are shown as such.
    """
    counter = Counter(screen, what, total, unit)
    try:
        yield counter
    finally:
        counter.close()


def _bar(screen: Screen, *, in_bytes: bool) -> Progress:
    from rich import progress as rich

    counted = (
        (rich.DownloadColumn(), rich.TransferSpeedColumn())
        if in_bytes
        else (rich.MofNCompleteColumn(), rich.TextColumn("{task.fields[rate]}", style="dim"))
    )
    return rich.Progress(
        rich.TextColumn("{task.description}", style="dim"),
        rich.BarColumn(bar_width=32),
        *counted,
        rich.TimeRemainingColumn(compact=True),
        console=screen.err,
        transient=True,
    )


@contextlib.contextmanager
def waiting(screen: Screen, what: str) -> Iterator[None]:
    """Show at a terminal that something is under way of which nobody knows how far it has come."""
    if not sys.stderr.isatty() or screen.quiet:
        yield
        return
    with screen.err.status(what):
        yield
