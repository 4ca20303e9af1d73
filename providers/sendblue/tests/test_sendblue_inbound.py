"""Webhooks in our words: by their form, by their URL, and by nothing at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from gateway.provider import (
    Address,
    Attachment,
    BadPayload,
    CallReceived,
    Channel,
    ChatKind,
    DeliveryState,
    DeliveryUpdated,
    Event,
    LineState,
    LineUpdated,
    MessageReceived,
    MessageRef,
    Opaque,
    OptedOut,
    Text,
    TypingStarted,
    TypingStopped,
    UnknownEvent,
    WebhookRequest,
)
from gateway_sendblue import Sendblue
from gateway_sendblue.inbound import parse

SAMPLES = Path(__file__).parent / "samples"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ADA = Address.parse("+12025550150")
LINE = "+15125550141"


def sample(name: str, **changes: Any) -> dict[str, JsonValue]:
    """A recorded delivery, with changes."""
    return {**json.loads((SAMPLES / f"webhook_{name}.json").read_text()), **changes}


def events(payload: object, query: str = "") -> list[Event]:
    """What a delivery becomes."""
    body = json.dumps(payload).encode()
    return list(parse(WebhookRequest(headers=(), body=body, received_at=NOW, query=query)))


def event(payload: object, query: str = "") -> Event:
    """The one event of a delivery."""
    [only] = events(payload, query)
    return only


# ── messages of contacts ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_contact_wrote() -> None:
    """Who, what, when, by which line and network."""
    told = event(sample("receive"))
    assert isinstance(told, MessageReceived)
    assert told.chat is not None
    assert ("99DCC379-DD76-4712-BA65-11EFB33B8CD6", "Hello!", ADA) == (told.vendor_id, told.text, told.sender)
    assert (ChatKind.DIRECT, ADA, LINE) == (told.chat.kind, told.chat.address, told.chat.line)
    assert (Channel.IMESSAGE, datetime(2025, 12, 12, 15, 41, 20, 932000, UTC)) == (told.channel, told.occurred_at)
    assert not told.ours


def test_an_older_form_names_our_line_as_the_sender() -> None:
    """The contact is in `number` in both directions."""
    told = event(sample("receive", from_number=LINE))
    assert isinstance(told, MessageReceived)
    assert ADA == told.sender


def test_a_group_is_told_by_its_id() -> None:
    """With its name and members, our line not among them."""
    told = event(sample("receive_group"))
    assert told.chat is not None
    assert ("b1f6c2f0-8f1c-4d0e-9a51-4b9a1d0b7c11", "Trip", LINE) == (told.chat.group, told.chat.name, told.chat.line)
    assert ["+12025550150", "+12025550151"] == [member.value for member in told.chat.addresses]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (
            "receive_media",
            (
                Text(text="look"),
                Attachment(url="https://storage.googleapis.com/inbound-file-store/abc_IMG_0001.HEIC"),
            ),
        ),
        (
            "receive_link_preview",
            (
                Opaque(
                    kind="link preview",
                    data={"url": "https://storage.googleapis.com/inbound-file-store/x_1.pluginPayloadAttachment"},
                ),
            ),
        ),
        ("receive_tapback", (Text(text="Loved “See you at eight”"),)),
        ("receive_sms", (Text(text="by SMS"),)),
    ],
)
def test_what_a_message_holds(name: str, parts: tuple[Any, ...]) -> None:
    """Text and file; what we have no word for is kept; a tapback is the text that it comes as."""
    told = event(sample(name))
    assert isinstance(told, MessageReceived)
    assert parts == told.message.parts


def test_a_location_and_an_app_card_are_kept() -> None:
    """As opaque parts with what the vendor said; a message that holds nothing says that."""
    card = {"balloonBundleId": "b", "extensionBundleId": "e", "teamId": "t", "url": "https://example.com"}
    found = [
        event(sample("receive_location")),
        event(sample("receive", content="", app_card=card)),
        event(sample("receive", content="")),
        event(sample("receive", content="", media_url="not a url")),
    ]
    parts = [told.message.parts[0] for told in found if isinstance(told, MessageReceived)]
    assert ["location", "app card", "empty", "attachment"] == [getattr(part, "kind", "") for part in parts]
    assert isinstance(parts[0], Opaque)
    assert 30.27 == parts[0].data["latitude"]


def test_an_answer_names_its_message_and_its_thread() -> None:
    """The message answered, and the first one of the thread."""
    told = event(sample("receive_reply"))
    assert isinstance(told, MessageReceived)
    handle = "99DCC379-DD76-4712-BA65-11EFB33B8CD6"
    assert (MessageRef(vendor_id=handle), handle) == (told.message.reply_to, told.thread)


def test_who_opted_out_said_so_in_a_message() -> None:
    """Two events: the message, and that the contact agrees no longer."""
    message, opted_out = events(sample("receive_stop"))
    assert isinstance(message, MessageReceived)
    assert isinstance(opted_out, OptedOut)
    assert ("STOP", ADA) == (message.text, opted_out.address)


# ── reports ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "state", "code", "retriable"),
    [
        ("delivered", DeliveryState.DELIVERED, None, None),
        ("error", DeliveryState.FAILED, "10001", False),
        ("error_text_code", DeliveryState.FAILED, "5509", True),
        ("declined", DeliveryState.FAILED, "OPTED_OUT", False),
        ("downgraded", DeliveryState.SENT, None, None),
    ],
)
def test_a_report_says_how_far_it_came(
    name: str,
    state: DeliveryState,
    code: str | None,
    retriable: bool | None,  # noqa: FBT001 - a table
) -> None:
    """By status, with code and words where it failed; a number in text is one."""
    told = event(sample(name))
    assert isinstance(told, DeliveryUpdated)
    assert (state, code, retriable) == (told.state, told.code, told.retriable)
    assert (told.reason is not None) == (state is DeliveryState.FAILED)


def test_a_failure_that_may_be_none_is_unknown() -> None:
    """The vendor could not find out what became of it."""
    told = event(sample("error", error_code=10002))
    assert isinstance(told, DeliveryUpdated)
    assert (DeliveryState.UNKNOWN, "10002") == (told.state, told.code)


def test_what_was_downgraded_went_as_sms() -> None:
    """Whatever the service says."""
    told = event(sample("downgraded", service="iMessage"))
    assert isinstance(told, DeliveryUpdated)
    assert Channel.SMS is told.channel


def test_each_state_is_a_fact_of_its_own() -> None:
    """The same report by another road has the same key, another state or time another one."""
    first, again = event(sample("delivered")), event({**sample("delivered"), "row_id": 7, "media_url": None})
    later = event(sample("delivered", date_updated="2025-12-12T15:41:24.000Z"))
    assert first.key == again.key
    assert first.key != later.key


def test_a_status_callback_brings_our_token() -> None:
    """And nothing but a report about a message of ours: its URL proves no more."""
    query = "gw_token=tok&gw_proof=00"
    report = event(sample("delivered"), query)
    forged = [event(sample("receive"), query), event(sample("typing"), query), event({"is_outbound": True}, query)]
    assert "tok" == report.token
    assert [UnknownEvent] * 3 == [type(each) for each in forged]


# ── the rest ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_dots_come_and_go() -> None:
    """Our line is in `from_number` here."""
    told, gone = event(sample("typing")), event(sample("typing", is_typing=False))
    assert (TypingStarted, TypingStopped) == (type(told), type(gone))
    assert told.chat is not None
    assert (ADA, LINE) == (told.chat.address, told.chat.line)


@pytest.mark.parametrize(
    ("name", "query", "state"),
    [("line_blocked", "", LineState.SUSPENDED), ("line_blocked", "type=line_assigned", LineState.ACTIVE)],
)
def test_news_of_a_line_is_told_by_form_or_by_url(name: str, query: str, state: LineState) -> None:
    """What the form does not say, the URL that was given for the type does."""
    told = event(sample(name), query)
    assert isinstance(told, LineUpdated)
    assert (state, LINE) == (told.state, told.line)


def test_a_call_and_its_log_are_one_event() -> None:
    """They have the call's id in common; a call of ours is none of a contact's."""
    rung, logged = event(sample("call"), "type=inbound_call"), event(sample("call"), "type=call_log")
    assert isinstance(rung, CallReceived)
    assert (ADA, rung.key) == (rung.sender, logged.key)
    assert isinstance(event(sample("call", direction="outbound")), UnknownEvent)


@pytest.mark.parametrize("kind", ["contact_created", "contact_profile", "call_completed", "verify", ""])
def test_what_we_have_no_word_for_is_kept(kind: str) -> None:
    """With its payload, and a reason that says what to do; what nothing says the type of is not read."""
    told = event({"contact_id": "c", "phone": "+12025550150"}, f"type={kind}" if kind else "")
    assert isinstance(told, UnknownEvent)
    assert (kind in told.reason, True) == (True, "2025550150" not in told.reason)
    assert (not kind) == told.unread
    assert {"contact_id": "c", "phone": "+12025550150"} == told.raw


def test_other_wrappings_are_read_too() -> None:
    """A list, a wrapper, and the envelope of the stream of events: the same events with the same keys."""
    plain = event(sample("receive"))
    stream = {"id": "message:x:received", "type": "message.received", "version": 1, "data": sample("receive")}
    found = [event([sample("receive")]), event({"data": sample("receive")}), event(stream)]
    assert [plain.key] * 3 == [told.key for told in found]
    assert stream == found[2].raw


@pytest.mark.parametrize("body", [b"", b"no", b"7", b"null", b'"text"', b"[" * 5000, b'{"a": NaN}'])
def test_what_is_no_payload_is_said_to_be_none(body: bytes) -> None:
    """The vendor's next attempt may be whole."""
    with pytest.raises(BadPayload):
        parse(WebhookRequest(headers=(), body=body, received_at=NOW))


