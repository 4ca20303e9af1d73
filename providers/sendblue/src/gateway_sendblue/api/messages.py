"""Messages: send, look up, react, type, mark as read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic import JsonValue

from gateway.provider import Call, Exchange, Page, Repeat, VendorFault, path
from gateway_sendblue import wire
from gateway_sendblue.api.answers import acknowledged, ask, look_up

__all__ = [
    "PAGE",
    "delete",
    "get",
    "listed",
    "mark_read",
    "react",
    "rows",
    "send",
    "send_carousel",
    "send_group",
    "set_typing",
    "status",
    "update_app_card",
]

PAGE = 100
"""How many rows we ask for; the vendor takes up to 1000, and 100 requests in 10 seconds."""


def send(body: Mapping[str, Any], *, repeat: Repeat = Repeat.NEVER) -> Exchange[wire.MessageAnswer]:
    """POST `/api/send-message` with what `wire.SendBody` describes.

    There is no idempotency key: a second copy sends twice. Raises `VendorFault`, not certain, where the answer names no
    message.
    """
    return _accepted(Call("POST", path("/api/send-message"), json=dict(body), repeat=repeat))


def send_group(body: Mapping[str, Any], *, repeat: Repeat = Repeat.NEVER) -> Exchange[wire.MessageAnswer]:
    """POST `/api/send-group-message` with what `wire.GroupBody` describes; the answer names the group."""
    return _accepted(Call("POST", path("/api/send-group-message"), json=dict(body), repeat=repeat))


def send_carousel(body: wire.CarouselBody) -> Exchange[wire.MessageAnswer]:
    """POST `/api/send-carousel`: 2 to 20 pictures by https URL, side by side."""
    return _accepted(Call("POST", path("/api/send-carousel"), json=body.body()))


def update_app_card(handle: str, body: wire.AppCardUpdate) -> Exchange[wire.MessageAnswer]:
    """POST `/api/messages/{message_handle}/update-app-card`: a new message that continues the card.

    With an `idempotency_key` the same card is the first update again.
    """
    where = path("/api/messages/{handle}/update-app-card", handle=handle)
    repeat = Repeat.SAFE if body.idempotency_key else Repeat.NEVER
    return _accepted(Call("POST", where, json=body.body(), repeat=repeat))


def _accepted(call: Call) -> Exchange[wire.MessageAnswer]:
    reply = yield call
    acknowledged(reply)
    answer = reply.read(wire.MessageAnswer)
    if not answer.message_handle:
        raise VendorFault(
            "the answer names no message",
            status=reply.status,
            hint="look into the conversation at the vendor: it may have been sent",
        )
    return answer


# ── looking up ────────────────────────────────────────────────────────────────────────────────────────────────────


def status(handle: str) -> Exchange[wire.MessageAnswer]:
    """GET `/api/status`: how far a message has come, `ERROR` and `DECLINED` included."""
    return look_up(path("/api/status"), wire.MessageAnswer, handle=handle)


def get(handle: str) -> Exchange[wire.SingleMessage]:
    """GET `/api/v2/messages/{message_id}`: one message; raises `NotFound`."""
    return look_up(path("/api/v2/messages/{handle}", handle=handle), wire.SingleMessage)


def rows(*, limit: int = PAGE, offset: int = 0, **filters: str | None) -> Exchange[wire.MessageList]:
    """GET `/api/v2/messages`: a page of messages, as the vendor's JSON.

    Filters are the vendor's: `number` (either side), `from_number`, `to_number`, `sendblue_number`, `group_id`,
    `is_outbound` ("true" or "false"), `message_type`, `service`, `status`, `account_email`, `worker_id`, and
    `created_at_gte` and `_lte`, `sent_at_…`, `updated_at_…` (ISO 8601). `order_by` is `createdAt`, `updatedAt` or
    `sentAt`; `order_direction` is `asc` or `desc`.
    """
    return look_up(path("/api/v2/messages"), wire.MessageList, limit=limit, offset=offset, **filters)


def listed(*, limit: int = PAGE, offset: int = 0, **filters: str | None) -> Exchange[Page[wire.MessageItem]]:
    """Look up messages page by page; filters as for `rows`."""
    found = yield from rows(limit=limit, offset=offset, **filters)
    pages = found.pagination
    goes_on = bool(found.data) and pages is not None and pages.has_more
    more = partial(listed, limit=limit, offset=offset + len(found.data), **filters) if goes_on else None
    return Page(found.items, more, pages.total if pages else None)


def delete(handle: str) -> Exchange[None]:
    """DELETE `/api/message/{handle}`: hide it from lists; it is not unsent. Not in the vendor's documents."""
    acknowledged((yield Call("DELETE", path("/api/message/{handle}", handle=handle), repeat=Repeat.SAFE)))


# ── other deeds ───────────────────────────────────────────────────────────────────────────────────────────────────


def react(body: wire.ReactionBody) -> Exchange[wire.Answer]:
    """POST `/api/send-reaction`: react to an iMessage message that the contact wrote; 422 for any other."""
    return ask(Call("POST", path("/api/send-reaction"), json=body.body(), repeat=Repeat.SAFE), wire.Answer)


def set_typing(body: wire.TypingBody) -> Exchange[wire.TypingAnswer]:
    """POST `/api/send-typing-indicator`: dots for a minute, for `max_duration_ms`, or with `state` stop none.

    Only in a direct iMessage chat that was used lately. An old firmware of the line answers 503 to anything but a
    plain start.
    """
    where = path("/api/send-typing-indicator")
    return ask(Call("POST", where, json=body.body(), repeat=Repeat.SAFE), wire.TypingAnswer)


def mark_read(number: str, from_number: str) -> Exchange[wire.TypingAnswer]:
    """POST `/api/mark-read`: show the contact that we read; needs to be activated for the account, best effort."""
    body: dict[str, JsonValue] = {"number": number, "from_number": from_number}
    return ask(Call("POST", path("/api/mark-read"), json=body, repeat=Repeat.SAFE), wire.TypingAnswer)
