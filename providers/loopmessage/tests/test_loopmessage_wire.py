"""The vendor's examples, and that nothing of them is lost in reading."""

import json
from pathlib import Path

import pytest

from gateway_loopmessage import wire

SAMPLES = Path(__file__).parent / "samples"

MODELS: dict[str, type[wire.Wire]] = {
    "audience-list": wire.Paged[wire.Contact],
    "audience-messages": wire.Paged[wire.HistoryItem],
    "audience-status": wire.ContactStatus,
    "audience-tracker": wire.Paged[wire.Tracked],
    "campaign-": wire.Campaign,
    "failure-": wire.Answer,
    "front-": wire.Hook,
    "hook-": wire.Hook,
    "legacy-": wire.Hook,
    "opt-in-200": wire.OptInUrl,
    "opt-in-request": wire.Wire,
    "organization-": wire.Organization,
    "organization-list": wire.Paged[wire.Organization],
    "pool-": wire.Pool,
    "pool-list": wire.Paged[wire.Pool],
    "request-campaign-": wire.CampaignRequest,
    "request-opt-in": wire.Wire,
    "request-organization-": wire.OrganizationRequest,
    "request-reaction": wire.SendRequest,
    "request-send": wire.SendRequest,
    "request-sender-new-bulk": wire.Wire,
    "request-sender-new-phone": wire.SenderOrder,
    "request-typing": wire.ShowTypingRequest,
    "request-voice": wire.SendRequest,
    "send-": wire.SendResponse,
    "sender-": wire.Sender,
    "sender-list": wire.Paged[wire.Sender],
    "sender-new-": wire.Ordered,
    "sender-plans": wire.Plans,
    "status-200": wire.StatusResponse,
    "typing-": wire.Answer,
    "webhooks-history": wire.Paged[wire.HookRecord],
}

#: Objects whose fields are the caller's own, and those that carry more than their model has a use for.
OPEN = frozenset({"audience-messages", "opt-in-request", "request-opt-in", "request-sender-new-bulk"})
SECRETS = frozenset({"api_key", "webhook_header"})


def model_of(sample: Path) -> type[wire.Wire]:
    """The model that reads a sample, by the longest beginning of its name."""
    return MODELS[max((name for name in MODELS if sample.stem.startswith(name)), key=len)]


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.json")), ids=lambda sample: sample.stem)
def test_every_sample_comes_back_as_it_was_read(sample: Path) -> None:
    """Reading and writing an example of the vendor changes nothing, and every field of it has a name of its own."""
    sent = json.loads(sample.read_text())
    # a secret is read, and not written again
    expected = {name: "**********" if name in SECRETS else value for name, value in sent.items()}
    read = model_of(sample).model_validate_json(sample.read_text())
    assert expected == json.loads(read.model_dump_json(by_alias=True, exclude_unset=True))
    assert expected == read.raw()
    assert {} == (read.model_extra or {}) or sample.stem in OPEN


def test_a_sample_does_not_show_what_it_holds() -> None:
    """A model's text names fields, never a number or a message."""
    hook = wire.Hook.model_validate_json((SAMPLES / "hook-message-inbound.json").read_text())
    assert repr(hook) == "Hook(api_version, contact, event, message_id, message_type, text, webhook_id)"
    assert str(hook) == repr(hook)


def test_a_group_has_its_id_under_either_name() -> None:
    """Answers say `group_id` or `id`, webhooks say `id`."""
    assert [wire.Group(id="a").ref, wire.Group(group_id="b").ref, wire.Group().ref] == ["a", "b", None]


def test_what_is_new_is_kept() -> None:
    """A field that the vendor adds is read and comes back."""
    told = {"success": True, "message_id": "1", "brand_new": {"deep": [1, None]}}
    assert told == wire.SendResponse.model_validate(told).raw()
