"""The neutral actions that are asked directly, a poll and the contact card, on the twin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from gateway import Gateway
from gateway.drive import drive_blocking
from gateway.provider import (
    Adaptation,
    AddMember,
    Address,
    Attachment,
    Channel,
    Chat,
    ChatKind,
    CheckReachability,
    CreateGroup,
    DeliveryState,
    Exchange,
    Feature,
    GetHistory,
    InvalidMessage,
    Level,
    ListChats,
    ListMembers,
    Message,
    Opaque,
    Page,
    PollUpdated,
    Reaction,
    RemoveMember,
    RenameGroup,
    Reply,
    SendPoll,
    ShareContact,
    Token,
    Unsubscribe,
    Unsupported,
    VendorFault,
)
from gateway.simulator import Simulation
from gateway_blooio import Blooio, BlooioSettings
from gateway_blooio.simulator import BlooioTwin

if TYPE_CHECKING:
    from providers.blooio.tests.conftest import Stand

T = TypeVar("T")

VENDOR = BlooioTwin.name
ADA, BEN = Address.parse("+12025550150"), Address.parse("+12025550151")
FIRST, SECOND = BlooioTwin.lines
PROVIDER = Blooio(BlooioSettings.model_validate({"api_key": "k"}))


async def every(stand: Stand, exchange: Exchange[Page[T]]) -> list[T]:
    """All items of all pages."""
    page = await stand.run(exchange)
    items = list(page.items)
    while page.more is not None:
        page = await stand.run(page.more())
        items += page.items
    return items


def poll(chat: Chat, *options: str) -> SendPoll:
    """A poll, as fitting gives it."""
    return SendPoll(chat=chat, title="What?", options=options, key="k", token=Token("t"))


# ── chats and their history ───────────────────────────────────────────────────────────────────────────────────────


async def test_chats_are_listed_in_our_words(stand: Stand) -> None:
    """Direct ones and groups, those with news first, over pages of the size that was asked for."""
    await stand.send("hi")
    await stand.sim.clock.advance(60)
    sent = await stand.send("hi all", to=f"{ADA.value},{BEN.value}")
    assert sent.alias is not None
    listed = await every(stand, stand.provider.list_chats(ListChats(limit=1)))
    assert [Chat.of_group(str(sent.alias.group)), Chat.direct(ADA)] == [each.chat for each in listed]
    group = listed[0]
    assert ("hi all", 1, None) == (group.last_text, group.messages, group.last_inbound_at)
    assert group.last_at == group.last_outbound_at


async def test_the_vendor_looks_for_a_name(stand: Stand) -> None:
    """A search goes to the vendor, which knows its contacts by name."""
    await stand.ask("POST", "/contacts", {"identifier": BEN.value, "name": "Benedict"})
    for to in (ADA.value, BEN.value):
        await stand.send("hi", to=to)
    (found,) = await every(stand, stand.provider.list_chats(ListChats(search="bened")))
    assert (Chat.direct(BEN), "Benedict") == (found.chat, found.name)


async def test_a_history_is_what_was_sent_and_received(stand: Stand) -> None:
    """Newest first, with sender, state, channel, line and the reactions that stand."""
    receipt = await stand.send("how?")
    await stand.sim.clock.advance(60)
    stand.ada.react("love", vendor=VENDOR)
    stand.ada.unreact("love", vendor=VENDOR)
    stand.ada.react("🔥", vendor=VENDOR)
    stand.ada.write("so", vendor=VENDOR, attachments=["https://a.example/1.png"])
    newest, oldest = await every(stand, stand.provider.get_history(GetHistory(chat=Chat.direct(ADA), limit=1)))
    assert (False, ADA, Message("so", Attachment(url="https://a.example/1.png")), None) == (
        newest.ours,
        newest.sender,
        newest.message,
        newest.state,
    )
    assert (receipt.vendor_id, True, None, DeliveryState.DELIVERED, Channel.IMESSAGE, "how?") == (
        oldest.vendor_id,
        oldest.ours,
        oldest.sender,
        oldest.state,
        oldest.channel,
        oldest.text,
    )
    assert [(Reaction.parse("🔥"), False, ADA)] == [
        (each.reaction, each.ours, each.sender) for each in oldest.reactions
    ]
    assert Chat.direct(ADA, line=FIRST) == oldest.chat


async def test_a_history_is_cut_at_both_ends(stand: Stand) -> None:
    """From `since` on and before `until`, to the millisecond."""
    moments = []
    for text in ("one", "two", "three"):
        moments.append(stand.sim.clock.now())
        await stand.send(text)
        await stand.sim.clock.advance(60)
    chat = Chat.direct(ADA)
    whole = await every(stand, stand.provider.get_history(GetHistory(chat=chat, since=moments[1])))
    cut = await every(stand, stand.provider.get_history(GetHistory(chat=chat, since=moments[1], until=moments[2])))
    later = moments[2] + timedelta(milliseconds=1)
    both = await every(stand, stand.provider.get_history(GetHistory(chat=chat, since=moments[1], until=later)))
    assert (["three", "two"], ["two"], ["three", "two"]) == tuple(
        [each.text for each in part] for part in (whole, cut, both)
    )


async def test_a_group_names_the_sender_of_each_message(stand: Stand) -> None:
    """A group's history says who wrote; a chat that several addresses name has none of its own."""
    bubble = stand.ada.start_group([BEN], "hi all", vendor=VENDOR, name="Us")
    stand.sim.contact(BEN).write("hey", vendor=VENDOR, group=bubble.thread.group)
    group = Chat.of_group(str(bubble.thread.group))
    listed = await every(stand, stand.provider.get_history(GetHistory(chat=group)))
    assert [(BEN, "hey"), (ADA, "hi all")] == [(each.sender, each.text) for each in listed]
    with pytest.raises(Unsupported):
        stand.provider.get_history(GetHistory(chat=Chat.several(ADA, BEN)))


