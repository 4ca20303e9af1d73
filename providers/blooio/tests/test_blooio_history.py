from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from gateway.drive import drive_blocking
from gateway.provider import (
    Attachment,
    Attempt,
    Call,
    Chat,
    Exchange,
    Found,
    InvalidMessage,
    Message,
    Reply,
    SendMessage,
    Token,
    WebhookRequest,
)
from gateway_blooio import Blooio, BlooioSettings

T = TypeVar("T")

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
PROVIDER = Blooio(BlooioSettings.model_validate({"api_key": "k"}))


def milliseconds(seconds: float) -> int:
    """A time of the vendor, counted from the attempt's beginning."""
    return int((STARTED + timedelta(seconds=seconds)).timestamp() * 1000)


def attempt(*messages: Message, to: Chat | None = None) -> Attempt:
    """A send whose answer was not read."""
    chat = to or Chat.direct("+15551234567")
    return Attempt(action=SendMessage(chat=chat, messages=messages, key="k", token=Token("t")), started_at=STARTED)


def listed(*messages: tuple[str, str, float], total: int | None = None) -> Reply:
    """A page of the chat's history: ids, texts, seconds after the attempt began."""
    items = [
        {"message_id": name, "text": text, "time_sent": milliseconds(at), "direction": "outbound"}
        for name, text, at in messages
    ]
    page = {"limit": 200, "offset": 0, "total": len(items) if total is None else total}
    return Reply(200, {}, json.dumps({"messages": items, "pagination": page}).encode())


def fed(exchange: Exchange[T], *replies: Reply) -> tuple[Sequence[Call], T]:
    """The calls of an exchange that is answered with these replies, and its result."""
    calls: list[Call] = []
    rest = list(replies)

    def send(call: Call) -> Reply:
        calls.append(call)
        return rest.pop(0)

    return calls, drive_blocking(exchange, send)


@pytest.mark.parametrize(
    ("messages", "history", "expected", "alike"),
    [
        ((Message("hi"),), [("m1", "hi", 1)], ("m1",), ("m1",)),
        ((Message("hi"),), [("m1", "hi", -4)], ("m1",), ("m1",)),
        ((Message("hi"),), [("m0", "hi", -60), ("m1", "hi", 1)], ("m1",), ("m1",)),
        ((Message("hi"),), [("m0", "hi", -60)], (), ()),
        ((Message("hi"),), [("m1", "hi", 1), ("m2", "hi", 2)], (), ("m1", "m2")),
        ((Message("hi"),), [("m1", "other", 1)], (), ()),
        ((Message("hi"),), [], (), ()),
        ((Message("a"), Message("b")), [("m2", "b", 1), ("m1", "a", 1)], ("m1", "m2"), ()),
        ((Message("a"), Message("b")), [("m1", "a", 1)], (), ()),
        ((Message("a"), Message("a")), [("m1", "a", 1), ("m2", "a", 1)], (), ()),
    ],
)
def test_a_send_is_proven_by_its_text_alone_in_the_time_since(
    messages: tuple[Message, ...],
    history: list[tuple[str, str, float]],
    expected: tuple[str, ...],
    alike: tuple[str, ...],
) -> None:
    """One message of ours with the text, since the attempt began, is proof; none and two are not, but are named."""
    _, found = fed(PROVIDER.find(attempt(*messages)), listed(*history))
    assert Found(vendor_ids=expected, alike=alike) == found


def test_the_history_is_asked_for_our_own_messages_since_then() -> None:
    """The question is narrow, and allows for a clock that is five seconds behind."""
    calls, _ = fed(PROVIDER.find(attempt(Message("hi"))), listed())
    expected = {"limit": "200", "offset": "0", "sort": "asc", "direction": "outbound", "since": str(milliseconds(-5))}
    assert [expected] == [call.params for call in calls]


def test_a_long_history_is_read_page_by_page() -> None:
    """All pages are looked through before one message counts as the only one."""
    first = listed(*((f"m{n}", "x", 1) for n in range(200)), total=201)
    calls, found = fed(PROVIDER.find(attempt(Message("hi"))), first, listed(("m200", "hi", 2), total=201))
    assert ["0", "200"] == [call.params["offset"] for call in calls]
    assert Found(vendor_ids=("m200",), alike=("m200",)) == found


@pytest.mark.parametrize(
    "unprovable",
    [
        attempt(Message(Attachment(url="https://a.example/1"))),
        attempt(Message("a", "b")),
        attempt(Message("hi"), to=Chat.several("+15551234567", "+15559876543")),
    ],
)
def test_what_the_history_cannot_show_is_not_asked(unprovable: Attempt) -> None:
    """Without one text, or without a chat to look in, nothing is proven and nothing is asked."""
    assert ([], Found()) == fed(PROVIDER.find(unprovable))


# ── the log of webhooks ───────────────────────────────────────────────────────────────────────────────────────────

EVENT = {"event": "message.received", "message_id": "m", "external_id": "+15551234567", "text": "hi"}


def page(*entries: dict[str, Any], more: bool) -> Reply:
    """A page of a log."""
    body = {"logs": entries, "pagination": {"returned": len(entries), "has_more": more}}
    return Reply(200, {}, json.dumps(body).encode())


