"""Webhooks into events: the vendor's samples, every spelling that was seen, and anything at all."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue
from pydantic_core import to_json

from gateway.provider import (
    Address,
    Attachment,
    BadPayload,
    CallReceived,
    Channel,
    Chat,
    DeliveryState,
    DeliveryUpdated,
    Event,
    LineState,
    LineUpdated,
    Message,
    MessageReceived,
    MessageRef,
    Opaque,
    OptedIn,
    OptedOut,
    Reaction,
    ReactionAdded,
    ReactionRemoved,
    Token,
    UnknownEvent,
    Voice,
    WebhookRequest,
    wrap_token,
)
from gateway_loopmessage.inbound import events
from gateway_loopmessage.wire import Hook

SAMPLES = Path(__file__).parent / "samples"
CONTACT = "+13231112233"
MESSAGE_ID = "59c55Ce8-41d6-43Cc-9116-8cfb2e696D7b"
KEY = "hook:ab5Ae733-cCFc-4025-9987-7279b26bE71b"
CHAT = Chat.direct(CONTACT)
TOKEN = Token("0123456789abcdefghijkl")


def sample(name: str) -> dict[str, JsonValue]:
    """The body of a sample."""
    body: dict[str, JsonValue] = json.loads((SAMPLES / f"hook-{name}.json").read_text())
    return body


def parse(body: JsonValue | bytes) -> list[Event]:
    """The events of a body."""
    raw = body if isinstance(body, bytes) else to_json(body)
    return list(events(WebhookRequest(headers=(), body=raw, received_at=datetime(2026, 1, 1, tzinfo=UTC))))


def inbound(**fields: JsonValue) -> dict[str, JsonValue]:
    """A message that a contact wrote, with fields changed; None leaves one out."""
    return {name: value for name, value in {**sample("message-inbound"), **fields}.items() if value is not None}


def message(body: Mapping[str, JsonValue]) -> MessageReceived:
    """The one event of an inbound message."""
    (event,) = parse(dict(body))
    assert isinstance(event, MessageReceived)
    return event


def test_the_sample_of_each_event_is_read() -> None:
    """Whole events, expected beside the vendor's examples."""
    raw = sample("message-inbound")
    about: dict[str, Any] = {"key": KEY, "chat": CHAT}
    report: dict[str, Any] = {**about, "ours": True, "vendor_id": MESSAGE_ID}
    sender = Address.parse(CONTACT)
    expected: dict[str, Event] = {
        "message-inbound": MessageReceived(
            **about, raw=raw, vendor_id=MESSAGE_ID, sender=sender, message=Message("text")
        ),
        "message-delivered": DeliveryUpdated(**report, raw=sample("message-delivered"), state=DeliveryState.DELIVERED),
        "message-scheduled": DeliveryUpdated(**report, raw=sample("message-scheduled"), state=DeliveryState.QUEUED),
        "message-failed": DeliveryUpdated(
            **report,
            raw=sample("message-failed"),
            state=DeliveryState.FAILED,
            code="100",
            reason="not delivered, the vendor gives no reason",
            retriable=False,
        ),
        "message-reaction": ReactionAdded(
            **about,
            raw=sample("message-reaction"),
            target=MessageRef(vendor_id=MESSAGE_ID),
            reaction=Reaction.parse("like"),
            sender=sender,
        ),
        "sender-name-updated": LineUpdated(
            key="hook:string",
            raw=sample("sender-name-updated"),
            line="ID string",
            state=LineState.ACTIVE,
            address=sender,
        ),
        "opt-in": OptedIn(
            key="hook:d37985d1-d648-4d42-ac69-ae72e08da86e",
            chat=Chat.direct("+155566678958"),
            raw=sample("opt-in"),
            address=Address.parse("+155566678958"),
            parameters={
                "click_id": "asdasads1241412fdsf",
                "utm_medium": "google",
                "utm_campaign": "credit on card online",
            },
            vendor_id="2a12f7ed-da37-49fd-bbf9-e2965adfb01d",
            text="Hey guy, want to test end-to-end analytics a little?",
        ),
    }
    # the one of the nested objects is read beside the other generations
    others = {"group-inbound"}
    assert {path.stem.removeprefix("hook-") for path in SAMPLES.glob("hook-*.json")} - others == expected.keys()
    assert expected == {name: parse(sample(name))[0] for name in expected}


def test_a_message_of_a_group_is_in_the_group_and_from_its_member() -> None:
    """`contact` is the member who wrote; `id` and the older `group_id` name the same chat."""
    for key in ("id", "group_id"):
        group: JsonValue = {key: "G-1", "name": "Team", "participants": [CONTACT, "jo@Example.com", "?? !"]}
        event = message(inbound(group=group, sender="line-1"))
        chat = Chat.of_group("G-1", members=(CONTACT, "jo@example.com"), name="Team", line="line-1")
        assert chat == event.chat
        assert Address.parse(CONTACT) == event.sender


