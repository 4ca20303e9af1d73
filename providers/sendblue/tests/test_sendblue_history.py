"""What the vendor keeps: proof of a send, what was missed, the history of a chat, and who can be reached."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from providers.sendblue.tests.conftest import ADA, BEN, CLEO, LINE, VENDOR

from gateway.provider import (
    AddMember,
    Address,
    Attempt,
    Channel,
    Chat,
    CheckReachability,
    DeliveryState,
    DeliveryUpdated,
    Effect,
    Found,
    GetHistory,
    GetStatus,
    HistoryItem,
    InvalidMessage,
    ListMembers,
    Message,
    MessageReceived,
    Missed,
    RemoveMember,
    RenameGroup,
    Reply,
    SenderUnavailable,
    SendMessage,
    Token,
    Unsubscribe,
    Unsupported,
)
from gateway.provider import WebhookRequest as Hook
from gateway_sendblue import Sendblue, SendblueSettings, api

if TYPE_CHECKING:
    from providers.sendblue.tests.conftest import Stand


PROVIDER = Sendblue(SendblueSettings.model_validate({"api_key_id": "k", "api_secret_key": "s"}))


def attempt(stand: Stand, message: Message | str, to: Chat | None = None) -> Attempt:
    """A send that began now, and whose answer was not read."""
    whole = Message(message) if isinstance(message, str) else message
    action = SendMessage(chat=to or Chat.direct(ADA), messages=(whole,), key="k", token=Token("t"))
    return Attempt(action=action, started_at=stand.sim.clock.now())


# ── proof ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_one_message_like_it_since_then_is_proof(stand: Stand) -> None:
    """By text and file; an older one is none, and neither are two."""
    await stand.send("hi")
    await stand.sim.clock.advance(60)
    lost = attempt(stand, "hi")
    assert Found() == await stand.run(stand.provider.find(lost))
    receipt = await stand.send("hi")
    one = (receipt.vendor_id,)
    assert Found(vendor_ids=one, alike=one) == await stand.run(stand.provider.find(lost))
    again = await stand.send("hi")
    assert Found(alike=(*one, again.vendor_id)) == await stand.run(stand.provider.find(lost))


async def test_what_was_declined_is_with_the_vendor_too(stand: Stand) -> None:
    """It is found, and a look-up then tells that it failed."""
    lost = attempt(stand, "hi")
    stand.switch("answer", "declined")
    await stand.ask("POST", "/api/send-message", {"number": ADA, "from_number": LINE, "content": "hi"})
    found = await stand.run(stand.provider.find(lost))
    report = await stand.run(stand.provider.get_status(GetStatus(vendor_id=found.vendor_ids[0])))
    assert (DeliveryState.FAILED, "PRE_REPLY_LIMIT_REACHED") == (report.state, report.code)


async def test_a_group_has_a_list_and_a_set_of_numbers_has_none(stand: Stand) -> None:
    """What has no list proves nothing."""
    made = await stand.send("hi all", to=f"{ADA},{BEN}")
    assert made.alias is not None
    lost = attempt(stand, "again", made.alias)
    sent = await stand.send("again", to=made.alias)
    one = (sent.vendor_id,)
    assert Found(vendor_ids=one, alike=one) == await stand.run(stand.provider.find(lost))
    several = attempt(stand, "again", Chat.several(ADA, BEN))
    assert Found() == await stand.run(stand.provider.find(several))


# ── what was missed ───────────────────────────────────────────────────────────────────────────────────────────────


async def missed(stand: Stand, **since: object) -> list[Hook]:
    """Every page of it."""
    page: Missed = await stand.run(stand.provider.missed(None, **since))  # type: ignore[arg-type]  # a time or nothing
    hooks = list(page.hooks)
    while page.cursor is not None:
        page = await stand.run(stand.provider.missed(page.cursor))
        hooks += page.hooks
    return hooks


async def test_what_was_missed_is_what_was_pushed(stand: Stand) -> None:
    """The same keys, oldest first, with the vendor's time; of our messages the last state."""
    stand.ada.write("hello", vendor=VENDOR)
    pushed = await stand.events(1)
    await stand.send("hello yourself")
    pushed += await stand.events()
    hooks = await missed(stand)
    found = [event for hook in hooks for event in stand.provider.parse(hook)]
    assert [MessageReceived, DeliveryUpdated] == [type(event) for event in found]
    assert [pushed[0].key, pushed[-1].key] == [event.key for event in found]
    assert sorted(hook.received_at for hook in hooks) == [hook.received_at for hook in hooks]


