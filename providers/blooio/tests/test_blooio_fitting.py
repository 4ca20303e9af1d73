"""What fits by the capabilities can be said in the vendor's fields, and keeps the vendor's rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from gateway.fitting import fit
from gateway.provider import (
    Address,
    Attachment,
    Chat,
    Effect,
    Feature,
    Link,
    Message,
    MessageRef,
    Part,
    Policy,
    SendMessage,
    Text,
    Unsupported,
    Voice,
)
from gateway_blooio import Blooio, BlooioSettings
from gateway_blooio.outbound import send_body
from gateway_blooio.simulator.answers import Refusal
from gateway_blooio.simulator.content import read_content

TABLE = Blooio(BlooioSettings.model_validate({"api_key": "k"})).capabilities()
ADA = Address.parse("+15551234567")

words = st.text(min_size=1, max_size=20)
urls = st.sampled_from(["https://a.example/1", "http://b.example/2.png"])
secure = st.just("https://a.example/card.png")
parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, text=words, mention=st.none() | st.just(ADA)),
    st.builds(Attachment, url=urls, name=st.none() | st.just("one.png")),
    st.builds(Link, url=urls, title=st.none() | words, preview_image=st.none() | secure),
)
contents = st.lists(parts, min_size=1, max_size=4) | st.builds(lambda url: [Voice(url=url)], urls)
messages = st.builds(
    lambda content, **manner: Message(*content, **manner),
    contents,
    subject=st.none() | words,
    effect=st.none() | st.sampled_from(Effect),
    reply_to=st.sampled_from([None, MessageRef(vendor_id="m"), MessageRef(guid="G", part=1), MessageRef(index=-1)]),
    typing=st.sampled_from([False, True, 2.0]),
    share_contact=st.booleans(),
)
chats = st.sampled_from([Chat.direct(ADA), Chat.of_group("grp_1"), Chat.several(ADA, "ben@example.com")])


def said(action: SendMessage) -> list[JsonValue]:
    """The texts and URLs of a body, in order."""
    body: Any = send_body(action, None)
    parts = [part.get("text", part.get("url")) for part in body.get("parts", [])]
    text = body.get("text", [])
    files = [file if isinstance(file, str) else file["url"] for file in body.get("attachments", [])]
    return [*(text if isinstance(text, list) else [text]), *files, *parts]


def content(message: Message) -> list[JsonValue]:
    """The texts and URLs of a message, in order; a subject is its first line."""
    return [part.text if isinstance(part, Text) else part.url for part in message.parts if part.type != "opaque"]


@given(chats, st.lists(messages, min_size=1, max_size=3))
def test_whatever_fits_is_accepted_by_the_vendor_and_whole(chat: Chat, asked: list[Message]) -> None:
    """Under graceful every message can be carried: each body keeps the rules, and all content is there in order."""
    try:
        plan = fit(chat, asked, TABLE, Policy.GRACEFUL)
    except Unsupported as error:
        pytest.fail(f"did not fit: {error}")
    sends = [step.action for step in plan.steps if isinstance(step.action, SendMessage)]
    for action in sends:
        try:
            read_content(send_body(action, None))
        except Refusal as refusal:
            pytest.fail(f"{refusal.message}: {send_body(action, None)}")
    fitted = [piece for action in sends for message in action.messages for piece in content(message)]
    assert fitted == [piece for action in sends for piece in said(action)]
    for piece in (piece for message in asked for piece in content(message)):
        assert any(str(piece) in str(sent) for sent in fitted)


@pytest.mark.parametrize(
    ("message", "feature"),
    [
        (Message("hi", effect="shooting-star"), Feature.EFFECT),
        (Message("hi", subject="S"), Feature.SUBJECT),
        (Message(Voice(url="https://a.example/v.m4a")), Feature.VOICE),
        (Message("hi", channel="sms"), Feature.CHANNEL),
        (Message("a", Text(text="Ada", mention=ADA), effect="slam"), Feature.EFFECT),
        (Message("see", Link(url="https://a.example")), Feature.MULTIPART),
        (Message("hi", reply_to=MessageRef(index=-1)), Feature.REPLY),
    ],
)
def test_what_is_lost_is_refused_under_strict_and_reported_under_graceful(message: Message, feature: Feature) -> None:
    """Nothing is dropped in silence."""
    with pytest.raises(Unsupported) as caught:
        fit(Chat.direct(ADA), [message], TABLE, Policy.STRICT)
    assert feature.value in caught.value.features
    plan = fit(Chat.direct(ADA), [message], TABLE, Policy.GRACEFUL)
    assert feature in {adaptation.feature for adaptation in plan.adaptations}


@pytest.mark.parametrize("address", ["contact:abc", "contact:72345"])
def test_only_phones_and_emails_can_be_written_to(address: str) -> None:
    """The vendor has no contact ids of that kind."""
    with pytest.raises(Unsupported):
        fit(Chat.direct(address), [Message("hi")], TABLE, Policy.GRACEFUL)


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        ([Message("a"), Message("b"), Message("c")], 1),
        ([Message("a"), Message("b", effect="slam")], 2),
        ([Message(Link(url="https://a.example", title="A")), Message(Link(url="https://b.example", title="B"))], 1),
        ([Message("a"), Message(Attachment(url="https://a.example/1"))], 2),
        ([Message("a", reply_to=MessageRef(vendor_id="m")), Message("b")], 2),
    ],
)
def test_several_messages_share_a_call_where_the_vendor_offers_it(asked: list[Message], calls: int) -> None:
    """Texts go together, links with a card go together, and nothing else does."""
    assert calls == len(fit(Chat.direct(ADA), asked, TABLE, Policy.STRICT).steps)


def test_the_documented_example_is_no_message_and_fitting_says_why() -> None:
    """The vendor's page shows every field at once; as one message that breaks its own rules, all named together.

    It has a text beside parts, a part with text and URL at once (two parts in our words), an effect with parts, a
    mention of somebody who is no address, and a card beside other parts.
    """
    picture = Attachment(url="https://example.com", name="Jane Doe")
    card = Link(url="https://example.com", preview_image="https://example.com", title="Example title")
    example = Message(
        "Hello from Blooio!",
        Text(text="Hello from Blooio!", mention=ADA),
        picture,
        card,
        effect="slam",
        reply_to=MessageRef(vendor_id="msg_a1b2c3d4"),
    )
    with pytest.raises(Unsupported) as caught:
        fit(Chat.direct(ADA), [example], TABLE, Policy.STRICT)
    plan = fit(Chat.direct(ADA), [example], TABLE, Policy.GRACEFUL)
    sent = [action.messages for step in plan.steps if isinstance(action := step.action, SendMessage)]

    assert {"effect", "multipart"} == set(caught.value.features)
    assert {"effect", "multipart"} == {change.feature.value for change in plan.adaptations}
    assert [[["text", "text", "attachment"]], [["link"]]] == [
        [[part.type for part in message.parts] for message in messages] for messages in sent
    ]
