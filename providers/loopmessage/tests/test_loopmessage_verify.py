"""Webhooks prove themselves by one header, compared whole."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.provider import BadSignature, Reply, WebhookRequest
from gateway_loopmessage import LoopMessage, LoopMessageSettings

SECRET = "Bearer hook-1"
BODY = (Path(__file__).parent / "samples" / "hook-message-inbound.json").read_bytes()


def connection(**settings: object) -> LoopMessage:
    """A connection with these settings beside its key."""
    return LoopMessage(LoopMessageSettings.model_validate({"api_key": "key-1", **settings}))


def hook(*authorization: str) -> WebhookRequest:
    """A webhook with as many Authorization headers as there are values."""
    headers = tuple(("authorization", value) for value in authorization)
    other = (("content-type", "application/json"), ("user-agent", "LoopMessage"), ("connection", "close"))
    return WebhookRequest((*other, *headers), BODY, datetime(2026, 1, 1, tzinfo=UTC))


def test_the_configured_value_is_let_in_and_answered_200() -> None:
    """The whole value counts, a word in front of it included; the answer is exactly 200, without a body."""
    provider = connection(webhook_secret=SECRET)
    provider.verify(hook(SECRET))
    assert Reply(200) == provider.answer(hook(SECRET))
    assert len(provider.parse(hook(SECRET))) == 1


@pytest.mark.parametrize("given", ["", "hook-1", "bearer hook-1", f"{SECRET} ", f" {SECRET}", "Bearer key-1", "\udcff"])
def test_another_value_is_refused(given: str) -> None:
    """No part of it, no other case, no space around it, and not the API key."""
    with pytest.raises(BadSignature) as caught:
        connection(webhook_secret=SECRET).verify(hook(given))
    assert caught.value.hint
    assert "hook-1" not in f"{caught.value} {caught.value.hint}"


@given(st.integers(0, len(SECRET) - 1), st.characters(codec="latin-1"))
def test_one_changed_character_is_refused(place: int, character: str) -> None:
    """Wherever it is."""
    changed = SECRET[:place] + character + SECRET[place + 1 :]
    provider = connection(webhook_secret=SECRET)
    if changed == SECRET:
        provider.verify(hook(changed))
    else:
        with pytest.raises(BadSignature):
            provider.verify(hook(changed))


def test_while_a_value_is_changed_the_old_and_the_new_one_are_let_in() -> None:
    """Each alone is proof; nothing else is."""
    provider = connection(webhook_secret=SECRET, webhook_secrets=["new-1", "new-2"])
    for value in (SECRET, "new-1", "new-2"):
        provider.verify(hook(value))
    with pytest.raises(BadSignature):
        provider.verify(hook("new-3"))


@pytest.mark.parametrize("wrong", ["", " new", "n\u00e9w"])
def test_each_further_secret_has_to_be_one(wrong: str) -> None:
    """An empty one would prove nothing, and what no header can carry would never match."""
    with pytest.raises(ValidationError):
        connection(webhook_secrets=["fine", wrong])


def test_none_or_two_are_refused() -> None:
    """A webhook without the header, or with it twice, even twice the right one."""
    for request in (hook(), hook(SECRET, SECRET), hook(SECRET, "other")):
        with pytest.raises(BadSignature):
            connection(webhook_secret=SECRET).verify(request)


def test_without_a_secret_nothing_is_let_in_unless_that_was_asked_for() -> None:
    """The refusal says what to set; `allow_unsigned` counts only while there is no secret."""
    with pytest.raises(BadSignature) as caught:
        connection().verify(hook(SECRET))
    assert "allow_unsigned" in str(caught.value.hint)
    connection(allow_unsigned=True).verify(hook())
    with pytest.raises(BadSignature):
        connection(webhook_secret=SECRET, allow_unsigned=True).verify(hook())