@pytest.mark.parametrize(
    "payload",
    [
        [],
        [7],
        {},
        {"message_handle": ""},
        {"message_handle": None},
        {"message_handle": [1]},
        {"message_handle": "h", "is_outbound": True, "status": "TOMORROW"},
        {"is_typing": "yes"},
        {"status": "BLOCKED", "sendblue_number": 7},
    ],
)
def test_what_is_new_is_kept_with_a_reason(payload: object) -> None:
    """Nothing of the vendor's is lost, and nothing raises."""
    told = event(payload)
    assert isinstance(told, UnknownEvent)
    assert told.reason


NAMES = sorted({*sample("receive"), *sample("typing"), *sample("call"), "error_key", "reply_to", "location", "data"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=6,
)


@given(changes=st.dictionaries(st.sampled_from(NAMES), JSON), name=st.sampled_from(["receive", "delivered", "typing"]))
def test_any_value_in_any_field_is_an_event(changes: dict[str, Any], name: str) -> None:
    """The same one each time, with a key."""
    found = events({**sample(name), **changes}, "type=call_log")
    assert [told.key for told in found] == [told.key for told in events({**sample(name), **changes}, "type=call_log")]
    assert all(told.key for told in found)


def test_what_is_unfamiliar_is_named() -> None:
    """New fields and new words of a delivery, for whoever looks after the parser; the samples have none."""
    keys = {"api_key_id": "i", "api_secret_key": "k"}
    provider = Sendblue(Sendblue.Settings.model_validate(keys))
    hooks = [
        WebhookRequest(headers=(), body=path.read_bytes(), received_at=NOW) for path in SAMPLES.glob("webhook_*.json")
    ]
    novel = json.dumps(sample("receive", service="Satellite", balloon={"a": 1})).encode()
    named = provider.unfamiliar(WebhookRequest(headers=(), body=novel, received_at=NOW))
    assert [] == [each for hook in hooks for each in provider.unfamiliar(hook)]
    assert {("balloon", None), ("service", "Satellite")} == {(each.path, each.value) for each in named}
