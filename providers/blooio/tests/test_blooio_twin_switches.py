"""The twin's switches: what the vendor does not document, or what hangs on its plans, one way and the other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.provider import (
    Address,
    Attachment,
    Chat,
    ContactShared,
    DeliveryState,
    DeliveryUpdated,
    Effect,
    GroupUpdated,
    InvalidRequest,
    Message,
    MessageReceived,
    MessageRef,
    Opaque,
    PollUpdated,
    Refused,
)
from gateway.simulator import Impossible
from gateway_blooio import api
from gateway_blooio.simulator import BlooioTwin

if TYPE_CHECKING:
    from providers.blooio.tests.conftest import Stand

VENDOR = BlooioTwin.name
ADA, BEN = Address.parse("+12025550150"), Address.parse("+12025550151")
FIRST, SECOND = BlooioTwin.lines


def bodies(stand: Stand) -> list[dict[str, Any]]:
    """The bodies of all webhooks so far."""
    return [json.loads(hook.body) for hook in stand.app.hooks]


# ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_may_name_a_send_of_its_chat_only(stand: Stand) -> None:
    """By the whole account, or chat by chat: which of the two is not documented."""
    first = await stand.send("hi", key="k")
    assert (await stand.send("hi", to=BEN.value, key="k")).vendor_id == first.vendor_id
    stand.switch("idempotency_scope", "chat")
    fresh = await stand.send("hi", to=BEN.value, key="k2")
    other = await stand.send("hi", key="k2")
    assert (False, False) == (other.replayed, other.vendor_id == fresh.vendor_id)
    assert (await stand.send("hi", key="k2")).replayed


async def test_a_key_is_forgotten_after_a_while(stand: Stand) -> None:
    """A day is our guess; after it the same key sends anew."""
    stand.switch("idempotency_hours", 2)
    first = await stand.send("hi", key="k")
    await stand.sim.clock.advance(2 * 3600 - 1)
    assert (await stand.send("hi", key="k")).vendor_id == first.vendor_id
    await stand.sim.clock.advance(1)
    assert (await stand.send("hi", key="k")).vendor_id != first.vendor_id


@pytest.mark.parametrize("counted", [True, False])
async def test_a_list_of_texts_may_be_counted(stand: Stand, *, counted: bool) -> None:
    """One source says so of texts, the reference of links only."""
    stand.switch("count_texts", counted)
    answer = await stand.ask("POST", "/chats/%2B12025550150/messages", {"text": ["one", "two"]})
    assert (2, 2 if counted else None) == (len(answer.json()["message_ids"]), answer.json().get("count"))


async def test_a_number_of_an_integration_sends_nothing_by_hand(stand: Stand) -> None:
    """403, without a code; the other number goes on."""
    stand.switch("integration_line", SECOND)
    with pytest.raises(Refused) as caught:
        await stand.send("hi", to=Chat.direct(ADA, line=SECOND))
    assert (403, None) == (caught.value.status, caught.value.code)
    await stand.send("hi", to=Chat.direct(ADA, line=FIRST))


async def test_twilio_carries_sms_and_nothing_of_imessage(stand: Stand) -> None:
    """Effects go, replies and reactions and polls are refused, typing warns."""
    stand.switch("twilio", value=True)
    sent = str((await stand.send(Message("hi", effect=Effect.SLAM))).vendor_id)
    (report,) = await stand.events()
    assert isinstance(report, DeliveryUpdated)
    assert (DeliveryState.SENT, "sms") == (report.state, report.channel.value if report.channel else None)
    with pytest.raises(InvalidRequest) as caught:
        await stand.send(Message("yes", reply_to=MessageRef(vendor_id=sent)))
    assert "reply_target_not_supported" == caught.value.code
    for exchange in (api.add_reaction(ADA.value, sent, "+love"), api.send_poll(ADA.value, ["a", "b"])):
        with pytest.raises(InvalidRequest):
            await stand.run(exchange)
    assert "SMS chats do not support composing indicators" == (await stand.run(api.start_typing(ADA.value))).warning
    able = (await stand.run(api.get_contact_capabilities(ADA.value))).capabilities
    assert able is not None
    assert (False, True) == (able.imessage, able.sms)


@pytest.mark.parametrize("at_once", [True, False])
async def test_what_cannot_arrive_may_be_known_at_once(stand: Stand, *, at_once: bool) -> None:
    """Accepted all the same, with an id; the receipt says `failed`, or the webhook does."""
    stand.switch("failed_at_once", at_once)
    receipt = await stand.send("hi")
    lost = await stand.send(Message("look", Attachment(url="https://gone.invalid/1.png")))
    assert ([DeliveryState.QUEUED], DeliveryState.FAILED if at_once else DeliveryState.QUEUED) == (
        [each.state for each in receipt.sent],
        lost.sent[0].state,
    )
    states = [e.state for e in await stand.events() if isinstance(e, DeliveryUpdated) and e.vendor_id == lost.vendor_id]
    assert [DeliveryState.FAILED] == states


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_message_that_has_not_left_may_be_answered(stand: Stand, *, allowed: bool) -> None:
    """Whether it has a GUID by then is not documented."""
    stand.switch("queued_parents", allowed)
    answer = Message("yes", reply_to=MessageRef(vendor_id=(await stand.send("how?")).vendor_id))
    if allowed:
        await stand.send(answer)
        return
    with pytest.raises(InvalidRequest) as caught:
        await stand.send(answer)
    assert "reply_target_invalid" == caught.value.code
    await stand.events()
    await stand.send(answer)


async def test_a_message_of_sms_has_no_guid_to_answer(stand: Stand) -> None:
    """The chat is on iMessage now, but the message was not."""
    stand.ada.switch(imessage=False)
    sent = await stand.send("how?")
    await stand.events()
    stand.ada.switch(imessage=True)
    with pytest.raises(InvalidRequest) as caught:
        await stand.send(Message("yes", reply_to=MessageRef(vendor_id=sent.vendor_id)))
    assert "reply_target_invalid" == caught.value.code


# ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_sparse_webhook_has_what_was_seen(stand: Stand) -> None:
    """The fields of the delivery that was captured, and the same event as ever."""
    stand.switch("sparse_webhooks", value=True)
    stand.ada.write("Up", vendor=VENDOR)
    (event,) = await stand.events()
    assert isinstance(event, MessageReceived)
    assert isinstance(event.raw, dict)
    seen = {"event", "message_id", "external_id", "protocol", "timestamp", "internal_id", "is_group", "text", "sender"}
    assert {*seen, "received_at"} == set(event.raw)
    assert ("Up", ADA) == (event.text, event.sender)


async def test_a_webhook_may_lack_its_sender(stand: Stand) -> None:
    """The chat is still that of the other party."""
    stand.switch("senders", value=False)
    stand.ada.write("hi", vendor=VENDOR)
    (event,) = await stand.events()
    assert isinstance(event, MessageReceived)
    assert (None, Chat.direct(ADA, line=FIRST)) == (event.sender, event.chat)


async def test_a_webhook_of_a_group_may_carry_its_guid(stand: Stand) -> None:
    """The one that the group's own page shows."""
    stand.switch("group_guids", value=True)
    group = str(stand.ada.start_group([BEN], "hi all", vendor=VENDOR).thread.group)
    await stand.sim.clock.advance(1)
    (body,) = bodies(stand)
    assert body["chat_guid"] == (await stand.run(api.get_group(group))).chat_guid


