from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

import pytest

from gateway.drive import drive_blocking, first_call
from gateway.provider import (
    Address,
    Attachment,
    Call,
    Chat,
    DeliveryState,
    Exchange,
    Feature,
    GetStatus,
    InvalidMessage,
    Level,
    Link,
    MarkRead,
    Message,
    MessageRef,
    NotOptedIn,
    Opaque,
    Reaction,
    Receipt,
    Repeat,
    Reply,
    SenderUnavailable,
    SendMessage,
    SendReaction,
    Sent,
    SetTyping,
    Text,
    Token,
    Unsupported,
    VendorFault,
    Voice,
)
from gateway_blooio import Blooio, BlooioSettings, api

T = TypeVar("T")

ADA = "+15551234567"
BEN = "ben@example.com"
TOKEN = Token("t")


def provider(**settings: Any) -> Blooio:
    """A connection with a key, and what else is given."""
    return Blooio(BlooioSettings.model_validate({"api_key": "bl_live_1", **settings}))


def sending(*messages: Message, to: Chat | None = None) -> SendMessage:
    """A fitted send."""
    return SendMessage(chat=to or Chat.direct(ADA), messages=messages, key="msg_1.0.0", token=TOKEN)


def body_of(*messages: Message, to: Chat | None = None, **settings: Any) -> Any:
    """What is on the wire for these messages."""
    return first_call(provider(**settings).send_message(sending(*messages, to=to))).json


def answer(status: int, /, **body: Any) -> Reply:
    """An answer of the vendor."""
    return Reply(status, {}, json.dumps(body).encode())


def fed(exchange: Exchange[T], *replies: Reply) -> tuple[Sequence[Call], T]:
    """The calls of an exchange that is answered with these replies, and its result."""
    calls: list[Call] = []
    rest = list(replies)

    def send(call: Call) -> Reply:
        calls.append(call)
        return rest.pop(0)

    return calls, drive_blocking(exchange, send)


# ── the body ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Message("hi"), {"text": "hi"}),
        (Message(Attachment(url="https://a.example/1.png")), {"attachments": ["https://a.example/1.png"]}),
        (
            Message(Attachment(url="https://a.example/1.png", name="one.png"), Attachment(url="https://a.example/2")),
            {"attachments": [{"url": "https://a.example/1.png", "name": "one.png"}, "https://a.example/2"]},
        ),
        (
            Message("look", Attachment(url="https://a.example/1.png"), effect="slam"),
            {"text": "look", "attachments": ["https://a.example/1.png"], "effect": "slam"},
        ),
        (
            Message(Attachment(url="https://a.example/1.png", name="one.png"), "below"),
            {"parts": [{"url": "https://a.example/1.png", "name": "one.png"}, {"text": "below"}]},
        ),
        (
            Message("hello ", Text(text="Ada", mention=Address.parse(ADA))),
            {"parts": [{"text": "hello "}, {"text": "Ada", "mention": ADA}]},
        ),
        (Message(Text(text="Ben", mention=Address.parse(BEN))), {"parts": [{"text": "Ben", "mention": BEN}]}),
        (Message(Link(url="https://a.example")), {"text": "https://a.example"}),
        (
            Message(Link(url="https://a.example", preview_image="https://a.example/i.png", title="A")),
            {
                "text": "https://a.example",
                "link_preview": {"image_url": "https://a.example/i.png", "title": "A"},
            },
        ),
        (
            Message("see", Link(url="https://a.example"), "now"),
            {"parts": [{"text": "see"}, {"text": "https://a.example"}, {"text": "now"}]},
        ),
        (Message("hi", effect="Invisible Ink"), {"text": "hi", "effect": "invisible-ink"}),
        (Message("hi", typing=True, share_contact=True), {"text": "hi", "use_typing_indicator": True}),
        (Message("hi", typing=2.5), {"text": "hi"}),
        (
            Message("yes", reply_to=MessageRef(vendor_id="msg_a")),
            {"text": "yes", "reply_to": {"message_id": "msg_a"}},
        ),
        (
            Message("yes", reply_to=MessageRef(guid="AB-1", part=2)),
            {"text": "yes", "reply_to": {"guid": "AB-1", "part_index": 2}},
        ),
        (
            Message("hi", extra={"blooio": {"use_typing_indicator": False}, "other": {"text": "x"}}),
            {"text": "hi", "use_typing_indicator": False},
        ),
    ],
)
def test_a_message_is_said_in_the_vendors_fields(message: Message, expected: dict[str, Any]) -> None:
    """Each word has its field, and the plainest fields are used that lose nothing."""
    if message.share_contact:
        expected = {**expected, "share_contact": True}
    assert expected == body_of(message)


