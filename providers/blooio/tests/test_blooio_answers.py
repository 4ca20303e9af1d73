"""What each kind of answer to a send makes of a receipt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.drive import drive_blocking
from gateway.provider import Address, Chat, DeliveryState, Feature, Message, Receipt, Reply, SendMessage, Token
from gateway_blooio import Blooio, BlooioSettings

SAMPLES = Path(__file__).parent / "samples"
PROVIDER = Blooio(BlooioSettings.model_validate({"api_key": "k"}))
ADA, BEN = Address.parse("+15551234567"), Address.parse("+15559876543")
QUEUED, FAILED = DeliveryState.QUEUED, DeliveryState.FAILED


def receipt_of(name: str, chat: Chat, *texts: str, status: int = 202) -> Receipt:
    """The receipt that the provider makes of a sample."""
    action = SendMessage(chat=chat, messages=tuple(Message(text) for text in texts), key="k", token=Token("t"))
    body = (SAMPLES / f"{name}.json").read_bytes()
    return drive_blocking(PROVIDER.send_message(action), lambda _: Reply(status, {}, body))


@pytest.mark.parametrize(
    ("name", "texts", "sent"),
    [
        ("send_answer_one", ["hi"], [("msg_abc123def456", 0, QUEUED)]),
        ("send_answer_failed", ["hi"], [("msg_abc123def456", 0, FAILED)]),
        ("send_answer_texts", ["hi", "ho"], [("msg_1", 0, QUEUED), ("msg_2", 1, QUEUED)]),
        ("send_answer_links", ["https://a.example", "https://b.example"], [("msg_1", 0, QUEUED), ("msg_2", 1, QUEUED)]),
        ("send_answer_group", ["hi"], [("msg_1", 0, QUEUED)]),
        ("send_answer_unresolved", ["hi"], [("msg_1", 0, QUEUED)]),
    ],
)
def test_a_receipt_names_every_message(name: str, texts: list[str], sent: list[tuple[Any, ...]]) -> None:
    """Each vendor id with the message it stands for; `failed` is a state, not an error."""
    receipt = receipt_of(name, Chat.direct(ADA), *texts)
    assert sent == [(each.vendor_id, each.index, each.state) for each in receipt.sent]


def test_a_list_of_addresses_becomes_a_group() -> None:
    """The receipt's alias names it, with who is in it."""
    receipt = receipt_of("send_answer_group", Chat.several(ADA, BEN), "hi")
    assert Chat.of_group("grp_abc123", members=(ADA, BEN)) == receipt.alias


def test_a_guid_that_nobody_knows_is_told() -> None:
    """Sent all the same, but perhaps not in its thread."""
    (note,) = receipt_of("send_answer_unresolved", Chat.direct(ADA), "hi").adaptations
    assert Feature.REPLY_GUID == note.feature


@pytest.mark.parametrize(("status", "replayed"), [(202, False), (200, True)])
def test_a_known_key_is_told_by_the_status(status: int, *, replayed: bool) -> None:
    """200 is the first result once more."""
    assert replayed is receipt_of("send_answer_one", Chat.direct(ADA), "hi", status=status).replayed
