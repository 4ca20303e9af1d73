"""What contacts do on their phones, as far as the vendor has a webhook for it, and what phones show of us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.provider import MessageReceived, Opaque, OptedIn, ReactionAdded

if TYPE_CHECKING:
    from providers.loopmessage.tests.conftest import Account

SEND = "/api/v1/message/send/"
PHONE = "+12025550170"


async def test_a_sticker_on_a_message_is_a_reaction_without_a_word(account: Account) -> None:
    """The vendor has six words, and `unknown` for the rest."""
    bubble = account.contact.write("hi", vendor="loopmessage")
    account.contact.stick(vendor="loopmessage", message=bubble.vendor_id)
    added = [event for event in await account.events() if isinstance(event, ReactionAdded)]
    assert [None] == [event.reaction for event in added]


async def test_a_place_and_a_sticker_arrive_as_what_they_are(account: Account) -> None:
    """They have types of their own; the twin says that it carries them."""
    for kind in sorted(account.twin.cards):
        account.contact.write(parts=(Opaque(kind=kind, data={}),), vendor="loopmessage")
    parts = [
        part for event in await account.events() if isinstance(event, MessageReceived) for part in event.message.parts
    ]
    assert ["location", "sticker"] == [part.kind for part in parts if isinstance(part, Opaque)]


async def test_a_phone_composes_what_an_opt_in_link_says_and_sending_it_opts_in(account: Account) -> None:
    """The code is in the text, and the parameters come back."""
    body = {"body": "Let me in [opt-in-code]", "campaign": "spring"}
    status, answer = account.request("POST", "/api/v1/opt-in/generate-url/", body)
    assert 200 == status, answer
    (link,) = account.twin.links()
    account.contact.write(link.text, vendor="loopmessage", line=link.line)
    (opted,) = [event for event in await account.events() if isinstance(event, OptedIn)]
    assert {"campaign": "spring"} == opted.parameters


async def test_a_text_that_was_too_long_is_shown_as_it_was_cut(account: Account) -> None:
    """The vendor cuts without a word; the phone knows how much is missing."""
    status, answer = account.request("POST", SEND, {"contact": account.contact.address.value, "text": "x" * 10_500})
    assert 200 == status, answer
    bubble = account.scene.world.find("loopmessage", answer["message_id"])
    assert bubble is not None
    assert (9_999, 501) == (len(bubble.text), bubble.cut)
