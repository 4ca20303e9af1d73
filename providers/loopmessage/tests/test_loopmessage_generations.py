"""Each generation of webhooks has a recogniser, and every sample of it becomes its event."""

import json
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
    CallReceived,
    Channel,
    Chat,
    DeliveryState,
    DeliveryUpdated,
    Event,
    GroupUpdated,
    Message,
    MessageReceived,
    MessageRef,
    Reaction,
    ReactionAdded,
    UnknownEvent,
    Voice,
    WebhookRequest,
)
from gateway_loopmessage.errors import LEGACY
from gateway_loopmessage.inbound import GENERATIONS, events, generation
from gateway_loopmessage.wire import Hook

SAMPLES = Path(__file__).parent / "samples"
CONTACT = "+13231112233"
SENDER = Address.parse(CONTACT)
MESSAGE_ID = "59c55Ce8-41d6-43Cc-9116-8cfb2e696D7b"
KEY = "hook:ab5Ae733-cCFc-4025-9987-7279b26bE71b"
CHAT = Chat.direct(CONTACT, line="ahoy@imsg.tel")


def sample(name: str) -> dict[str, JsonValue]:
    """The body of a sample."""
    body: dict[str, JsonValue] = json.loads((SAMPLES / f"{name}.json").read_text())
    return body


def parse(body: JsonValue) -> list[Event]:
    """The events of a body."""
    return list(events(WebhookRequest(headers=(), body=to_json(body), received_at=datetime(2026, 1, 1, tzinfo=UTC))))


def test_every_sample_is_recognised_by_its_generation_alone() -> None:
    """By the beginning of its name; there are some of each."""
    expected = {"hook": "current", "legacy": "legacy", "front": "n8n"}
    seen = set()
    for path in SAMPLES.glob("*.json"):
        kind = path.stem.partition("-")[0]
        if kind in expected:
            body = sample(path.stem)
            assert [expected[kind]] == [form.name for form in GENERATIONS if form.recognises(body)]
            seen.add(kind)
    assert expected.keys() == seen


def test_the_samples_of_the_older_generation_become_events() -> None:
    """Whole events, expected beside the samples."""

    def about(name: str, **fields: Any) -> dict[str, Any]:
        return {"key": KEY, "chat": CHAT, "raw": sample(f"legacy-{name}"), **fields}

    def report(name: str, state: DeliveryState, **fields: Any) -> DeliveryUpdated:
        told = about(name, ours=True, vendor_id=MESSAGE_ID, channel=Channel.IMESSAGE, state=state)
        return DeliveryUpdated(**told, **fields)

    def message(name: str, **fields: Any) -> MessageReceived:
        told = about(name, vendor_id=MESSAGE_ID, sender=SENDER, message=Message("text"), channel=Channel.IMESSAGE)
        return MessageReceived(**told, **fields)

    group = Chat.of_group(
        "2BC4FD6A-CE49-439F-81DF-E895C09CA49C",
        members=(CONTACT, "+13232223344"),
        name="String",
        line="ahoy@imsg.tel",
    )
    failed = DeliveryState.FAILED
    expected: dict[str, Event] = {
        "message-inbound": message("message-inbound", language="en"),
        "message-reply": message("message-reply"),
        "message-scheduled": report("message-scheduled", DeliveryState.QUEUED, reference="order-7"),
        "message-sent": report("message-sent", DeliveryState.SENT, reference="order-7"),
        "message-sent-undelivered": report("message-sent-undelivered", failed, reason="sent, and not delivered"),
        "message-failed": report(
            "message-failed",
            failed,
            code="110",
            reason="not delivered: the contact cannot be reached",
            retriable=False,
        ),
        "message-timeout": report(
            "message-timeout", failed, code="130", reason="not delivered in the time that was given", retriable=True
        ),
        "message-reaction": ReactionAdded(
            **about("message-reaction"),
            target=MessageRef(vendor_id=MESSAGE_ID),
            reaction=Reaction.parse("emphasize"),
            sender=SENDER,
        ),
        "group-created": GroupUpdated(**about("group-created", chat=group), name="String", sender=SENDER),
        "inbound-call": CallReceived(**about("inbound-call"), sender=SENDER),
        "conversation-inited": UnknownEvent(
            key=KEY,
            raw=sample("legacy-conversation-inited"),
            reason="there is no word for the alert 'conversation_inited'",
        ),
        "unknown": UnknownEvent(
            key=KEY, raw=sample("legacy-unknown"), reason="there is no word for the alert 'unknown'"
        ),
    }
    assert expected.keys() == {path.stem.removeprefix("legacy-") for path in SAMPLES.glob("legacy-*.json")}
    assert expected == {name: parse(sample(f"legacy-{name}"))[0] for name in expected}


