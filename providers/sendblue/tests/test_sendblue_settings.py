"""The settings of an account."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway_sendblue import Sendblue, SendblueSettings

KEYS: dict[str, Any] = {"api_key_id": "id-1", "api_secret_key": "key-1"}


def made(**more: Any) -> SendblueSettings:
    """Settings with keys."""
    return SendblueSettings.model_validate({**KEYS, **more})


def test_two_keys_are_enough() -> None:
    """Everything else has a default, and they are the ones that the vendor documents."""
    settings = made()
    assert ("https://api.sendblue.co", None, 1.0, False) == (
        settings.base_url,
        settings.from_number,
        settings.messages_per_second,
        settings.extended_reactions,
    )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"api_key_id": ""}, "not empty"),
        ({"api_secret_key": "a b"}, "visible ASCII"),
        ({"from_number": "12"}, "country code"),
        ({"from_number": "ada@example.com"}, "country code"),
        ({"base_url": "ftp://example.com"}, "pattern"),
        ({"callback_url": "https://example.com/hook"}, "needs webhook_secret"),
        ({"callback_url": "https://a:b@example.com/hook", "webhook_secret": "s"}, "neither user nor password"),
        ({"messages_per_second": -1}, "greater than or equal to 0"),
        ({"api_key": "x"}, "Extra inputs"),
    ],
)
def test_what_is_wrong_is_said(wrong: dict[str, Any], words: str) -> None:
    """In words, and without the value."""
    with pytest.raises(ValidationError, match=words) as caught:
        made(**wrong)
    assert not [
        value for value in wrong.values() if isinstance(value, str) and len(value) > 3 and value in str(caught.value)
    ]


def test_urls_and_numbers_are_brought_into_one_form() -> None:
    """A trailing slash goes, a number is E.164."""
    settings = made(base_url="https://api.sendblue.com/", from_number="+1 (512) 555-0141")
    assert ("https://api.sendblue.com", "+15125550141") == (settings.base_url, settings.from_number)


def test_nothing_secret_is_shown() -> None:
    """Not by the settings, not by the provider; the first secret makes callbacks, all of them may prove a webhook."""
    settings = made(webhook_secret="hook-1", webhook_secrets=("hook-2", "hook-1"), from_number="+15125550141")
    shown = f"{settings!r} {settings} {settings.model_dump_json()} {Sendblue(settings)!r}"
    assert ("hook-1", "hook-2") == settings.signing_secrets
    assert not [word for word in ("id-1", "key-1", "hook-1", "hook-2") if word in shown]
    assert "5125550141" not in repr(settings)


def test_the_pace_is_the_vendors_unless_it_is_told_otherwise() -> None:
    """One message a second leaves a line; nought keeps no pace."""
    assert [1.0] == [pace.interval for pace in Sendblue(made()).rules().paces]
    assert [0.25] == [pace.interval for pace in Sendblue(made(messages_per_second=4)).rules().paces]
    assert () == Sendblue(made(messages_per_second=0)).rules().paces
