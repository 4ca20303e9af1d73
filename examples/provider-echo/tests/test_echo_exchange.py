"""The way out by hand: each exchange is asked for its call and fed an answer; nothing is sent anywhere."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

import pytest
from pydantic import JsonValue

from gateway.provider import (
    Attachment,
    Attempt,
    Call,
    Chat,
    ContentRefused,
    DeliveryState,
    Exchange,
    Found,
    GetStatus,
    InvalidMessage,
    Level,
    Message,
    MessageRef,
    NotOptedIn,
    Phase,
    Reaction,
    Receipt,
    Repeat,
    Reply,
    SendMessage,
    SendReaction,
    Sent,
    StatusReport,
    Token,
    Unauthorized,
    Unsupported,
    VendorFault,
)
from gateway_echo import Echo, EchoSettings, gateway_providers
from gateway_echo.errors import CODES

T = TypeVar("T")

TOKEN = Token("0123456789abcdefghijkl")
TAG = f"gw1.{TOKEN}.order-7"
CHAT = Chat.direct("+447700900555")


@pytest.fixture
def echo() -> Echo:
    """A provider as a connection has it."""
    return Echo(EchoSettings.model_validate({"api_key": "key-1", "webhook_secret": "secret-1"}))


def run(exchange: Exchange[T], *replies: tuple[int, object]) -> tuple[T, list[Call]]:
    """Turn the crank by hand: the calls that were asked for, and the result."""
    calls = [next(exchange)]
    for status, body in replies:
        try:
            calls.append(exchange.send(Reply(status, body=json.dumps(body).encode())))
        except StopIteration as end:
            return end.value, calls
    raise AssertionError("the exchange wants more than it was given")


def send(message: Message, chat: Chat = CHAT) -> SendMessage:
    """The action that fitting makes of a message."""
    return SendMessage(chat=chat, messages=(message,), key="msg_1.0.0", token=TOKEN)


def test_a_text_is_one_call_with_our_token_in_its_tag(echo: Echo) -> None:
    """Text, effect, reply target and reference are on the wire; a second copy could be found, and is never keyed."""
    message = Message("hi", effect="slam", reply_to=MessageRef(vendor_id="em_0"), reference="order-7")
    answer: JsonValue = {"id": "em_1", "to": "+447700900555", "from": "+447700900123", "status": "queued", "tag": TAG}
    receipt, calls = run(echo.send_message(send(message)), (201, answer))
    body: JsonValue = {"to": "+447700900555", "text": "hi", "effect": "slam", "in_reply_to": "em_0", "tag": TAG}
    assert [Call("POST", "/messages", json=body, repeat=Repeat.TRACED)] == calls
    line = Chat.direct("+447700900555", line="+447700900123")
    sent = (Sent(vendor_id="em_1", state=DeliveryState.QUEUED),)
    assert Receipt(sent=sent, chat=line, raw=(answer,)) == receipt
    assert receipt.chat == line


def test_a_file_goes_by_its_url_and_by_the_line_of_its_chat(echo: Echo) -> None:
    """An attachment is `media_url`, and the chat's line is the sender."""
    chat = Chat.direct("+447700900555", line="+447700900124")
    action = send(Message(Attachment(url="https://files.example/a.png")), chat)
    answer = {"id": "em_1", "status": "queued"}
    _, calls = run(echo.send_message(action), (201, answer))
    expected = {
        "to": "+447700900555",
        "from": "+447700900124",
        "media_url": "https://files.example/a.png",
        "tag": f"gw1.{TOKEN}.",
    }
    assert expected == calls[0].json


def test_what_fitting_would_never_let_through_is_refused(echo: Echo) -> None:
    """A message of two parts has no place in Echo's body; a reply by GUID has none either."""
    with pytest.raises(Unsupported):
        next(echo.send_message(send(Message("a", "b"))))
    with pytest.raises(InvalidMessage):
        next(echo.send_message(send(Message("a", reply_to=MessageRef(guid="ABC")))))


