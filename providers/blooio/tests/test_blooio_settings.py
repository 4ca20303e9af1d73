from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway_blooio import BlooioSettings


def test_defaults_are_the_vendors_own_address_and_window() -> None:
    """With a key alone, calls go to the documented host and signatures are good for five minutes."""
    settings = BlooioSettings.model_validate({"api_key": "bl_live_1"})
    assert settings.base_url == "https://api.blooio.com/v2/api"
    assert settings.tolerance == 300
    assert settings.signing_secrets == ()


def test_a_trailing_slash_of_the_base_url_is_dropped() -> None:
    """Paths begin with a slash, so the base has none at its end."""
    settings = BlooioSettings.model_validate({"api_key": "k", "base_url": "http://127.0.0.1:1/v2/api/"})
    assert settings.base_url == "http://127.0.0.1:1/v2/api"


def test_one_secret_and_several_are_one_list() -> None:
    """`webhook_secret` and `webhook_secrets` are taken together, each once."""
    values = {"api_key": "k", "webhook_secret": "whsec_a", "webhook_secrets": ["whsec_b", "whsec_a"]}
    assert BlooioSettings.model_validate(values).signing_secrets == ("whsec_a", "whsec_b")


def test_the_number_is_canonical() -> None:
    """Any spelling of the line is the vendor's spelling."""
    values = {"api_key": "k", "from_number": "+1 (510) 555-0141"}
    assert BlooioSettings.model_validate(values).from_number == "+15105550141"


@pytest.mark.parametrize(
    "values",
    [
        {"api_key": ""},
        {"api_key": "two words"},
        {"api_key": "k\u00e9"},
        {"api_key": "k", "webhook_secret": ""},
        {"api_key": "k", "webhook_secrets": [" "]},
        {"api_key": "k", "from_number": "someone@example.com"},
        {"api_key": "k", "from_number": "5550141"},
        {"api_key": "k", "base_url": "api.blooio.com"},
        {"api_key": "k", "base_url": "https://api.blooio.com/v2/api?x=1"},
        {"api_key": "k", "tolerance": 0},
        {"api_key": "k", "unknown": 1},
    ],
)
def test_what_cannot_work_is_refused(values: dict[str, Any]) -> None:
    """Empty secrets, lines that are no phones and unknown options are errors when the settings are read."""
    with pytest.raises(ValidationError):
        BlooioSettings.model_validate(values)


def test_no_secret_is_shown() -> None:
    """Neither `repr` nor an error shows a key, a secret or a number."""
    settings = BlooioSettings.model_validate(
        {"api_key": "bl_live_hush", "webhook_secret": "whsec_hush", "from_number": "+15105550141"}
    )
    assert "hush" not in repr(settings)
    assert "5550141" not in repr(settings)
    with pytest.raises(ValidationError) as caught:
        BlooioSettings.model_validate({"api_key": "hush hush"})
    assert "hush" not in str(caught.value)