def test_everything_that_a_message_can_have_is_read() -> None:
    """Line, subject, attachments after the text, channel, thread, reply target, language."""
    event = message(
        inbound(
            sender="line-1",
            subject="Title",
            attachments=["https://cdn.example/a.png", "https://cdn.example/b"],
            message_type="attachments",
            channel="rcs",
            thread_id="T-1",
            reply_to_id="M-0",
            language={"code": "zh", "name": "Chinese", "script": "Hans"},
        )
    )
    files = (Attachment(url="https://cdn.example/a.png"), Attachment(url="https://cdn.example/b"))
    expected = Message("text", *files, subject="Title", reply_to=MessageRef(vendor_id="M-0"))
    assert expected == event.message
    assert (Channel.RCS, "T-1", "zh") == (event.channel, event.thread, event.language)
    assert Chat.direct(CONTACT, line="line-1") == event.chat


def test_a_voice_note_stands_alone_with_what_was_said() -> None:
    """Its words are the transcription; a text beside it stands in for a missing one."""
    speech: JsonValue = {"text": "said", "language": {"code": "en"}, "metadata": {"pitch": 1.5}}
    note = inbound(message_type="audio", attachments=["https://cdn.example/a.caf"], speech=speech, text=None)
    assert Message(Voice(url="https://cdn.example/a.caf", transcript="said")) == message(note).message
    note = inbound(message_type="audio", attachments=["https://cdn.example/a.caf"])
    assert Message(Voice(url="https://cdn.example/a.caf", transcript="text")) == message(note).message
    both = inbound(message_type="audio", attachments=["https://cdn.example/a.caf", "https://cdn.example/b.caf"])
    assert len(message(both).message.parts) == 3


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        (
            {"message_type": "sticker", "text": None, "attachments": ["https://cdn.example/s.heic"]},
            Opaque(kind="sticker", data={"attachments": ["https://cdn.example/s.heic"]}),
        ),
        ({"message_type": "location", "text": "52.5,13.4"}, Opaque(kind="location", data={"text": "52.5,13.4"})),
        ({"message_type": "brand-new", "text": None}, Opaque(kind="brand-new", data={})),
        ({"message_type": None, "text": ""}, Opaque(kind="text", data={})),
        ({"text": None, "attachments": [42]}, Opaque(kind="attachment", data={"value": 42})),
        ({"text": None, "attachments": [{"url": "https://cdn.example/a"}]}, Attachment(url="https://cdn.example/a")),
    ],
)
def test_what_has_no_word_is_kept(fields: dict[str, JsonValue], part: Opaque | Attachment) -> None:
    """Stickers, locations, empty messages and odd attachments are parts like any other."""
    assert Message(part) == message(inbound(**fields)).message


def test_contacts_may_be_neither_phone_nor_email() -> None:
    """A short code is the vendor's own id of a contact; an email is one in any case."""
    assert Chat.direct(Address.contact("72345")) == message(inbound(contact="72345")).chat
    assert Chat.direct("jo@example.com") == message(inbound(contact="Jo@Example.COM")).chat
    assert CHAT == message(inbound(contact=None, recipient="+1 (323) 111-2233")).chat


@pytest.mark.parametrize("change", [{"event": "opt-in", "type": None}, {"event": "opt-in"}, {"type": "opt_in"}])
def test_an_opt_in_has_two_marks(change: dict[str, JsonValue]) -> None:
    """The event `opt-in` of the vendor's table, or `type: opt_in` of its sample."""
    (event,) = parse({**sample("opt-in"), **change})
    assert isinstance(event, OptedIn)
    assert Address.parse("+155566678958") == event.address


def test_our_token_and_the_reference_come_back() -> None:
    """`passthrough` is taken apart on every event of the message; one that is not ours is all reference."""
    for name in ("message-delivered", "message-failed", "message-reaction"):
        (event,) = parse({**sample(name), "passthrough": wrap_token(TOKEN, "order-7")})
        assert (TOKEN, "order-7") == (event.token, event.reference)
        (event,) = parse({**sample(name), "passthrough": "order-7"})
        assert (None, "order-7") == (event.token, event.reference)