async def test_pages_go_on_by_time(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """No message is lost at the edge of a page, those of one moment neither, and it ends."""
    monkeypatch.setattr(api.messages.rows, "__kwdefaults__", {"limit": 2, "offset": 0})
    for number in range(7):
        stand.ada.write(str(number), vendor=VENDOR)
        if number in (2, 5):
            await stand.sim.clock.advance(1)
    await stand.sim.clock.advance(1)
    events = [event for hook in await missed(stand) for event in stand.provider.parse(hook)]
    assert {str(number) for number in range(7)} == {
        event.text for event in events if isinstance(event, MessageReceived)
    }


async def test_it_begins_with_a_time_where_one_is_given(stand: Stand) -> None:
    """What is older is left out; a cursor of another make is refused."""
    stand.ada.write("old", vendor=VENDOR)
    await stand.sim.clock.advance(3600)
    since = stand.sim.clock.now() - timedelta(minutes=1)
    stand.ada.write("new", vendor=VENDOR)
    events = [event for hook in await missed(stand, since=since) for event in stand.provider.parse(hook)]
    assert ["new"] == [event.text for event in events if isinstance(event, MessageReceived)]
    with pytest.raises(InvalidMessage, match="not one of ours"):
        await stand.run(stand.provider.missed("7"))


@pytest.mark.parametrize("odd", [None, 7, "text", [], {}, {"message_handle": []}])
def test_a_row_that_is_none_does_not_hide_its_page(odd: object) -> None:
    """It goes to the parser, which keeps it or says what is wrong; the page is read, and the place moves on."""
    row = {"message_handle": "h", "date_updated": "2026-10-01T12:00:00.000Z"}
    exchange = PROVIDER.missed(None)
    next(exchange)
    body = {"status": "OK", "data": [row, odd, odd], "pagination": {"hasMore": True}}
    with pytest.raises(StopIteration) as done:
        exchange.send(Reply(200, {}, json.dumps(body).encode()))
    found: Missed = done.value.value
    assert [row, odd, odd] == [json.loads(hook.body) for hook in found.hooks]
    assert {"since": None, "skip": 3} == json.loads(found.cursor or "")


# ── history ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_history_of_a_chat_is_newest_first(stand: Stand) -> None:
    """Both sides, with effect, state and answer; what the contact wrote in a group is not among it."""
    hello = stand.ada.write("hello", vendor=VENDOR)
    await stand.sim.clock.advance(10)
    sent = await stand.send(Message("look", effect=Effect.SLAM))
    await stand.sim.clock.advance(10)
    stand.ada.start_group([Address.parse(BEN)], "in a group", vendor=VENDOR)
    page = await stand.run(stand.provider.get_history(GetHistory(chat=Chat.direct(ADA))))
    newest, oldest = page.items
    assert (sent.vendor_id, True, DeliveryState.DELIVERED) == (newest.vendor_id, newest.ours, newest.state)
    assert newest.message is not None
    assert (Effect.SLAM, Channel.IMESSAGE, None) == (newest.message.effect, newest.channel, newest.sender)
    assert (hello.vendor_id, False, Address.parse(ADA), "hello") == (
        oldest.vendor_id,
        oldest.ours,
        oldest.sender,
        oldest.text,
    )
    assert page.more is None


async def test_a_long_history_has_pages(stand: Stand) -> None:
    """Until the first message; a time keeps out what is older."""
    for number in range(5):
        stand.ada.write(str(number), vendor=VENDOR)
        await stand.sim.clock.advance(10)
    since = stand.sim.clock.now() - timedelta(seconds=25)
    found: list[HistoryItem] = []
    page = await stand.run(stand.provider.get_history(GetHistory(chat=Chat.direct(ADA), limit=2)))
    found += page.items
    while page.more is not None:
        page = await stand.run(page.more())
        found += page.items
    late = await stand.run(stand.provider.get_history(GetHistory(chat=Chat.direct(ADA), since=since)))
    assert (["4", "3", "2", "1", "0"], ["4", "3"]) == (
        [item.text for item in found],
        [item.text for item in late.items],
    )
    with pytest.raises(Unsupported):
        next(stand.provider.get_history(GetHistory(chat=Chat.several(ADA, BEN))))


# ── contacts and groups ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("address", "imessage", "channels"),
    [
        (ADA, True, {Channel.IMESSAGE: True}),
        (ADA, False, {Channel.IMESSAGE: False, Channel.SMS: True}),
        ("ada@example.com", False, {Channel.IMESSAGE: False}),
    ],
)
async def test_a_look_up_says_which_network_there_is(
    stand: Stand,
    address: str,
    imessage: bool,  # noqa: FBT001 - a table
    channels: dict[Channel, bool],
) -> None:
    """For an email, `SMS` means no more than that it has no iMessage."""
    stand.sim.contact(address).switch(imessage=imessage)
    answer = await stand.run(stand.provider.check_reachability(CheckReachability(address=Address.parse(address))))
    assert (channels, None) == (answer.channels, answer.agreed)


