"""Messages and gestures in the vendor's words: which call, which fields, what a second copy would do."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.drive import drive_blocking, first_call
from gateway.provider import (
    Attachment,
    Call,
    Channel,
    Chat,
    DeliveryState,
    Effect,
    Feature,
    GetStatus,
    InvalidMessage,
    Link,
    MarkRead,
    Message,
    MessageRef,
    NotOptedIn,
    Reaction,
    Receipt,
    Refused,
    Repeat,
    Reply,
    SendMessage,
    SendReaction,
    SetTyping,
    Text,
    Token,
    Unsupported,
    VendorFault,
    Voice,
)
from gateway_sendblue import Sendblue, SendblueSettings
from gateway_sendblue.simulator import SendblueTwin

ADA, BEN = "+12025550150", "+12025550151"
LINE, OTHER_LINE = SendblueTwin.lines
TOKEN = Token("t" * 22)
GROUP = "b1f6c2f0-8f1c-4d0e-9a51-4b9a1d0b7c11"
PICTURE = "https://example.com/a.png"


def provider(**more: Any) -> Sendblue:
    """A connection with a line of its own."""
    fields = {"api_key_id": "i", "api_secret_key": "k", "from_number": LINE, **more}
    return Sendblue(SendblueSettings.model_validate(fields))


def action(message: Message | str, chat: Chat | None = None) -> SendMessage:
    """One message to a contact, or into a chat."""
    whole = Message(message) if isinstance(message, str) else message
    return SendMessage(chat=chat or Chat.direct(ADA), messages=(whole,), key="key", token=TOKEN)


def call_of(message: Message | str, chat: Chat | None = None, **settings: Any) -> Call:
    """The call that a message makes."""
    return first_call(provider(**settings).send_message(action(message, chat)))


def receipt_of(answer: str, chat: Chat | None = None) -> Receipt:
    """What comes of an answer of 200."""
    exchange = provider().send_message(action("hi", chat))
    return drive_blocking(exchange, lambda _: Reply(200, body=answer.encode()))


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (Message("hi"), {"content": "hi"}),
        (Message(Link(url="https://example.com")), {"content": "https://example.com"}),
        (Message(Attachment(url=PICTURE)), {"media_url": PICTURE}),
        (Message("look", Attachment(url=PICTURE)), {"content": "look", "media_url": PICTURE}),
        (Message("hi", effect="shootingStar"), {"content": "hi", "send_style": "shooting_star"}),
        (Message("hi", effect=Effect.INVISIBLE_INK), {"content": "hi", "send_style": "invisible"}),
        (
            Message("yes", reply_to=MessageRef(vendor_id="H")),
            {"content": "yes", "reply_to": {"message_handle": "H"}},
        ),
        (
            Message("yes", reply_to=MessageRef(vendor_id="H", part=2)),
            {"content": "yes", "reply_to": {"message_handle": "H", "part_index": 2}},
        ),
        (
            Message("hi", extra={"sendblue": {"seat_id": "s", "pre_reply_override": True}}),
            {"content": "hi", "seat_id": "s", "pre_reply_override": True},
        ),
    ],
)
def test_a_message_is_one_body(message: Message, fields: dict[str, Any]) -> None:
    """To one contact, by the line of the settings; a copy would be a second message."""
    call = call_of(message)
    assert ("POST", "/api/send-message", Repeat.NEVER) == (call.method, call.path, call.repeat)
    assert {"number": ADA, "from_number": LINE, **fields} == call.json


def test_all_thirteen_effects_have_a_word() -> None:
    """In snake case, unlike those of other vendors."""
    words = {call_of(Message("x", effect=effect)).json["send_style"] for effect in Effect}  # type: ignore[call-overload, index]  # it is an object
    assert {
        *("celebration", "shooting_star", "fireworks", "lasers", "love", "confetti", "balloons", "spotlight"),
        *("echo", "invisible", "gentle", "loud", "slam"),
    } == words


def test_the_line_of_the_chat_goes_first() -> None:
    """A reply leaves by the line that was written to; without any line the vendor chooses, but not for a reply."""
    named = call_of("hi", Chat.direct(ADA, line=OTHER_LINE))
    left = call_of("hi", from_number=None)
    assert ({"number": ADA, "from_number": OTHER_LINE, "content": "hi"}, {"number": ADA, "content": "hi"}) == (
        named.json,
        left.json,
    )
    with pytest.raises(InvalidMessage, match="which line acts"):
        call_of(Message("yes", reply_to=MessageRef(vendor_id="H")), from_number=None)


def test_a_group_is_written_to_by_its_id_and_several_by_their_numbers() -> None:
    """Both by another path, with a line and a text."""
    group = call_of(Message("look", Attachment(url=PICTURE)), Chat.of_group(GROUP))
    several = call_of("hi", Chat.several(ADA, BEN))
    assert ("/api/send-group-message",) * 2 == (group.path, several.path)
    assert {"from_number": LINE, "content": "look", "group_id": GROUP, "media_url": PICTURE} == group.json
    assert {"from_number": LINE, "content": "hi", "numbers": [ADA, BEN]} == several.json
    with pytest.raises(InvalidMessage, match="which line acts"):
        call_of("hi", Chat.of_group(GROUP), from_number=None)


def test_with_a_callback_url_our_token_is_on_the_wire() -> None:
    """A copy could be told then: the report that comes to this URL proves the send."""
    call = call_of("hi", callback_url="https://example.com/webhooks/main", webhook_secret="hook-secret")
    url = call.json["status_callback"]  # type: ignore[call-overload, index]  # it is an object
    assert Repeat.TRACED is call.repeat
    assert str(url).startswith(f"https://example.com/webhooks/main?gw_token={TOKEN}&gw_proof=")
    assert "hook-secret" not in f"{call.json}"


@pytest.mark.parametrize(
    ("message", "feature"),
    [
        (Message("a", Text(text="b")), Feature.MULTIPART),
        (Message(Attachment(url=PICTURE), "a"), Feature.MULTIPART),
        (Message("a", Attachment(url=PICTURE), Attachment(url=PICTURE)), Feature.MULTIPART),
        (Message(Text(text="Ada", mention=Chat.direct(ADA).address)), Feature.MULTIPART),
        (Message(Voice(url="https://example.com/a.m4a")), Feature.MULTIPART),
        (Message(Link(url="https://example.com", title="t")), Feature.MULTIPART),
        (Message("a", subject="s"), Feature.SUBJECT),
        (Message("a", channel=Channel.SMS), Feature.CHANNEL),
        (Message("a", share_contact=True), Feature.SHARE_CONTACT),
        (Message(Attachment(data=b"x")), Feature.ATTACHMENT),
        (Message(Attachment(url=PICTURE, name="b.png")), Feature.ATTACHMENT_NAME),
    ],
)
def test_what_cannot_be_carried_is_refused_and_never_dropped(message: Message, feature: Feature) -> None:
    """Fitting has been before; whoever calls the provider by hand is told."""
    with pytest.raises(Unsupported) as caught:
        call_of(message)
    assert (feature.value,) == caught.value.features


def test_a_file_alone_does_not_go_to_a_group() -> None:
    """The text is required there."""
    with pytest.raises(Unsupported, match="with a text only"):
        call_of(Message(Attachment(url=PICTURE)), Chat.of_group(GROUP))


def test_extra_cannot_change_what_was_said_with_words() -> None:
    """Neither a field that is set nor one that words could set."""
    for name in ("content", "media_url", "from_number", "send_style", "numbers"):
        with pytest.raises(InvalidMessage, match=name):
            call_of(Message("hi", extra={"sendblue": {name: "x"}}))


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_receipt_names_handle_state_and_line() -> None:
    """The line is that which the vendor says it chose."""
    receipt = receipt_of(f'{{"message_handle": "H", "status": "SENT", "sendblue_number": "{OTHER_LINE}"}}')
    assert ("H", DeliveryState.SENT) == (receipt.vendor_id, receipt.sent[0].state)
    assert receipt.chat is not None
    assert (OTHER_LINE, None) == (receipt.chat.line, receipt.alias)


def test_several_become_a_group() -> None:
    """The receipt gives it as another name of the chat, without our own line among its members."""
    answer = f'{{"message_handle": "H", "group_id": "{GROUP}", "participants": ["{ADA}", "{BEN}", "{LINE}"]}}'
    receipt = receipt_of(answer, Chat.several(ADA, BEN))
    assert receipt.alias is not None
    assert (GROUP, (ADA, BEN)) == (receipt.alias.group, tuple(member.value for member in receipt.alias.addresses))


def test_a_refusal_inside_of_200_is_an_error() -> None:
    """It certainly did not leave, whatever handle it has."""
    with pytest.raises(NotOptedIn) as caught:
        receipt_of('{"message_handle": "H", "status": "DECLINED", "error_key": "PRE_REPLY_LIMIT_REACHED"}')
    assert ("PRE_REPLY_LIMIT_REACHED", True) == (caught.value.code, caught.value.certain)


@pytest.mark.parametrize("answer", ["", "<html>", "[]", "{}", '{"status": "QUEUED"}'])
def test_an_answer_that_names_no_message_is_not_certain(answer: str) -> None:
    """It may have been sent: nothing repeats it."""
    with pytest.raises(VendorFault) as caught:
        receipt_of(answer)
    assert not caught.value.certain


# ── gestures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def reacting(word: str, *, remove: bool = False, target: MessageRef | None = None, **settings: Any) -> Call:
    """The call of a reaction."""
    ref = target or MessageRef(vendor_id="H")
    chat, reaction = Chat.direct(ADA), Reaction.parse(word)
    gesture = SendReaction(chat=chat, target=ref, reaction=reaction, remove=remove, key="k", token=TOKEN)
    return first_call(provider(**settings).send_reaction(gesture))


def test_a_reaction_names_message_part_and_line() -> None:
    """Six words; a part where one is meant."""
    call = reacting("love", target=MessageRef(vendor_id="H", part=1))
    body = {"from_number": LINE, "message_handle": "H", "reaction": "love", "part_index": 1}
    assert ("/api/send-reaction", Repeat.SAFE, body) == (call.path, call.repeat, call.json)


def test_newer_accounts_take_any_emoji_and_take_it_back() -> None:
    """With a minus in front; on others both are refused."""
    calls = (reacting("🔥", extended_reactions=True), reacting("love", remove=True, extended_reactions=True))
    assert ["🔥", "-love"] == [call.json["reaction"] for call in calls]  # type: ignore[call-overload, index]  # it is an object
    with pytest.raises(Unsupported, match="six reactions"):
        reacting("🔥")
    with pytest.raises(Unsupported, match="only be added"):
        reacting("love", remove=True)
    with pytest.raises(InvalidMessage, match="vendor's id"):
        reacting("love", target=MessageRef(index=-1))


@pytest.mark.parametrize(
    ("gesture", "more"),
    [
        (SetTyping(chat=Chat.direct(ADA)), {}),
        (SetTyping(chat=Chat.direct(ADA), seconds=60), {}),
        (SetTyping(chat=Chat.direct(ADA), seconds=2.5), {"max_duration_ms": 2500}),
        (SetTyping(chat=Chat.direct(ADA), on=False), {"state": "stop"}),
    ],
)
def test_dots_say_as_little_as_they_can(gesture: SetTyping, more: dict[str, Any]) -> None:
    """An old firmware knows a plain start only, which lasts a minute."""
    call = first_call(provider().set_typing(gesture))
    assert ("/api/send-typing-indicator", Repeat.SAFE) == (call.path, call.repeat)
    assert {"number": ADA, "from_number": LINE, **more} == call.json


def test_a_read_mark_names_the_contact() -> None:
    """A group has none, and no dots either."""
    call = first_call(provider().mark_read(MarkRead(chat=Chat.direct(ADA))))
    assert ("/api/mark-read", {"number": ADA, "from_number": LINE}) == (call.path, call.json)
    with pytest.raises(Unsupported, match="one contact"):
        next(provider().mark_read(MarkRead(chat=Chat.of_group(GROUP))))
    with pytest.raises(Unsupported, match="one contact"):
        next(provider().set_typing(SetTyping(chat=Chat.of_group(GROUP))))


def test_a_failure_of_the_dots_inside_of_200_is_an_error() -> None:
    """The vendor answers so where there is no conversation."""
    answer = b'{"number": "+12025550150", "status": "ERROR", "error_message": "No route mapping"}'
    with pytest.raises(Refused, match="No route mapping"):
        drive_blocking(provider().set_typing(SetTyping(chat=Chat.direct(ADA))), lambda _: Reply(200, body=answer))


@pytest.mark.parametrize(
    ("answer", "state", "code"),
    [
        ('{"status": "DELIVERED", "service": "iMessage"}', DeliveryState.DELIVERED, None),
        ('{"status": "ACCEPTED"}', DeliveryState.QUEUED, None),
        ('{"status": "ERROR", "error_code": 10001}', DeliveryState.FAILED, "10001"),
        ('{"status": "ERROR", "error_code": "10002"}', DeliveryState.UNKNOWN, "10002"),
        ('{"status": "DECLINED", "error_key": "OPTED_OUT"}', DeliveryState.FAILED, "OPTED_OUT"),
        ('{"status": "TOMORROW"}', DeliveryState.UNKNOWN, None),
    ],
)
def test_a_look_up_tells_of_failure_without_failing(answer: str, state: DeliveryState, code: str | None) -> None:
    """That a message failed is what was asked; a failure that may be none is unknown."""
    calls: list[Call] = []

    def twin(call: Call) -> Reply:
        calls.append(call)
        return Reply(200, body=answer.encode())

    report = drive_blocking(provider().get_status(GetStatus(vendor_id="H")), twin)
    assert (state, code) == (report.state, report.code)
    assert ("/api/status", {"handle": "H"}) == (calls[0].path, calls[0].params)