def test_a_reaction_is_put_and_deleted(echo: Echo) -> None:
    """Both are safe to repeat; an emoji is refused before any call."""
    love = SendReaction(
        chat=CHAT, target=MessageRef(vendor_id="em/1"), reaction=Reaction.parse("love"), key="k", token=TOKEN
    )
    where = "/messages/em%2F1/reactions/love"
    receipt, calls = run(echo.send_reaction(love), (204, None))
    assert (Receipt(chat=CHAT), [Call("PUT", where, repeat=Repeat.SAFE)]) == (receipt, calls)
    _, calls = run(echo.send_reaction(love.model_copy(update={"remove": True})), (204, None))
    assert [Call("DELETE", where, repeat=Repeat.SAFE)] == calls
    with pytest.raises(Unsupported) as refused:
        next(echo.send_reaction(love.model_copy(update={"reaction": Reaction.parse("🎉")})))
    assert ("emoji reaction",) == refused.value.features


def test_the_status_is_looked_up(echo: Echo) -> None:
    """Echo's word becomes ours; a word that we do not know is unknown and no error."""
    answer: JsonValue = {"id": "em_1", "status": "failed", "code": "blocked"}
    report, calls = run(echo.get_status(GetStatus(vendor_id="em_1")), (200, answer))
    assert [Call("GET", "/messages/em_1", repeat=Repeat.SAFE)] == calls
    expected = StatusReport(vendor_id="em_1", state=DeliveryState.FAILED, code="blocked", raw=answer)
    assert expected == report
    report, _ = run(echo.get_status(GetStatus(vendor_id="em_1")), (200, {"id": "em_1", "status": "teleported"}))
    assert report.state is DeliveryState.UNKNOWN


def test_a_send_whose_answer_was_not_read_is_found_by_its_tag(echo: Echo) -> None:
    """The list names it; an empty list proves that it was never accepted."""
    attempt = Attempt(action=send(Message("hi", reference="order-7")), started_at=datetime(2026, 1, 1, tzinfo=UTC))
    found, calls = run(echo.find(attempt), (200, {"items": [{"id": "em_1", "status": "sent"}]}))
    assert [Call("GET", "/messages", params={"tag": TAG}, repeat=Repeat.SAFE)] == calls
    assert Found(vendor_ids=("em_1",)) == found
    assert Found(absent=True) == run(echo.find(attempt), (200, {"items": []}))[0]


def test_the_key_is_put_on_a_copy_and_checked_by_a_call_that_changes_nothing(echo: Echo) -> None:
    """`authorize` leaves the call itself without the key; `check` says who answered."""
    line, calls = run(echo.check(), (200, {"name": "Acme", "lines": ["+447700900123"]}))
    assert ("Acme, lines: 1", [Call("GET", "/account", repeat=Repeat.SAFE)]) == (line, calls)
    assert {"Authorization": "Bearer key-1"} == echo.authorize(calls[0]).headers
    assert {} == calls[0].headers


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": {"code": "text_too_long", "message": "…"}}, ContentRefused),
        (401, {"error": {"code": "bad_key"}}, Unauthorized),
        (403, {"error": {"code": "opted_out"}}, NotOptedIn),
        (502, "<html>", VendorFault),
        (201, {"no": "id"}, VendorFault),
    ],
)
def test_each_refusal_is_the_error_that_says_what_to_do(
    echo: Echo, status: int, body: Mapping[str, object], error: type[Exception]
) -> None:
    """The code decides, without one the status; an unreadable acceptance is a fault and not a refusal."""
    exchange = echo.send_message(send(Message("hi")))
    next(exchange)
    with pytest.raises(error):
        exchange.send(Reply(status, body=json.dumps(body).encode()))


def test_every_documented_code_has_a_row() -> None:
    """Echo's error page names nine codes."""
    calls = "bad_request bad_key bad_number text_too_long opted_out unknown_message slow_down".split()
    assert [] == CODES.missing(Phase.CALL, calls)
    assert [] == CODES.missing(Phase.DELIVERY, ["no_imessage", "blocked"])


def test_a_group_carries_nothing(echo: Echo) -> None:
    """Kinds of chat without a row have no capability at all."""
    table = echo.capabilities()
    assert {} == table.find(Chat.of_group("g1").kind).levels
    assert Level.FULL is next(iter(table.find(CHAT.kind).levels.values()))


def test_the_plugin_offers_the_provider_and_its_settings_hide_secrets() -> None:
    """What the entry point names offers Echo; a `repr` of the settings holds no secret."""
    assert (Echo,) == gateway_providers()
    settings = EchoSettings.model_validate({"api_key": "key-1", "webhook_secret": "secret-1"})
    assert "key-1" not in repr(settings)
    assert "secret-1" not in repr(settings)