@pytest.mark.parametrize("told", [True, False])
async def test_our_own_changes_of_a_group_may_be_told(stand: Stand, *, told: bool) -> None:
    """As ours, where the vendor tells them at all."""
    stand.switch("group_webhooks", told)
    group = str(stand.ada.start_group([BEN], "hi all", vendor=VENDOR).thread.group)
    await stand.events()
    await stand.run(api.update_group(group, name="We"))
    await stand.run(api.remove_group_icon(group))
    events = await stand.events()
    assert [("We", True), (None, True)][: 2 * told] == [
        (event.name, event.ours) for event in events if isinstance(event, GroupUpdated)
    ]


# ── what contacts do ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_contact_sends_a_poll(stand: Stand) -> None:
    """It has an id, results, and no text."""
    stand.ada.write(vendor=VENDOR, parts=[Opaque(kind="poll", data={"title": "Lunch?", "options": ["Tea", "Rum"]})])
    (event,) = await stand.events()
    assert isinstance(event, PollUpdated)
    assert ("received", "Lunch?", ("Tea", "Rum"), ADA, False) == (
        event.change,
        event.title,
        event.options,
        event.sender,
        event.ours,
    )
    results = await stand.run(api.get_poll_results(ADA.value, str(event.poll_id)))
    assert (["Tea", "Rum"], 0) == ([option.text for option in results.options], results.total_votes)


