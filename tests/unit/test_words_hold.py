"""Words that would break later are refused at once, and no word shows what it holds."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from gateway.actions import CreateOptInLink
from gateway.addresses import Address, AddressKind, Word, redact
from gateway.exchange import Reply
from gateway.model import Attachment, Chat, Link, Message, Opaque, Reaction, Text

HALF = "\ud800"
"""Half of a surrogate pair: Python has it as text, and neither UTF-8 nor JSON can hold it."""


@pytest.mark.parametrize(
    "text",
    [
        "\u2068+1 323 111 2233\u2069",
        "\u200e+1 323 111 2233",
        "\ufeffwhatsapp:+13231112233",
        "+1\u2212323\u2212111\u20122233",
        "+1\u2009323\u2009111\u20092233",
        "+1 [323] 111 2233",
        "WhatsApp;-;+13231112233",
    ],
)
def test_what_cannot_be_seen_does_not_make_another_phone(text: str) -> None:
    """Marks of direction as iOS copies them, Unicode's own spaces and dashes, square brackets."""
    assert Address.parse("+13231112233") == Address.parse(text)


def test_a_value_beside_its_kind_has_one_spelling_too() -> None:
    """However an address is made, equal parties are equal."""
    assert Address.parse("a@b.example") == Address(kind=AddressKind.EMAIL, value=" A@B.Example ")
    assert Address.parse("+13231112233") == Address(kind=AddressKind.PHONE, value="001 (323) 111-2233")


def test_no_other_mailbox_is_written_to() -> None:
    """Case is folded; a sharp s is no double s."""
    assert "straße@b.example" == Address.parse("STRAßE@B.example").value


def test_no_two_sets_of_addresses_share_a_chat() -> None:
    """A comma stands between addresses, and in none of them."""
    with pytest.raises(ValidationError):
        Address.contact("a,contact:b")
    chat = Chat.several(Address.contact("a"), Address.contact("b"))
    assert chat == Chat.model_validate(chat.text)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Address.parse(f"{HALF}@b.example"),
        lambda: Chat.direct("+13231112233", line=HALF),
        lambda: Link(url="https://a.example", title=HALF),
        lambda: Opaque(kind=HALF),
        lambda: Message("hi", extra={"vendor": {"field": HALF}}),
        lambda: Message("hi", extra={"vendor": {"field": math.nan}}),
        lambda: Message("hi", extra={"vendor": {"field": [math.inf]}}),
        lambda: CreateOptInLink(body="hi", parameters={"field": math.nan}),
    ],
)
def test_what_no_json_can_hold_is_refused_at_once(make: object) -> None:
    """And not when it is stored or sent."""
    assert callable(make)
    with pytest.raises(ValidationError):
        make()


@pytest.mark.parametrize("emoji", ["\u2139\ufe0f", "\U0001fae8", "\U0001fae9", "1\ufe0f\u20e3", "\U0001f1e9\U0001f1ea"])
def test_an_emoji_is_one_whatever_this_python_knows(emoji: str) -> None:
    """The information sign is a letter by category, and newer ones have no category yet."""
    assert emoji == Reaction.parse(emoji).text


@pytest.mark.parametrize("text", ["\u200d", "\ufe0f", "\U000e0067", "\U0010fffd", HALF])
def test_what_cannot_be_seen_is_no_emoji(text: str) -> None:
    """Joiners and selectors alone, and private characters."""
    with pytest.raises(ValidationError):
        Reaction.parse(text)


def test_a_media_type_goes_without_its_parameters() -> None:
    """`audio/ogg; codecs=opus` is audio/ogg."""
    assert "audio/ogg" == Attachment(url="https://a.example/a", media_type="audio/ogg; codecs=opus").media_type


def test_files_and_opt_ins_are_not_shown() -> None:
    """A file's name may be a person's, and what is asked for an opt-in may be anything."""
    shown = repr(
        (
            Attachment(url="https://a.example/a", name="Ada Lovelace.vcf"),
            CreateOptInLink(body="call me", parameters={"mail": "ada@b.example"}),
        )
    )
    assert [] == [word for word in ("Ada", "call me", "ada@b.example") if word in shown]


@pytest.mark.parametrize("text", ["+1\u00a0323\u00a0111\u00a02233", "323/111/2233", "+1\u2011323\u2011111\u20112233"])
def test_a_phone_is_masked_however_it_is_spaced(text: str) -> None:
    """Spaces that do not break, slashes, dashes that do not break."""
    assert "•••33" == redact(text)


def test_an_address_is_masked_where_it_is_encoded() -> None:
    """As it stands in a URL."""
    assert "to=a•••@b.example" == redact("to=ada%40b.example")


def test_a_wait_is_a_number_that_json_has() -> None:
    """Hundreds of digits are past any patience, and no infinity."""
    assert 1e9 == Reply(429, {"retry-after": "9" * 400}).retry_after


class Kept(Word):
    """A word with something beside its fields."""

    text: str
    _seen: int = PrivateAttr(default=0)


class Wide(Word):
    """A word that takes what it does not know."""

    model_config = ConfigDict(extra="allow")

    text: str = ""


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("update", [None, {}, {"text": "b"}, {"other": 1}])
@pytest.mark.parametrize("word", [Text(text="a"), Kept(text="a"), Wide(text="a"), Wide.model_validate({"more": [1]})])
def test_a_word_is_copied_as_pydantic_copies_it(word: Word, update: dict[str, Any] | None, *, deep: bool) -> None:
    """With all that a model has: fields, which of them were set, what was added, and what is private."""
    expected = BaseModel.model_copy(word, update=update, deep=deep)
    made = word.model_copy(update=update, deep=deep)

    assert (type(expected), expected.__dict__) == (type(made), made.__dict__)
    assert (expected.model_fields_set, expected.model_extra) == (made.model_fields_set, made.model_extra)
    assert expected.__pydantic_private__ == made.__pydantic_private__