def test_the_sample_of_the_front_becomes_a_message() -> None:
    """It has no id of the webhook, so the fact names it; the sender is a name."""
    body = sample("front-message-inbound")
    (event,) = parse(body)
    expected = MessageReceived(
        key=event.key,
        chat=CHAT,
        raw=body,
        vendor_id=MESSAGE_ID,
        sender=SENDER,
        message=Message("text"),
        channel=Channel.IMESSAGE,
    )
    assert expected == event
    assert event.key.startswith("fact:")
    assert event.key == parse({**body, "text": "changed"})[0].key


def test_the_nested_objects_of_the_current_generation_are_read() -> None:
    """Group, language and speech, in one message."""
    (event,) = parse(sample("hook-group-inbound"))
    assert isinstance(event, MessageReceived)
    assert Message(Voice(url="https://cdn.example/a.caf", transcript="said")) == event.message
    assert ("zh", "string", SENDER) == (event.language, event.thread, event.sender)
    assert event.chat is not None
    assert ("2BC4FD6A-CE49-439F-81DF-E895C09CA49C", "ID string") == (event.chat.group, event.chat.line)


@pytest.mark.parametrize("code", ["100", "110", "120", "130", "140", "150"])
def test_the_older_codes_have_their_own_meaning(code: str) -> None:
    """Each of the numbers has a row, and another meaning today."""
    (event,) = parse({**sample("legacy-message-failed"), "error_code": int(code)})
    (today,) = parse({**sample("hook-message-failed"), "error_code": int(code)})
    assert isinstance(event, DeliveryUpdated)
    assert isinstance(today, DeliveryUpdated)
    assert LEGACY[code].meaning == event.reason
    assert event.reason != today.reason


def test_a_failure_with_a_code_that_nobody_knows_is_a_failure() -> None:
    """Or with none."""
    for code in (999, None):
        (event,) = parse({**sample("legacy-message-failed"), "error_code": code})
        assert isinstance(event, DeliveryUpdated)
        assert (DeliveryState.FAILED, "not delivered", None) == (event.state, event.reason, event.retriable)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"alert_type": "brand_new", "webhook_id": "w"}, "there is no word for the alert 'brand_new'"),
        ({"alert_type": "", "webhook_id": "w"}, "the webhook names no alert"),
        ({"alert_type": "message_sent", "webhook_id": "w"}, "a report without a message id"),
        ({"alert_type": "group_created", "webhook_id": "w"}, "a new group without an id"),
        ({"alert_type": [7], "webhook_id": "w"}, "unexpected value in alert_type"),
        ({"webhook_id": "w", "hello": 1}, "the webhook names no event"),
    ],
)
def test_what_is_new_is_kept_with_a_reason(body: dict[str, JsonValue], reason: str) -> None:
    """It never raises."""
    unread = generation(body) is None
    assert [UnknownEvent(key="hook:w", raw=body, reason=reason, unread=unread)] == parse(body)


_values = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.lists(st.text(max_size=4), max_size=2)
_names = st.sampled_from([*Hook.model_fields, "brand_new"])
_alerts = st.sampled_from(
    "message_inbound message_reply message_sent message_failed message_timeout message_reaction group_created"
    " inbound_call conversation_inited unknown brand_new".split()
)


@given(st.dictionaries(_names, _values, max_size=8), st.none() | _alerts)
def test_no_object_is_of_two_generations_or_raises(body: dict[str, JsonValue], alert: str | None) -> None:
    """Whatever its fields hold, it gives events with keys of their own, twice the same."""
    whole = body if alert is None else {**body, "alert_type": alert}
    assert len([form for form in GENERATIONS if form.recognises(whole)]) < 2
    found = parse(whole)
    assert found
    assert len({event.key for event in found}) == len(found)
    assert found == parse(whole)
    if generation(whole) is None:
        assert isinstance(found[0], UnknownEvent)
        assert found[0].unread