async def test_a_contact_votes_for_what_there_is(stand: Stand) -> None:
    """A message that is no poll has no options, and a poll only its own."""
    await stand.send("hi")
    with pytest.raises(Impossible, match="no such option"):
        stand.ada.vote("Tea", vendor=VENDOR)
    await stand.run(api.send_poll(ADA.value, ["Tea", "Rum"]))
    with pytest.raises(Impossible, match="no such option"):
        stand.ada.vote("Gin", vendor=VENDOR)


async def test_a_contact_shares_a_name_and_renames_a_group(stand: Stand) -> None:
    """Each is an event of its own."""
    group = str(stand.ada.start_group([BEN], "hi all", vendor=VENDOR).thread.group)
    await stand.events()
    stand.ada.share(vendor=VENDOR)
    stand.ada.rename("Us", vendor=VENDOR, group=group)
    shared, renamed = await stand.events()
    assert isinstance(shared, ContactShared)
    assert isinstance(renamed, GroupUpdated)
    assert (stand.ada.phone.name, ADA, Chat.direct(ADA, line=FIRST)) == (shared.name, shared.sender, shared.chat)
    assert ("Us", ADA, group, False) == (
        renamed.name,
        renamed.sender,
        renamed.chat.group if renamed.chat else None,
        renamed.ours,
    )


# ── what is refused ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", f"/me/numbers/{FIRST}/contact-card", {"first_name": 7}),
        ("PUT", f"/me/numbers/{FIRST}/contact-card", {"sharing": "all"}),
        ("PUT", f"/me/numbers/{FIRST}/contact-card", {"sharing": {"enabled": "yes"}}),
        ("POST", f"/me/numbers/{FIRST}/call-forwarding", {}),
        ("POST", "/groups", {"name": ""}),
        ("POST", "/groups", {"name": "Us", "members": "all"}),
        ("POST", "/groups", {"name": "Us", "members": ["Ada"]}),
        ("POST", "/groups", {"name": "Us", "chat_guid": 7}),
        ("GET", "/groups?sort=newest", None),
        ("GET", "/contacts?sort=newest", None),
        ("POST", "/contacts", {}),
        ("POST", "/contacts", {"identifier": "cleo@example.com", "name": 7}),
        ("GET", "/chats?sort=newest", None),
        ("POST", "/chats/%2B12025550150/polls", {"options": ["a"]}),
        ("POST", "/chats/%2B12025550150/polls", {"options": "ab"}),
        ("POST", "/chats/%2B12025550150/polls", {"options": ["a", "b"], "title": 7}),
        ("POST", "/facetime/calls", {}),
        ("GET", "/phone-numbers/lookup", None),
        ("POST", "/phone-numbers/lookup", {"number": 7}),
        ("POST", "/phone-numbers/batch", {"numbers": []}),
        ("PUT", "/chats/%2B12025550150/background", None),
        ("GET", "/location/contacts/home", None),
    ],
)
async def test_a_request_that_breaks_a_rule_is_a_400(stand: Stand, method: str, path: str, body: object) -> None:
    """Every operation looks at what it is given."""
    await stand.send("hi")
    response = await stand.ask(method, path, body)
    assert (400, "ApiError") == (response.status_code, response.json()["error"])


async def test_a_member_to_add_has_to_be_named(stand: Stand) -> None:
    """By phone or email."""
    stand.switch("group_members", value=True)
    group = (await stand.run(api.create_group("Us", members=[ADA.value, BEN.value]))).group_id
    assert 400 == (await stand.ask("POST", f"/groups/{group}/members", {})).status_code


async def test_a_number_of_no_country_is_not_valid(stand: Stand) -> None:
    """Eleven digits without a plus are read as they stand."""
    found = await stand.run(api.batch_lookup_phone_numbers(["12025550150", "+999123", "8005550150"]))
    assert [(True, "FIXED_LINE_OR_MOBILE"), (False, None), (True, "TOLL_FREE")] == [
        (each.valid, each.type) for each in found.results
    ]


def test_every_switch_is_turned_by_a_test() -> None:
    """None is there for show."""
    here = Path(__file__).parent
    turned = {
        name for file in here.glob("test_blooio_*.py") for name in re.findall(r'switch\(\s*"(\w+)"', file.read_text())
    }
    assert set(BlooioTwin.switches) - set(TURNED_BY_LOOP) == turned - set(TURNED_BY_LOOP)


TURNED_BY_LOOP = ("facetime", "group_members")
"""Turned in a loop by the journeys of the vendor's client."""
