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
    BadPayload,
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
    Opaque,
    PollUpdated,
    Reaction,
    ReactionAdded,
    ReactionRemoved,
    TypingStarted,
    TypingStopped,
    UnknownEvent,
    Voice,
    WebhookRequest,
)
from gateway_blooio import Blooio, BlooioSettings

SAMPLES = Path(__file__).parent / "samples"
PROVIDER = Blooio(BlooioSettings.model_validate({"api_key": "k"}))
ADA = Address.parse("+15551234567")
LINE = "+15557654321"
CHAT = Chat.direct(ADA, line=LINE)


def hook(body: bytes) -> WebhookRequest:
    """A verified delivery."""
    return WebhookRequest(headers=(), body=body, received_at=datetime(2026, 1, 1, tzinfo=UTC))


def parsed(document: object) -> Event:
    """The one event of a delivery."""
    (event,) = PROVIDER.parse(hook(json.dumps(document).encode()))
    return event


def sample(name: str) -> Any:
    """A delivery as it is documented or was seen."""
    return json.loads((SAMPLES / f"{name}.json").read_text())


def at(milliseconds: int) -> datetime:
    """A time of the vendor."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def event(name: str, /, **fields: object) -> dict[str, Any]:
    """A delivery with the usual fields."""
    common = {"message_id": "m", "external_id": ADA.value, "internal_id": LINE, "timestamp": 1700000000000}
    return {"event": name, **common, **fields}


def delivery(name: str, state: DeliveryState, when: int, **fields: Any) -> DeliveryUpdated:
    """The report that a sample is expected to give."""
    return DeliveryUpdated(
        key=f'["message.{state.value}","msg_1"]',
        vendor_id="msg_1",
        state=state,
        chat=CHAT,
        occurred_at=at(when),
        raw=sample(name),
        **{"channel": Channel.IMESSAGE, **fields},
    )


EXPECTED: dict[str, Event] = {
    "webhook_received": MessageReceived(
        key='["message.received","msg_abc123"]',
        vendor_id="msg_abc123",
        sender=ADA,
        message=Message("Hi"),
        channel=Channel.IMESSAGE,
        chat=CHAT,
        occurred_at=at(1699999999500),
        raw=sample("webhook_received"),
    ),
    "webhook_received_seen": MessageReceived(
        key='["message.received","msg_abc123"]',
        vendor_id="msg_abc123",
        sender=ADA,
        message=Message("Up"),
        channel=Channel.IMESSAGE,
        chat=CHAT,
        occurred_at=at(1776572057818),
        raw=sample("webhook_received_seen"),
    ),
    "webhook_received_group": MessageReceived(
        key='["message.received","msg_abc123"]',
        vendor_id="msg_abc123",
        sender=ADA,
        message=Message("Hi"),
        channel=Channel.IMESSAGE,
        chat=Chat.of_group("grp_abc123", members=(ADA,), line=LINE),
        occurred_at=at(1699999999500),
        raw=sample("webhook_received_group"),
    ),
    "webhook_sent": delivery("webhook_sent", DeliveryState.SENT, 1700000000800),
    "webhook_delivered": delivery("webhook_delivered", DeliveryState.DELIVERED, 1700000001800),
    "webhook_read": delivery("webhook_read", DeliveryState.READ, 1700000002800),
    "webhook_failed": delivery(
        "webhook_failed",
        DeliveryState.FAILED,
        1700000001000,
        channel=None,
        code="unreachable",
        reason="The recipient •••67 is not reachable.",
    ),
    "webhook_reaction": ReactionAdded(
        key='["message.reaction","msg_1","+15551234567","love","add",0,1700000004000]',
        target=MessageRef(vendor_id="msg_1"),
        reaction=Reaction.parse("love"),
        sender=ADA,
        chat=CHAT,
        occurred_at=at(1700000004000),
        raw=sample("webhook_reaction"),
    ),
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_sample_gives_its_event(name: str) -> None:
    """Each documented delivery gives exactly this event."""
    assert EXPECTED[name] == parsed(sample(name))


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────

URL = "https://bucket.blooio.com/a/photo.png"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text": None, "attachments": [URL]}, Message(Attachment(url=URL))),
        ({"attachments": [{"url": URL, "name": "a.png"}]}, Message(Attachment(url=URL, name="a.png"))),
        (
            {"text": "look", "attachments": [{"url": URL, "file_name": "a", "mime_type": "image/png", "size": 9}]},
            Message("look", Attachment(url=URL, name="a", media_type="image/png", size=9)),
        ),
        ({"attachments": ["https://b.example/Memo.CAF?x=1"]}, Message(Voice(url="https://b.example/Memo.CAF?x=1"))),
        ({"attachments": [{"url": URL, "name": "v.m4a"}]}, Message(Voice(url=URL, name="v.m4a"))),
        (
            {"text": "listen", "attachments": ["https://b.example/v.amr"]},
            Message("listen", Attachment(url="https://b.example/v.amr")),
        ),
        (
            {"attachments": ["https://b.example/1.amr", "https://b.example/2.amr"]},
            Message(Attachment(url="https://b.example/1.amr"), Attachment(url="https://b.example/2.amr")),
        ),
        ({"attachments": ["not a url"]}, Message(Opaque(kind="attachment", data={"url": "not a url"}))),
        ({"attachments": [{"name": "x"}]}, Message(Opaque(kind="attachment", data={"name": "x"}))),
        (
            {"attachments": [{"url": URL, "mime_type": "?", "size": -1, "name": "n" * 300}]},
            Message(Attachment(url=URL, name="n" * 255)),
        ),
        ({"attachments": ["https://[::1"]}, Message(Attachment(url="https://[::1"))),
        ({"text": "", "attachments": []}, Message(Opaque(kind="empty"))),
        ({}, Message(Opaque(kind="empty"))),
        (
            {"text": "yes", "reply_to": {"message_id": "p", "guid": "G", "part_index": 1}},
            Message("yes", reply_to=MessageRef(vendor_id="p", part=1)),
        ),
        ({"text": "yes", "reply_to": {"guid": "G"}}, Message("yes", reply_to=MessageRef(guid="G"))),
        ({"text": "yes", "reply_to": {}}, Message("yes")),
        ({"text": "yes", "reply_to": None, "tomorrow": 1}, Message("yes")),
    ],
)
def test_what_a_message_holds(fields: dict[str, Any], message: Message) -> None:
    """Text, attachments in three shapes, voice by its ending, and the message that it answers."""
    received = parsed(event("message.received", sender=ADA.value, **fields))
    assert isinstance(received, MessageReceived)
    assert message == received.message


@pytest.mark.parametrize(
    ("fields", "chat", "sender"),
    [
        ({"sender": ADA.value}, CHAT, ADA),
        ({"sender": None}, CHAT, None),
        ({"sender": "Ben@Example.com", "external_id": "ben@example.com"}, Chat.direct("ben@example.com", line=LINE),
         Address.parse("ben@example.com")),
        ({"sender": "72345", "external_id": "72345"}, Chat.direct(Address.contact("72345"), line=LINE),
         Address.contact("72345")),
        ({"sender": None, "external_id": None, "internal_id": None}, None, None),
        ({"sender": "", "external_id": ""}, None, None),
        (
            {"sender": ADA.value, "external_id": "grp_1", "is_group": True, "group_id": "grp_1", "group_name": "Us",
             "participants": [{"identifier": ADA.value}, "ben@example.com", {"identifier": None}]},
            Chat.of_group("grp_1", members=(ADA, "ben@example.com"), name="Us", line=LINE), ADA,
        ),
        ({"sender": ADA.value, "external_id": "grp_1"}, Chat.of_group("grp_1", line=LINE), ADA),
        ({"sender": ADA.value, "external_id": "x9", "is_group": True}, Chat.of_group("x9", line=LINE), ADA),
    ],
)  # fmt: skip
def test_where_a_message_arrived(fields: dict[str, Any], chat: Chat | None, sender: Address | None) -> None:
    """A direct chat by its address, a group by its id with its members, and a null sender does no harm."""
    received = parsed(event("message.received", text="hi", **fields))
    assert isinstance(received, MessageReceived)
    assert (chat, sender) == (received.chat, received.sender)
    assert (chat and (chat.line, chat.name, chat.addresses)) == (
        received.chat and (received.chat.line, received.chat.name, received.chat.addresses)
    )


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [
        (1700000000000, at(1700000000000)),
        (1700000000, at(1700000000000)),
        (1700000000.5, at(1700000000500)),
        ("1700000000", at(1700000000000)),
        ("2023-11-14T22:13:20Z", at(1700000000000)),
        ("2023-11-14T22:13:20", at(1700000000000)),
        ("yesterday", None),
        (10**400, None),
        (0, None),
        (-5, None),
        (None, None),
    ],
)
def test_times_are_milliseconds_or_seconds_or_text(stamp: object, moment: datetime | None) -> None:
    """What is smaller than any millisecond of our time is seconds; what is no time is none."""
    assert moment == parsed(event("message.queued", timestamp=stamp)).occurred_at


@pytest.mark.parametrize(
    ("protocol", "channel"),
    [("imessage", "imessage"), ("sms", "sms"), ("rcs", "rcs"), ("non-imessage", None), (None, None), ("x", None)],
)
def test_the_network_is_told_where_it_is_known(protocol: str | None, channel: str | None) -> None:
    """`non-imessage` says only which network it was not."""
    report = parsed(event("message.sent", protocol=protocol))
    assert isinstance(report, DeliveryUpdated)
    assert channel == report.channel


# ── reactions and the rest ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "kind", "reaction", "ours"),
    [
        ({"reaction": "love", "action": "add"}, ReactionAdded, "love", False),
        ({"reaction": "🔥", "action": "remove"}, ReactionRemoved, "🔥", False),
        ({"reaction": "+😂"}, ReactionAdded, "😂", False),
        ({"reaction": "-like"}, ReactionRemoved, "like", False),
        ({"reaction": "-like", "action": "add", "direction": "outbound"}, ReactionAdded, "like", True),
        ({"reaction": "of tomorrow", "action": "add"}, ReactionAdded, None, False),
        ({"reaction": None, "action": "add"}, ReactionAdded, None, False),
    ],
)
def test_a_reaction(fields: dict[str, Any], kind: type[Event], reaction: str | None, *, ours: bool) -> None:
    """Added or removed, by word or emoji, with its part, from the contact or from us."""
    happened = parsed(event("message.reaction", sender=ADA.value, part_index=2, **fields))
    assert isinstance(happened, ReactionAdded | ReactionRemoved)
    assert kind is type(happened)
    expected = Reaction.parse(reaction) if reaction else None
    assert (expected, ours, 2, CHAT) == (happened.reaction, happened.ours, happened.target.part, happened.chat)


def test_each_reaction_has_a_key_of_its_own() -> None:
    """Sender, word, action and time tell reactions to one message apart; the same one again is the same."""
    base = event("message.reaction", sender=ADA.value, reaction="love", action="add")
    changes: list[dict[str, Any]] = [
        {},
        {"sender": "+15559876543"},
        {"reaction": "like"},
        {"action": "remove"},
        {"timestamp": 1700000000001},
        {"message_id": "other"},
        {"part_index": 1},
    ]
    assert len(changes) == len({parsed({**base, **change}).key for change in changes})
    assert parsed(base).key == parsed({**base, "original_text": "Hello"}).key


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            event("typing.started", sender=ADA.value, message_id=None),
            TypingStarted(key='["typing.started",null,"+15551234567","+15551234567",1700000000000]', sender=ADA),
        ),
        (
            event("typing.stopped", message_id=None),
            TypingStopped(key='["typing.stopped",null,"+15551234567",null,1700000000000]', sender=ADA),
        ),
        (
            event("group.name_changed", external_id="grp_1", group_name="Us", sender=ADA.value),
            GroupUpdated(
                key='["group.name_changed","m","grp_1","+15551234567","Us",1700000000000]', name="Us", sender=ADA
            ),
        ),
        (
            event("group.icon_changed", external_id="grp_1", icon_url=URL),
            GroupUpdated(key=f'["group.icon_changed","m","grp_1",null,"{URL}",1700000000000]', icon=URL),
        ),
        (
            event("contact.shared", sender=ADA.value, name="Ada"),
            ContactShared(
                key='["contact.shared","m","+15551234567","+15551234567","Ada",1700000000000]', sender=ADA, name="Ada"
            ),
        ),
        (
            event("poll.created", poll_id="p", title="When?", options=["a", {"text": "b", "votes": 0}]),
            PollUpdated(
                key='["poll.created","m","+15551234567",null,"p",null,null,1700000000000]',
                poll_id="p",
                change="created",
                title="When?",
                options=("a", "b"),
                sender=ADA,
            ),
        ),
        (
            event("poll.received", poll_id="p", sender=ADA.value),
            PollUpdated(
                key='["poll.received","m","+15551234567","+15551234567","p",null,null,1700000000000]',
                poll_id="p",
                change="received",
                sender=ADA,
            ),
        ),
        (
            event("poll.voted", poll_id="p", voter="ben@example.com", option="a"),
            PollUpdated(
                key='["poll.voted","m","+15551234567",null,"p","ben@example.com","a",1700000000000]',
                poll_id="p",
                change="voted",
                option="a",
                sender=Address.parse("ben@example.com"),
            ),
        ),
    ],
)
def test_events_whose_fields_are_not_documented(document: dict[str, Any], expected: Event) -> None:
    """Typing, groups, contacts and polls are read by the names that the other events have."""
    group = document["external_id"] == "grp_1"
    chat = Chat.of_group("grp_1", name=document.get("group_name"), line=LINE) if group else CHAT
    whole = expected.model_copy(update={"chat": chat, "occurred_at": at(1700000000000), "raw": document})
    assert whole == parsed(document)


# ── what is not understood ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "no field event"),
        (
            {"id": "evt_1", "type": "message.received", "data": {}},
            "an event of API v4: make the webhook with API v2 (message.received)",
        ),
        ({"event": "message.edited"}, "no word for the event message.edited"),
        ({"event": 7}, "the field event is no name"),
        ({"event": "message.received"}, "message.received without message_id"),
        ({"event": "message.sent", "message_id": ""}, "message.sent without message_id"),
        ({"event": "message.received", "message_id": "m", "text": {}}, "unexpected values in: text"),
        ({"event": "message.reaction", "message_id": "m"}, "a reaction that is neither added nor removed"),
        ([], "an empty list of events"),
        ([7], "not a JSON object"),
    ],
)
def test_what_is_not_understood_is_kept_with_its_reason(document: object, reason: str) -> None:
    """An event without a word is stored as it came, to be parsed again later; what has no known form is `unread`."""
    happened = parsed(document)
    assert isinstance(happened, UnknownEvent)
    unread = "v4" in reason or reason in {"no field event", "the field event is no name", "not a JSON object"}
    assert (reason, unread) == (happened.reason, happened.unread)
    assert (document[0] if isinstance(document, list) and document else document) == happened.raw


@pytest.mark.parametrize("body", [b"", b"not json", b"7", b"null", b'"text"', b"\xff", b'{"event": NaN}', b"[" * 5000])
def test_what_is_no_event_at_all_is_a_bad_payload(body: bytes) -> None:
    """No JSON, or JSON that is neither object nor list, is answered with 400."""
    with pytest.raises(BadPayload):
        PROVIDER.parse(hook(body))


def test_a_list_gives_every_event() -> None:
    """Several events in one delivery are several events, whatever one of them is."""
    documents = [sample("webhook_sent"), {"event": "x"}, sample("webhook_read")]
    happened = PROVIDER.parse(hook(json.dumps(documents).encode()))
    assert ["delivery.updated", "unknown", "delivery.updated"] == [item.type for item in happened]


def test_the_key_does_not_depend_on_how_the_payload_was_written() -> None:
    """A payload from the vendor's log, with other spaces and order, is the event that was pushed."""
    for document in (sample("webhook_received"), {"event": "tomorrow", "a": 1, "b": {"c": [2], "d": 3}}):
        pushed = PROVIDER.parse(hook(json.dumps(document).encode()))
        fetched = PROVIDER.parse(hook(json.dumps(document, sort_keys=True, indent=1).encode()))
        assert [item.key for item in pushed] == [item.key for item in fetched]