def answered(exchange: Exchange[T], *bodies: str) -> T:
    """What an exchange makes of these answers."""
    rest = list(bodies)
    return drive_blocking(exchange, lambda _: Reply(200, {}, rest.pop(0).encode()))


def test_what_cannot_be_named_is_left_out() -> None:
    """A chat or a message without id, a word for a reaction that is none, a file without a place."""
    chats = answered(PROVIDER.list_chats(ListChats()), '{"chats": [{"id": null}, {"id": "a@b.cc"}, {"id": "a,b"}]}')
    assert [Chat.direct("a@b.cc")] == [each.chat for each in chats.items]
    message = (
        '{"message_id": "m", "direction": "inbound", "text": null, "attachments": [7, {"url": "nowhere"}],'
        ' "reactions": [{"reaction": "shrug", "is_added": true}, {"reaction": null}]}'
    )
    history = answered(
        PROVIDER.get_history(GetHistory(chat=Chat.direct(ADA))),
        f'{{"messages": [{{"direction": "inbound"}}, {message}]}}',
    )
    (item,) = history.items
    assert (Message(Opaque(kind="attachment", data={"url": "nowhere"})), (), None) == (
        item.message,
        item.reactions,
        item.occurred_at,
    )
    members = answered(
        PROVIDER.list_members(ListMembers(chat=Chat.of_group("grp_a"))), '{"members": [{}, {"id": "a@b.cc"}]}'
    )
    assert [Address.parse("a@b.cc")] == [each.address for each in members.items]


# ── reachability ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("address", "channels"),
    [
        (ADA.value, {Channel.IMESSAGE: False, Channel.SMS: True}),
        ("cleo@example.com", {Channel.IMESSAGE: True}),
    ],
)
async def test_an_address_is_reached_by_what_the_vendor_found(
    stand: Stand, address: str, channels: dict[Channel, bool]
) -> None:
    """SMS for phones only, and nothing is said of RCS; the answer is as old as the vendor says."""
    stand.ada.switch(imessage=False)
    found = await stand.run(stand.provider.check_reachability(CheckReachability(address=Address.parse(address))))
    assert (channels, None) == (found.channels, found.agreed)
    assert found.checked_at is not None


def test_an_address_of_another_vendor_is_refused() -> None:
    """A contact id means nothing here."""
    with pytest.raises(InvalidMessage):
        answered(PROVIDER.check_reachability(CheckReachability(address=Address.contact("c-1"))))


# ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_group_is_made_renamed_and_listed(stand: Stand) -> None:
    """It can be written to at once, by the line that was asked for."""
    made = await stand.run(stand.provider.create_group(CreateGroup(members=(BEN, ADA), name="Us", line=FIRST)))
    assert Chat.of_group(str(made.chat.group), members=(BEN, ADA), name="Us", line=FIRST) == made.chat
    await stand.send("hi", to=made.chat)
    renamed = await stand.run(stand.provider.rename_group(RenameGroup(chat=made.chat, name="We")))
    assert "We" == renamed.chat.name
    await stand.ask("POST", "/contacts", {"identifier": "cleo@example.com", "name": "Cleo"})
    members = await every(stand, stand.provider.list_members(ListMembers(chat=made.chat, limit=1)))
    assert [ADA, BEN] == [member.address for member in members]
    assert all(member.added_at is not None and not member.ours for member in members)


def test_a_group_has_a_name_here() -> None:
    """One without is made by a message to several addresses; a name can be changed and not taken away."""
    for exchange in (
        PROVIDER.create_group(CreateGroup(members=(ADA, BEN))),
        PROVIDER.rename_group(RenameGroup(chat=Chat.of_group("grp_a"), name=None)),
    ):
        with pytest.raises(Unsupported) as caught:
            answered(exchange)
        assert caught.value.alternatives


def test_an_answer_without_the_new_thing_is_a_fault() -> None:
    """It may have been made: so it is not certain."""
    chat = Chat.direct(ADA)
    exchanges: list[Exchange[Any]] = [
        PROVIDER.create_group(CreateGroup(members=(ADA, BEN), name="Us")),
        PROVIDER.send_poll(poll(chat, "a", "b")),
    ]
    for exchange in exchanges:
        with pytest.raises(VendorFault) as caught:
            answered(exchange, "{}")
        assert not caught.value.certain


