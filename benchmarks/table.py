"""The table: a line as soon as it is known."""

from __future__ import annotations

import sys

from benchmarks.measure import Row

__all__ = ["Table"]

_LINE = "{:<68} {:>9} {:>9} {:>7} {:>13} {:>7}  {}\n"


class Table:
    """Prints rows."""

    def __init__(self) -> None:
        self._headed = False

    def add(self, row: Row) -> None:
        """Print a row, and before the first one the head."""
        if not self._headed:
            self._headed = True
            sys.stdout.write(_LINE.format("what", "plain/s", "ours/s", "ratio", "rounds", "target", "verdict"))
        target = "-" if row.target is None else f"{row.target:.2f}"
        spread = f"{row.lowest:.2f}-{row.highest:.2f}"
        line = (row.what, f"{row.base:,.0f}", f"{row.ours:,.0f}", f"{row.ratio:.2f}", spread, target, row.verdict)
        sys.stdout.write(_LINE.format(*line))
        sys.stdout.flush()