async def test_who_was_unsubscribed_is_known_to_have_been(stand: Stand) -> None:
    """Phones only: nothing is sent to an email alone."""
    stand.ada.write("hello", vendor=VENDOR)
    address = Address.parse(ADA)
    await stand.run(stand.provider.unsubscribe(Unsubscribe(address=address)))
    answer = await stand.run(stand.provider.check_reachability(CheckReachability(address=address)))
    assert answer.agreed is False
    with pytest.raises(Unsupported):
        next(stand.provider.unsubscribe(Unsubscribe(address=Address.parse("ada@example.com"))))


async def test_a_group_changes_its_name_and_its_members(stand: Stand) -> None:
    """The members are listed with their names, our line as ours."""
    made = await stand.send("hi all", to=f"{ADA},{BEN}")
    assert made.alias is not None
    group = made.alias
    named = await stand.run(stand.provider.rename_group(RenameGroup(chat=group, name="Trip")))
    grown = await stand.run(stand.provider.add_member(AddMember(chat=group, address=Address.parse(CLEO))))
    smaller = await stand.run(stand.provider.remove_member(RemoveMember(chat=grown.chat, address=Address.parse(ADA))))
    page = await stand.run(stand.provider.list_members(ListMembers(chat=group)))
    assert ("Trip", group.identity) == (named.chat.name, named.chat.identity)
    assert [BEN, CLEO] == [address.value for address in smaller.chat.addresses]
    assert [(BEN, False), (CLEO, False), (LINE, True)] == [(each.address.value, each.ours) for each in page.items]
    assert "Trip" == (await stand.run(api.groups.get(str(group.group)))).data.group_name  # type: ignore[union-attr]  # it is there
    cleared = await stand.run(stand.provider.rename_group(RenameGroup(chat=group, name=None)))
    assert cleared.chat.name is None


async def test_the_check_counts_lines_and_knows_ours(stand: Stand) -> None:
    """A line that is offline is not among those online; one of another account is refused."""
    stand.switch("line_state", "OFFLINE")
    assert "2 lines, 1 of them online" == await stand.run(stand.provider.check())
    stand.provider = stand.configured(from_number="+15125550199")
    with pytest.raises(SenderUnavailable):
        await stand.run(stand.provider.check())
