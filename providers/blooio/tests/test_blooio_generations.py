"""Every variant of the vendor's webhooks that was documented or reported, and those of another generation."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.provider import (
    Address,
    Attachment,
    Channel,
    Chat,
    ContactShared,
    DeliveryState,
    DeliveryUpdated,
    Event,
    GroupUpdated,
    Message,
    MessageReceived,
    MessageRef,
    PollUpdated,
    Reaction,
    ReactionRemoved,
    TypingStarted,
    TypingStopped,
    UnknownEvent,
    Voice,
    WebhookRequest,
)
from gateway_blooio import Blooio, BlooioSettings
from gateway_blooio.generations import GENERATIONS, generation_of

SAMPLES = Path(__file__).parent / "samples"
PROVIDER = Blooio(BlooioSettings.model_validate({"api_key": "k"}))
ADA = Address.parse("+15551234567")
LINE = "+15557654321"
CHAT = Chat.direct(ADA, line=LINE)
GROUP = Chat.of_group("grp_abc123", line=LINE)
MADE = datetime.fromtimestamp(1700000000, UTC)
RECEIVED = datetime.fromtimestamp(1699999999.5, UTC)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def sample(name: str) -> Any:
    """A delivery as it is documented or was reported."""
    return json.loads((SAMPLES / f"{name}.json").read_text())


def parsed(document: object, *headers: tuple[str, str]) -> Event:
    """The one event of a delivery."""
    (event,) = PROVIDER.parse(WebhookRequest(headers=headers, body=json.dumps(document).encode(), received_at=NOON))
    return event


def received(message: Message, **fields: Any) -> MessageReceived:
    """What a message of Ada's is expected to give."""
    usual = {"sender": ADA, "chat": CHAT, "channel": Channel.IMESSAGE, "occurred_at": RECEIVED}
    return MessageReceived(
        key='["message.received","msg_abc123"]', vendor_id="msg_abc123", message=message, **{**usual, **fields}
    )


def key(*parts: object) -> str:
    """The key that a fact without an id of its own has."""
    return json.dumps(parts, separators=(",", ":"), ensure_ascii=False)


POLL: dict[str, Any] = {"title": "Lunch?", "options": ("Tea", "Rum"), "chat": CHAT, "occurred_at": MADE}
STAMP = 1700000000000

MORE: dict[str, Event] = {
    "webhook_queued": DeliveryUpdated(
        key='["message.queued","msg_abc123"]',
        vendor_id="msg_abc123",
        state=DeliveryState.QUEUED,
        chat=CHAT,
        channel=Channel.IMESSAGE,
        occurred_at=MADE,
    ),
    "webhook_reply": received(Message("Yes", reply_to=MessageRef(vendor_id="msg_1"))),
    "webhook_attachments_urls": received(Message(Attachment(url="https://bucket.blooio.com/photo.jpg"))),
    "webhook_attachments_named": received(
        Message("Look", Attachment(url="https://media.blooio.com/a1.jpg", name="photo.jpg"))
    ),
    "webhook_attachments_full": received(
        Message(Voice(url="https://cdn.blooio.com/memo.caf", name="memo.caf", media_type="audio/x-caf", size=20480))
    ),
    "webhook_received_group_guid": received(
        Message("Hi all"), chat=Chat.of_group("grp_abc123", members=(ADA,), name="Team", line=LINE)
    ),
    # the other party is still named by the address of the chat, but not as the one who wrote
    "webhook_received_null_sender": received(Message("Hi"), sender=None),
    "webhook_received_seconds": received(Message("Hi"), occurred_at=MADE),
    "webhook_reaction_ours": ReactionRemoved(
        key=key("message.reaction", "msg_abc123", LINE, "😂", "remove", 0, STAMP),
        target=MessageRef(vendor_id="msg_abc123"),
        reaction=Reaction.parse("😂"),
        sender=Address.parse(LINE),
        ours=True,
        chat=CHAT,
        occurred_at=MADE,
    ),
    "webhook_poll_created": PollUpdated(
        key=key("poll.created", "msg_abc123", ADA.value, LINE, "poll_1", None, None, STAMP),
        poll_id="poll_1",
        change="created",
        ours=True,
        sender=Address.parse(LINE),
        **POLL,
    ),
    "webhook_poll_received": PollUpdated(
        key=key("poll.received", "msg_2", ADA.value, ADA.value, "poll_2", None, None, STAMP),
        poll_id="poll_2",
        change="received",
        sender=ADA,
        **{**POLL, "title": None},
    ),
    "webhook_poll_voted": PollUpdated(
        key=key("poll.voted", "msg_abc123", ADA.value, ADA.value, "poll_1", ADA.value, "Tea", STAMP),
        poll_id="poll_1",
        change="voted",
        option="Tea",
        sender=ADA,
        **POLL,
    ),
    "webhook_typing_started": TypingStarted(
        key=key("typing.started", None, ADA.value, ADA.value, STAMP), sender=ADA, chat=CHAT, occurred_at=MADE
    ),
    "webhook_typing_stopped": TypingStopped(
        key=key("typing.stopped", None, ADA.value, ADA.value, STAMP), sender=ADA, chat=CHAT, occurred_at=MADE
    ),
    "webhook_group_name_changed": GroupUpdated(
        key=key("group.name_changed", None, "grp_abc123", ADA.value, "New name", STAMP),
        name="New name",
        sender=ADA,
        chat=GROUP.model_copy(update={"name": "New name"}),
        occurred_at=MADE,
    ),
    "webhook_group_icon_changed": GroupUpdated(
        key=key("group.icon_changed", None, "grp_abc123", ADA.value, "https://bucket.blooio.com/icon.png", STAMP),
        icon="https://bucket.blooio.com/icon.png",
        sender=ADA,
        chat=GROUP.model_copy(update={"name": "Team"}),
        occurred_at=MADE,
    ),
    "webhook_contact_shared": ContactShared(
        key=key("contact.shared", None, ADA.value, ADA.value, "Ada", STAMP),
        name="Ada",
        sender=ADA,
        chat=CHAT,
        occurred_at=MADE,
    ),
}


