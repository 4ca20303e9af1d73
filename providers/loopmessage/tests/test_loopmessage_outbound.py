"""The way out by hand: each exchange is asked for its call and fed an answer; nothing is sent anywhere."""

from typing import Any, Protocol, TypeVar

import pytest
from pydantic import JsonValue

from gateway.provider import (
    Address,
    Attachment,
    Call,
    Channel,
    Chat,
    Exchange,
    InvalidMessage,
    Link,
    MarkRead,
    Message,
    MessageRef,
    Opaque,
    Reaction,
    Receipt,
    Repeat,
    SendMessage,
    SendReaction,
    Sent,
    SetTyping,
    Text,
    Token,
    Unsupported,
    Voice,
)
from gateway_loopmessage import LoopMessage, LoopMessageSettings

T = TypeVar("T")


class Feed(Protocol):
    """See conftest."""

    def __call__(self, exchange: Exchange[T], *answers: tuple[int, object]) -> tuple[T, list[Call]]: ...


TOKEN = Token("0123456789abcdefghijkl")
WRAPPED = f"gw1.{TOKEN}."
CHAT = Chat.direct("+13231112233")
GROUP = Chat.of_group("G-1", line="line-9")
ACCEPTED: JsonValue = {"message_id": "M-1", "success": True, "contact": "+13231112233", "text": "hi"}
TARGET = MessageRef(vendor_id="M-0")


def send(*content: Any, chat: Chat = CHAT, **fields: Any) -> SendMessage:
    """The action that fitting makes of a message."""
    return SendMessage(chat=chat, messages=(Message(*content, **fields),), key="msg_1.0.0", token=TOKEN)


def react(reaction: str, *, target: MessageRef = TARGET, chat: Chat = CHAT, remove: bool = False) -> SendReaction:
    """A reaction to a message of the chat."""
    chosen = Reaction.parse(reaction)
    return SendReaction(chat=chat, target=target, reaction=chosen, remove=remove, key="r.0.0", token=TOKEN)


def test_a_text_is_one_call_with_our_token_in_its_passthrough(provider: LoopMessage, feed: Feed) -> None:
    """The body holds contact, text, sender and the wrapped token; it is traced, and the receipt keeps the answer."""
    receipt, calls = feed(provider.send_message(send("hi")), (200, ACCEPTED))
    body: JsonValue = {"contact": "+13231112233", "text": "hi", "sender": "line-1", "passthrough": WRAPPED}
    assert [Call("POST", "/message/send/", json=body, repeat=Repeat.TRACED)] == calls
    assert Receipt(sent=(Sent(vendor_id="M-1"),), chat=CHAT, raw=(ACCEPTED,)) == receipt


def test_everything_that_a_text_can_have_is_on_the_wire(provider: LoopMessage, feed: Feed) -> None:
    """Subject, attachments, effect in the vendor's spelling, reply, channel, contact card, reference, extra."""
    action = send(
        "hi",
        Attachment(url="https://files.example/a.png"),
        Attachment(url="https://files.example/b.png"),
        subject="Title",
        effect="shooting-star",
        reply_to=TARGET,
        channel=Channel.IMESSAGE,
        share_contact=True,
        reference="order-7",
        extra={"loopmessage": {"preview": False}, "another": {"text": "not ours"}},
        chat=Chat.direct("Jo@Example.com", line="line-2"),
    )
    _, calls = feed(provider.send_message(action), (200, ACCEPTED))
    expected: JsonValue = {
        "contact": "jo@example.com",
        "text": "hi",
        "subject": "Title",
        "sender": "line-2",
        "attachments": ["https://files.example/a.png", "https://files.example/b.png"],
        "effect": "shootingStar",
        "reply_to_id": "M-0",
        "passthrough": f"{WRAPPED}order-7",
        "channel": "imessage",
        "contact_file": True,
        "preview": False,
    }
    assert expected == calls[0].json


def test_a_group_is_named_by_its_id_and_keeps_its_line(provider: LoopMessage, feed: Feed) -> None:
    """The group's id stands in place of the contact; either spelling of it in the answer is read."""
    for key in ("id", "group_id"):
        answer: JsonValue = {"message_id": "M-1", "group": {key: "G-1", "participants": []}, "text": "hi"}
        receipt, calls = feed(provider.send_message(send("hi", chat=GROUP)), (200, answer))
        body: JsonValue = {"group": "G-1", "text": "hi", "sender": "line-9", "passthrough": WRAPPED}
        assert body == calls[0].json
        assert Receipt(sent=(Sent(vendor_id="M-1"),), chat=GROUP, raw=(answer,)) == receipt


