"""The way in: proof over the raw bytes, then events."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from gateway.provider import (
    Address,
    Attachment,
    BadPayload,
    BadSignature,
    Chat,
    DeliveryState,
    DeliveryUpdated,
    Event,
    Message,
    MessageReceived,
    MessageRef,
    Part,
    Reaction,
    ReactionAdded,
    ReactionRemoved,
    Text,
    Token,
    UnknownEvent,
    WebhookRequest,
)
from gateway_echo import Echo, EchoSettings
from gateway_echo.inbound import SIGNATURE, TIMESTAMP, sign

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRET = "secret-1"
TOKEN = Token("0123456789abcdefghijkl")
CHAT = Chat.direct("+447700900555", line="+447700900123")
ECHO = Echo(EchoSettings.model_validate({"api_key": "key-1", "webhook_secret": SECRET}))


def hook(body: bytes, *, secret: str = SECRET, at: datetime = NOW) -> WebhookRequest:
    """A webhook as Echo signs it."""
    timestamp = str(int(at.timestamp()))
    headers = ((TIMESTAMP, timestamp), (SIGNATURE, sign(secret, timestamp, body)))
    return WebhookRequest(headers=headers, body=body, received_at=NOW)


def payload(event: str, **data: JsonValue) -> dict[str, JsonValue]:
    """A webhook's body."""
    return {"id": "ev_1", "type": event, "at": int(NOW.timestamp()), "data": dict(data)}


def parse(body: dict[str, JsonValue]) -> Event:
    """The one event of a body."""
    (event,) = ECHO.parse(hook(json.dumps(body).encode()))
    return event


# ── proof ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_echo_signed_is_accepted() -> None:
    """The right secret, the raw bytes and a time near ours prove a webhook."""
    ECHO.verify(hook(b'{"a": 1}'))


@given(body=st.binary(min_size=1), data=st.data())
def test_no_changed_byte_is_accepted(body: bytes, data: st.DataObject) -> None:
    """Whatever single byte differs, the proof fails."""
    place = data.draw(st.integers(0, len(body) - 1))
    change = data.draw(st.integers(1, 255))
    changed = bytes([*body[:place], body[place] ^ change, *body[place + 1 :]])
    with pytest.raises(BadSignature):
        ECHO.verify(replace(hook(body), body=changed))


@pytest.mark.parametrize(
    "forged",
    [
        hook(b"{}", secret="another"),
        hook(b"{}", at=NOW - timedelta(seconds=301)),
        hook(b"{}", at=NOW + timedelta(seconds=301)),
        replace(hook(b"{}"), headers=()),
        replace(hook(b"{}"), headers=(*hook(b"{}").headers, (SIGNATURE, "00"))),
        replace(hook(b"{}"), headers=((TIMESTAMP, "0"), (SIGNATURE, "ü"))),
        replace(hook(b"{}"), headers=((TIMESTAMP, "soon"), (SIGNATURE, sign(SECRET, "soon", b"{}")))),
    ],
)
def test_what_proves_nothing_is_refused(forged: WebhookRequest) -> None:
    """Another secret, another time, no header, two headers, headers that are none."""
    with pytest.raises(BadSignature):
        ECHO.verify(forged)


# ── events ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_message_from_a_contact() -> None:
    """Text, files, reply target, chat with our line, time and payload are on the event."""
    body = payload(
        "message.received",
        id="em_5",
        to="+447700900123",
        text="look",
        media_urls=["https://files.example/a.png"],
        in_reply_to="em_1",
        **{"from": "+447700900555"},
    )
    parts: list[Part] = [Text(text="look"), Attachment(url="https://files.example/a.png")]
    expected = MessageReceived(
        key="message:em_5",
        vendor_id="em_5",
        chat=CHAT,
        sender=Address.parse("+447700900555"),
        message=Message(parts=parts, reply_to=MessageRef(vendor_id="em_1")),
        occurred_at=NOW,
        raw=body,
    )
    assert expected == parse(body)


def test_a_report_brings_token_and_reference_back() -> None:
    """The tag is taken apart, and a code has its meaning as the reason."""
    body = payload(
        "message.status",
        id="em_1",
        to="+447700900555",
        status="failed",
        code="blocked",
        tag=f"gw1.{TOKEN}.order-7",
        **{"from": "+447700900123"},
    )
    expected = DeliveryUpdated(
        key="status:em_1:failed",
        vendor_id="em_1",
        state=DeliveryState.FAILED,
        code="blocked",
        reason="the contact blocks the line",
        retriable=False,
        chat=CHAT,
        ours=True,
        token=TOKEN,
        reference="order-7",
        occurred_at=NOW,
        raw=body,
    )
    assert expected == parse(body)


@pytest.mark.parametrize(("removed", "kind"), [(False, ReactionAdded), (True, ReactionRemoved)])
def test_a_reaction(removed: bool, kind: type[ReactionAdded | ReactionRemoved]) -> None:  # noqa: FBT001
    """Added or removed, with who and on what."""
    body = payload(
        "reaction",
        message="em_1",
        to="+447700900123",
        reaction="love",
        removed=removed,
        **{"from": "+447700900555"},
    )
    expected = kind(
        key="reaction:ev_1",
        target=MessageRef(vendor_id="em_1"),
        reaction=Reaction.parse("love"),
        sender=Address.parse("+447700900555"),
        chat=CHAT,
        occurred_at=NOW,
        raw=body,
    )
    assert expected == parse(body)


@pytest.mark.parametrize(
    "body",
    [
        payload("line.moved"),
        payload("message.received", id="em_5"),
        payload("message.received", id="em_5", to="+447700900123", **{"from": "+447700900555"}),
        {"at": 10**30, **{k: v for k, v in payload("reaction").items() if k != "at"}},
    ],
)
def test_what_is_not_understood_is_kept_whole(body: dict[str, JsonValue]) -> None:
    """A new kind, a missing field, a message without content, a time beyond all calendars."""
    event = parse(body)
    assert isinstance(event, UnknownEvent)
    assert body == event.raw


@given(st.binary())
def test_any_bytes_give_events_or_a_typed_error(body: bytes) -> None:
    """The parser is total."""
    try:
        events = ECHO.parse(hook(body))
    except BadPayload:
        return
    assert all(event.key for event in events)