# ── any bytes at all ──────────────────────────────────────────────────────────────────────────────────────────────

NAMES = [
    "message.received", "message.queued", "message.sent", "message.delivered", "message.read", "message.failed",
    "message.reaction", "poll.created", "poll.received", "poll.voted", "typing.started", "typing.stopped",
    "group.name_changed", "group.icon_changed", "contact.shared",
]  # fmt: skip
FIELDS = [
    "message_id", "external_id", "internal_id", "status", "protocol", "timestamp", "text", "attachments", "is_group",
    "group_id", "group_name", "participants", "sender", "received_at", "sent_at", "error_code", "error_message",
    "reply_to", "reaction", "action", "direction", "part_index", "poll_id", "title", "options", "option", "voter",
    "name", "icon_url",
]  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["+15551234567", "grp_1", "a@b", "add", "love", "+🔥", "https://a.example/x.caf", "\u0000", "-1"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["url", "name", "identifier", "message_id", "guid", "part_index", "text"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(body: bytes) -> None:
    """Whatever comes, it is events or BadPayload."""
    try:
        happened = PROVIDER.parse(hook(body))
    except BadPayload:
        return
    assert all(item.key for item in happened)


@given(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_any_fields_are_survived(name: str, fields: dict[str, Any]) -> None:
    """A known event with any values in any of its fields is an event with a key, and can be stored as JSON."""
    body = json.dumps({"event": name, **fields}).encode()
    for happened in PROVIDER.parse(hook(body)):
        assert happened.key
        assert happened.model_dump_json()


@pytest.mark.parametrize(
    "odd",
    [
        {"status": 5},
        {"protocol": []},
        {"participants": "all"},
        {"reply_to": 7},
        {"error_code": 1.5},
        {"group_name": {"en": "x"}},
        {"direction": False},
        {"attachments": "https://bucket.blooio.com/a.png"},
    ],
)
def test_an_odd_decoration_does_not_lose_the_message(odd: dict[str, object]) -> None:
    """Text and sender are there; what decorates them in an unknown way is kept in the payload only."""
    body = {
        "event": "message.received",
        "message_id": "msg_1",
        "external_id": "+15551234567",
        "internal_id": "+15557654321",
        "sender": "+15551234567",
        "text": "Hi",
        "timestamp": 1700000000000,
        **odd,
    }
    event = parsed(body)

    assert isinstance(event, MessageReceived)
    assert "Hi" == event.text
    assert body == event.raw