def test_several_texts_are_one_call() -> None:
    """A list of texts is sent as several messages, with what holds for all of them once."""
    first, second = Message("one", effect="love"), Message("two", effect="love")
    assert {"text": ["one", "two"], "effect": "love"} == body_of(first, second)


def test_several_links_are_one_call_of_parts() -> None:
    """Links of which one has its own card go as a batch of rich links, in order."""
    first = Message(Link(url="https://a.example", title="A"))
    second = Message(Link(url="https://b.example"))
    expected = [{"text": "https://a.example", "link_preview": {"title": "A"}}, {"text": "https://b.example"}]
    assert {"parts": expected} == body_of(first, second)


def test_the_line_of_the_chat_goes_before_the_one_of_the_settings() -> None:
    """A reply leaves by the line that was written to; otherwise by the configured one."""
    settings: dict[str, Any] = {"from_number": "+15105550142"}
    chat = Chat.direct(ADA, line="+15105550141")
    assert body_of(Message("hi"), to=chat, **settings)["from_number"] == "+15105550141"
    assert body_of(Message("hi"), **settings)["from_number"] == "+15105550142"
    assert "from_number" not in body_of(Message("hi"))


@pytest.mark.parametrize(
    ("messages", "feature"),
    [
        ([Message("hi", subject="S")], Feature.SUBJECT),
        ([Message("hi", channel="sms")], Feature.CHANNEL),
        ([Message("hi", effect="shooting-star")], Feature.EFFECT),
        ([Message("a", "b", effect="slam")], Feature.EFFECT),
        ([Message("a", effect="slam"), Message("b")], Feature.EFFECT),
        ([Message(Voice(url="https://a.example/v.caf"))], Feature.VOICE),
        ([Message(Attachment(data=b"x"))], Feature.ATTACHMENT),
        ([Message("see", Link(url="https://a.example", title="A"))], Feature.LINK_CARD),
        ([Message("a"), Message(Attachment(url="https://a.example/1"))], Feature.BATCH),
        ([Message("a"), Message("b", Attachment(url="https://a.example/1"))], Feature.BATCH),
        ([Message("a"), Message(Link(url="https://a.example", title="A"))], Feature.LINK_BATCH),
        ([Message("a", reply_to=MessageRef(vendor_id="m")), Message("b")], Feature.REPLY),
        ([Message(Opaque(kind="sticker"))], Feature.MULTIPART),
    ],
)
def test_what_has_no_field_is_refused_and_not_dropped(messages: list[Message], feature: Feature) -> None:
    """Fitting keeps these away; a provider that is called by hand says so itself."""
    with pytest.raises(Unsupported) as caught:
        body_of(*messages)
    assert (feature.value,) == caught.value.features


@pytest.mark.parametrize("extra", [{"text": "other"}, {"from_number": "+15105550142"}, {"text": "hi"}])
def test_extra_may_not_override(extra: dict[str, Any]) -> None:
    """A field that the provider sets is not for `extra`, and the error names it."""
    message = Message("hi", extra={"blooio": extra})
    with pytest.raises(InvalidMessage, match=next(iter(extra))):
        body_of(message, from_number="+15105550141")


@pytest.mark.parametrize("target", [MessageRef(index=-1), MessageRef.model_validate({"message": "msg_ours"})])
def test_a_reply_names_the_message_by_the_vendors_id(target: MessageRef) -> None:
    """Our own ids are replaced before, and a place in the chat is no name for a reply."""
    with pytest.raises(InvalidMessage):
        body_of(Message("yes", reply_to=target))