@pytest.mark.parametrize("name", MORE)
def test_a_variant_gives_its_event(name: str) -> None:
    """Each shape of a delivery that was reported gives exactly this event, with the payload beside it."""
    assert MORE[name].model_copy(update={"raw": sample(name)}) == parsed(sample(name))


# What test_blooio_inbound.py expects, one for each plain event of a message.
PLAIN = {
    *("webhook_received", "webhook_received_seen", "webhook_received_group", "webhook_reaction"),
    *("webhook_sent", "webhook_delivered", "webhook_read", "webhook_failed"),
}


def test_every_sample_of_a_webhook_is_expected() -> None:
    """No file lies there unread, and each expectation has its file."""
    assert {path.stem for path in SAMPLES.glob("webhook_*.json")} == {*PLAIN, *MORE}


# ── another generation ────────────────────────────────────────────────────────────────────────────────────────────

V4 = "an event of API v4: make the webhook with API v2"


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("v4_received", "message.received"),
        ("v4_bare", "message.reaction"),
        ("v4_nested", "without a name"),
    ],
)
def test_an_envelope_of_v4_is_kept_and_not_read(name: str, event: str) -> None:
    """The payload stays whole, the reason says what to do, and equal deliveries are one event."""
    kept = parsed(sample(name))
    assert isinstance(kept, UnknownEvent)
    assert (f"{V4} ({event})", sample(name), True) == (kept.reason, kept.raw, kept.unread)
    assert kept.key == parsed(dict(reversed(sample(name).items()))).key


def test_a_flat_delivery_may_leave_its_name_to_the_header() -> None:
    """It is the event of that name, with the same key as if the body said so."""
    body = sample("webhook_received")
    bare = {name: value for name, value in body.items() if name != "event"}
    headed = parsed(bare, ("x-blooio-event", "message.received"))
    assert parsed(body).model_copy(update={"raw": bare}) == headed
    nameless, new = parsed(bare), parsed(bare, ("x-blooio-event", "message.edited"))
    assert isinstance(nameless, UnknownEvent)
    assert isinstance(new, UnknownEvent)
    assert (True, False) == (nameless.unread, new.unread)


def test_the_body_says_more_than_the_header() -> None:
    """Where both have a name, what was signed counts."""
    assert "message.received" == parsed(sample("webhook_received"), ("x-blooio-event", "message.read")).type


@given(
    st.dictionaries(
        st.sampled_from(["event", "type", "data", "chat_id", "message_id", "external_id", "id"]),
        st.none() | st.integers() | st.text(max_size=5) | st.dictionaries(st.text(max_size=2), st.none(), max_size=1),
    ),
    st.none() | st.text(max_size=20),
)
def test_no_object_is_of_two_generations(payload: dict[str, Any], header: str | None) -> None:
    """The recognisers exclude each other, and whatever comes is an event with a key."""
    fitting = [each for each in GENERATIONS if each.recognises(payload, header)]
    assert len(fitting) <= 1
    assert generation_of(payload, header) == (fitting[0] if fitting else None)
    headers = () if header is None else (("x-blooio-event", header),)
    assert parsed(payload, *headers).key


# ── what is new ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", sorted(path.stem for pattern in ("webhook_*.json", "v4_*.json") for path in SAMPLES.glob(pattern))
)
def test_nothing_that_was_documented_is_new(name: str) -> None:
    """Fields and words of all samples are named, so drift shows only what is not."""
    body = (SAMPLES / f"{name}.json").read_bytes()
    assert () == PROVIDER.unfamiliar(WebhookRequest(headers=(), body=body, received_at=NOON))


def test_what_is_new_is_named() -> None:
    """A field and a word of tomorrow."""
    body = {**sample("webhook_received"), "mood": "good", "protocol": "pigeon"}
    found = PROVIDER.unfamiliar(WebhookRequest(headers=(), body=json.dumps(body).encode(), received_at=NOON))
    assert [("mood", None), ("protocol", "pigeon")] == [(each.path, each.value) for each in found]
