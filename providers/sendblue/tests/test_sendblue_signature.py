"""The three proofs of a webhook: a callback's URL, an HMAC, and the secret itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.provider import BadSignature, Signed, Token, WebhookRequest
from gateway_sendblue import Sendblue, SendblueSettings
from gateway_sendblue.signature import callback_token, callback_url, sign

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MOMENT = str(int(NOW.timestamp()))
BODY = b'{"message_handle": "h"}'
SECRET = "hook-secret"
TOKEN = Token("t" * 22)


def provider(**more: Any) -> Sendblue:
    """A connection whose webhooks have a secret."""
    fields = {"api_key_id": "i", "api_secret_key": "k", "webhook_secret": SECRET, **more}
    return Sendblue(SendblueSettings.model_validate(fields))


def hook(*headers: tuple[str, str], body: bytes = BODY, query: str = "") -> WebhookRequest:
    """A delivery."""
    return WebhookRequest(headers=headers, body=body, received_at=NOW, query=query)


def echo(value: str = SECRET) -> tuple[str, str]:
    """The header that holds the secret itself."""
    return ("sb-signing-secret", value)


def hmac(secret: str = SECRET, moment: str = MOMENT, body: bytes = BODY) -> tuple[str, str]:
    """The header that signs time and body."""
    return ("x-sendblue-signature", f"t={moment},v1={sign(secret, moment, body)}")


def query_of(made: Sendblue) -> str:
    """The query of the URL that one step asks its reports to."""
    url = callback_url(made.settings, TOKEN)
    assert url is not None
    return url.partition("?")[2]


def refused(delivery: WebhookRequest, made: Sendblue | None = None) -> str:
    """Hold that a delivery is refused; gives the words."""
    with pytest.raises(BadSignature) as caught:
        (made or provider()).verify(delivery)
    assert SECRET not in f"{caught.value} {vars(caught.value)}"
    return str(caught.value)


def test_the_secret_itself_is_a_proof() -> None:
    """Alone, with another one beside, and while it is being changed."""
    provider().verify(hook(echo()))
    provider(webhook_secret="newer", webhook_secrets=(SECRET,)).verify(hook(echo()))
    assert "is missing" in refused(hook())
    assert "is not the webhook_secret" in refused(hook(echo("other")))
    assert "occurs 2 times" in refused(hook(echo(), echo()))


def test_a_signature_that_is_there_decides_alone() -> None:
    """A good one needs no echo, and a bad one is not saved by a good echo."""
    provider().verify(hook(hmac()))
    provider().verify(hook(echo("other"), hmac()))
    assert "does not match" in refused(hook(echo(), hmac(secret="other")))
    assert "does not match" in refused(hook(echo(), hmac(), body=b"{}"))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "is not t=…,v1=…"),
        ("t=1", "is not t=…,v1=…"),
        ("v1=ab", "is not t=…,v1=…"),
        ("t=1,t=2,v1=ab", "is not t=…,v1=…"),
        ("t=now,v1=ab", "not a number of seconds"),
        ("t=٣,v1=ab", "not a number of seconds"),
        ("t=1,v1=" + "a" * 5000, "too long"),
    ],
)
def test_a_signature_in_another_form_is_refused(header: str, words: str) -> None:
    """Whatever stands there, it is refused in words."""
    assert words in refused(hook(("x-sendblue-signature", header)))


@pytest.mark.parametrize("age", [-301, 301, 86_400])
def test_a_signature_of_another_time_is_refused(age: int) -> None:
    """Five minutes away at most, before or after; the tolerance can be set."""
    moment = str(int(MOMENT) - age)
    assert "away from our time" in refused(hook(hmac(moment=moment)))
    provider(tolerance=86_400).verify(hook(hmac(moment=moment)))


def test_a_callback_proves_itself_by_its_url() -> None:
    """The token is ours because only we can make the HMAC beside it; no header is needed, and none helps."""
    made = provider(callback_url="https://example.com/webhooks/main")
    query = query_of(made)
    made.verify(hook(query=query))
    assert TOKEN == callback_token(hook(query=query))
    assert SECRET not in query
    for wrong in (query[:-1] + ("0" if query[-1] != "0" else "1"), f"gw_token={TOKEN}", query.replace("ttt", "uuu")):
        assert "was not asked for" in refused(hook(echo(), query=wrong), made)


def test_a_callback_of_another_secret_passes_while_that_one_is_kept() -> None:
    """Reports that are on their way while a secret is changed are not lost."""
    query = query_of(provider(callback_url="https://example.com/hook?x=1"))
    assert query.startswith("x=1&gw_token=")
    provider(webhook_secret="newer", webhook_secrets=(SECRET,)).verify(hook(query=query))
    refused(hook(query=query), provider(webhook_secret="newer"))


def test_without_a_secret_nothing_passes_unless_that_is_allowed() -> None:
    """A receiver that only this machine reaches may say so."""
    assert "no secret is set" in refused(hook(echo()), provider(webhook_secret=None))
    provider(webhook_secret=None, allow_unsigned=True).verify(hook())


@given(name=st.sampled_from(["sb-signing-secret", "x-sendblue-signature"]), value=st.text(), query=st.text())
def test_any_delivery_is_proven_or_refused(name: str, value: str, query: str) -> None:
    """Nothing else is raised, and nothing passes by accident."""
    try:
        provider().verify(hook((name, value), query=query))
    except BadSignature:
        return
    assert SECRET == value


def test_what_is_signed_is_told_for_each_way() -> None:
    """The echo covers nothing, an HMAC time and body, a callback's URL our token; a broken header tells neither."""
    shown = provider().signed
    assert (("sb-signing-secret",), None, None) == told(shown(hook(echo())))
    assert (("sb-signing-secret",), None, None) == told(shown(hook()))
    assert (("x-sendblue-signature",), MOMENT.encode() + b"." + BODY, NOW) == told(shown(hook(echo(), hmac())))
    assert (("x-sendblue-signature",), None, None) == told(shown(hook(("x-sendblue-signature", "t=soon"))))
    assert (("x-sendblue-signature",), None) == told(shown(hook(hmac(moment="9" * 12))))[::2]
    assert ((), b"status callback\n" + TOKEN.encode(), None) == told(shown(hook(query=query_of(callback_provider()))))


def callback_provider() -> Sendblue:
    """A connection that asks for reports at a place of its own."""
    return provider(callback_url="https://gateway.example/webhooks/main")


def told(signed: Signed) -> tuple[tuple[str, ...], bytes | None, datetime | None]:
    """What is said of a proof, without its words."""
    return signed.headers, signed.base, signed.at
