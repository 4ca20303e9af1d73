"""Settings, and what a connection with them can carry."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from gateway.provider import AddressKind, Channel, ChatKind, Effect, Feature, Level, Limits, Proof
from gateway_loopmessage import LoopMessage, LoopMessageSettings, gateway_providers


def settings(**fields: object) -> LoopMessageSettings:
    """Settings with a key."""
    return LoopMessageSettings.model_validate({"api_key": "key-1", **fields})


def test_the_plugin_offers_the_provider() -> None:
    """One provider, by the name that the configuration uses."""
    assert [LoopMessage] == list(gateway_providers())
    assert ("loopmessage", "LoopMessage") == (LoopMessage.name, LoopMessage.title)


def test_a_key_is_enough() -> None:
    """Everything else has the vendor's default."""
    made = settings()
    assert made.base_url == "https://a.loopmessage.com/api/v1"
    assert made.status_url == "https://a.loopmessage.com/v1"
    assert (None, None, False, 3) == (made.sender, made.webhook_secret, made.allow_unsigned, made.max_attachments)


def test_a_base_url_may_be_anywhere_and_end_in_a_slash() -> None:
    """The status is found beside it, below the same mount."""
    made = settings(base_url="http://127.0.0.1:8080/loopmessage/api/v1/")
    assert made.base_url == "http://127.0.0.1:8080/loopmessage/api/v1"
    assert made.status_url == "http://127.0.0.1:8080/loopmessage/v1"


@pytest.mark.parametrize(
    "fields",
    [
        {"api_key": ""},
        {"api_key": "Bearer key-1"},
        {"api_key": "key-1\n"},
        {"api_key": "kéy"},
        {"webhook_secret": ""},
        {"webhook_secret": "a\r\nb"},
        {"base_url": "https://a.loopmessage.com"},
        {"base_url": "ftp://a.loopmessage.com/api/v1"},
        {"base_url": "https://a.loopmessage.com/api/v1?x=1"},
        {"max_attachments": 0},
        {"max_attachments": 11},
        {"sender": ""},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_work_are_refused(fields: dict[str, object]) -> None:
    """And the error does not show a secret."""
    with pytest.raises(ValidationError) as caught:
        settings(**fields)
    assert "key-1" not in str(caught.value)


def test_nothing_shows_the_key() -> None:
    """Neither the settings nor the provider."""
    provider = LoopMessage(settings(webhook_secret="hook-1"))
    shown = f"{provider!r} {provider.settings!r}"
    assert "key-1" not in shown
    assert "hook-1" not in shown


def test_the_limits_are_the_vendors() -> None:
    """Text under 10,000; three attachments unless the account has more; a reference beside our token."""
    table = LoopMessage(settings(max_attachments=5)).capabilities()
    direct = table.find(ChatKind.DIRECT)
    assert direct.limits.model_copy(update={"exclusive": ()}) == Limits(
        text_length=9999,
        attachment_count=5,
        url_length=256,
        voice_formats=("mp3", "wav", "m4a", "caf", "aac"),
        reference_length=973,
        text_required=True,
        channels=frozenset(Channel),
        typing_seconds=60,
    )
    assert frozenset(Effect) == direct.limits.effects
    missing = {Feature.MULTIPART, Feature.MENTION, Feature.LINK_CARD, Feature.EMOJI_REACTION, Feature.READ_REPORT}
    assert not any(direct.has(feature) for feature in {*missing, Feature.REPLY_PART, Feature.REPLY_GUID, Feature.BATCH})
    assert LoopMessage(settings()).capabilities().find(ChatKind.DIRECT).limits.attachment_count == 3


def test_sms_carries_less() -> None:
    """No subject, effect or reply, pictures only, phones only, no voice; the other channels lack what is Apple's."""
    table = LoopMessage(settings()).capabilities()
    sms = table.find(ChatKind.DIRECT, Channel.SMS)
    lacks = (Feature.SUBJECT, Feature.EFFECT, Feature.REPLY, Feature.VOICE, Feature.REACTION, Feature.TYPING)
    assert not any(sms.has(feature) for feature in lacks)
    assert sms.has(Feature.TEXT)
    assert sms.limits.media_types == ("image/*",)
    assert AddressKind.EMAIL not in sms.limits.addresses
    rcs = table.find(ChatKind.DIRECT, Channel.RCS)
    assert not rcs.has(Feature.EFFECT)
    assert rcs.has(Feature.REPLY)


def test_groups_are_imessage_only() -> None:
    """No channel can be asked for, no contact card, and typing only by a message of the group."""
    table = LoopMessage(settings()).capabilities()
    group = table.find(ChatKind.GROUP)
    assert (Level.FULL, Level.PARTIAL) == (group.level(Feature.GROUP), group.level(Feature.TYPING))
    assert not any(group.has(feature) for feature in (Feature.CHANNEL, Feature.SHARE_CONTACT, Feature.DIRECT))
    assert not table.find(ChatKind.GROUP, Channel.SMS).has(Feature.TEXT)
    assert not table.find(ChatKind.SEVERAL).has(Feature.TEXT)


def test_a_send_is_proven_by_our_token() -> None:
    """It comes back on webhooks; no idempotency key exists; redelivery ends within a day."""
    expected = Proof(settle=timedelta(seconds=120), redelivery_window=timedelta(hours=24), token_returns=True)
    assert expected == LoopMessage.proof