# ── the call ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("chat", "path"),
    [
        (Chat.direct(ADA), "/chats/%2B15551234567/messages"),
        (Chat.direct("Ben@Example.com"), "/chats/ben%40example.com/messages"),
        (Chat.of_group("grp_abc"), "/chats/grp_abc/messages"),
        (Chat.several(ADA, BEN), "/chats/%2B15551234567%2Cben%40example.com/messages"),
    ],
)
def test_each_form_of_chat_id_is_percent_encoded(chat: Chat, path: str) -> None:
    """A phone, an email, a group and several addresses are one path segment."""
    call = first_call(provider().send_message(sending(Message("hi"), to=chat)))
    assert (path, "POST", "/chats/{chat}/messages") == (str(call.path), call.method, call.template)


def test_a_send_has_its_key_on_the_wire() -> None:
    """The vendor recognises a repetition by the step's key, so a send may be repeated."""
    call = first_call(provider().send_message(sending(Message("hi"))))
    assert {"Idempotency-Key": "msg_1.0.0"} == call.headers
    assert call.repeat is Repeat.KEYED


def test_the_key_of_the_account_is_added_by_authorize_only() -> None:
    """A call holds no credentials; the copy that is sent has the bearer token."""
    call = first_call(provider().send_message(sending(Message("hi"))))
    authorized = provider().authorize(call)
    assert "Authorization" not in call.headers
    assert "Bearer bl_live_1" == authorized.headers["Authorization"]
    assert "Idempotency-Key" in authorized.headers
    assert {"api": "https://api.blooio.com/v2/api"} == provider().bases()


# ── the receipt ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_message_gives_one_entry() -> None:
    """202 is an acceptance, with the vendor's id."""
    _, receipt = fed(provider().send_message(sending(Message("hi"))), answer(202, message_id="msg_a", status="queued"))
    expected = Receipt(
        sent=(Sent(vendor_id="msg_a", index=0),),
        chat=Chat.direct(ADA),
        raw=({"message_id": "msg_a", "status": "queued"},),
    )
    assert expected == receipt


def test_each_id_of_a_batch_has_the_index_of_its_message() -> None:
    """Several texts, or several links, give several ids in order."""
    messages = (Message("one"), Message("two"))
    _, receipt = fed(
        provider().send_message(sending(*messages)), answer(202, message_ids=["m1", "m2"], count=2, status="queued")
    )
    assert (Sent(vendor_id="m1", index=0), Sent(vendor_id="m2", index=1)) == receipt.sent


def test_a_known_key_is_a_replay() -> None:
    """200 says that the key was used before; the ids are those of the first time."""
    _, receipt = fed(provider().send_message(sending(Message("hi"))), answer(200, message_id="msg_a", status="queued"))
    assert receipt.replayed
    assert receipt.vendor_id == "msg_a"


def test_failed_at_once_is_a_state_and_not_an_error() -> None:
    """A 202 may say `failed`: it was accepted, has an id, and will not arrive."""
    _, receipt = fed(provider().send_message(sending(Message("hi"))), answer(202, message_id="msg_a", status="failed"))
    assert (Sent(vendor_id="msg_a", state=DeliveryState.FAILED),) == receipt.sent


def test_a_list_of_addresses_became_a_group() -> None:
    """The receipt knows the chat by both names, with the line that was asked for."""
    chat = Chat.several(ADA, BEN)
    reply = answer(
        202, message_id="m", status="queued", group_id="grp_9", group_created=True, participants=[ADA, BEN, "?"]
    )
    _, receipt = fed(provider(from_number="+15105550141").send_message(sending(Message("hi"), to=chat)), reply)
    assert Chat.several(ADA, BEN, line="+15105550141") == receipt.chat
    members = (Address.parse(ADA), Address.parse(BEN), Address.contact("?"))
    assert Chat.of_group("grp_9", members=members) == receipt.alias


def test_an_unresolved_parent_is_reported() -> None:
    """The vendor sends a reply to a GUID that it does not know, and says so."""
    message = Message("yes", reply_to=MessageRef(guid="AB-1"))
    reply = answer(202, message_id="m", status="queued", parent_unresolved=True)
    _, receipt = fed(provider().send_message(sending(message)), reply)
    assert [Feature.REPLY_GUID] == [adaptation.feature for adaptation in receipt.adaptations]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"status": "queued"}', b'{"message_id": 7}'])