def test_a_voice_note_is_a_media_url(provider: LoopMessage, feed: Feed) -> None:
    """It has no text, may go to a group, is traced like a text, and its answer says `recipient`."""
    answer: JsonValue = {"message_id": "M-1", "success": True, "recipient": "+13231112233", "text": "text"}
    note = Voice(url="https://files.example/a.m4a")
    receipt, calls = feed(provider.send_message(send(note, chat=GROUP)), (200, answer))
    body: JsonValue = {
        "group": "G-1",
        "media_url": "https://files.example/a.m4a",
        "sender": "line-9",
        "passthrough": WRAPPED,
    }
    assert [Call("POST", "/message/send/", json=body, repeat=Repeat.TRACED)] == calls
    assert receipt.vendor_id == "M-1"


def test_a_link_is_sent_as_text(provider: LoopMessage, feed: Feed) -> None:
    """The phone makes the card by itself."""
    _, calls = feed(provider.send_message(send(Link(url="https://example.com/a"))), (200, ACCEPTED))
    assert isinstance(calls[0].json, dict)
    assert calls[0].json["text"] == "https://example.com/a"


def test_a_connection_without_a_sender_leaves_the_choice_to_the_vendor(feed: Feed) -> None:
    """No `sender` is sent when neither chat nor settings name one."""
    provider = LoopMessage(LoopMessageSettings.model_validate({"api_key": "key-1"}))
    _, calls = feed(provider.send_message(send("hi")), (200, ACCEPTED))
    assert {"contact": "+13231112233", "text": "hi", "passthrough": WRAPPED} == calls[0].json


def test_the_answer_tells_who_a_contact_id_is(provider: LoopMessage, feed: Feed) -> None:
    """A message to the vendor's own id of a contact links that chat with the contact's number."""
    chat = Chat.direct(Address.contact("c-1"), line="line-2")
    receipt, calls = feed(provider.send_message(send("hi", chat=chat)), (200, ACCEPTED))
    assert isinstance(calls[0].json, dict)
    assert calls[0].json["contact"] == "c-1"
    assert Chat.direct("+13231112233", line="line-2") == receipt.alias
    receipt, _ = feed(provider.send_message(send("hi", chat=chat)), (200, {"message_id": "M-1", "contact": "??"}))
    assert receipt.alias is None


@pytest.mark.parametrize("field", ["contact", "text", "passthrough", "reaction", "media_url", "sender"])
def test_extra_may_not_set_what_the_provider_sets(provider: LoopMessage, field: str) -> None:
    """The error names the field, whether or not this message uses it; nothing is sent."""
    with pytest.raises(InvalidMessage, match=field):
        next(provider.send_message(send("hi", extra={"loopmessage": {field: "x"}})))


@pytest.mark.parametrize(
    "action",
    [
        send("a", "b"),
        send(Attachment(url="https://files.example/a.png")),
        send("a", Attachment(data=b"x")),
        send(Text(text="a", mention=Address.parse("+13231112233"))),
        send(Link(url="https://example.com", title="Title")),
        send(Voice(url="https://files.example/a.m4a"), effect="slam"),
        send(Opaque(kind="sticker")),
        send("a", reply_to=MessageRef(index=-1)),
        send("a", reply_to=MessageRef(guid="G")),
        send("a", reply_to=MessageRef(vendor_id="M-0", part=1)),
        send("a", chat=Chat.several("+13231112233", "+13232223344")),
        SendMessage(chat=CHAT, messages=(Message("a"), Message("b")), key="k", token=TOKEN),
    ],
)
def test_what_the_vendor_cannot_carry_is_refused_before_any_call(provider: LoopMessage, action: SendMessage) -> None:
    """Fitting keeps these away; if one comes through, it is refused and not dropped in silence."""
    with pytest.raises(Unsupported) as caught:
        next(provider.send_message(action))
    assert caught.value.features