def test_a_failure_says_why() -> None:
    """The code is a number or a numeric text; the meaning is that of a delivery."""
    for code in (1020, "1020"):
        (event,) = parse({**sample("message-failed"), "error_code": code, "channel": "imessage"})
        assert isinstance(event, DeliveryUpdated)
        expected = (DeliveryState.FAILED, Channel.IMESSAGE, "1020", "sent, and not delivered", True)
        assert expected == (event.state, event.channel, event.code, event.reason, event.retriable)


def test_a_failure_because_of_an_opt_out_tells_of_the_opt_out() -> None:
    """The vendor has no event for it: code 500 is the only word, and two events have two keys."""
    failed, opted_out = parse({**sample("message-failed"), "error_code": 500})
    assert isinstance(failed, DeliveryUpdated)
    raw: JsonValue = {**sample("message-failed"), "error_code": 500}
    assert OptedOut(key=f"{KEY}/opted-out", chat=CHAT, raw=raw, address=Address.parse(CONTACT)) == opted_out
    assert failed.key == KEY


@pytest.mark.parametrize(
    ("fields", "state", "reason"),
    [
        ({"event": "message_sent", "success": True}, DeliveryState.SENT, None),
        ({"event": "message_sent"}, DeliveryState.SENT, None),
        ({"event": "message_sent", "success": False}, DeliveryState.FAILED, "sent, and not delivered"),
        (
            {"event": "message_timeout", "error_code": 130},
            DeliveryState.FAILED,
            "not delivered in the time that was given",
        ),
    ],
)
def test_reports_of_the_older_generation_are_read(
    fields: dict[str, JsonValue], state: DeliveryState, reason: str | None
) -> None:
    """`message_sent` with its flag, and `message_timeout`, whose codes are another list."""
    (event,) = parse({**sample("message-delivered"), "contact": None, "recipient": CONTACT, **fields})
    assert isinstance(event, DeliveryUpdated)
    assert (state, reason, CHAT) == (event.state, event.reason, event.chat)


@pytest.mark.parametrize(
    ("word", "kind", "reaction"),
    [
        ("emphasize", ReactionAdded, "emphasize"),
        ("exclaim", ReactionAdded, "emphasize"),
        ("-love", ReactionRemoved, "love"),
        ("😂", ReactionAdded, "😂"),
        ("unknown", ReactionAdded, None),
        (None, ReactionAdded, None),
    ],
)
def test_reactions_in_every_spelling(word: str | None, kind: type[Event], reaction: str | None) -> None:
    """The older word, a removal as requests spell it, an emoji, and none that is known."""
    (event,) = parse({**sample("message-reaction"), "reaction": word})
    assert type(event) is kind
    assert isinstance(event, ReactionAdded | ReactionRemoved)
    assert reaction == (event.reaction.text if event.reaction else None)


def test_a_reaction_prefers_the_message_that_it_answers() -> None:
    """Nobody knows whose id `message_id` is; a `reply_to_id` beside it is the message, in either event."""
    (event,) = parse({**sample("message-reaction"), "reply_to_id": "M-0"})
    assert isinstance(event, ReactionAdded)
    assert MessageRef(vendor_id="M-0") == event.target
    (event,) = parse(inbound(message_type="reaction", reaction="love"))
    assert isinstance(event, ReactionAdded)
    assert (MessageRef(vendor_id=MESSAGE_ID), Reaction.parse("love")) == (event.target, event.reaction)


def test_a_call_and_a_line() -> None:
    """A call names its contact; a line has one of four states, or one that is not known."""
    body: JsonValue = {"event": "inbound_call", "contact": CONTACT, "sender": "line-1", "webhook_id": "w"}
    chat = Chat.direct(CONTACT, line="line-1")
    assert [CallReceived(key="hook:w", chat=chat, raw=body, sender=Address.parse(CONTACT))] == parse(body)
    words = ("active", "pending", "canceled", "suspended", "brand-new")
    states = [LineState.ACTIVE, LineState.PENDING, LineState.CANCELLED, LineState.SUSPENDED, LineState.UNKNOWN]
    updates = [parse({**sample("sender-name-updated"), "status": word})[0] for word in words]
    assert states == [event.state for event in updates if isinstance(event, LineUpdated)]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"event": "unknown", "webhook_id": "w"}, "there is no word for the event 'unknown'"),
        ({"event": "call +13231112233", "webhook_id": "w"}, "there is no word for the event 'call •••33'"),
        ({"webhook_id": "w"}, "the webhook names no event"),
        ({"event": "message_inbound", "webhook_id": "w"}, "a message without an id"),
        ({"event": "message_inbound", "message_id": "M", "webhook_id": "w"}, "a message without contact and group"),
        ({"event": "message_delivered", "webhook_id": "w"}, "a report without a message id"),
        ({"event": "message_reaction", "webhook_id": "w"}, "a reaction without a message id"),
        ({"event": "opt-in", "webhook_id": "w"}, "an opt-in without a contact"),
        ({"event": "sender_name_updated", "webhook_id": "w"}, "a sender event without a sender"),
        ({"event": [7], "text": ["no"], "webhook_id": "w"}, "unexpected value in event, text"),
    ],
)
def test_what_is_not_understood_is_kept_whole(body: dict[str, JsonValue], reason: str) -> None:
    """The payload stays beside the reason, under the same key as if it had been understood.

    What has the form of no generation is `unread`.
    """
    unread = reason == "the webhook names no event"
    assert [UnknownEvent(key="hook:w", raw=body, reason=reason, unread=unread)] == parse(body)


