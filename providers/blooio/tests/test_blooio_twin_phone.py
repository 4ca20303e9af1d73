"""What contacts do on their phones, as far as the vendor has a webhook for it, and what phones show of us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.provider import Address, Attachment, GroupUpdated, MessageRef, Opaque, Reaction, ReactionAdded, Text
from gateway_blooio import api
from gateway_blooio.simulator import BlooioTwin

if TYPE_CHECKING:
    from providers.blooio.tests.conftest import Stand

ADA, BEN, CLEO = "+12025550150", "+12025550151", "cleo@example.com"
VENDOR = BlooioTwin.name


async def test_a_contact_gives_a_group_a_picture(stand: Stand) -> None:
    """The application hears where it is, and the group shows it until it is taken away."""
    bubble = stand.ada.start_group([Address.parse(BEN)], "hi", vendor=VENDOR)
    group = str(bubble.thread.group)
    stand.ada.set_icon(Attachment(url="https://example.com/us.png"), vendor=VENDOR, group=group)
    icon = bubble.thread.notes["icon_url"]
    assert icon == (await stand.run(api.get_group(group))).icon_url
    await stand.events()
    stand.ada.set_icon(None, vendor=VENDOR, group=group)
    (removed,) = await stand.events()
    assert isinstance(removed, GroupUpdated)
    assert (None, None) == (removed.icon, (await stand.run(api.get_group(group))).icon_url)


async def test_a_reaction_to_a_later_part_names_it(stand: Stand) -> None:
    """Which part the contact aimed at comes with the webhook."""
    receipt = await stand.send("look")
    bubble = stand.sim.world.find(VENDOR, receipt.sent[0].vendor_id)
    assert bubble is not None
    bubble.parts = (Text(text="look"), Attachment(url="https://example.com/a.png"))
    await stand.events()
    stand.ada.react("love", vendor=VENDOR, message=bubble.vendor_id, part=1)
    (added,) = await stand.events()
    assert isinstance(added, ReactionAdded)
    assert (MessageRef(vendor_id=bubble.vendor_id, part=1), Reaction.parse("love")) == (added.target, added.reaction)


async def test_what_the_application_does_with_a_group_is_shown_on_the_phones(stand: Stand) -> None:
    """Its name, its picture and who is in it are lines in the middle of the chat."""
    stand.switch("group_members", value=True)
    receipt = await stand.send("hi", to=f"{ADA},{BEN}")
    group = str(receipt.alias.group if receipt.alias else None)
    thread = stand.sim.world.group(VENDOR, group)
    assert thread is not None
    await stand.run(api.update_group(group, name="Trip"))
    await stand.run(api.add_group_member(group, CLEO))
    await stand.run(api.remove_group_member(group, BEN))
    happened = [(each.what, each.data.get("name") or each.data.get("member")) for each in thread.happenings[1:]]
    assert [("renamed", "Trip"), ("joined", CLEO), ("removed", BEN)] == happened
    assert {Address.parse(BEN): 1} == thread.former


async def test_our_contact_card_is_on_the_phone(stand: Stand) -> None:
    """A card that goes with a message is a part of what is shown."""
    await stand.run(api.share_contact_card(ADA))
    receipt = await stand.send("hi")
    bubble = stand.sim.world.find(VENDOR, receipt.sent[0].vendor_id)
    assert bubble is not None
    assert (Text(text="hi"), Opaque(kind="contact card")) == bubble.parts
