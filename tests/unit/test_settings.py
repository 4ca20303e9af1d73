"""The kinds of setting that most vendors have: what they take, what they make of it, and what they refuse."""

from __future__ import annotations

import pytest
from pydantic import Field, SecretStr, ValidationError

from gateway.provider import BaseUrl, PhoneNumber, ProviderSettings, Secret, texts_of


class Settings(ProviderSettings):
    """An account at nobody's."""

    api_key: Secret = SecretStr("key")
    base_url: BaseUrl = "https://api.example.com"
    from_number: PhoneNumber | None = Field(default=None, repr=False)


def test_a_setting_is_kept_in_one_spelling() -> None:
    """Space around a key, a slash behind a URL and the spelling of a number say nothing."""
    settings = Settings(
        api_key=SecretStr(" key-1\n"), base_url="https://api.example.com/v1/", from_number="tel:+44 7700 900123"
    )
    expected = ("key-1", "https://api.example.com/v1", "+447700900123")
    assert expected == (settings.api_key.get_secret_value(), settings.base_url, settings.from_number)
    assert "447700" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"api_key": " "}, "a secret is not empty and holds visible ASCII characters only"),
        ({"api_key": "a b"}, "a secret is not empty and holds visible ASCII characters only"),
        ({"api_key": "ключ"}, "a secret is not empty and holds visible ASCII characters only"),
        ({"base_url": "ftp://api.example.com"}, "String should match pattern"),
        ({"base_url": "https://api.example.com?x=1"}, "String should match pattern"),
        ({"from_number": "77"}, "from_number is a phone number with country code"),
        ({"from_number": "ada@example.com"}, "from_number is a phone number with country code"),
    ],
)
def test_what_cannot_be_is_refused_without_its_value(given: dict[str, str], words: str) -> None:
    """The complaint says what is wrong, and not what was given."""
    with pytest.raises(ValidationError, match=words) as refused:
        Settings.model_validate(given)
    assert [] == [value for value in given.values() if value.strip() and value in str(refused.value)]


def test_secrets_are_counted_once() -> None:
    """In the order given; what is not set is none of them."""
    assert ("b", "a") == texts_of(None, SecretStr("b"), SecretStr("a"), SecretStr("b"))