def test_missed_webhooks_come_from_every_log_oldest_first() -> None:
    """All subscriptions are looked through, and the bodies are read by the same parser."""
    hooks = Reply(200, {}, b'{"webhooks": [{"webhook_id": "wh_1"}, {"webhook_id": "wh_2"}]}')
    late = {"event_body": EVENT, "attempted_time": milliseconds(9)}
    early = {"event_body": {**EVENT, "message_id": "n"}, "attempted_time": milliseconds(1)}
    calls, missed = fed(PROVIDER.missed(None), hooks, page(late, more=False), page(early, {}, more=False))
    assert ["/webhooks", "/webhooks/wh_1/logs", "/webhooks/wh_2/logs"] == [str(call.path) for call in calls]
    assert ["n", "m"] == [PROVIDER.parse(hook)[0].raw["message_id"] for hook in missed.hooks]  # type: ignore[index, call-overload]
    assert missed.cursor is None


def test_a_cursor_goes_on_where_the_last_page_ended() -> None:
    """While a log has more, the cursor says how much of each was read."""
    hooks = Reply(200, {}, b'{"webhooks": [{"webhook_id": "wh_1"}]}')
    entry = {"event_body": EVENT, "attempted_time": milliseconds(1)}
    _, missed = fed(PROVIDER.missed(None), hooks, page(entry, entry, more=True))
    calls, _ = fed(PROVIDER.missed(missed.cursor), hooks, page(more=False))
    assert calls[1].params["offset"] == "2"


@pytest.mark.parametrize(("since", "expected"), [(-5, 0), (0, 0), (49, 48), (49.5, 49), (98, 97), (200, 99)])
def test_a_log_is_read_from_its_first_attempt_since_a_time(since: float, expected: int) -> None:
    """A second early; found by halving, one entry at a time. A log that was never used has nothing to find."""
    hooks = Reply(200, {}, b'{"webhooks": [{"webhook_id": "wh_1"}, {"webhook_id": "wh_2"}]}')
    calls: list[Call] = []

    def send(call: Call) -> Reply:
        calls.append(call)
        if str(call.path) == "/webhooks":
            return hooks
        total = 99 if "wh_1" in str(call.path) else 0
        begin, limit = int(call.params["offset"]), int(call.params["limit"])
        entries = [
            {"event_body": EVENT, "attempted_time": milliseconds(n)} for n in range(begin, min(begin + limit, total))
        ]
        body = {"logs": entries, "pagination": {"total": total, "has_more": begin + limit < total}}
        return Reply(200, {}, json.dumps(body).encode())

    missed = drive_blocking(PROVIDER.missed(None, since=STARTED + timedelta(seconds=since)), send)
    times = [(hook.received_at - STARTED).total_seconds() for hook in missed.hooks]
    assert [float(n) for n in range(expected, 99)] == times
    assert len(calls) <= 12


def test_an_entry_brings_the_name_that_its_payload_leaves_to_the_header() -> None:
    """Pushed or fetched it is the same event; a name in the payload is the one that counts."""
    hooks = Reply(200, {}, b'{"webhooks": [{"webhook_id": "wh_1"}]}')
    bare = {name: value for name, value in EVENT.items() if name != "event"}
    metadata = {"event_name": "message.received", "message_id": "m"}
    entries = [{"event_body": body, "attempted_time": milliseconds(1), "metadata": metadata} for body in (bare, EVENT)]
    _, missed = fed(PROVIDER.missed(None), hooks, page(*entries, more=False))
    header = (("x-blooio-event", "message.received"),)
    pushed = [WebhookRequest(header, json.dumps(body).encode(), STARTED) for body in (bare, EVENT)]
    assert [header] * 2 == [hook.headers for hook in missed.hooks]
    assert ["message.received"] * 2 == [event.type for hook in pushed for event in PROVIDER.parse(hook)]
    assert [PROVIDER.parse(hook) for hook in pushed] == [PROVIDER.parse(hook) for hook in missed.hooks]


@pytest.mark.parametrize(
    ("odd", "bodies"),
    [
        ({"event_body": EVENT, "attempted_time": []}, [EVENT]),
        ({"event_body": EVENT, "event_id": 7, "response_status": "gone", "metadata": "none"}, [EVENT]),
        ({"event_body": EVENT, "metadata": {"event_name": ["a"], "is_replay": "perhaps"}}, [EVENT]),
        ({"event_body": [1]}, [[1]]),
        (7, [7]),
        (None, []),
        ({}, []),
    ],
)
def test_an_entry_that_is_none_does_not_hide_its_page(odd: object, bodies: list[object]) -> None:
    """What there is of it goes to the parser, the oldest of all where it says no time; the page is read."""
    hooks = Reply(200, {}, b'{"webhooks": [{"webhook_id": "wh_1"}]}')
    whole = {"event_body": {**EVENT, "message_id": "n"}, "attempted_time": milliseconds(1)}
    body = {"logs": [whole, odd], "pagination": {"returned": 2, "has_more": False}}
    _, missed = fed(PROVIDER.missed(None), hooks, Reply(200, {}, json.dumps(body).encode()))
    assert [*bodies, whole["event_body"]] == [json.loads(hook.body) for hook in missed.hooks]


def test_a_foreign_cursor_is_refused() -> None:
    """A cursor that we did not make is a mistake of the caller."""
    with pytest.raises(InvalidMessage):
        fed(PROVIDER.missed("2026"))
