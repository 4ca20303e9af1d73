from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway_blooio import wire

SAMPLES = Path(__file__).parent / "samples"

MODELS: dict[str, type[wire.Wire]] = {
    "send_request": wire.SendBody,
    "send_answer": wire.SendAnswer,
    "reaction_request": wire.ReactionBody,
    "error": wire.ErrorBody,
    "webhook": wire.WebhookEvent,
}


def model_of(sample: Path) -> type[wire.Wire]:
    """The model whose name the sample's begins with."""
    return next(model for name, model in MODELS.items() if sample.stem.startswith(name))


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.json")), ids=lambda sample: sample.stem)
def test_a_sample_is_read_and_written_unchanged(sample: Path) -> None:
    """Every documented example goes through our models without a loss."""
    document = json.loads(sample.read_text())
    assert document == model_of(sample).model_validate(document).dump()


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.json")), ids=lambda sample: sample.stem)
def test_a_sample_has_no_field_that_we_do_not_name(sample: Path) -> None:
    """What the vendor documents is a field of ours; only what it adds later is kept aside."""
    read = model_of(sample).model_validate_json(sample.read_text())
    extras = {"allocation_id", "external_id"} if sample.stem == "error_inbound_only" else set()
    assert extras == set(read.model_extra or {})


def test_unknown_fields_and_nulls_are_kept() -> None:
    """An answer of tomorrow is still readable, and loses nothing."""
    document = {"message_id": None, "status": "queued", "tomorrow": {"x": [1]}}
    assert document == wire.SendAnswer.model_validate(document).dump()
