"""What the vendor keeps: the messages of a conversation as proof of a send, and those whose webhooks were missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from pydantic_core import to_json

from gateway.provider import Attempt, ChatKind, Exchange, Found, InvalidMessage, Missed, WebhookRequest
from gateway_sendblue import wire
from gateway_sendblue.api import messages
from gateway_sendblue.inbound import moment_of
from gateway_sendblue.outbound import sought

__all__ = ["find", "iso", "missed"]

_EARLY = timedelta(seconds=5)
"""How far the vendor's clock may be behind ours. More would take an earlier message for this one."""
_MAX_PAGES = 5


def iso(moment: datetime) -> str:
    """Spell a time as the vendor does: UTC with milliseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def find(attempt: Attempt) -> Exchange[Found]:
    """Look for a send among the conversation's messages by its text and file.

    Proof is exactly one message of ours with them since the attempt began. Two are no proof, and neither is none: a
    message may appear late. One that failed is proof as well: the vendor has it. A set of numbers has no list.
    """
    chat, wanted = attempt.action.chat, sought(attempt.action)
    if wanted is None or chat.kind is ChatKind.SEVERAL:
        return Found()
    where = {"group_id": chat.group} if chat.kind is ChatKind.GROUP else {"number": chat.address.value}
    since = attempt.started_at - _EARLY
    same = [row for row in (yield from _ours_since(where, since)) if _shows(row, wanted) and row.message_handle]
    alike = tuple(str(row.message_handle) for row in same)
    return Found(vendor_ids=alike if len(alike) == 1 else (), alike=alike)


def _shows(row: wire.MessageItem, wanted: tuple[str, str]) -> bool:
    """Tell whether a row is the message; the vendor may show the file under an address of its own."""
    text, media = wanted
    return (row.content or "") == text and bool(row.media_url) == bool(media)


def _ours_since(where: Mapping[str, str | None], since: datetime) -> Exchange[Sequence[wire.MessageItem]]:
    found: list[wire.MessageItem] = []
    page = yield from messages.listed(
        is_outbound="true",
        created_at_gte=iso(since),
        order_by="createdAt",
        order_direction="asc",
        number=where.get("number"),
        group_id=where.get("group_id"),
    )
    for _ in range(_MAX_PAGES):
        found.extend(page.items)
        if page.more is None:
            break
        page = yield from page.more()
    return [row for row in found if row.is_outbound and _is_since(row, since)]


def _is_since(row: wire.MessageItem, since: datetime) -> bool:
    """Hold to the time ourselves: a vendor that ignores the query would prove too much."""
    sent = moment_of(row.date_sent)
    return sent is None or sent >= since


# ── what was missed ───────────────────────────────────────────────────────────────────────────────────────────────


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""When a row came that does not say it: it is read all the same."""


class _Cursor(BaseModel):
    """Where a list goes on: at a time, and after so many rows of that very time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: str | None
    skip: int


def missed(cursor: str | None, since: datetime | None) -> Exchange[Missed]:
    """Fetch a page of messages by the time of their last change, oldest first; each is a webhook's body.

    There is no log of deliveries and no replay; the vendor's own advice is to list messages. Of a message of ours
    only its last state is there. A page goes on from the time of the last row, not by its place: a message that
    changes meanwhile moves to the end of the list, and would push another one over the edge of the page.
    """
    at = _Cursor(since=iso(since) if since else None, skip=0) if cursor is None else _read(cursor)
    listed = yield from messages.rows(
        offset=at.skip, updated_at_gte=at.since, order_by="updatedAt", order_direction="asc"
    )
    hooks = [_hook(row) for row in listed.data]
    goes_on = bool(listed.data) and listed.pagination is not None and listed.pagination.has_more
    return Missed(hooks, _after(at, listed.data).model_dump_json() if goes_on else None)


def _after(at: _Cursor, rows: Sequence[JsonValue]) -> _Cursor:
    changes = [row.get("date_updated") if isinstance(row, dict) else None for row in rows]
    last = changes[-1]
    ties = changes.count(last)
    if not isinstance(last, str) or ties == len(rows):
        return _Cursor(since=at.since, skip=at.skip + len(rows))
    return _Cursor(since=last, skip=ties)


def _read(cursor: str) -> _Cursor:
    try:
        return _Cursor.model_validate_json(cursor)
    except ValidationError as error:
        raise InvalidMessage("this cursor is not one of ours", hint="begin without a cursor") from error


def _hook(row: JsonValue) -> WebhookRequest:
    """Make a row into a webhook for the parser, which says what is wrong with one that is no message."""
    times = (row.get("date_updated"), row.get("date_sent")) if isinstance(row, dict) else ()
    changed = moment_of(*(time for time in times if isinstance(time, str)))
    return WebhookRequest(headers=(), body=to_json(row), received_at=changed or _EPOCH)
