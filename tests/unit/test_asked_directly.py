"""What every vendor may offer beside messages: lists, history, groups, polls, the contact card, reachability."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeAlias

import pytest

from gateway import (
    ChatSummary,
    Gateway,
    Group,
    HistoryItem,
    InvalidMessage,
    Member,
    NotOptedIn,
    PollUpdated,
    Reachability,
    sync,
)
from gateway.addresses import Address
from gateway.capabilities import Feature
from gateway.errors import Conflict, NotSettled, OutcomeUnknown, Refused, Unsupported, VendorFault
from gateway.model import Channel, Chat, Message
from tests.unit.able_vendor import able
from tests.unit.plain_vendor import NOW, OTHER, PHONE, PROOF, body_of

ANN, BEN = Chat.direct(PHONE), Chat.direct(OTHER)
TEAM = Chat.of_group("grp_1", name="Team")

Ask: TypeAlias = Callable[[Gateway], Awaitable[Any]]


async def listed(gateway: Gateway, name: str, *arguments: Any, **options: Any) -> list[Any]:
    """Go through all that is listed."""
    return [item async for item in getattr(gateway, name)(*arguments, **options)]


def kept(vendor_id: str, hours: float | None = 0) -> HistoryItem:
    """A message that the vendor kept, so many hours old; without hours it says no time."""
    at = None if hours is None else NOW - timedelta(hours=hours)
    return HistoryItem(vendor_id=vendor_id, chat=ANN, ours=False, message=Message("hi"), occurred_at=at)


# ── through the outbox ────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_poll_is_promised_and_carried_like_a_message() -> None:
    """It has our id, a key of its own on the wire, and the poll's id on the receipt; the same key sends it once."""
    gateway, vendor = able()
    async with gateway:
        first = await gateway.poll(TEAM, ["yes", "no"], title="Lunch?", key="lunch")
        again = await gateway.poll(TEAM, ["yes", "no"], title="Lunch?", key="lunch")
        with pytest.raises(Conflict):
            await gateway.poll(TEAM, ["yes", "maybe"], title="Lunch?", key="lunch")

    assert ["send_poll"] == vendor.kinds()
    assert (["yes", "no"], "Lunch?") == (vendor.asked[0]["options"], vendor.asked[0]["title"])
    assert f"{first.message_id}.1.0" == vendor.asked[0]["key"]
    assert ("send_poll-1", first) == (first.vendor_id, again)


async def test_our_contact_card_goes_by_itself() -> None:
    """Kept and keyed like a message; two times are two cards."""
    gateway, vendor = able()
    async with gateway:
        receipts = [await gateway.share_contact(PHONE) for _ in range(2)]

    assert ["share_contact"] * 2 == vendor.kinds()
    assert [f"{receipt.message_id}.1.0" for receipt in receipts] == [each["key"] for each in vendor.asked]


async def test_a_poll_has_at_most_as_many_options_as_the_vendor_takes() -> None:
    """It is never cut: what would be left is another question. Graceful asks it in a text."""
    gateway, vendor = able()
    async with gateway:
        with pytest.raises(Unsupported, match="at most 3 options"):
            await gateway.poll(TEAM, ["1", "2", "3", "4"])
        assert [] == vendor.asked
        receipt = await gateway.poll(TEAM, ["1", "2", "3", "4"], policy="graceful")

    assert ["send_message"] == vendor.kinds()
    assert [Feature.POLL] == [change.feature for change in receipt.adaptations]


@pytest.mark.parametrize("options", [(), ("one",), ("same", "same"), ("", "other")])
async def test_a_poll_that_is_none_is_refused_before_anything(options: tuple[str, ...]) -> None:
    """Two options at least, each once, none of them empty."""
    gateway, vendor = able()
    async with gateway:
        with pytest.raises(InvalidMessage):
            await gateway.poll(TEAM, options)

    assert [] == vendor.asked


async def test_who_opted_out_gets_neither_poll_nor_card() -> None:
    """Both are for people to see."""
    gateway, vendor = able(Feature.UNSUBSCRIBE)
    async with gateway:
        await gateway.unsubscribe(PHONE)
        for ask in (gateway.poll(PHONE, ["a", "b"]), gateway.share_contact(PHONE), gateway.send(PHONE, "hi")):
            with pytest.raises(NotOptedIn):
                await ask

    assert [] == vendor.asked


async def test_a_vote_names_the_poll_that_it_is_in() -> None:
    """By our own id of it; a poll of somebody else's has none."""
    gateway, _ = able()
    votes: asyncio.Queue[PollUpdated] = asyncio.Queue()
    gateway.on(PollUpdated, votes.put)
    async with gateway:
        poll = await gateway.poll(TEAM, ["yes", "no"])
        body = body_of(
            *(
                PollUpdated(key=f"vote {id_}", poll_id=id_, change="voted", option="yes", chat=TEAM)
                for id_ in (poll.vendor_id, "another")
            )
        )
        await gateway.receive("main", {PROOF[0]: PROOF[1]}, body)
        async with asyncio.timeout(20):
            got = [await votes.get() for _ in range(2)]

    assert [poll.message_id, None] == [vote.message_id for vote in got]
    assert [False, False] == [vote.ours for vote in got]


