"""What callers may write: every form of recipient, message and reaction, and clear errors for the rest."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.addresses import Address
from gateway.asking import chat_of, messages_of, reaction_of
from gateway.errors import InvalidMessage
from gateway.events import MessageReceived, TypingStarted
from gateway.model import Attachment, Chat, Message, Reaction

PHONE = "+13231112233"
EVENT = MessageReceived(key="k", connection="main", vendor_id="v", message=Message("x"), chat=Chat.direct(PHONE))


@pytest.mark.parametrize(
    ("to", "chat", "connection"),
    [
        ("tel:+1 (323) 111-2233", Chat.direct(PHONE), None),
        (Address.parse(PHONE), Chat.direct(PHONE), None),
        (Chat.of_group("g"), Chat.of_group("g"), None),
        ("group:g", Chat.of_group("g"), None),
        (EVENT, Chat.direct(PHONE), "main"),
        ([PHONE, "a@b.com"], Chat.several(PHONE, "a@b.com"), None),
        (f"{PHONE}, a@b.com", Chat.several(PHONE, "a@b.com"), None),
        ([PHONE], Chat.direct(PHONE), None),
    ],
)
def test_every_form_of_a_recipient(to: Any, chat: Chat, connection: str | None) -> None:
    """An event also says by which connection."""
    assert (chat, connection) == chat_of(to)


@pytest.mark.parametrize("to", ["", "hello", "12345", 5, None, [], [5], TypingStarted(key="k")])
def test_what_is_no_recipient_is_said(to: Any) -> None:
    """With a hint, and without repeating what was given."""
    with pytest.raises(InvalidMessage) as caught:
        chat_of(to)

    assert caught.value.hint


PICTURE = Attachment(url="https://example.com/a.png")


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        ("a", (Message("a"),)),
        (Message("a"), (Message("a"),)),
        (PICTURE, (Message(PICTURE),)),
        (["a", Message("b"), PICTURE], (Message("a"), Message("b"), Message(PICTURE))),
    ],
)
def test_every_form_of_a_message(content: Any, messages: tuple[Message, ...]) -> None:
    """Several items are several messages."""
    assert messages == messages_of(content)


@pytest.mark.parametrize("content", ["", [], [""], 5, None, [5], b"bytes"])
def test_what_is_no_message_is_said(content: Any) -> None:
    """Empty messages and other types are errors with a hint."""
    with pytest.raises(InvalidMessage) as caught:
        messages_of(content)

    assert caught.value.hint


def test_reactions() -> None:
    """By word, by emoji, or as what they are; a misspelt one gets the nearest."""
    assert [Reaction.parse("love")] * 2 == [reaction_of("love"), reaction_of(Reaction.parse("love"))]
    with pytest.raises(InvalidMessage) as caught:
        reaction_of("lve")
    assert "did you mean love?" == caught.value.hint