def test_an_acceptance_without_an_id_is_no_receipt(body: bytes) -> None:
    """An answer that names no message is unread, and the keyed call may be asked again."""
    with pytest.raises(VendorFault) as caught:
        fed(provider().send_message(sending(Message("hi"))), Reply(202, {}, body))
    assert not caught.value.certain


def test_a_refusal_is_raised_with_its_code() -> None:
    """What is not 2xx ends the exchange with the error of the code table."""
    reply = answer(403, error="ApiError", message="no", status=403, code="inbound_only_no_prior_inbound")
    with pytest.raises(NotOptedIn) as caught:
        fed(provider().send_message(sending(Message("hi"))), reply)
    assert caught.value.code == "inbound_only_no_prior_inbound"


# ── reactions, typing, read, status ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("target", "reaction", "remove", "segment", "word"),
    [
        (MessageRef(vendor_id="msg_a"), "love", False, "msg_a", "+love"),
        (MessageRef(vendor_id="msg_a"), "love", True, "msg_a", "-love"),
        (MessageRef(vendor_id="msg_a"), "🔥", True, "msg_a", "-🔥"),
        (MessageRef(index=-2), "exclaim", False, "-2", "+emphasize"),
        (MessageRef(vendor_id="-gK2Ig_XGR2M6UkSgmT9"), "like", False, "-gK2Ig_XGR2M6UkSgmT9", "+like"),
        (MessageRef(vendor_id="a/b"), "like", False, "a%2Fb", "+like"),
    ],
)
def test_a_reaction_is_a_sign_and_a_word(
    target: MessageRef, reaction: str, *, remove: bool, segment: str, word: str
) -> None:
    """Six words or any emoji, added or removed, on an id or a place in the chat."""
    action = SendReaction(
        chat=Chat.direct(ADA), target=target, reaction=Reaction.parse(reaction), remove=remove, key="k", token=TOKEN
    )
    calls, _ = fed(provider().send_reaction(action), answer(200, success=True))
    assert f"/chats/%2B15551234567/messages/{segment}/reactions" == str(calls[0].path)
    # by then another message may be the last one
    repeat = Repeat.SAFE if target.index is None else Repeat.NEVER
    assert ({"reaction": word}, repeat) == (calls[0].json, calls[0].repeat)


@pytest.mark.parametrize(
    "target",
    [MessageRef(vendor_id="-1"), MessageRef(vendor_id="-20"), MessageRef(guid="AB-1"), MessageRef(index=-1, part=1)],
)
def test_a_reaction_that_would_hit_another_message_is_refused(target: MessageRef) -> None:
    """An id of a minus and digits reads as a place in the chat; a GUID and a part have no field."""
    love = Reaction.parse("love")
    action = SendReaction(chat=Chat.direct(ADA), target=target, reaction=love, key="k", token=TOKEN)
    with pytest.raises((InvalidMessage, Unsupported)):
        fed(provider().send_reaction(action))


def test_a_relative_index_may_count_one_direction() -> None:
    """The vendor's own operation says which messages are counted."""
    call = first_call(api.add_reaction(ADA, "-1", "+love", direction="inbound"))
    assert {"reaction": "+love", "direction": "inbound"} == call.json


def test_a_reaction_that_did_not_take_is_an_error() -> None:
    """200 with `success` false is not a success."""
    love = Reaction.parse("love")
    target = MessageRef(vendor_id="m")
    action = SendReaction(chat=Chat.direct(ADA), target=target, reaction=love, key="k", token=TOKEN)
    with pytest.raises(VendorFault):
        fed(provider().send_reaction(action), answer(200, success=False))


@pytest.mark.parametrize(("on", "method"), [(True, "POST"), (False, "DELETE")])
def test_typing_is_started_and_stopped(*, on: bool, method: str) -> None:
    """One path, two methods, repeatable."""
    calls, receipt = fed(
        provider().set_typing(SetTyping(chat=Chat.of_group("grp_1"), on=on)), answer(200, chat_id="grp_1", typing=on)
    )
    assert [(method, "/chats/grp_1/typing", Repeat.SAFE)] == [(c.method, str(c.path), c.repeat) for c in calls]
    assert () == receipt.adaptations


