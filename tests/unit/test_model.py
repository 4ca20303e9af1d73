"""The words: what is a message, a chat, a reaction, and what is not."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.addresses import Address
from gateway.events import MessageReceived
from gateway.ids import MessageId, chat_id
from gateway.model import (
    Attachment,
    Chat,
    ChatKind,
    Effect,
    Link,
    Message,
    MessageRef,
    Opaque,
    Reaction,
    Tapback,
    Text,
    Voice,
)

NUMBERS = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)


def test_there_are_thirteen_effects() -> None:
    """The set is closed: four for the bubble, nine for the screen."""
    bubble = "slam loud gentle invisible-ink"
    screen = "echo spotlight balloons confetti love lasers fireworks shooting-star celebration"

    assert f"{bubble} {screen}".split() == [effect.value for effect in Effect]


@pytest.mark.parametrize(
    "spelling", ["invisible-ink", "invisibleInk", "Invisible Ink", "INVISIBLE_INK", "invisibleink"]
)
def test_an_effect_is_read_in_every_usual_spelling(spelling: str) -> None:
    """Each vendor writes them in its own way; all are one effect."""
    assert Effect.INVISIBLE_INK is Effect(spelling)


@pytest.mark.parametrize("spelling", ["", "-love", "slam!", "boom", "s.l.a.m"])
def test_other_words_are_no_effect(spelling: str) -> None:
    """Only spaces, dashes and underscores between letters are overlooked."""
    with pytest.raises(ValueError, match="not a valid Effect"):
        Effect(spelling)


def test_a_message_takes_its_parts_in_front() -> None:
    """Strings are text parts, in order."""
    picture = Attachment(url="https://example.com/a.png")

    assert Message(parts=(Text(text="a"), picture, Text(text="b"))) == Message("a", picture, "b")


def test_a_message_survives_json() -> None:
    """All fields come back equal, bytes included."""
    message = Message(
        Text(text="hi", mention=Address.parse("+13231112233")),
        Attachment(data=b"\x00\xff", name="a.bin", media_type="application/octet-stream"),
        subject="s",
        effect="shootingStar",
        reply_to=MessageRef(guid="g", part=2),
        channel="sms",
        typing=2.5,
        share_contact=True,
        reference="order 7",
        extra={"x": {"y": [1, None]}},
    )

    assert message == Message.model_validate_json(message.model_dump_json())


@pytest.mark.parametrize(
    "make",
    [
        Message,
        lambda: Message(""),
        lambda: Message("x", effect="boom"),
        lambda: Message("x", colour="red"),
        lambda: Message("x", typing=0.0),
        lambda: Message("x", typing=601.0),
        lambda: Message("x", Voice(url="https://example.com/a.m4a")),
        Attachment,
        lambda: Attachment(url="https://example.com/a", data=b"x"),
        lambda: Attachment(url="no url"),
        lambda: Link(url="ftp://example.com"),
        MessageRef,
        lambda: MessageRef(guid="a", index=-1),
        lambda: MessageRef(index=0),
        lambda: MessageRef(guid="a", part=-1),
    ],
)
def test_what_is_no_message_is_refused(make: object) -> None:
    """Empty, contradictory and unknown fields are errors where they are written."""
    assert callable(make)
    with pytest.raises(ValidationError):
        make()


def test_nothing_of_a_message_is_printed() -> None:
    """`repr` shows the shape: neither text nor URL nor title nor reference."""
    message = Message("secret", Link(url="https://secret.example/x", title="secret"), subject="secret", effect="slam")

    assert "Message(text, link, effect=slam)" == repr(message)
    assert "secret" not in repr(message.parts) + str(message.parts)


def test_a_message_is_read_from_fields_as_it_is_made_of_words() -> None:
    """Alone and inside of something else, with all rules of a message; no extra is none."""
    fields = {"parts": [{"type": "text", "text": "hi"}], "effect": "Slam", "extra": None}
    event = MessageReceived.model_validate({"key": "k", "vendor_id": "v", "message": fields})
    assert Message.model_validate(fields) == event.message == Message("hi", effect="slam")
    voice = {"type": "voice", "url": "https://example.com/a.m4a"}
    with pytest.raises(ValidationError, match="alone"):
        MessageReceived.model_validate({"key": "k", "vendor_id": "v", "message": {"parts": [voice, voice]}})


def test_a_copy_of_a_word_is_of_its_own() -> None:
    """What is changed in a copy is not changed in the word."""
    message = Message("hi", reference="order 7")
    copy = message.model_copy(update={"reference": "order 8", "subject": "new"})
    assert (message.reference, message.subject) == ("order 7", None)
    assert copy == Message("hi", reference="order 8", subject="new")
    assert copy.model_fields_set == message.model_fields_set | {"reference", "subject"}


def test_the_text_of_a_message_is_that_of_its_text_parts() -> None:
    """Attachments and links are not text."""
    assert "ab" == Message("a", Attachment(file=Path("x.png")), "b").text


def test_opaque_parts_hold_what_the_vendor_said() -> None:
    """A sticker or a location arrives as what it is, without a word of ours for it."""
    part = Opaque(kind="sticker", data={"id": 1})

    assert part == Opaque.model_validate_json(part.model_dump_json())


# ── chats ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(NUMBERS, min_size=1, max_size=5), st.randoms())
def test_several_addresses_are_a_set(numbers: list[str], random: Random) -> None:
    """Order and repetition do not make another chat; one address alone is the direct chat."""
    shuffled = [*numbers, *numbers]
    random.shuffle(shuffled)

    assert Chat.several(*numbers) == Chat.several(*shuffled) == Chat.model_validate(",".join(shuffled))
    assert (ChatKind.DIRECT if len(set(numbers)) == 1 else ChatKind.SEVERAL) is Chat.several(*numbers).kind


@given(NUMBERS)
def test_a_direct_chat_and_a_group_never_share_an_id(number: str) -> None:
    """Not even when a vendor's group id looks like the number."""
    groups = [Chat.of_group(number), Chat.of_group(f"direct:{number}"), Chat.of_group("g", members=(number,))]

    assert not {chat_id("c", Chat.direct(number).identity)} & {chat_id("c", group.identity) for group in groups}


