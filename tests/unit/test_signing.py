"""Signatures by Standard Webhooks: the specification's vectors, the published library, and whatever may come."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.errors import InvalidRequest
from gateway.forward.signing import (
    TOLERANCE,
    KeyKind,
    PublicKey,
    SigningKey,
    SymmetricKey,
    Verdict,
    new_key,
    read_key,
    signed_headers,
    verify,
)

ID, SECONDS, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
#: The vectors that the specification and its libraries are published with.
VECTORS = {
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==": (
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
    ),
}


def key_of(text: str) -> SymmetricKey | SigningKey:
    """Read a key that signs."""
    key = read_key(text)
    assert isinstance(key, SymmetricKey | SigningKey)
    return key


@pytest.mark.parametrize(("secret", "signature"), VECTORS.items(), ids=["v1", "v1a"])
def test_the_published_vectors(secret: str, signature: str) -> None:
    """Each is made, and found genuine."""
    key = key_of(secret)
    headers = signed_headers(ID, SECONDS, BODY, [key])

    expected = {"webhook-id": ID, "webhook-timestamp": str(SECONDS), "webhook-signature": signature}
    assert (secret, expected) == (key.text, headers)
    assert Verdict.GENUINE is verify(headers, BODY, [key], now=SECONDS)
    if key.public:
        assert Verdict.GENUINE is verify(headers, BODY, [read_key(key.public)], now=SECONDS)


@given(body=st.text().map(lambda text: json.dumps({"text": text}).encode()), secret=st.binary(min_size=24, max_size=64))
def test_the_published_library_verifies_what_we_sign(body: bytes, secret: bytes) -> None:
    """Also where another key signed beside it."""
    key, now = SymmetricKey(secret), int(datetime.now(UTC).timestamp())
    headers = signed_headers(ID, now, body, [new_key(KeyKind.V1A), new_key(KeyKind.V1), key])

    assert json.loads(body) == Webhook(key.text).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_key(KeyKind.V1).text).verify(body, headers)


@given(
    body=st.text().map(lambda text: text.encode("utf-8", "surrogatepass")[:2000]),
    secret=st.binary(min_size=24, max_size=64),
)
def test_we_verify_what_the_published_library_signs(body: bytes, secret: bytes) -> None:
    """Byte by byte the same signature."""
    key = SymmetricKey(secret)
    text = body.decode("utf-8", "replace")
    signature = Webhook(key.text).sign(ID, datetime.fromtimestamp(SECONDS, UTC), text)
    headers = {"webhook-id": ID, "webhook-timestamp": str(SECONDS), "webhook-signature": signature}

    assert Verdict.GENUINE is verify(headers, text.encode(), [key], now=SECONDS)


@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_changed_delivery_is_forged(kind: KeyKind) -> None:
    """Its id, its time, its body, or another key."""
    key = new_key(kind)
    headers = signed_headers(ID, SECONDS, BODY, [key])

    def said(body: bytes = BODY, **changed: str) -> Verdict:
        changes = {name.replace("_", "-"): value for name, value in changed.items()}
        return verify({**headers, **changes}, body, [key], now=SECONDS)

    assert [Verdict.FORGED] * 4 == [
        said(BODY + b" "),
        said(webhook_id="msg_other"),
        said(webhook_timestamp=str(SECONDS + 1)),
        verify(headers, BODY, [new_key(kind)], now=SECONDS),
    ]


@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        (TOLERANCE, Verdict.GENUINE),
        (TOLERANCE + 1, Verdict.TOO_OLD),
        (-TOLERANCE, Verdict.GENUINE),
        (-TOLERANCE - 1, Verdict.TOO_NEW),
    ],
)
def test_a_delivery_has_its_time(age: int, verdict: Verdict) -> None:
    """Five minutes on either side."""
    key = new_key(KeyKind.V1)
    headers = signed_headers(ID, SECONDS, BODY, [key])
    assert verdict is verify(headers, BODY, [key], now=SECONDS + age)


@pytest.mark.parametrize(
    ("header", "value", "verdict"),
    [
        ("webhook-id", "", Verdict.MISSING),
        ("webhook-id", "msg.1", Verdict.MALFORMED),
        ("webhook-id", "msg 1", Verdict.MALFORMED),
        ("webhook-timestamp", "1614265330.5", Verdict.MALFORMED),
        ("webhook-timestamp", "-1614265330", Verdict.MALFORMED),
        ("webhook-timestamp", "١٦١٤", Verdict.MALFORMED),
        ("webhook-timestamp", "9" * 5000, Verdict.MALFORMED),
        ("webhook-signature", "", Verdict.MISSING),
        ("webhook-signature", "v1", Verdict.MALFORMED),
        ("webhook-signature", "v1,a,b", Verdict.MALFORMED),
        ("webhook-signature", "v1,====", Verdict.MALFORMED),
        ("webhook-signature", "v1,é", Verdict.MALFORMED),
        ("webhook-signature", "v2,aGVsbG8=", Verdict.MALFORMED),
        ("webhook-signature", "  ", Verdict.MALFORMED),
        ("webhook-signature", "v1,aGVsbG8=", Verdict.FORGED),
        ("webhook-signature", "v1a,aGVsbG8=", Verdict.FORGED),
    ],
)
def test_broken_headers_have_a_verdict(header: str, value: str, verdict: Verdict) -> None:
    """Where the published library raises whatever it stumbles over."""
    keys = [new_key(KeyKind.V1), new_key(KeyKind.V1A)]
    headers = signed_headers(ID, SECONDS, BODY, keys) | {header: value}
    assert verdict is verify(headers, BODY, keys, now=SECONDS)


@given(
    headers=st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()),
    body=st.binary(),
)
def test_nothing_that_comes_is_an_exception(headers: dict[str, str], body: bytes) -> None:
    """Nor is it ever genuine."""
    keys = [new_key(KeyKind.V1), PublicKey(bytes(32))]
    assert verify(headers, body, keys, now=SECONDS) in set(Verdict) - {Verdict.GENUINE}


def test_some_signatures_are_enough() -> None:
    """A header of a million of them is no work; a good one far behind is not looked at."""
    key = new_key(KeyKind.V1)
    headers = signed_headers(ID, SECONDS, BODY, [key])
    flood = " ".join(["v1,aGVsbG8="] * 100_000)
    assert Verdict.GENUINE is verify(
        headers | {"webhook-signature": f"{headers['webhook-signature']} {flood}"}, BODY, [key], now=SECONDS
    )
    assert Verdict.FORGED is verify(
        headers | {"webhook-signature": f"{flood} {headers['webhook-signature']}"}, BODY, [key], now=SECONDS
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsec_%%%",
        "whsk_" + base64.b64encode(bytes(64)).decode(),
        "whsk_" + base64.b64encode(bytes(32)).decode(),
        "whpk_" + base64.b64encode(bytes(31)).decode(),
        "sk_" + base64.b64encode(bytes(32)).decode(),
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    """And not quoted; a pair whose halves do not belong together is none either."""
    with pytest.raises(InvalidRequest, match=r"^this is no key of Standard Webhooks$"):
        read_key(text)


@pytest.mark.parametrize("kind", list(KeyKind))
def test_keys_are_not_shown_by_accident(kind: KeyKind) -> None:
    """Neither a key's `repr` nor an error has a secret in it."""
    key = new_key(kind)
    assert key.text not in repr(key)
    assert key == read_key(key.text)


def test_an_id_that_would_blur_the_content_is_refused() -> None:
    """A dot ends the id in what is signed."""
    with pytest.raises(InvalidRequest, match="without a dot"):
        signed_headers("msg.1", SECONDS, BODY, [new_key(KeyKind.V1)])