def test_typing_that_is_not_shown_is_reported() -> None:
    """On RCS the vendor answers 200 with a warning."""
    warning = "RCS chats do not support composing indicators"
    _, receipt = fed(provider().set_typing(SetTyping(chat=Chat.direct(ADA))), answer(200, typing=True, warning=warning))
    assert [(Feature.TYPING, warning)] == [(note.feature, note.why) for note in receipt.adaptations]


def test_a_chat_is_marked_as_read() -> None:
    """A read mark is for the whole chat."""
    calls, receipt = fed(provider().mark_read(MarkRead(chat=Chat.direct(BEN))), answer(200, status="read"))
    assert ("POST", "/chats/ben%40example.com/read") == (calls[0].method, str(calls[0].path))
    assert Receipt(chat=Chat.direct(BEN), raw=({"status": "read"},)) == receipt


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("pending", DeliveryState.QUEUED),
        ("queued", DeliveryState.QUEUED),
        ("sent", DeliveryState.SENT),
        ("delivered", DeliveryState.DELIVERED),
        ("read", DeliveryState.READ),
        ("failed", DeliveryState.FAILED),
        ("cancelled", DeliveryState.CANCELLED),
        ("cancellation_requested", DeliveryState.UNKNOWN),
        ("of_tomorrow", DeliveryState.UNKNOWN),
        (None, DeliveryState.UNKNOWN),
    ],
)
def test_a_status_is_one_of_our_states(word: str | None, state: DeliveryState) -> None:
    """Every word of the vendor has a state, and one of tomorrow is unknown."""
    action = GetStatus(vendor_id="msg_a", chat=Chat.direct(ADA))
    calls, report = fed(provider().get_status(action), answer(200, message_id="msg_a", status=word, protocol="rcs"))
    assert "/chats/%2B15551234567/messages/msg_a/status" == str(calls[0].path)
    assert (state, "rcs") == (report.state, report.channel)


def test_the_reason_of_a_failure_is_redacted() -> None:
    """The vendor's words about a failure may hold a number."""
    action = GetStatus(vendor_id="m", chat=Chat.direct(ADA))
    _, report = fed(provider().get_status(action), answer(200, status="failed", error=f"{ADA} unreachable"))
    assert report.reason == "•••67 unreachable"


def test_a_status_needs_its_chat() -> None:
    """The vendor files messages under their chat."""
    with pytest.raises(InvalidMessage):
        fed(provider().get_status(GetStatus(vendor_id="m")))


def test_several_addresses_name_a_chat_in_a_send_only() -> None:
    """For all else the group has to be named that they became."""
    chat = Chat.several(ADA, BEN)
    love = Reaction.parse("love")
    target = MessageRef(vendor_id="m")
    exchanges: list[Exchange[Any]] = [
        provider().set_typing(SetTyping(chat=chat)),
        provider().mark_read(MarkRead(chat=chat)),
        provider().get_status(GetStatus(vendor_id="m", chat=chat)),
        provider().send_reaction(SendReaction(chat=chat, target=target, reaction=love, key="k", token=TOKEN)),
    ]
    for exchange in exchanges:
        with pytest.raises(Unsupported):
            fed(exchange)


# ── check, capabilities ───────────────────────────────────────────────────────────────────────────────────────────


def test_check_counts_the_numbers() -> None:
    """The credentials are proven by a look at the pool."""
    pool = [{"phone_number": "+15105550141", "is_active": True}, {"phone_number": "+15105550142", "is_active": False}]
    calls, line = fed(provider().check(), answer(200, numbers=pool))
    assert ("GET", "/me/numbers", "2 numbers, 1 of them active") == (calls[0].method, str(calls[0].path), line)


def test_check_finds_a_line_that_is_not_in_the_pool() -> None:
    """A wrong `from_number` is told before the first message."""
    with pytest.raises(SenderUnavailable):
        fed(provider(from_number="+15105550142").check(), answer(200, numbers=[]))


def test_the_contact_card_depends_on_the_plan() -> None:
    """A plan without the card lacks the feature in every kind of chat."""
    for row in provider(share_contact=False).capabilities().rows:
        assert row.capabilities.level(Feature.SHARE_CONTACT) is Level.NONE
    for row in provider().capabilities().rows:
        assert row.capabilities.level(Feature.SHARE_CONTACT) is Level.FULL