async def test_polls_and_cards_keep_the_pace() -> None:
    """They are for people to see, so they count as messages do."""
    gateway, vendor = able(pace={"recipient": "1/h"})
    async with gateway:
        await gateway.poll(PHONE, ["a", "b"])
        with pytest.raises(NotSettled) as caught:
            await gateway.share_contact(PHONE, wait=0.1)
        async with asyncio.timeout(20):
            while (status := await gateway.status(caught.value.ticket)).waits_for is None:
                await asyncio.sleep(0.01)

    assert "it waits for the pace of 1/h for one recipient" == status.waits_for
    assert ["send_poll"] == vendor.kinds()


async def test_a_poll_whose_answer_was_not_read_is_not_repeated() -> None:
    """Nobody knows whether it is there: it waits for a person, as a message does."""
    gateway, vendor = able()
    vendor.results["send_poll"] = [VendorFault("the answer was not read", certain=False)]
    async with gateway:
        with pytest.raises(OutcomeUnknown) as caught:
            await gateway.poll(PHONE, ["a", "b"], wait=0.3)
        receipt = await gateway.resolve(caught.value.message_id, "resend")

    assert ["send_poll", "send_poll"] == vendor.kinds()
    assert "send_poll-2" == receipt.vendor_id


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_listed_is_fetched_page_by_page() -> None:
    """No page is asked for before the one in front of it has been gone through."""
    gateway, vendor = able()
    pages = [[ChatSummary(chat=ANN), ChatSummary(chat=BEN)], [], [ChatSummary(chat=TEAM)]]
    vendor.results["list_chats"] = pages
    async with gateway:
        chats = gateway.chats(limit=2)
        assert ANN == (await anext(chats)).chat
        assert 1 == len(vendor.asked)
        assert [BEN, TEAM] == [each.chat async for each in chats]

    assert [2, 2, 2] == [each["limit"] for each in vendor.asked]


@pytest.mark.parametrize(("search", "found"), [("ANNA", [ANN]), ("0124", [BEN]), ("team", [TEAM]), ("nobody", [])])
async def test_chats_are_searched_wherever_the_vendor_cannot(search: str, found: list[Chat]) -> None:
    """By name or address; a vendor that looks for it by itself gives the same."""
    gateway, vendor = able()
    everyone = [ChatSummary(chat=ANN, name="Anna"), ChatSummary(chat=BEN), ChatSummary(chat=TEAM)]
    vendor.results["list_chats"] = [everyone]
    async with gateway:
        assert found == [each.chat for each in await listed(gateway, "chats", search=search)]

    assert [search] == [each["search"] for each in vendor.asked]


async def test_history_is_cut_to_the_times_that_were_asked_for() -> None:
    """A vendor that counts in days gives more; what has no time is given, for nobody can say."""
    gateway, vendor = able()
    vendor.results["get_history"] = [[kept("new", 0), kept("a", 1)], [kept("b", 2), kept("?", None), kept("old", 3)]]
    since, until = NOW - timedelta(hours=2), NOW
    async with gateway:
        items = await listed(gateway, "history", PHONE, since=since, until=until)
        with pytest.raises(InvalidMessage, match="since has no time zone"):
            await listed(gateway, "history", PHONE, since=NOW.replace(tzinfo=None))

    assert ["a", "b", "?"] == [item.vendor_id for item in items]
    assert ["hi"] * 3 == [item.text for item in items]
    assert since.isoformat().replace("+00:00", "Z") == vendor.asked[0]["since"]


async def test_members_are_of_a_group() -> None:
    """A chat with one address has none to list, to take in or to take out."""
    gateway, vendor = able()
    vendor.results["list_members"] = [[Member(address=Address.parse(PHONE), name="Ann")]]
    async with gateway:
        assert ["Ann"] == [member.name for member in await listed(gateway, "members", "group:grp_1")]
        asked: list[Awaitable[Any]] = [
            listed(gateway, "members", PHONE),
            gateway.add_member(PHONE, OTHER),
            gateway.remove_member(PHONE, OTHER),
            gateway.rename_group(PHONE, "x"),
        ]
        for ask in asked:
            with pytest.raises(InvalidMessage, match="only a group"):
                await ask

    assert ["list_members"] == vendor.kinds()


# ── one question ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_groups_are_made_named_and_filled() -> None:
    """Each answer names the chat that can be written to."""
    gateway, vendor = able()
    made = Group(chat=TEAM)
    vendor.results = {name: [made] for name in ("create_group", "rename_group", "add_member", "remove_member")}
    async with gateway:
        group = await gateway.create_group([PHONE, OTHER], name="Team")
        assert [made] * 3 == [
            await gateway.rename_group(group.chat, "Crew"),
            await gateway.add_member(group.chat, OTHER),
            await gateway.remove_member("group:grp_1", OTHER),
        ]
        await gateway.send(group.chat, "hello")

    assert ["create_group", "rename_group", "add_member", "remove_member", "send_message"] == vendor.kinds()
    assert (["+12025550123", "+12025550124"], "Team") == (vendor.asked[0]["members"], vendor.asked[0]["name"])
    assert ["grp_1"] * 4 == [each["chat"]["group"] for each in vendor.asked[1:]]


