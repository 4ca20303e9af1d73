"""What the vendor kept: a chat's messages as proof of a send, and the log of webhooks that may not have arrived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from gateway.provider import Attempt, ChatKind, Exchange, Found, InvalidMessage, Missed, Page, WebhookRequest
from gateway_blooio import api, wire
from gateway_blooio.inbound import moment_of
from gateway_blooio.outbound import chat_id, sought_texts

__all__ = ["find", "missed"]

_EARLY = timedelta(seconds=5)
"""How far the vendor's clock may be behind ours. More would take an earlier message for this one."""
_MAX_PAGES = 5


def find(attempt: Attempt) -> Exchange[Found]:
    """Look for a send in the chat's history by its text.

    Proof is one message of ours with exactly this text since the attempt began, for each message of the call. Two are
    no proof, and neither is none: a message may appear late. Messages other than one text or link, and chats named by
    several addresses, cannot be looked up.
    """
    texts = sought_texts(attempt.action)
    if not texts or attempt.action.chat.kind is ChatKind.SEVERAL:
        return Found()
    since = int((attempt.started_at - _EARLY).timestamp() * 1000)
    listed = yield from _outbound_since(chat_id(attempt.action.chat), since)
    found = [[item.message_id for item in listed if item.text == text and item.message_id] for text in texts]
    alike = tuple(map(str, found[0])) if len(texts) == 1 else ()
    if len(set(texts)) < len(texts) or any(len(ids) != 1 for ids in found):
        return Found(alike=alike)
    return Found(vendor_ids=tuple(str(ids[0]) for ids in found), alike=alike)


def _outbound_since(chat: str, since: int) -> Exchange[Sequence[wire.MessageItem]]:
    items: list[wire.MessageItem] = []
    page = yield from api.list_chat_messages(chat, limit=api.PAGE, sort="asc", direction="outbound", since=since)
    items.extend(page.items)
    for _ in range(_MAX_PAGES - 1):
        if page.more is None:
            break
        page = yield from page.more()
        items.extend(page.items)
    return [item for item in items if _is_since(item, since)]


def _is_since(item: wire.MessageItem, since: int) -> bool:
    """Hold to the time ourselves: a vendor that ignores the query would prove too much."""
    sent = moment_of(item.time_sent)
    return sent is None or sent.timestamp() * 1000 >= since


# ── the log of webhooks ───────────────────────────────────────────────────────────────────────────────────────────

_COARSE = timedelta(seconds=1)
"""The log's times are cut to milliseconds, at best."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""When an entry came that does not say it: it is read all the same."""

_Cursor = TypeAdapter(dict[str, int])


def missed(cursor: str | None, since: datetime | None) -> Exchange[Missed]:
    """Fetch a page of deliveries from the log of each subscription that the key sees, oldest first.

    The cursor says how many entries of each log were passed. The log keeps payloads, not bytes, so they carry no
    signature; the keys of their events are those of the deliveries all the same.
    """
    offsets = None if cursor is None else _read(cursor)
    passed: dict[str, int] = {}
    hooks: list[WebhookRequest] = []
    more = False
    for subscription in (yield from api.list_webhooks()).webhooks:
        name = subscription.webhook_id
        # One that was made since the cursor is read from its first entry.
        offset = (yield from _first_since(name, since)) if offsets is None else offsets.get(name, 0)
        page = yield from api.list_webhook_logs(name, limit=api.PAGE, offset=offset, sort="asc")
        passed[name] = offset + len(page.items)
        more = more or page.more is not None
        hooks.extend(hook for hook in map(_hook, page.items) if hook)
    hooks.sort(key=lambda hook: hook.received_at)
    return Missed(hooks, _Cursor.dump_json(passed).decode() if more else None)


def _first_since(webhook: str, since: datetime | None) -> Exchange[int]:
    """Find how many entries of a log are older than a time, by halving: the log cannot be asked for times."""
    if since is None:
        return 0
    first = yield from api.list_webhook_logs(webhook, limit=1, sort="asc")
    total = first.total or 0
    low, high = (0, 0) if _reaches(first, since) else (1, max(total, 1))
    while low < high:
        middle = (low + high) // 2
        if _reaches((yield from api.list_webhook_logs(webhook, limit=1, offset=middle, sort="asc")), since):
            high = middle
        else:
            low = middle + 1
    return low


def _reaches(page: Page[wire.WebhookLog], since: datetime) -> bool:
    """Tell whether the entry is not older; one without a time, or none, is taken for newer: more does no harm."""
    attempted = moment_of(page.items[0].attempted_time) if page.items else None
    return attempted is None or attempted >= since - _COARSE


def _read(cursor: str) -> Mapping[str, int]:
    try:
        return _Cursor.validate_json(cursor)
    except ValidationError as error:
        raise InvalidMessage("this cursor is not one of ours", hint="begin without a cursor") from error


def _hook(log: wire.WebhookLog) -> WebhookRequest | None:
    """Make an entry into a webhook for the parser; None where it has no payload.

    The event's name goes where the vendor had sent it: some payloads leave it to that header.
    """
    if log.event_body is None:
        return None
    name = log.metadata.event_name if log.metadata else None
    return WebhookRequest(
        headers=(("x-blooio-event", name),) if name else (),
        body=log.event_body.encode() if isinstance(log.event_body, str) else to_json(log.event_body),
        received_at=moment_of(log.attempted_time) or _EPOCH,
    )
