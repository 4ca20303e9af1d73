"""Checks of what is asked directly: polls, contact cards, chats, history, reachability, consent, groups.

Each holds where it is declared, and is `Unsupported`, by name, where it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gateway.actions import (
    AddMember,
    CheckReachability,
    CreateGroup,
    GetHistory,
    ListChats,
    ListMembers,
    Policy,
    RemoveMember,
    RenameGroup,
    SendPoll,
    ShareContact,
    Unsubscribe,
)
from gateway.capabilities import Feature
from gateway.errors import Unsupported
from gateway.exchange import Exchange, Page
from gateway.fitting import fit_contact, fit_poll, require
from gateway.model import Chat, ChatKind
from gateway.provider import Provider
from gateway.testing.providers.bench import Bench, Place, token
from gateway.testing.providers.places import Where
from gateway.testing.providers.subject import Subject, failing

__all__ = ["AskedChecks"]

_MOST_PAGES = 50

_ASKED = {
    "send_poll": Feature.POLL,
    "share_contact": Feature.CONTACT_CARD,
    "list_chats": Feature.CHATS,
    "get_history": Feature.HISTORY,
    "check_reachability": Feature.REACHABILITY,
    "unsubscribe": Feature.UNSUBSCRIBE,
    "create_group": Feature.CREATE_GROUP,
    "rename_group": Feature.RENAME_GROUP,
    "list_members": Feature.MEMBERS,
    "add_member": Feature.ADD_MEMBER,
    "remove_member": Feature.REMOVE_MEMBER,
}


class AskedChecks(Subject):
    """Look-ups and deeds that no message is part of."""

    def test_what_is_asked_directly_is_declared(self) -> None:
        """An ability beside messages is in the table where it is overridden, and `Unsupported` where it is not."""
        provider = self.bench().provider
        able = {name for name in _ASKED if getattr(self.provider, name) is not getattr(Provider, name)}
        declared = {name for name, feature in _ASKED.items() if self._declares(feature)}
        # a group may be changeable at the vendor under conditions that the table cannot know: able is enough
        assert able == declared, f"overridden: {sorted(able)}; declared: {sorted(declared)}"
        for name, ask in _questions(self.contacts).items():
            if name not in declared:
                with failing(Unsupported, about=f"{name} is not declared"):
                    next(ask(provider))

    # ── polls and cards ───────────────────────────────────────────────────────────────────────────────────────────

    def test_a_poll_arrives_with_its_options(self) -> None:
        """Title and every option are on the wire, up to the declared number, and the receipt names the poll."""
        for where, bench, place in self._chats_with(Feature.POLL):
            most = min(where.capabilities.limits.poll_options or 4, 20)
            options = tuple(f"Kit option {number}" for number in range(most))
            seen = bench.scene.journal.last
            plan = fit_poll(place.chat, "Kit poll", options, table=self.table, policy=Policy.STRICT)
            [receipt] = [bench.carry(bench.action(step.action)) for step in plan.steps]
            wire = bench.wire(seen)
            assert all(piece in wire for piece in ("Kit poll", *options)), f"a poll in a {where.name}"
            assert receipt.sent, f"the receipt of a poll in a {where.name} names nothing"

    def test_a_contact_card_goes_by_itself(self) -> None:
        """A card without a message is accepted by the twin, wherever that is declared."""
        for where, bench, place in self._chats_with(Feature.CONTACT_CARD):
            before = len(bench.calls)
            plan = fit_contact(place.chat, table=self.table)
            for step in plan.steps:
                bench.carry(bench.action(step.action))
            assert len(bench.calls) > before, f"nothing was asked in a {where.name}"

    # ── look-ups ──────────────────────────────────────────────────────────────────────────────────────────────────

    def test_chats_are_listed(self) -> None:
        """A chat in which something was said is in the list, under the identity by which it is written to."""
        for where, bench, place in self._chats_with(Feature.CHATS):
            bench.send(place.chat, "to be listed")
            found = self._all(bench, bench.provider.list_chats(ListChats(limit=2)))
            assert place.chat.identity in {item.chat.identity for item in found}, f"a {where.name} is not in the list"

    def test_the_history_of_a_chat_is_told(self) -> None:
        """What was said by either side is told once, with its vendor id and whose it is, newest first."""
        for where, bench, place in self._chats_with(Feature.HISTORY):
            [receipt] = bench.send(place.chat, "to be remembered")
            bench.pass_time()
            place.contact.write("remembered too", vendor=bench.name, group=place.group)
            bench.pass_time()
            found = self._all(bench, bench.provider.get_history(GetHistory(chat=place.chat, limit=2)))
            told = {item.vendor_id: item.ours for item in found}
            assert len(told) == len(found), f"{where.name}: a message is told twice"
            heard = place.contact.thread(bench.name, group=place.group).last(ours=False)
            assert heard is not None
            assert (True, False) == (told.get(receipt.vendor_id), told.get(heard.vendor_id)), where.name

    def test_reachability_is_looked_up(self) -> None:
        """A look-up answers for the address that was asked, and sends nothing."""
        if not self._declares(Feature.REACHABILITY):
            return
        bench = self.bench()
        bench.place()
        before = len(bench.bubbles())
        address = bench.contact().address
        answer = bench.run(bench.provider.check_reachability(CheckReachability(address=address)))
        assert address == answer.address
        assert before == len(bench.bubbles()), "a look-up sent something"

    def test_an_unsubscription_can_be_repeated(self) -> None:
        """A contact who is unsubscribed already, or not known, is no error."""
        if not self._declares(Feature.UNSUBSCRIBE):
            return
        bench = self.bench()
        bench.place()
        for number in (0, 0, 2):
            bench.run(bench.provider.unsubscribe(Unsubscribe(address=bench.contact(number).address)))

    # ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_group_that_we_made_can_be_written_to(self) -> None:
        """`create_group` gives a chat, and a message to it reaches the members that were named."""
        if not self._declares(Feature.CREATE_GROUP):
            return
        bench = self.bench()
        bench.place()
        members = tuple(bench.contact(number).address for number in (0, 1))
        group = bench.run(bench.provider.create_group(CreateGroup(members=members, name="Kit group")))
        assert ChatKind.GROUP is group.chat.kind
        bench.send(group.chat, "hello group")
        assert {*members} == {*bench.bubbles()[-1].thread.members}

    def test_the_members_of_a_group_are_listed(self) -> None:
        """Every contact of the group is in the list, once."""
        for where, bench, place in self._chats_with(Feature.MEMBERS, ChatKind.GROUP):
            found = self._all(bench, bench.provider.list_members(ListMembers(chat=place.chat, limit=1)))
            told = [member.address for member in found if not member.ours]
            expected = sorted(bench.contact(number).address.text for number in (0, 1))
            assert expected == sorted(address.text for address in told), where.name

    def test_a_group_can_be_renamed(self) -> None:
        """The new name is on the wire, and the chat that comes back is the same one."""
        for where, bench, place in self._chats_with(Feature.RENAME_GROUP, ChatKind.GROUP):
            seen = bench.scene.journal.last
            group = bench.run(bench.provider.rename_group(RenameGroup(chat=place.chat, name="Kit name")))
            assert place.chat.identity == group.chat.identity, where.name
            assert "Kit name" in bench.wire(seen), where.name

    # ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _declares(self, feature: Feature) -> bool:
        try:
            require(feature, self.table)
        except Unsupported as error:
            assert feature.value in error.features  # noqa: PT017 - the refusal itself is what is looked at
            return False
        return True

    def _chats_with(self, feature: Feature, kind: ChatKind | None = None) -> Iterator[tuple[Where, Bench, Place]]:
        for where, bench, place in self.places():
            if where.capabilities.has(feature) and kind in (None, where.kind) and where.kind is not ChatKind.SEVERAL:
                yield where, bench, place

    def _all(self, bench: Bench, exchange: Exchange[Page[Any]]) -> list[Any]:
        """Turn the pages of a list to its end."""
        found: list[Any] = []
        page = bench.run(exchange)
        for _ in range(_MOST_PAGES):
            found += page.items
            if page.more is None:
                return found
            page = bench.run(page.more())
        raise AssertionError(f"{_MOST_PAGES} pages, and no end")


def _questions(contacts: Any) -> dict[str, Callable[[Provider[Any]], Any]]:
    """Ask each thing once; where it cannot be done, that is what has to be said."""
    chat, group = Chat.direct(contacts[0]), Chat.of_group("group-of-nobody")
    address = chat.address
    poll = SendPoll(chat=chat, title="t", options=("a", "b"), key="key", token=token(1))
    return {
        "send_poll": lambda provider: provider.send_poll(poll),
        "share_contact": lambda provider: provider.share_contact(ShareContact(chat=chat, key="key", token=token(1))),
        "list_chats": lambda provider: provider.list_chats(ListChats()),
        "get_history": lambda provider: provider.get_history(GetHistory(chat=chat)),
        "check_reachability": lambda provider: provider.check_reachability(CheckReachability(address=address)),
        "unsubscribe": lambda provider: provider.unsubscribe(Unsubscribe(address=address)),
        "create_group": lambda provider: provider.create_group(CreateGroup(members=(address,))),
        "rename_group": lambda provider: provider.rename_group(RenameGroup(chat=group, name="n")),
        "list_members": lambda provider: provider.list_members(ListMembers(chat=group)),
        "add_member": lambda provider: provider.add_member(AddMember(chat=group, address=address)),
        "remove_member": lambda provider: provider.remove_member(RemoveMember(chat=group, address=address)),
    }
