"""What contacts do on their phones, as far as the vendor has a webhook for it, and what phones show of us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from providers.sendblue.tests.conftest import ADA, BEN, CLEO, VENDOR

from gateway.provider import AddMember, Address, Chat, MessageReceived, Opaque, RenameGroup

if TYPE_CHECKING:
    from providers.sendblue.tests.conftest import Stand


async def test_a_place_that_a_contact_sends_arrives_as_one(stand: Stand) -> None:
    """The only card that the vendor carries."""
    contact = stand.sim.contact(ADA)
    place = Opaque(kind="location", data={"latitude": 41.0, "longitude": 29.0})
    contact.write(parts=(place,), vendor=VENDOR)
    (received,) = await stand.events()
    assert isinstance(received, MessageReceived)
    assert ["location"] == [part.kind for part in received.message.parts if isinstance(part, Opaque)]
    assert frozenset({"location"}) == stand.sim.twin(VENDOR).cards


async def test_what_the_application_does_with_a_group_is_shown_on_the_phones(stand: Stand) -> None:
    """Its name and who came are lines in the middle of the chat."""
    made = await stand.send("hi all", to=f"{ADA},{BEN}")
    assert made.alias is not None
    group: Chat = made.alias
    await stand.run(stand.provider.rename_group(RenameGroup(chat=group, name="Trip")))
    await stand.run(stand.provider.add_member(AddMember(chat=group, address=Address.parse(CLEO))))
    thread = stand.sim.world.group(VENDOR, str(group.group))
    assert thread is not None
    happened = [(each.what, each.data.get("name") or each.data.get("member")) for each in thread.happenings[1:]]
    assert [("renamed", "Trip"), ("joined", CLEO)] == happened