def test_a_reaction_goes_with_contact_message_and_word(provider: LoopMessage, feed: Feed) -> None:
    """It is safe to repeat, says `emphasize`, and is taken back with `-` in front; groups are named as groups."""
    _, calls = feed(provider.send_reaction(react("exclaim")), (200, {"success": True, "message_id": "R-1"}))
    body: JsonValue = {"contact": "+13231112233", "message_id": "M-0", "reaction": "emphasize"}
    assert [Call("POST", "/message/send/", json=body, repeat=Repeat.SAFE)] == calls
    _, calls = feed(provider.send_reaction(react("love", chat=GROUP, remove=True)), (200, {}))
    assert {"group": "G-1", "message_id": "M-0", "reaction": "-love"} == calls[0].json


def test_the_answer_to_a_reaction_may_be_anything(provider: LoopMessage, feed: Feed) -> None:
    """The vendor documents none, so success is all that is asked of it."""
    receipt, _ = feed(provider.send_reaction(react("love")), (200, b""))
    assert Receipt(chat=CHAT, raw=({},)) == receipt


@pytest.mark.parametrize(
    "action",
    [react("😂"), react("love", target=MessageRef(index=-1)), react("love", target=MessageRef(vendor_id="M", part=2))],
)
def test_a_reaction_is_one_of_six_and_on_a_message_with_an_id(provider: LoopMessage, action: SendReaction) -> None:
    """Emoji, relative indexes and parts are refused."""
    with pytest.raises(Unsupported):
        next(provider.send_reaction(action))


@pytest.mark.parametrize(
    ("action", "body"),
    [
        (SetTyping(chat=CHAT, target=TARGET), {"message_id": "M-0", "typing": 5, "read": False}),
        (
            SetTyping(chat=CHAT, seconds=2.1),
            {"contact": "+13231112233", "sender": "line-1", "typing": 3, "read": False},
        ),
        (SetTyping(chat=GROUP, seconds=60, target=TARGET), {"message_id": "M-0", "typing": 60, "read": False}),
        (
            SetTyping(chat=Chat.direct("+13231112233", line="line-2"), seconds=0.1, target=MessageRef(index=-1)),
            {"contact": "+13231112233", "sender": "line-2", "typing": 1, "read": False},
        ),
    ],
)
def test_typing_has_two_forms(provider: LoopMessage, feed: Feed, action: SetTyping, body: JsonValue) -> None:
    """By a received message, else by contact and sender; whole seconds, and nothing is marked as read by it."""
    receipt, calls = feed(provider.set_typing(action), (200, {"success": True}))
    assert [Call("POST", "/message/show-typing/", json=body, repeat=Repeat.SAFE)] == calls
    assert Receipt(chat=action.chat, raw=({"success": True},)) == receipt


def test_reading_has_the_same_two_forms(provider: LoopMessage, feed: Feed) -> None:
    """`read: true` alone shows no dots; the body of the answer is not documented, so an empty one is fine."""
    _, calls = feed(provider.mark_read(MarkRead(chat=GROUP, target=TARGET)), (200, b""))
    assert [
        Call("POST", "/message/show-typing/", json={"message_id": "M-0", "read": True}, repeat=Repeat.SAFE)
    ] == calls
    _, calls = feed(provider.mark_read(MarkRead(chat=CHAT)), (200, b""))
    assert {"contact": "+13231112233", "sender": "line-1", "read": True} == calls[0].json


def test_typing_needs_to_know_where_and_for_how_long(provider: LoopMessage) -> None:
    """A group without a message, a contact without a line, more than a minute, or taking the dots away: refused."""
    with pytest.raises(Unsupported):
        next(provider.set_typing(SetTyping(chat=GROUP)))
    with pytest.raises(Unsupported):
        next(provider.set_typing(SetTyping(chat=CHAT, on=False)))
    with pytest.raises(InvalidMessage):
        next(provider.set_typing(SetTyping(chat=CHAT, seconds=60.5)))
    bare = LoopMessage(LoopMessageSettings.model_validate({"api_key": "key-1"}))
    with pytest.raises(InvalidMessage):
        next(bare.mark_read(MarkRead(chat=CHAT)))


def test_the_key_is_the_whole_authorization_header(provider: LoopMessage) -> None:
    """There is no `Bearer`; the call itself stays without credentials."""
    call = Call("GET", "/sender/list/", headers={"X-Other": "1"})
    signed = provider.authorize(call)
    assert {"Content-Type": "application/json", "X-Other": "1", "Authorization": "key-1"} == signed.headers
    assert {"X-Other": "1"} == call.headers