def test_line_name_and_members_do_not_make_another_chat() -> None:
    """The conversation is the same whichever line carries it, and whoever joined."""
    one = Chat.of_group("g", members=("+13231112233",), name="a", line="l")

    assert Chat.of_group("g").identity == one.identity
    assert Chat.direct("+13231112233", line="x").identity == Chat.direct("+13231112233").identity


def test_the_text_of_a_chat_is_read_back() -> None:
    """`+1…`, `group:…` and comma lists name the chat in a call."""
    chats = [Chat.direct("+13231112233"), Chat.of_group("grp_1"), Chat.several("+13231112233", "a@b.com")]

    assert chats == [Chat.model_validate(chat.text) for chat in chats]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "direct"},
        {"kind": "group"},
        {"kind": "direct", "addresses": ["+13231112233"], "group": "g"},
        {"kind": "several", "addresses": ["+13231112233", "tel:+1 323 111 2233"]},
        {"kind": "direct", "addresses": ["+13231112233", "+13231112244"]},
    ],
)
def test_half_a_chat_is_refused(fields: dict[str, object]) -> None:
    """Each kind has what it needs and nothing else."""
    with pytest.raises(ValidationError):
        Chat.model_validate(fields)


def test_a_group_has_no_single_address() -> None:
    """Asking for it is an error, not the first member."""
    with pytest.raises(ValueError, match="no single address"):
        _ = Chat.of_group("g", members=("+13231112233",)).address


# ── reactions ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("word", [*(tapback.value for tapback in Tapback), "😂", "❤️", "👍🏽", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👩‍👩‍👧", "‼️"])
def test_a_reaction_is_a_tapback_or_an_emoji(word: str) -> None:
    """Written as text, and read back from it."""
    reaction = Reaction.parse(word)

    assert word == reaction.text
    assert reaction == Reaction.model_validate_json(reaction.model_dump_json())


def test_the_older_word_for_emphasis_is_read() -> None:
    """One vendor's documents still say `exclaim`."""
    assert Reaction(tapback=Tapback.EMPHASIZE) == Reaction.parse("exclaim")


@pytest.mark.parametrize("word", ["", "heart", "-love", "ab😂", "é", "😂 😂", "日", "!"])
def test_other_words_are_no_reaction(word: str) -> None:
    """Letters and spaces are text, not reactions."""
    with pytest.raises(ValidationError):
        Reaction.parse(word)


def test_ids_of_ours_are_plain_strings() -> None:
    """A reference by our own id needs nothing but the string."""
    assert "msg_1" == MessageRef(message=MessageId("msg_1")).message


def test_a_word_is_looked_at_once() -> None:
    """When it is made, and not again by each word that takes it as a part."""
    looks = []

    class Watched(Chat):
        def model_post_init(self, context: Any, /) -> None:
            looks.append(self.kind)
            super().model_post_init(context)

    chat = Watched.direct("+12025550123")
    event = MessageReceived(key="k", vendor_id="v", message=Message("hi"), chat=chat)
    assert (chat, [ChatKind.DIRECT]) == (event.chat, looks)
    with pytest.raises(ValidationError, match="exactly one address"):
        Watched(kind=ChatKind.DIRECT)
