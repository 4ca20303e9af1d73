from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway_blooio import wire

SAMPLES = Path(__file__).parent / "samples"

EXTRAS = {
    "error_inbound_only": {"allocation_id", "external_id"},
    "error_outbound_limit": {"limit", "current", "mode"},
    "error_outbound_limit_number": {"limit", "current", "mode", "allocation_id", "sender_number"},
    "error_new_conversations": {"plan_id", "cap", "current"},
}
"""What stands beside the code of an error differs by code, and is kept as it comes."""

MODELS: dict[str, type[wire.Wire]] = {
    "send_request": wire.SendBody,
    "send_answer": wire.SendAnswer,
    "reaction_request": wire.ReactionBody,
    "error": wire.ErrorBody,
    "webhook": wire.WebhookEvent,
    "v4": wire.Envelope,
    "answer_background": wire.BackgroundAnswer,
    "answer_call_forwarding": wire.ForwardingTicket,
    "answer_capabilities": wire.ContactCapabilities,
    "answer_card_staged": wire.CardStaged,
    "answer_chats": wire.ChatList,
    "answer_contact_card": wire.ContactCard,
    "answer_contacts": wire.ContactList,
    "answer_deleted": wire.Deleted,
    "answer_facetime": wire.FaceTimeCall,
    "answer_friends": wire.Friends,
    "answer_group_created": wire.GroupCreated,
    "answer_group_icon": wire.GroupIcon,
    "answer_group_updated": wire.GroupUpdated,
    "answer_groups": wire.GroupList,
    "answer_me": wire.Me,
    "answer_member_added": wire.MemberAdded,
    "answer_member_removed": wire.MemberRemoved,
    "answer_members": wire.MemberList,
    "answer_message": wire.MessageItem,
    "answer_messages": wire.MessageList,
    "answer_number": wire.NumberInfo,
    "answer_numbers": wire.Numbers,
    "answer_poll": wire.PollAnswer,
    "answer_poll_results": wire.PollResults,
    "answer_reaction": wire.ReactionAnswer,
    "answer_read": wire.ReadAnswer,
    "answer_replayed": wire.Replayed,
    "answer_secret_rotated": wire.NewSecret,
    "answer_status": wire.StatusAnswer,
    "answer_tags": wire.TagList,
    "answer_tags_added": wire.TagsAdded,
    "answer_typing": wire.TypingAnswer,
    "answer_webhook_created": wire.Subscribed,
    "answer_webhook_known": wire.Subscribed,
    "answer_webhook_logs": wire.WebhookLogs,
    "answer_webhooks": wire.Subscriptions,
}


def model_of(sample: Path) -> type[wire.Wire]:
    """The model of the sample's own name, or of what that begins with."""
    return next(MODELS[name] for name in sorted(MODELS, key=len, reverse=True) if sample.stem.startswith(name))


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.json")), ids=lambda sample: sample.stem)
def test_a_sample_is_read_and_written_unchanged(sample: Path) -> None:
    """Every documented example goes through our models without a loss."""
    document = json.loads(sample.read_text())
    assert document == model_of(sample).model_validate(document).dump()


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.json")), ids=lambda sample: sample.stem)
def test_a_sample_has_no_field_that_we_do_not_name(sample: Path) -> None:
    """What the vendor documents is a field of ours; only what it adds later is kept aside."""
    read = model_of(sample).model_validate_json(sample.read_text())
    assert EXTRAS.get(sample.stem, set()) == set(unnamed(read))


def unnamed(model: BaseModel) -> list[str]:
    """The fields that the model and those inside it do not name."""
    inner = [value for field in type(model).model_fields for value in each_of(getattr(model, field))]
    return [*(model.model_extra or {}), *(name for each in inner for name in unnamed(each))]


def each_of(value: object) -> list[BaseModel]:
    """The models in a field, single or listed."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, BaseModel)]


def test_a_secret_is_not_shown() -> None:
    """Whoever prints an answer prints no key, no secret, no link to a call and no place."""
    for name in ("answer_me", "answer_webhook_created", "answer_secret_rotated", "answer_facetime", "answer_friends"):
        shown = repr(MODELS[name].model_validate_json((SAMPLES / f"{name}.json").read_text()))
        assert not [word for word in ("bl_live", "whsec_", "facetime.apple.com", "38.9") if word in shown]


def test_unknown_fields_and_nulls_are_kept() -> None:
    """An answer of tomorrow is still readable, and loses nothing."""
    document = {"message_id": None, "status": "queued", "tomorrow": {"x": [1]}}
    assert document == wire.SendAnswer.model_validate(document).dump()
