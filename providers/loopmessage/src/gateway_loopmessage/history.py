"""The webhooks that the vendor kept: what it could not deliver is fetched from there.

The list can be asked for by page only. Those since a time are found by halving: the pages come oldest first, so that
what arrives meanwhile is added at the end and moves nothing. Source: docs.loopmessage.com "Webhook history" (2026).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from gateway.provider import Exchange, InvalidMessage, Missed, Page, WebhookRequest
from gateway_loopmessage import wire
from gateway_loopmessage.api import webhooks

__all__ = ["missed", "moment"]

_PER_PAGE = 100
_COARSE = timedelta(seconds=5)
"""The vendor writes whole seconds, by its own clock."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_Records: TypeAlias = Page[wire.HookRecord]


def missed(cursor: str | None, since: datetime | None) -> Exchange[Missed]:
    """Fetch a page of the history, oldest first; the cursor is the number of the next page.

    Without a cursor it is the page with the first webhook since then. What stands before it on that page is left out:
    it may have been let go of here, and would be taken for new.
    """
    if cursor is not None:
        number, page = _number(cursor), None
    else:
        number, page = yield from _first(since)
    if page is None:
        page = yield from _page(number)
    hooks = [_as_request(record) for record in page.items if _is_since(record, since)]
    return Missed(hooks=hooks, cursor=str(number + 1) if page.more else None)


def moment(text: str | None) -> datetime | None:
    """Read a time of the vendor's; None for what is none, for no answer fails because of it."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _number(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 10 and int(cursor)):
        raise InvalidMessage("this cursor is not one of ours", hint="begin without a cursor")
    return int(cursor)


def _first(since: datetime | None) -> Exchange[tuple[int, _Records | None]]:
    """Find the first page that reaches to a time; gives it too, where it was looked at last."""
    number, page = 1, (yield from _page(1))
    if since is None or not page.more or _reaches(page, since) or not _ascends(page):
        return number, page
    low, high = 2, max(-(-(page.total or 1) // _PER_PAGE), 2)
    while low < high:
        number = (low + high) // 2
        page = yield from _page(number)
        if _reaches(page, since):
            high = number
        else:
            low = number + 1
    return low, page if number == low else None


def _page(number: int) -> Exchange[_Records]:
    return webhooks.history(page=number, per_page=_PER_PAGE, sort_by="asc")


def _reaches(page: _Records, since: datetime) -> bool:
    """Tell whether the last record of a page is from then or later; one that does not say counts as that."""
    return any(_is_since(record, since) for record in page.items[-1:])


def _is_since(record: wire.HookRecord, since: datetime | None) -> bool:
    time = moment(record.create_date)
    return since is None or time is None or time >= since - _COARSE


def _ascends(page: _Records) -> bool:
    """Tell whether the list is sorted as asked: if not, there is nothing to halve."""
    times = [time for record in page.items if (time := moment(record.create_date))]
    return times == sorted(times)


def _as_request(record: wire.HookRecord) -> WebhookRequest:
    """Make a kept webhook into one for the parser; when we got it is when the vendor sent it.

    A record without an object is handed on whole: whatever happened there is then an event that nobody knows, and the
    rest of the page is read. One object may be written as text.
    """
    payload = record.payload
    whole = payload if isinstance(payload, dict) else record.raw()
    return WebhookRequest(
        headers=(("content-type", "application/json"),),
        body=payload.encode() if isinstance(payload, str) else json.dumps(whole).encode(),
        received_at=moment(record.create_date) or _EPOCH,
    )
