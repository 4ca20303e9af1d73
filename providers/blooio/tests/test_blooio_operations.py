"""Every operation against the twin: what it answers, as our models read it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.provider import (
    Blob,
    Exchange,
    InvalidRequest,
    LimitReached,
    NotFound,
    Refused,
    SenderUnavailable,
    VendorFault,
)
from gateway_blooio import api, wire
from gateway_blooio.simulator import BlooioTwin

if TYPE_CHECKING:
    from providers.blooio.tests.conftest import Stand

VENDOR = BlooioTwin.name
ADA, BEN = "+12025550150", "+12025550151"
LINE = BlooioTwin.lines[0]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


@pytest.fixture
def picture(tmp_path: Path) -> Blob:
    """A picture of this machine."""
    file = tmp_path / "one.png"
    file.write_bytes(PNG)
    return Blob(str(file), "one.png", "image/png")


async def refused(stand: Stand, exchange: Exchange[Any], error: type[Exception], status: int) -> None:
    """The exchange is refused with this error and status."""
    with pytest.raises(error) as caught:
        await stand.run(exchange)
    assert status == getattr(caught.value, "status", None)


# ── account and numbers ───────────────────────────────────────────────────────────────────────────────────────────


async def test_the_account_says_who_it_is(stand: Stand) -> None:
    """Organization, numbers with their plan, and what was sent; the key is read and not shown."""
    await stand.send("hi")
    me = await stand.run(api.get_me())
    assert (True, "api_key", list(BlooioTwin.lines), 1) == (
        me.valid,
        me.auth_type,
        [device.phone_number for device in me.devices],
        me.usage.outbound_messages if me.usage else None,
    )
    assert stand.sim.api_keys[VENDOR] == me.api_key
    assert stand.sim.api_keys[VENDOR] not in repr(me)


async def test_a_contact_card_is_changed_in_part(stand: Stand) -> None:
    """What is not named stays; the picture goes as base64."""
    picture = base64.b64encode(PNG).decode()
    changed = await stand.run(
        api.update_my_contact_card(LINE, wire.CardBody(first_name="Ada", last_name="L", avatar=picture))
    )
    await stand.run(api.update_my_contact_card(LINE, wire.CardBody(sharing=wire.CardSharing(audience=1))))
    card = await stand.run(api.get_my_contact_card(LINE))
    assert (True, "Ada", LINE) == (changed.success, changed.first_name, changed.phone_number)
    assert ("Ada L", picture, False) == (card.name, card.avatar, card.has_wallpaper)
    assert wire.CardSharing(enabled=True, audience=1, name_format=0) == card.sharing


async def test_a_contact_card_hangs_on_number_plan_and_device(stand: Stand) -> None:
    """Not ours 403, malformed 400, another plan 403 but for who may see it, no device 502."""
    name = wire.CardBody(first_name="Ada")
    await refused(stand, api.get_my_contact_card(ADA), Refused, 403)
    await refused(stand, api.get_my_contact_card("home"), InvalidRequest, 400)
    wrong = {"avatar": "nothing", "sharing": {"audience": 7}}
    for field, value in wrong.items():
        await refused(
            stand, api.update_my_contact_card(LINE, wire.CardBody.model_validate({field: value})), InvalidRequest, 400
        )
    stand.switch("contact_card", value=False)
    await refused(stand, api.update_my_contact_card(LINE, name), Refused, 403)
    sharing = wire.CardBody(sharing=wire.CardSharing(enabled=False))
    assert (await stand.run(api.update_my_contact_card(LINE, sharing))).success
    stand.switch("active", value=False)
    await refused(stand, api.update_my_contact_card(LINE, sharing), VendorFault, 502)


async def test_call_forwarding_is_a_ticket(stand: Stand) -> None:
    """A person will do it, and each call opens another one."""
    first = await stand.run(api.request_call_forwarding(LINE, ADA))
    second = await stand.run(api.request_call_forwarding(LINE, ADA))
    assert (True, "open", LINE, ADA) == (first.success, first.status, first.number, first.forward_to)
    assert first.ticket_id != second.ticket_id
    await refused(stand, api.request_call_forwarding(LINE, "ada@example.com"), InvalidRequest, 400)
    await refused(stand, api.request_call_forwarding(ADA, ADA), Refused, 403)


# ── chats and messages ────────────────────────────────────────────────────────────────────────────────────────────


async def test_chats_are_listed_and_looked_up(stand: Stand) -> None:
    """By page, by name, with counts and the newest message; a chat that never was is unknown."""
    await stand.run(api.create_contact(ADA, name="Ada"))
    await stand.send("hi")
    await stand.send("ho", to=BEN)
    stand.ada.write("hey", vendor=VENDOR)
    page = await stand.run(api.list_chats(limit=1))
    assert page.more is not None
    rest = await stand.run(page.more())
    chat = await stand.run(api.get_chat(ADA))
    assert ([ADA], [BEN], 2) == ([item.id for item in page.items], [item.id for item in rest.items], page.total)
    assert ("phone", "Ada", 2, 1, "hey") == (
        chat.type,
        chat.contact.name if chat.contact else None,
        chat.message_count,
        chat.inbound_count,
        chat.last_message.text if chat.last_message else None,
    )
    assert [ADA] == [item.id for item in (await stand.run(api.list_chats(q="ada"))).items]
    assert chat.first_message_time is not None
    await refused(stand, api.get_chat("+12025550159"), NotFound, 404)


async def test_messages_are_listed_by_direction_and_time(stand: Stand) -> None:
    """Newest first unless asked otherwise; the look-up of one names its chat and contact."""
    sent = await stand.send("one")
    await stand.sim.clock.advance(60)
    middle = int(stand.sim.clock.now().timestamp() * 1000)
    await stand.sim.clock.advance(60)
    stand.ada.write("two", vendor=VENDOR)
    listed = await stand.run(api.list_chat_messages(ADA))
    since = await stand.run(api.list_chat_messages(ADA, since=middle))
    until = await stand.run(api.list_chat_messages(ADA, until=middle))
    ours = await stand.run(api.list_chat_messages(ADA, direction="outbound", sort="asc"))
    texts = [[item.text for item in page.items] for page in (listed, since, until, ours)]
    assert [["two", "one"], ["two"], ["one"], ["one"]] == texts
    message = await stand.run(api.get_message(ADA, str(sent.vendor_id)))
    status = await stand.run(api.get_message_status(ADA, str(sent.vendor_id)))
    assert (ADA, ADA, "one") == (message.chat_id, message.contact.identifier if message.contact else None, message.text)
    assert ("delivered", "imessage", True) == (status.status, status.protocol, status.time_delivered is not None)


async def test_a_queued_message_is_taken_back_where_the_vendor_can(stand: Stand) -> None:
    """Behind a switch, as one page alone has it; too late is a refusal."""
    sent = str((await stand.send("hi")).vendor_id)
    await refused(stand, api.cancel_message(ADA, sent), NotFound, 404)
    stand.switch("cancel", value=True)
    cancelled = await stand.run(api.cancel_message(ADA, sent))
    assert (True, "cancelled") == (cancelled.cancelled, cancelled.status)
    await refused(stand, api.cancel_message(ADA, sent), Refused, 409)


async def test_reactions_typing_and_read_marks(stand: Stand) -> None:
    """What was done comes back, the reaction without its sign."""
    sent = str((await stand.send("hi")).vendor_id)
    added = await stand.run(api.add_reaction(ADA, sent, "+🔥"))
    removed = await stand.run(api.add_reaction(ADA, "-1", "-🔥", direction="outbound"))
    assert [("🔥", "add"), ("🔥", "remove")] == [(each.reaction, each.action) for each in (added, removed)]
    started = await stand.run(api.start_typing(ADA))
    stopped = await stand.run(api.stop_typing(ADA))
    read = await stand.run(api.mark_chat_read(ADA))
    assert (True, False, "read", ADA) == (started.typing, stopped.typing, read.status, read.chat_id)
    assert (True, True) == (started.started_at is not None, stopped.stopped_at is not None)


async def test_a_background_is_set_shown_and_removed(stand: Stand, picture: Blob) -> None:
    """The same picture changes nothing; the versions count on."""
    before = await stand.run(api.get_chat_background(ADA))
    first = await stand.run(api.set_chat_background(ADA, picture))
    again = await stand.run(api.set_chat_background(ADA, picture))
    removed = await stand.run(api.remove_chat_background(ADA))
    anew = await stand.run(api.set_chat_background(ADA, picture))
    assert [(False, None), (True, 1), (True, 1), (False, None), (True, 2)] == [
        (each.has_background, each.background_version) for each in (before, first, again, removed, anew)
    ]
    assert (True, False, None) == (first.changed, again.changed, removed.changed)


@pytest.mark.parametrize("operation", [api.set_chat_background, api.set_group_icon])
async def test_a_picture_is_a_picture_of_at_most_ten_megabytes(stand: Stand, tmp_path: Path, operation: Any) -> None:
    """Told by its first bytes, whatever its name says."""
    group = await stand.run(api.create_group("Us", members=[ADA, BEN]))
    await stand.send("hi", to=f"group:{group.group_id}")
    for name, content in (("text.png", b"hello"), ("large.png", PNG + bytes(10 * 1024 * 1024))):
        file = tmp_path / name
        file.write_bytes(content)
        await refused(stand, operation(str(group.group_id), Blob(str(file), name, "image/png")), InvalidRequest, 400)


async def test_a_background_needs_iMessage_a_device_and_a_form(stand: Stand, picture: Blob) -> None:  # noqa: N802 - its name
    """SMS has none, no device is 503, and a JSON body is no picture."""
    assert 400 == (await stand.ask("PUT", "/chats/%2B12025550150/background", {"background": "x"})).status_code
    stand.ada.switch(imessage=False)
    await refused(stand, api.set_chat_background(ADA, picture), InvalidRequest, 400)
    stand.switch("active", value=False)
    await refused(stand, api.get_chat_background(ADA), SenderUnavailable, 503)


async def test_a_contact_card_goes_with_the_next_message(stand: Stand) -> None:
    """Staged once, however often it is asked for, and gone with the message."""
    await stand.send("hi")
    staged = await stand.run(api.share_contact_card(ADA))
    await stand.run(api.share_contact_card(ADA))
    receipts = [await stand.send("with"), await stand.send("without")]
    bubbles = [stand.sim.world.find(VENDOR, str(receipt.vendor_id)) for receipt in receipts]
    assert (True, ADA) == (staged.success, staged.chat_id)
    assert [True, False] == ["contact_card" in bubble.notes for bubble in bubbles if bubble]
    stand.switch("contact_card", value=False)
    await refused(stand, api.share_contact_card(ADA), Refused, 403)


# ── polls ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_contacts_vote_and_the_votes_are_counted(stand: Stand) -> None:
    """Several options of one contact count, a vote twice counts once, and one may be taken back."""
    await stand.send("hi")
    poll = await stand.run(api.send_poll(ADA, ["tea", "rum"], title="What?"))
    for option in ("tea", "rum", "tea"):
        stand.ada.vote(option, vendor=VENDOR)
    stand.ada.vote("rum", vendor=VENDOR, removed=True)
    results = await stand.run(api.get_poll_results(ADA, str(poll.poll_id)))
    assert (wire.PollContent(title="What?", options=["tea", "rum"]), ADA) == (poll.poll, poll.chat_id)
    assert ([("tea", 1), ("rum", 0)], 1) == (
        [(option.text, option.votes) for option in results.options],
        results.total_votes,
    )
    await refused(stand, api.get_poll_results(ADA, "poll_unknown"), NotFound, 404)


# ── contacts ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_contacts_are_kept(stand: Stand) -> None:
    """Made, found, renamed, and gone; whoever wrote is a contact too."""
    made = await stand.run(api.create_contact("cleo@example.com", name="Cleo"))
    await refused(stand, api.create_contact("cleo@example.com"), Refused, 409)
    stand.ada.write("hi", vendor=VENDOR)
    listed = await stand.run(api.list_contacts(sort="name_desc", limit=1))
    assert (2, ["cleo@example.com"]) == (listed.total, [item.identifier for item in listed.items])
    renamed = await stand.run(api.update_contact("cleo@example.com", name=None))
    found = await stand.run(api.get_contact("cleo@example.com"))
    assert ("Cleo", None, "email", found) == (made.name, renamed.name, found.type, renamed)
    assert (await stand.run(api.delete_contact("cleo@example.com"))).success
    await refused(stand, api.get_contact("cleo@example.com"), NotFound, 404)


async def test_a_contact_that_is_there_may_stand_in_the_conflict(stand: Stand) -> None:
    """One page says that the 409 holds it; that is a switch."""
    await stand.run(api.create_contact(ADA, name="Ada"))
    stand.switch("contact_in_conflict", value=True)
    response = await stand.ask("POST", "/contacts", {"identifier": ADA})
    assert (409, "Ada") == (response.status_code, response.json()["contact"]["name"])


async def test_a_contact_has_abilities_and_tags(stand: Stand) -> None:
    """SMS is for phones only; a tag is there once, and is taken away by its own name."""
    able = await stand.run(api.get_contact_capabilities("cleo@example.com"))
    assert wire.Able(imessage=True, facetime=True) == able.capabilities
    await stand.run(api.create_contact(ADA))
    added = await stand.run(api.add_contact_tags(ADA, ["vip", "a/b"]))
    await stand.run(api.add_contact_tags(ADA, ["vip"]))
    assert ["vip", "a/b"] == added.tags_added
    assert ["vip", "a/b"] == [item.tag for item in (await stand.run(api.list_contact_tags(ADA))).tags]
    await stand.run(api.remove_contact_tag(ADA, "a/b"))
    assert ["vip"] == (await stand.run(api.get_contact(ADA))).tags
    await refused(stand, api.remove_contact_tag(ADA, "a/b"), NotFound, 404)


# ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_group_gets_its_chat_with_the_first_message(stand: Stand) -> None:
    """Before that there is no `chat_guid`, and no icon can be set."""
    made = await stand.run(api.create_group("Us", members=[ADA, BEN]))
    group = str(made.group_id)
    assert (None, [ADA, BEN], [ADA, BEN], 2) == (
        made.chat_guid,
        made.added_members,
        made.created_contacts,
        made.member_count,
    )
    await refused(stand, api.remove_group_icon(group), InvalidRequest, 400)
    await stand.send("hi", to=f"group:{group}")
    found = await stand.run(api.get_group(group))
    assert (True, 1, "hi", "outbound") == (
        str(found.chat_guid).startswith("iMessage;+;chat"),
        found.message_count,
        found.last_message_text,
        found.last_message_direction,
    )


async def test_the_same_people_are_one_group(stand: Stand) -> None:
    """A second one is a conflict, as is a second link to the same chat."""
    await stand.run(api.create_group("Us", members=[ADA, BEN]))
    await refused(stand, api.create_group("We", members=[BEN, ADA]), Refused, 409)
    await stand.run(api.create_group("Linked", chat_guid="iMessage;+;chat1"))
    await refused(stand, api.create_group("Again", chat_guid="iMessage;+;chat1"), Refused, 409)


async def test_a_group_of_nobody_takes_no_message(stand: Stand) -> None:
    """It can be made, but there is nobody to write to."""
    group = await stand.run(api.create_group("Nobody"))
    with pytest.raises(InvalidRequest):
        await stand.send("hi", to=f"group:{group.group_id}")
    typing = await stand.run(api.start_typing(str(group.group_id)))
    assert "SMS chats do not support composing indicators" == typing.warning


async def test_a_group_is_renamed_listed_and_left(stand: Stand) -> None:
    """What was deleted is unknown from then on, to sends too."""
    made = await stand.run(api.create_group("Us", members=[ADA, BEN]))
    group = str(made.group_id)
    await stand.send("hi", to=f"group:{group}")
    renamed = await stand.run(api.update_group(group, name="We"))
    assert ("We", True) == (renamed.name, renamed.device_sync.synced if renamed.device_sync else None)
    assert [group] == [item.group_id for item in (await stand.run(api.list_groups(q="we", sort="oldest"))).items]
    assert (await stand.run(api.delete_group(group))).success
    assert [] == (await stand.run(api.list_groups())).items
    await refused(stand, api.get_group(group), NotFound, 404)
    with pytest.raises(NotFound):
        await stand.send("hi", to=f"group:{group}")


async def test_an_icon_is_set_and_removed(stand: Stand, picture: Blob) -> None:
    """The group shows it, and the phones were told."""
    receipt = await stand.send("hi", to=f"{ADA},{BEN}")
    group = str(receipt.alias.group if receipt.alias else None)
    icon = await stand.run(api.set_group_icon(group, picture))
    assert icon.icon_url == (await stand.run(api.get_group(group))).icon_url
    assert (True, True) == (icon.success, icon.device_sync.synced if icon.device_sync else None)
    removed = await stand.run(api.remove_group_icon(group))
    assert (None, None) == (removed.icon_url, (await stand.run(api.get_group(group))).icon_url)


async def test_members_are_listed_and_cannot_be_changed(stand: Stand) -> None:
    """501 for adding and removing, until the vendor lifts it: then they work."""
    await stand.run(api.create_contact(ADA, name="Ada"))
    group = str((await stand.run(api.create_group("Us", members=[ADA, BEN]))).group_id)
    page = await stand.run(api.list_group_members(group, limit=1))
    assert ([(ADA, "Ada")], 2) == ([(item.identifier, item.name) for item in page.items], page.total)
    cleo = "cleo@example.com"
    await refused(stand, api.add_group_member(group, cleo), Refused, 501)
    await refused(stand, api.remove_group_member(group, BEN), Refused, 501)
    stand.switch("group_members", value=True)
    added = await stand.run(api.add_group_member(group, cleo))
    again = await stand.run(api.add_group_member(group, cleo))
    removed = await stand.run(api.remove_group_member(group, BEN))
    assert (True, "Already a member", True) == (added.contact_created, again.message, removed.success)
    names = [item.identifier for item in (await stand.run(api.list_group_members(group))).items]
    assert sorted([ADA, cleo]) == sorted(str(name) for name in names)
    await refused(stand, api.remove_group_member(group, BEN), NotFound, 404)


# ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_subscription_is_made_changed_and_deleted(stand: Stand) -> None:
    """The secret is shown once, and again when it is rotated."""
    url = f"{stand.app.url}/own"
    made = await stand.run(api.create_webhook(url, webhook_type="all"))
    again = await stand.run(api.create_webhook(url))
    assert (True, None, made.webhook_id) == (bool(made.signing_secret), again.signing_secret, again.webhook_id)
    assert str(made.signing_secret) not in repr(made)
    webhook = str(made.webhook_id)
    changed = await stand.run(api.update_webhook(webhook, webhook_type="status", valid_until=-1, deprecate=True))
    assert ("status", -1, False) == (changed.webhook_type, changed.valid_until, changed.is_active)
    assert changed == await stand.run(api.get_webhook(webhook))
    assert [changed] == (await stand.run(api.list_webhooks())).webhooks
    rotated = await stand.run(api.rotate_webhook_secret(webhook))
    assert (False, 1) == (rotated.signing_secret == made.signing_secret, rotated.rotation_count)
    assert (await stand.run(api.delete_webhook(webhook))).message
    await refused(stand, api.get_webhook(webhook), NotFound, 404)


@pytest.mark.parametrize(("answered", "success"), [(200, True), (500, False)])
async def test_a_replay_tells_what_the_application_said(stand: Stand, answered: int, *, success: bool) -> None:
    """It is delivered before the answer, once, and stands in the log as a replay."""
    stand.ada.write("hi", vendor=VENDOR)
    await stand.events()
    (subscription,) = (await stand.run(api.list_webhooks())).webhooks
    (first,) = (await stand.run(api.list_webhook_logs(subscription.webhook_id))).items
    stand.app.answers = [answered]
    replayed = await stand.run(api.replay_webhook_event(subscription.webhook_id, str(first.event_id)))
    assert (success, answered, first.event_id) == (
        replayed.success,
        replayed.response_status,
        replayed.original_event_id,
    )
    (hook,) = stand.app.hooks
    stand.provider.verify(hook)
    await stand.sim.clock.advance(3600)
    logged = (await stand.run(api.list_webhook_logs(subscription.webhook_id))).items
    assert [replayed.replay_event_id, first.event_id] == [entry.event_id for entry in logged]
    assert [True, False] == [bool(entry.metadata and entry.metadata.is_replay) for entry in logged]
    assert 1 == len(stand.app.hooks)
    await refused(stand, api.replay_webhook_event(subscription.webhook_id, "evt_unknown"), NotFound, 404)


# ── places, calls, numbers ────────────────────────────────────────────────────────────────────────────────────────


async def test_contacts_share_where_they_are(stand: Stand) -> None:
    """Those with iMessage whom we talk to; a refresh takes a while."""
    await stand.send("hi")
    before = await stand.run(api.refresh_location_contacts())
    await stand.sim.clock.advance(20)
    (friend,) = (await stand.run(api.list_location_contacts())).friends
    assert (True, "shallow", "live", ADA) == (before.success, before.friends[0].status, friend.status, friend.handle)
    assert friend == await stand.run(api.get_location_contact(ADA))
    assert "coordinates" not in repr(friend)
    await refused(stand, api.get_location_contact(BEN), NotFound, 404)
    stand.switch("locations", value=False)
    assert [] == (await stand.run(api.list_location_contacts())).friends
    stand.switch("active", value=False)
    await refused(stand, api.list_location_contacts(), NotFound, 404)


async def test_a_facetime_call_is_disabled(stand: Stand) -> None:
    """501 until the vendor lifts it; then there is a link."""
    await refused(stand, api.call_face_time(ADA), Refused, 501)
    stand.switch("facetime", value=True)
    call = await stand.run(api.call_face_time(ADA))
    assert (True, ADA) == (call.success, call.handle)
    assert str(call.link).startswith("https://facetime.apple.com/join#")
    stand.sim.contact(BEN).switch(imessage=False)
    await refused(stand, api.call_face_time(BEN), InvalidRequest, 400)


async def test_a_number_is_looked_up_in_any_spelling(stand: Stand) -> None:
    """By query or body, one or many; the plan decides."""
    found = await stand.run(api.lookup_phone_number("(202) 555-0150"))
    posted = await stand.run(api.lookup_phone_number_post("(202) 555-0150"))
    many = await stand.run(api.batch_lookup_phone_numbers([ADA, "+44 7700 900123", "12"]))
    place = wire.NumberPlace(city="Washington", region="DC", region_name="District of Columbia")
    assert (found, ADA, True, "US", "1", "202", place) == (
        posted,
        found.e164,
        found.valid,
        found.country,
        found.country_calling_code,
        found.area_code,
        found.location,
    )
    assert [(True, "US"), (True, "GB"), (False, None)] == [(each.valid, each.country) for each in many.results]
    await refused(stand, api.batch_lookup_phone_numbers([ADA] * 101), InvalidRequest, 400)
    stand.switch("lookups", value=False)
    await refused(stand, api.lookup_phone_number(ADA), Refused, 403)


async def test_a_trial_comes_to_its_end(stand: Stand) -> None:
    """402, which is a limit."""
    stand.switch("trial_limit", 1)
    await stand.send("hi")
    with pytest.raises(LimitReached) as caught:
        await stand.send("ho")
    assert 402 == caught.value.status
