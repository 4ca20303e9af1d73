"""The requests that the vendor's documents and its SDK show, made by us."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.provider import (
    Attachment,
    Call,
    Chat,
    CreateOptInLink,
    Effect,
    Exchange,
    Message,
    MessageRef,
    Reaction,
    SendMessage,
    SendReaction,
    SetTyping,
    Token,
    Voice,
)
from gateway_loopmessage import LoopMessage, LoopMessageSettings, api, wire

SAMPLES = Path(__file__).parent / "samples"
PHONE = "+13231112233"
CHAT = Chat.direct(PHONE)
TARGET = MessageRef(vendor_id="59c55Ce8-41d6-43Cc-9116-8cfb2e696D7b")
KEYS: dict[str, Any] = {"key": "k", "token": Token("0123456789abcdefghijkl")}
PROVIDER = LoopMessage(LoopMessageSettings.model_validate({"api_key": "key-1"}))


def send(*content: Any, **fields: Any) -> Exchange[Any]:
    """Send a message."""
    return PROVIDER.send_message(SendMessage(chat=CHAT, messages=(Message(*content, **fields),), **KEYS))


def react(*, remove: bool) -> Exchange[Any]:
    """React to a message, or take it back."""
    reaction = Reaction.parse("love")
    return PROVIDER.send_reaction(SendReaction(chat=CHAT, target=TARGET, reaction=reaction, remove=remove, **KEYS))


MADE: dict[str, Exchange[Any]] = {
    "send": send("hey"),
    "send-effect": send("boom", effect=Effect.FIREWORKS),
    "send-attachment": send("check this", Attachment(url="https://files.example/a.png")),
    "send-reply": send("got it", reply_to=TARGET),
    "voice": send(Voice(url="https://example.com/audio.m4a")),
    "reaction": react(remove=False),
    "reaction-removed": react(remove=True),
    "typing": PROVIDER.set_typing(SetTyping(chat=CHAT, target=TARGET, seconds=3)),
    "opt-in": PROVIDER.create_opt_in_link(
        CreateOptInLink(body="Reply [opt-in-code] to subscribe.", parameters={"utm_campaign": "spring-launch"})
    ),
    "campaign-broadcast": api.campaigns.broadcast(
        "April drop",
        [PHONE, "+13232223344"],
        "new drop. check it.",
        schedule=wire.Schedule(timezone="America/Los_Angeles"),
    ),
    "campaign-individual": api.campaigns.individual(
        "Personal outreach",
        [
            wire.CampaignMessage(contact=PHONE, text="yo alex"),
            wire.CampaignMessage(contact="+13232223344", text="yo jordan"),
        ],
    ),
    "sender-new-phone": api.sender.order(
        wire.SenderOrder(
            plan_id="ID string",
            phone_region="US",
            zip_code="20001",
            sms_and_call=True,
            forwarding_to_phone_number=PHONE,
            rcs=False,
            whatsapp=False,
            init_conversations=True,
            contact=wire.CardName(first_name="string", last_name="string", photo_url="https://example.com/photo.png"),
            port=wire.Port(phone_number="+13232223344", account_number="string", pin="string", carrier="string"),
        )
    ),
    "sender-new-bulk": api.sender.order(
        wire.SenderOrder(plan_id="ID string", phone_region="GB"),
        wire.SenderOrder(plan_id="ID string", name="sender", domain="example.com"),
        test=True,
    ),
    "organization-new": api.organization.create(
        "string",
        website="https://example.com",
        support_url="https://example.com/help",
        country="US",
        webhook_url="https://example.com/hook",
        webhook_header="Bearer string",
    ),
}

#: What we add of our own: the token that traces a send, and that dots mark nothing as read.
OURS = {"passthrough", "read"}


@pytest.mark.parametrize("name", sorted(MADE))
def test_every_request_of_the_documents_is_made(name: str) -> None:
    """As it stands there, but for our token, and for the read mark that dots would bring."""
    call: Call = next(MADE[name])
    assert isinstance(call.json, dict)
    shown = json.loads((SAMPLES / f"request-{name}.json").read_text())
    assert shown == {field: value for field, value in call.json.items() if field not in OURS}


def test_no_request_of_the_documents_is_left_out() -> None:
    """Each sample is made by one of ours."""
    assert MADE.keys() == {path.stem.removeprefix("request-") for path in SAMPLES.glob("request-*.json")}