# ── polls and the card ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_poll_is_sent_and_its_votes_name_it(stand: Stand) -> None:
    """What the events call it is what the receipt calls it."""
    await stand.send("hi")
    receipt = await stand.run(stand.provider.send_poll(poll(Chat.direct(ADA), "tea", "rum")))
    stand.ada.vote("rum", vendor=VENDOR)
    told = [event for event in await stand.events() if isinstance(event, PollUpdated)]
    assert [("created", None, None), ("voted", "rum", ADA)] == [
        (event.change, event.option, event.sender if event.change == "voted" else None) for event in told
    ]
    assert {receipt.vendor_id} == {event.poll_id for event in told}
    assert [("tea", "rum")] * 2 == [event.options for event in told]


async def test_a_card_waits_for_the_next_message(stand: Stand) -> None:
    """The receipt says so, since nothing is seen on the phone yet."""
    await stand.send("hi")
    action = ShareContact(chat=Chat.direct(ADA), key="k", token=Token("t"))
    receipt = await stand.run(stand.provider.share_contact(action))
    (note,) = receipt.adaptations
    assert (Feature.CONTACT_CARD, "waits for the next message") == (note.feature, note.happened)
    assert isinstance(note, Adaptation)


async def test_a_gateway_asks_all_of_it() -> None:
    """The neutral words from end to end: kept, fitted, carried, and read back."""
    async with Simulation([BlooioTwin], latency=0.02) as sim, Gateway() as gateway:
        gateway.connect(VENDOR, "main", **sim.settings(VENDOR))
        shared = await gateway.share_contact(ADA.value)
        asked = await gateway.poll(ADA.value, ["tea", "rum"], title="What?")
        made = await gateway.create_group([ADA.value, BEN.value], name="Us")
        await gateway.send(made.chat, "hi all")
        renamed = await gateway.rename_group(made.chat, "We")
        members = [member.address async for member in gateway.members(made.chat)]
        chats = [each.chat.group or each.chat.address async for each in gateway.chats(limit=1)]
        history = [item.message async for item in gateway.history(ADA.value)]
        reached = await gateway.reachability(ADA.value)
        told = await gateway.unsubscribe(BEN.value)
        with pytest.raises(Unsupported):
            await gateway.add_member(made.chat, "cleo@example.com")
    assert ([Feature.CONTACT_CARD], 1) == ([note.feature for note in shared.adaptations], len(asked.sent))
    assert ("We", [ADA, BEN], {made.chat.group, ADA}) == (renamed.chat.name, members, set(chats))
    assert ([None], True, False) == (history, reached.channels[Channel.IMESSAGE], told)


# ── what is declared ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("feature", "direct", "group", "several"),
    [
        (Feature.POLL, Level.FULL, Level.FULL, Level.NONE),
        (Feature.CONTACT_CARD, Level.FULL, Level.FULL, Level.NONE),
        (Feature.CHATS, Level.FULL, Level.FULL, Level.NONE),
        (Feature.HISTORY, Level.FULL, Level.FULL, Level.NONE),
        (Feature.REACHABILITY, Level.PARTIAL, Level.NONE, Level.NONE),
        (Feature.CREATE_GROUP, Level.NONE, Level.FULL, Level.NONE),
        (Feature.RENAME_GROUP, Level.NONE, Level.FULL, Level.NONE),
        (Feature.MEMBERS, Level.NONE, Level.FULL, Level.NONE),
        (Feature.ADD_MEMBER, Level.NONE, Level.NONE, Level.NONE),
        (Feature.REMOVE_MEMBER, Level.NONE, Level.NONE, Level.NONE),
        (Feature.UNSUBSCRIBE, Level.NONE, Level.NONE, Level.NONE),
    ],
)
def test_what_is_offered_is_declared(feature: Feature, direct: Level, group: Level, several: Level) -> None:
    """By kind of chat: members cannot be changed yet, and the vendor keeps no book of who agrees."""
    table = PROVIDER.capabilities()
    assert (direct, group, several) == tuple(
        table.find(kind).level(feature) for kind in (ChatKind.DIRECT, ChatKind.GROUP, ChatKind.SEVERAL)
    )


def test_a_plan_without_the_card_offers_none() -> None:
    """The setting takes it away, by itself and along with a message."""
    poor = Blooio(BlooioSettings.model_validate({"api_key": "k", "share_contact": False})).capabilities()
    assert not any(row.capabilities.has(Feature.CONTACT_CARD) for row in poor.rows)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: PROVIDER.add_member(AddMember(chat=Chat.of_group("grp_a"), address=ADA)),
        lambda: PROVIDER.remove_member(RemoveMember(chat=Chat.of_group("grp_a"), address=ADA)),
        lambda: PROVIDER.unsubscribe(Unsubscribe(address=ADA)),
    ],
)
def test_what_the_vendor_has_not_is_unsupported(ask: Callable[[], Any]) -> None:
    """Two are disabled at the vendor (501), the third does not exist."""
    with pytest.raises(Unsupported):
        ask()
