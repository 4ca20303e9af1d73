"""The vendor's JSON through our models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway_sendblue import wire

SAMPLES = Path(__file__).parent / "samples"

MODELS: dict[str, type[wire.Wire]] = {
    "send_request": wire.SendBody,
    "send_answer": wire.MessageAnswer,
    "group_request": wire.GroupBody,
    "group_answer": wire.MessageAnswer,
    "reaction_request": wire.ReactionBody,
    "error": wire.ErrorBody,
    "webhooks_config": wire.Subscriptions,
    "list_messages": wire.MessageList,
    "lines_state": wire.LineStates,
    "lines_usage": wire.LineUsage,
    "webhook_typing": wire.TypingHook,
    "webhook_call": wire.CallHook,
    "webhook_line": wire.LineHook,
    "webhook": wire.WebhookBody,
}
FILES = sorted(SAMPLES.glob("*.json"))


def model_of(sample: Path) -> type[wire.Wire]:
    """The model whose name the sample's begins with."""
    return next(model for name, model in MODELS.items() if sample.stem.startswith(name))


def same(one: object, other: object) -> bool:
    """Compare JSON; a bare URL is the object that has only a URL, and the account's email has two spellings."""
    if isinstance(one, dict) and isinstance(other, dict):
        first, second = (
            {name.replace("accountEmail", "account_email"): v for name, v in d.items()} for d in (one, other)
        )
        return first.keys() == second.keys() and all(same(first[name], second[name]) for name in first)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return other in (one, {"url": one})


@pytest.mark.parametrize("sample", FILES, ids=lambda sample: sample.stem)
def test_a_sample_is_read_and_written_unchanged(sample: Path) -> None:
    """Every documented example goes through our models without a loss."""
    document = json.loads(sample.read_text())
    assert same(document, model_of(sample).model_validate(document).dump())


@pytest.mark.parametrize("sample", FILES, ids=lambda sample: sample.stem)
def test_a_sample_has_no_field_that_we_do_not_name(sample: Path) -> None:
    """What the vendor documents is a field of ours; only what it adds later is kept aside."""
    read = model_of(sample).model_validate_json(sample.read_text())
    assert set() == set(read.model_extra or {})


def test_a_list_keeps_its_rows_as_they_came() -> None:
    """A row is a webhook's body for the parser, a field of tomorrow included; one that is none is left out."""
    listed = wire.MessageList.model_validate_json((SAMPLES / "list_messages.json").read_text())
    broken = listed.model_copy(update={"data": [*listed.data, {"message_handle": []}]})
    first = listed.data[0]
    assert isinstance(first, dict)
    assert (7, True) == (first["row_id"], listed.pagination is not None and listed.pagination.has_more)
    assert ["99DCC379-DD76-4712-BA65-11EFB33B8CD6"] == [item.message_handle for item in broken.items]


def test_what_only_decorates_never_costs_a_message() -> None:
    """A reply target or a code of another type than was ever seen is left out, and the message is there."""
    body = wire.WebhookBody.model_validate({"message_handle": "h", "reply_to": 7, "error_code": [1], "service": None})
    assert ("h", None, None) == (body.message_handle, body.reply_to, body.error_code)


def test_no_repr_shows_what_people_wrote() -> None:
    """Numbers, texts and secrets stay out of logs."""
    body: BaseModel = wire.WebhookBody(message_handle="h", content="secret words", number="+12025550150")
    assert "WebhookBody(content, message_handle, number)" == repr(body) == str(body)
