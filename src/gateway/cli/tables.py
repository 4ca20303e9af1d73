"""Tables for people: quiet ones, without lines; and values as they stand in them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from rich.table import Table
from rich.text import Text

__all__ = ["clock", "marked", "quiet_table", "size"]

_STYLES = {
    "accepted": "green",
    "active": "green",
    "broken": "red",
    "disabled": "yellow",
    "expired": "dim",
    "partly": "red",
    "refused": "red",
    "revoked": "dim",
    "stopped": "red",
    "unknown": "yellow",
}


def quiet_table(*titles: str, folds: str | None = None, right: Collection[str] = ()) -> Table:
    """Make a table of these columns: one that `folds` takes several lines, those on the `right` hold numbers."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in titles:
        if title == folds:
            table.add_column(title, overflow="fold")
        else:
            table.add_column(title, no_wrap=True, justify="right" if title in right else "left")
    return table


def clock(at: str | datetime | None) -> str:
    """Say when something was or will be, by this machine's clock; `at` may be as JSON has it."""
    if at is None:
        return ""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def marked(state: str) -> Text:
    """Give a state in its colour."""
    return Text(state, _STYLES.get(state, ""))


def size(count: int) -> str:
    """Say a number of bytes in few characters."""
    amount, units = float(count), iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    for larger in units:
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
