"""Every spelling of one address is one address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.addresses import Address, AddressKind, mask, redact

NUMBERS = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)
EMAILS = st.from_regex(r"[a-z0-9._]{1,12}@[a-z0-9]{1,10}\.(com|org)", fullmatch=True)
FILLERS = st.sampled_from(["", " ", "-", ".", "(", ")", "\u00a0", "\u2011", "/"])
PREFIXES = st.sampled_from(["", "tel:", "TEL:", "iMessage;-;", "imessage;-;", "SMS;-;", "any;-;", "sms:", "imessage:"])


@given(NUMBERS, PREFIXES, st.lists(FILLERS, min_size=16, max_size=16))
def test_every_spelling_of_a_number_is_one_address(number: str, prefix: str, fillers: list[str]) -> None:
    """Spaces, brackets, dashes and the prefixes of URLs and chat ids do not make another address."""
    spelled = number[0] + "".join(digit + filler for digit, filler in zip(number[1:], fillers, strict=False))

    assert Address(kind=AddressKind.PHONE, value=number) == Address.parse(prefix + spelled)


@given(EMAILS, st.sampled_from(["", "mailto:", "MAILTO:", "iMessage;-;"]))
def test_every_spelling_of_an_email_is_one_address(email: str, prefix: str) -> None:
    """Case, spaces around and `mailto:` do not make another address."""
    assert Address(kind=AddressKind.EMAIL, value=email) == Address.parse(f"  {prefix}{email.upper()} ")


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        ("+13231112233", "+13231112233"),
        ("+155566678958", "+155566678958"),
        ("00 49 30 123456", "+4930123456"),
        ("tel:+1-323-111-2233;ext=5", "+13231112233"),
        ("mailto:Joe%40Example.com?subject=hi", "joe@example.com"),
        ("contact:AbC-1", "AbC-1"),
    ],
)
def test_known_spellings(spelling: str, value: str) -> None:
    """The vendors' own document numbers are addresses, though no numbering plan has them."""
    assert value == Address.parse(spelling).value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "3231112233",
        "+1-800-FLOWERS",
        "+12",
        "+1323１112233",
        "a@b@c",
        "contact:",
        "contact:a b",
        "+0123456789",
    ],
)
def test_anything_else_is_refused_without_being_shown(text: str) -> None:
    """A text that is no address is an error that says what is one, and does not repeat the text."""
    with pytest.raises(ValidationError) as caught:
        Address.parse(text)

    assert not text or text not in str(caught.value).replace("contact:ID", "")


@given(st.one_of(NUMBERS, EMAILS))
def test_an_address_is_masked_wherever_it_is_printed(text: str) -> None:
    """Neither `repr` nor `str` holds the address."""
    address = Address.parse(text)

    assert text not in repr(address)
    assert text not in str(address)


@given(st.one_of(NUMBERS, EMAILS, st.from_regex(r"contact:[A-Za-z0-9]{1,20}", fullmatch=True)))
def test_text_is_read_back(text: str) -> None:
    """`parse` reads what `text` and JSON say."""
    address = Address.parse(text)
    adapter = TypeAdapter(Address)

    assert address == Address.parse(address.text)
    assert address == adapter.validate_json(adapter.dump_json(address))


def test_masks() -> None:
    """A mask leaves enough to tell two contacts apart in a log, and not enough to write to them."""
    assert ["+1••••••••33", "j•••@example.com", "•••f2"] == [
        mask("+13231112233"),
        mask("joe@example.com"),
        mask("abcf2"),
    ]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("call +1 (323) 111-2233 now", "call •••33 now"),
        ('{"to":"joe@example.com"}', '{"to":"j•••@example.com"}'),
        ("code 12345", "code 12345"),
        ("x" * 20, "x" * 10 + "…"),
    ],
)
def test_redaction_masks_what_may_be_an_address(text: str, clean: str) -> None:
    """A vendor's words are shown without numbers and emails, and cut."""
    assert clean == redact(text, limit=10 if text.startswith("x") else 500)


@given(st.text(), st.one_of(NUMBERS, EMAILS), st.text())
def test_redaction_leaves_no_address(before: str, address: str, after: str) -> None:
    """Whatever stands around it, an address does not survive redaction."""
    assert address not in redact(f"{before} {address} {after}")


@pytest.mark.parametrize("run", ["a", "a.", "%", "%4", "a%4", "+"])
def test_redaction_takes_no_longer_than_reading(run: str) -> None:
    """A stranger's text without a gap is gone through once: this would take hours if each character began anew."""
    text = f"{run * 500_000} @ %40"
    assert text == redact(text, limit=len(text))
