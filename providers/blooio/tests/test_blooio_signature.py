from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.provider import BadSignature, WebhookRequest
from gateway_blooio import Blooio, BlooioSettings

SECRET = "whsec_test_0123456789abcdef"
MOMENT = datetime.fromtimestamp(1_700_000_000, UTC)
BODY = (
    b'{"event":"message.received","message_id":"msg_abc123","external_id":"+15551234567",'
    b'"internal_id":"+15557654321","sender":"+15551234567","text":"Hi","attachments":[],"protocol":"imessage",'
    b'"is_group":false,"timestamp":1700000000000,"received_at":1699999999500}'
)
# computed independently of our code
OF_BODY = "0aef99441f4841b50b0c763d22730a0e83417e279ad6415ee0c45f6056340ad5"
OF_EMPTY = "86e42664e55bdef9d21c29ec99ef840bb60f05f718392629bb0eb162a585147e"
HEADER = f"t=1700000000,v1={OF_BODY}"


def provider(**settings: Any) -> Blooio:
    """A connection with the secret of the test vectors."""
    return Blooio(BlooioSettings.model_validate({"api_key": "k", "webhook_secret": SECRET, **settings}))


def hook(*signatures: str, body: bytes = BODY, at: datetime = MOMENT) -> WebhookRequest:
    """A delivery with these signature headers."""
    headers = tuple(("x-blooio-signature", signature) for signature in signatures)
    return WebhookRequest(headers=headers, body=body, received_at=at)


@pytest.mark.parametrize(("body", "digest"), [(BODY, OF_BODY), (b"{}", OF_EMPTY)])
def test_the_vectors_pass(body: bytes, digest: str) -> None:
    """`v1` is the HMAC of the time, a full stop and the body, keyed with the secret as it is, `whsec_` included."""
    provider().verify(hook(f"t=1700000000,v1={digest}", body=body))


@pytest.mark.parametrize(
    "header",
    [
        f"t=1700000000,v1={'0' * 64},v1={OF_BODY}",
        f"v1={OF_BODY},t=1700000000",
        f"t=1700000000,v0=abc,v1={OF_BODY},x",
        f"t=1700000000, v1={OF_BODY}",
    ],
)
def test_several_signatures_and_unknown_items_pass(header: str) -> None:
    """One of several `v1` is enough, in any order, and items of tomorrow are left alone."""
    provider().verify(hook(header))


def test_any_of_several_secrets_passes() -> None:
    """While a secret is rotated, the old one and the new one hold."""
    provider(webhook_secret="whsec_new", webhook_secrets=["whsec_other", SECRET]).verify(hook(HEADER))


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (HEADER, HEADER),
        ("",),
        (f"t=1700000000,v1={OF_BODY.upper()}",),
        (f"t=1700000000,t=1700000000,v1={OF_BODY}",),
        (f"v1={OF_BODY}",),
        ("t=1700000000",),
        (f"t=1700000000.0,v1={OF_BODY}",),
        (f"t=\u0661,v1={OF_BODY}",),
        (f"t=1700000000,v1={OF_EMPTY}",),
        (f"t=1700000000,{','.join(['v1=' + OF_BODY] * 17)}",),
        (HEADER + "," * 5000,),
        ("t=" + "9" * 5000 + f",v1={OF_BODY}",),
    ],
)
def test_anything_else_is_refused(headers: tuple[str, ...]) -> None:
    """No header, two headers, no time, two times, another body's signature: all the same answer, 401."""
    with pytest.raises(BadSignature):
        provider().verify(hook(*headers))


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_the_window_is_five_minutes_to_both_sides(seconds: int) -> None:
    """Up to 300 seconds of age or of a fast clock pass."""
    provider().verify(hook(HEADER, at=MOMENT + timedelta(seconds=seconds)))


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_outside_the_window_is_refused(seconds: int) -> None:
    """An old delivery that someone kept is no proof."""
    with pytest.raises(BadSignature):
        provider().verify(hook(HEADER, at=MOMENT + timedelta(seconds=seconds)))


def test_the_window_is_a_setting() -> None:
    """Who needs more, or less, says so."""
    provider(tolerance=900).verify(hook(HEADER, at=MOMENT + timedelta(seconds=900)))


def test_without_a_secret_nothing_passes() -> None:
    """An unconfigured receiver refuses and says what to set, unless it is told to take anything."""
    bare = {"webhook_secret": None}
    with pytest.raises(BadSignature) as caught:
        provider(**bare).verify(hook(HEADER))
    assert "webhook_secret" in (caught.value.hint or "")
    provider(**bare, allow_unsigned=True).verify(hook())


def test_a_secret_is_used_even_where_unsigned_is_allowed() -> None:
    """`allow_unsigned` is about a missing secret, not about a wrong signature."""
    with pytest.raises(BadSignature):
        provider(allow_unsigned=True).verify(hook())


@given(place=st.integers(0, len(BODY) - 1), byte=st.integers(0, 255))
def test_no_byte_of_the_body_may_change(place: int, byte: int) -> None:
    """Any one byte changed in the body is found."""
    changed = BODY[:place] + bytes([byte]) + BODY[place + 1 :]
    if changed != BODY:
        with pytest.raises(BadSignature):
            provider().verify(hook(HEADER, body=changed))


@given(place=st.integers(0, len(HEADER) - 1), character=st.characters(max_codepoint=255))
def test_no_character_of_the_signature_may_change(place: int, character: str) -> None:
    """Any one character changed in the header is found."""
    changed = HEADER[:place] + character + HEADER[place + 1 :]
    if changed != HEADER:
        with pytest.raises(BadSignature):
            provider().verify(hook(changed))


@given(st.text(max_size=200))
def test_a_signature_of_any_text_is_refused_and_not_a_crash(text: str) -> None:
    """Whatever stands in the header, the answer is BadSignature."""
    with pytest.raises(BadSignature):
        provider().verify(replace(hook(text)))