async def test_reachability_says_what_is_known_and_nothing_else() -> None:
    """A network that the vendor does not speak of is not there: it is not False."""
    gateway, vendor = able()
    answer = Reachability(address=Address.parse(PHONE), channels={Channel.IMESSAGE: True, Channel.SMS: False})
    vendor.results["check_reachability"] = [answer]
    async with gateway:
        assert answer == await gateway.reachability(PHONE)
        with pytest.raises(InvalidMessage):
            await gateway.reachability("no address")

    assert 1 == len(vendor.asked)


async def test_who_is_unsubscribed_gets_nothing_whatever_the_vendor_keeps() -> None:
    """The gateway's own ledger holds on every vendor; one that has such a book is told."""
    told, vendor = able()
    alone, silent = able(Feature.UNSUBSCRIBE)
    async with told, alone:
        assert (True, False) == (await told.unsubscribe(PHONE), await alone.unsubscribe(PHONE))
        for gateway in (told, alone):
            with pytest.raises(NotOptedIn):
                await gateway.send(PHONE, "hi")

    assert (["unsubscribe"], []) == (vendor.kinds(), silent.kinds())


async def test_a_guard_may_object_to_what_changes_a_group() -> None:
    """And to nothing that only looks."""
    gateway, vendor = able(guarded=True)
    vendor.results = {"create_group": [Group(chat=TEAM)], "list_members": [[]]}
    async with gateway:
        for ask in (
            gateway.create_group([PHONE]),
            gateway.rename_group(TEAM, "x"),
            gateway.add_member(TEAM, PHONE),
            gateway.remove_member(TEAM, PHONE),
        ):
            with pytest.raises(Refused, match="groups are not ours"):
                await ask
        assert [] == await listed(gateway, "members", TEAM)

    assert ["list_members"] == vendor.kinds()


# ── not offered ───────────────────────────────────────────────────────────────────────────────────────────────────

ASKS: dict[Feature, Ask] = {
    Feature.POLL: lambda gateway: gateway.poll(TEAM, ["a", "b"]),
    Feature.CONTACT_CARD: lambda gateway: gateway.share_contact(PHONE),
    Feature.CHATS: lambda gateway: listed(gateway, "chats"),
    Feature.HISTORY: lambda gateway: listed(gateway, "history", PHONE),
    Feature.REACHABILITY: lambda gateway: gateway.reachability(PHONE),
    Feature.CREATE_GROUP: lambda gateway: gateway.create_group([PHONE]),
    Feature.RENAME_GROUP: lambda gateway: gateway.rename_group(TEAM, "x"),
    Feature.MEMBERS: lambda gateway: listed(gateway, "members", TEAM),
    Feature.ADD_MEMBER: lambda gateway: gateway.add_member(TEAM, PHONE),
    Feature.REMOVE_MEMBER: lambda gateway: gateway.remove_member(TEAM, PHONE),
}


@pytest.mark.parametrize("feature", ASKS, ids=str)
async def test_what_a_connection_does_not_declare_is_refused_before_any_call(feature: Feature) -> None:
    """Though its provider could: an account may lack what the vendor has. The error says where it was asked."""
    gateway, vendor = able(feature)
    async with gateway:
        with pytest.raises(Unsupported) as caught:
            await ASKS[feature](gateway)

    assert ((feature.value,), "main", "able") == (
        caught.value.features,
        caught.value.connection,
        caught.value.provider,
    )
    assert [] == vendor.asked


# ── the blocking library ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_blocking_library_goes_through_lists_too() -> None:
    """One page after the other, in a plain loop that may stop anywhere."""
    gateway, vendor = able(make=sync.Gateway)
    vendor.results["get_history"] = [[kept("a")], [kept("b")], [kept("c")]]
    vendor.results["check_reachability"] = [Reachability(address=Address.parse(PHONE))]
    vendor.results["list_members"] = [[Member(address=Address.parse(PHONE))]]
    vendor.results["list_chats"] = [[ChatSummary(chat=ANN)]]
    with gateway:
        assert ["a", "b", "c"] == [item.vendor_id for item in gateway.history(PHONE)]
        assert "a" == next(gateway.history(PHONE)).vendor_id
        assert [ANN] == [each.chat for each in gateway.chats()]
        assert [PHONE] == [each.address.text for each in gateway.members(TEAM)]
        assert {} == gateway.reachability(PHONE).channels
        assert gateway.poll(TEAM, ["a", "b"]).vendor_id.startswith("send_poll")
        assert gateway.unsubscribe(PHONE)

    assert 4 == vendor.kinds().count("get_history")
