"""Lists by page, and the numbers and days that are asked for in a query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from pydantic import JsonValue

from gateway.simulator import TwinRequest
from gateway_loopmessage.simulator.account import Rejected

__all__ = ["day", "page_of", "within_days"]

_PER_PAGE = 20
_MOST_PER_PAGE = 1000


def page_of(request: TwinRequest, oldest_first: Sequence[JsonValue]) -> dict[str, JsonValue]:
    """Cut a page out of a list, the newest first unless `sort_by` is `asc`; raises `Rejected`."""
    page = _number(request, "page", 1)
    per_page = min(_number(request, "per_page", _PER_PAGE), _MOST_PER_PAGE)
    items = list(oldest_first) if request.query.get("sort_by") == "asc" else list(oldest_first)[::-1]
    return {
        "page": page,
        "num_pages": max(-(-len(items) // per_page), 1),
        "per_page": per_page,
        "count": len(items),
        "items": items[(page - 1) * per_page : page * per_page],
    }


def within_days(request: TwinRequest, moment: datetime) -> bool:
    """Tell whether a time is on one of the days that `from_date` and `to_date` ask for; raises `Rejected`."""
    first, last = request.query.get("from_date"), request.query.get("to_date")
    return not ((first and moment.date() < day(first)) or (last and moment.date() > day(last)))


def day(text: str) -> date:
    """Read a date; raises `Rejected`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Rejected(125, "a date is YYYY-MM-DD") from None


def _number(request: TwinRequest, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or int(text) < 1:
        raise Rejected(125, f"{name} has to be a number from 1 on")
    return int(text)
