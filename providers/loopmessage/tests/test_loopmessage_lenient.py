"""What is odd in an answer or a webhook costs that field, and neither the fact beside it nor the outcome."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import JsonValue
from pydantic_core import to_json

from gateway.provider import (
    Attachment,
    Chat,
    DeliveryState,
    DeliveryUpdated,
    Event,
    Feature,
    Message,
    MessageReceived,
    MessageRef,
    NotOptedIn,
    Reaction,
    ReactionAdded,
    Refused,
    Reply,
    SendError,
    SendMessage,
    SendReaction,
    SetTyping,
    Token,
    Unsupported,
    VendorFault,
    Voice,
    WebhookRequest,
)
from gateway_loopmessage import outbound, wire
from gateway_loopmessage.api import message
from gateway_loopmessage.inbound import events

BODY: dict[str, JsonValue] = {
    "event": "message_inbound",
    "contact": "+13231112233",
    "text": "hi",
    "message_id": "M",
    "webhook_id": "W",
}
TOKEN = Token("t" * 22)
CONTACT = Chat.direct("contact:4f0e")


def parse(body: JsonValue) -> Sequence[Event]:
    """Give the events of a body."""
    return events(WebhookRequest(headers=(), body=to_json(body), received_at=datetime(2026, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize(
    "odd",
    [
        {"language": "EN"},
        {"language": {"code": ["en"]}},
        {"speech": "hi"},
        {"channel": {"name": "imessage"}},
        {"thread_id": ["T"]},
        {"api_version": 1.0},
        {"organization_id": {}},
        {"subject": ["no"]},
        {"error_code": [100]},
        {"status": True},
    ],
)
def test_an_odd_field_does_not_lose_the_message(odd: dict[str, JsonValue]) -> None:
    """It is missing from the event and whole in its raw payload."""
    (event,) = parse({**BODY, **odd})
    assert isinstance(event, MessageReceived)
    assert ("hi", {**BODY, **odd}) == (event.text, event.raw)


def test_a_group_without_its_members_is_the_group() -> None:
    """Members that are null, missing or half odd leave the id and whoever is named."""
    cases: list[tuple[JsonValue, tuple[str, ...]]] = [
        (None, ()),
        ("x", ()),
        ([None, "+13231112233", 7], ("+13231112233",)),
    ]
    for members, known in cases:
        (event,) = parse({**BODY, "group": {"id": "G", "participants": members}})
        assert Chat.of_group("G", members=known) == event.chat


def test_an_id_of_digits_is_an_id() -> None:
    """Numbers in the place of text are text."""
    (event,) = parse({**BODY, "message_id": 17, "webhook_id": 18, "sender": 19})
    assert isinstance(event, MessageReceived)
    assert ("17", Chat.direct("+13231112233", line="19")) == (event.vendor_id, event.chat)


def test_one_attachment_may_stand_alone() -> None:
    """A URL in the place of a list is a list of it."""
    (event,) = parse({**BODY, "attachments": "https://files.example/a.png"})
    assert isinstance(event, MessageReceived)
    assert Message("hi", Attachment(url="https://files.example/a.png")) == event.message


def test_an_odd_code_leaves_the_failure() -> None:
    """The message failed, for no reason that is known."""
    (event,) = parse({**BODY, "event": "message_failed", "error_code": {"n": 1020}})
    assert isinstance(event, DeliveryUpdated)
    assert (DeliveryState.FAILED, None) == (event.state, event.code)


def test_an_odd_success_is_not_taken_for_one() -> None:
    """The older `message_sent` says by `success` whether it failed: without it nothing is known."""
    (event,) = parse({**BODY, "event": "message_sent", "success": "perhaps"})
    assert not isinstance(event, DeliveryUpdated)


def test_a_reaction_of_a_contact_is_not_ours() -> None:
    """`ours` is what this account did; that the message is ours shows by its id."""
    (event,) = parse({**BODY, "event": "message_reaction", "reaction": "love"})
    assert isinstance(event, ReactionAdded)
    assert not event.ours


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def answered(request: wire.SendRequest, body: bytes, status: int = 200) -> wire.SendResponse | SendError:
    """Hand an answer to the exchange of a send."""
    exchange = message.send(request)
    next(exchange)
    try:
        exchange.send(Reply(status, {}, body))
    except StopIteration as done:
        result: wire.SendResponse = done.value
        return result
    except SendError as error:
        return error
    raise AssertionError("one call is all it takes")


def reaction() -> wire.SendRequest:
    """Make the request for a reaction."""
    target = MessageRef(vendor_id="M")
    chat = Chat.direct("+13231112233")
    return outbound.reaction(
        SendReaction(chat=chat, target=target, reaction=Reaction.parse("love"), key="k", token=TOKEN)
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'{"success":true,"group":"x"}', b'{"success":true,"message_id":[7]}', b'{"text":{}}'],
)
def test_any_answer_but_a_failure_accepts_a_reaction(body: bytes) -> None:
    """The vendor documents none."""
    assert isinstance(answered(reaction(), body), wire.SendResponse)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"success":false,"code":500,"message":{"en":"no"}}', (NotOptedIn, "500")),
        (b'{"success":false,"code":" 500 "}', (NotOptedIn, "500")),
        (b'{"success":false,"code":[1]}', (Refused, None)),
        (b'{"code":500}', (NotOptedIn, "500")),
    ],
)
def test_a_refusal_is_read_from_what_can_be_read(body: bytes, expected: tuple[type[SendError], str | None]) -> None:
    """At HTTP 200 too, and with a message that is no text."""
    error = answered(reaction(), body)
    assert isinstance(error, SendError)
    assert (*expected, True) == (type(error), error.code, error.certain)


def test_an_odd_success_is_an_unknown_outcome() -> None:
    """Neither yes nor no: the text may have been sent."""
    request = wire.SendRequest(contact="+13231112233", text="hi")
    error = answered(request, json.dumps({"success": "perhaps", "message_id": "M"}).encode())
    assert isinstance(error, VendorFault)
    assert not error.certain


# ── contact ids ───────────────────────────────────────────────────────────────────────────────────────────────────


def send(*content: Any) -> wire.SendRequest:
    """Make the request for a message to a contact id."""
    return outbound.message(SendMessage(chat=CONTACT, messages=(Message(*content),), key="k", token=TOKEN), None)


def test_a_contact_id_is_for_texts_only() -> None:
    """The vendor's page has it there and nowhere else."""
    assert "4f0e" == send("hi").contact
    target = MessageRef(vendor_id="M")
    asked = (
        (Feature.VOICE, lambda: send(Voice(url="https://files.example/a.mp3"))),
        (
            Feature.REACTION,
            lambda: outbound.reaction(
                SendReaction(chat=CONTACT, target=target, reaction=Reaction.parse("love"), key="k", token=TOKEN)
            ),
        ),
        (Feature.TYPING, lambda: outbound.typing(SetTyping(chat=CONTACT), "line")),
    )
    for feature, ask in asked:
        with pytest.raises(Unsupported) as refused:
            ask()
        assert (feature.value,) == refused.value.features


@pytest.mark.parametrize("code", [100, 230, 500, 540, 1010])
def test_behind_a_fault_of_the_server_a_code_makes_nothing_certain(code: int) -> None:
    """The vendor's page knows 200, 400 and 402: what was done before a 5xx nobody knows, so nothing is sent again."""
    request = wire.SendRequest(contact="+13231112233", text="hi")
    error = answered(request, json.dumps({"success": False, "code": code}).encode(), 500)
    assert isinstance(error, VendorFault)
    assert (str(code), False) == (error.code, error.certain)