@pytest.mark.parametrize("body", [b"", b"no", b"[]", b"null", b'"a"', b"{", b"\xff\xfe", b'{"a": NaN}', b"[" * 5000])
def test_what_is_no_json_object_is_a_bad_payload(body: bytes) -> None:
    """The vendor posts objects."""
    with pytest.raises(BadPayload):
        parse(body)


def test_keys_follow_the_fact() -> None:
    """The webhook's id where there is one; else what makes the fact; else all of it, however it is spaced."""
    bare = inbound(webhook_id=None)
    assert parse(bare)[0].key == parse({**bare, "text": "changed"})[0].key
    assert parse(bare)[0].key != parse({**bare, "message_id": "other"})[0].key
    delivered = {**bare, "event": "message_delivered"}
    assert parse(bare)[0].key != parse(delivered)[0].key
    call: dict[str, JsonValue] = {"event": "inbound_call", "contact": CONTACT}
    assert parse(call)[0].key == parse(json.dumps(call, indent=4).encode())[0].key
    assert parse(call)[0].key != parse({**call, "contact": "+13232223344"})[0].key


# ── anything at all ───────────────────────────────────────────────────────────────────────────────────────────────

_texts = st.text(max_size=20) | st.sampled_from([CONTACT, "opt_in", "audio", "reaction", "love", "gw1.x.y", "-", "M"])
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)
_events = st.sampled_from(
    "message_inbound message_delivered message_failed message_reaction message_scheduled message_sent message_timeout"
    " opt-in inbound_call sender_name_updated unknown brand_new".split()
)
_hooks = st.fixed_dictionaries(
    {"event": _events},
    optional={name: _texts | _json for name in Hook.model_fields if name != "event"},
)
_good_hooks = st.fixed_dictionaries(
    {"event": _events, "contact": st.just(CONTACT), "message_id": st.just("M")},
    optional=dict.fromkeys(("text", "subject", "passthrough", "reaction", "message_type", "channel"), _texts)
    | {"attachments": st.lists(_texts, max_size=3), "parameters": st.dictionaries(_texts, _json, max_size=2)},
)


def check(body: bytes) -> list[Event]:
    """Parse, and hold what every event owes: a key of its own, and that the same bytes give the same events."""
    try:
        found = parse(body)
    except BadPayload:
        return []
    assert found
    assert len({event.key for event in found}) == len(found)
    assert found == parse(body)
    return found


@given(_hooks | _json)
def test_any_json_gives_events_or_a_bad_payload(body: JsonValue) -> None:
    """Nothing but events and `BadPayload` comes out, whatever the fields hold."""
    found = check(to_json(body))
    assert bool(found) == isinstance(body, dict)


@given(_good_hooks)
def test_a_whole_webhook_is_always_understood(body: dict[str, JsonValue]) -> None:
    """With a contact and a message id, no text in any field makes an event unknown but the event's own name."""
    (first, *_) = check(to_json(body))
    without_word = body["event"] in {"unknown", "brand_new", "sender_name_updated"}
    assert isinstance(first, UnknownEvent) == without_word


@given(st.binary(max_size=200))
def test_any_bytes_give_events_or_a_bad_payload(body: bytes) -> None:
    """Nothing else is raised."""
    check(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"event": "message_inbound", "x": ' + b"9" * 5000 + b"}",
        b'{"x": ' + b"[" * 190 + b"]" * 190 + b"}",
        b'{"event": "opt-in", "contact": "+13231112233", "parameters": ' + b'{"a":' * 180 + b"1" + b"}" * 181,
        b'{"event": "message_inbound", "text": "\\ud800"}',
        b'{"a": 1, "a": 2}',
        b'{"event": "message_inbound", "message_id": "M", "group": {"id": "' + b"g" * 600 + b'"}}',
    ],
)
def test_hostile_bodies_give_events_or_a_bad_payload(body: bytes) -> None:
    """Numbers without end, nests, halves of characters, doubled names and ids that are too long."""
    check(body)
