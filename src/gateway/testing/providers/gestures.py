"""Checks of what is no message: reactions, typing dots, read marks, status look-ups, opt-in links."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway.actions import CreateOptInLink, DeliveryState, GetStatus
from gateway.capabilities import Feature
from gateway.errors import Unsupported
from gateway.events import OptedIn
from gateway.model import ChatKind, MessageRef, Reaction, Tapback
from gateway.provider import Provider
from gateway.testing.providers.bench import Bench, Place
from gateway.testing.providers.places import Where, wheres
from gateway.testing.providers.subject import Subject, failing

__all__ = ["GestureChecks"]

_EMOJI = "🦆"
_CHANGES = {"order": "7"}


class GestureChecks(Subject):
    """Everything beside messages, in every kind of chat that the table has."""

    # ── reactions ─────────────────────────────────────────────────────────────────────────────────────────────────

    def test_every_tapback_arrives_or_is_refused(self) -> None:
        """Each declared tapback shows on the contact's message; each other one is refused by name."""
        for tapback in Tapback:
            for where, bench, place in self._chats():
                offered = where.capabilities.has(Feature.REACTION) and tapback in where.capabilities.limits.tapbacks
                reaction = Reaction(tapback=tapback)
                self._reacts(Feature.REACTION, where, bench, place, reaction, carried=offered)

    def test_an_emoji_arrives_or_is_refused(self) -> None:
        """An emoji that is no tapback shows on the message where that is declared, and is refused elsewhere."""
        for where, bench, place in self._chats():
            carried = where.capabilities.has(Feature.EMOJI_REACTION)
            self._reacts(Feature.EMOJI_REACTION, where, bench, place, Reaction(emoji=_EMOJI), carried=carried)

    def test_a_reaction_can_be_taken_back_or_is_refused(self) -> None:
        """What was reacted is gone from the phone afterwards, where that is declared."""
        for where, bench, place in self._chats():
            offered = sorted(where.capabilities.limits.tapbacks) or [Tapback.LOVE]
            reaction, target = Reaction(tapback=offered[0]), self._target(bench, place)
            if not (where.capabilities.has(Feature.UNREACT) and where.capabilities.has(Feature.REACTION)):
                missing = Feature.UNREACT if where.capabilities.has(Feature.REACTION) else Feature.REACTION
                with self._refusing(missing, where):
                    bench.react(place.chat, target, reaction, remove=True)
                continue
            bubble = bench.scene.world.find(bench.name, str(target.vendor_id))
            assert bubble is not None
            bench.react(place.chat, target, reaction)
            bench.react(place.chat, target, reaction, remove=True)
            assert {} == bubble.reactions, f"a reaction that was taken back stays in a {where.name}"

    def test_a_reaction_by_place_finds_its_message(self) -> None:
        """`index=-1` reacts to the last message, where messages may be named by their place."""
        for where, bench, place in self._chats():
            if not where.capabilities.has(Feature.REACTION):
                continue
            love = Reaction(tapback=Tapback.LOVE)
            if not where.capabilities.has(Feature.REACTION_INDEX):
                with self._refusing(Feature.REACTION_INDEX, where):
                    bench.react(place.chat, MessageRef(index=-1), love)
                continue
            since = bench.scene.journal.last
            bench.react(place.chat, MessageRef(index=-1), love)
            assert ["love"] == [each["reaction"] for each in bench.doings("reacted", since=since)], where.name

    def test_a_reaction_to_a_part_finds_it(self) -> None:
        """The part that is reacted to is named on the wire, where parts can be; elsewhere that is refused."""
        for where, bench, place in self._chats():
            if not where.capabilities.has(Feature.REACTION):
                continue
            files = ("https://files.example/a.png",)
            written = place.contact.write("two parts", attachments=files, vendor=bench.name, group=place.group)
            target, love = MessageRef(vendor_id=written.vendor_id, part=1), Reaction(tapback=Tapback.LOVE)
            if not where.capabilities.has(Feature.REACTION_PART):
                with self._refusing(Feature.REACTION, where):
                    bench.react(place.chat, target, love)
                continue
            since = bench.scene.journal.last
            bench.react(place.chat, target, love)
            reacted = [(each["message"], each.get("part", 0)) for each in bench.doings("reacted", since=since)]
            assert [(written.vendor_id, 1)] == reacted, f"part of a reaction in a {where.name}"

    def _reacts(
        self, feature: Feature, where: Where, bench: Bench, place: Place, reaction: Reaction, *, carried: bool
    ) -> None:
        target = self._target(bench, place)
        if not carried:
            named = feature if where.capabilities.has(Feature.REACTION) else Feature.REACTION
            with self._refusing(named, where):
                bench.react(place.chat, target, reaction)
            return
        bench.react(place.chat, target, reaction)
        bubble = bench.scene.world.find(bench.name, str(target.vendor_id))
        shown = [] if bubble is None else list(bubble.reactions.values())
        assert [reaction] == shown, f"{reaction.text} in a {where.name}"

    # ── dots and read marks ───────────────────────────────────────────────────────────────────────────────────────

    def test_typing_dots_are_seen_or_refused(self) -> None:
        """The dots show on the phone where they are declared, and can be taken away or that is refused by name."""
        for where, bench, place in self._chats():
            target = self._target(bench, place)
            if not where.capabilities.has(Feature.TYPING):
                with self._refusing(Feature.TYPING, where):
                    bench.type(place.chat, target, on=True)
                continue
            since = bench.scene.journal.last
            bench.type(place.chat, target, on=True)
            assert [True] == [each["on"] for each in bench.doings("typing", since=since)], f"dots in a {where.name}"
            try:
                bench.type(place.chat, target, on=False)
            except Unsupported:
                continue
            assert [True, False] == [each["on"] for each in bench.doings("typing", since=since)], where.name

    def test_a_chat_is_marked_read_or_that_is_refused(self) -> None:
        """What the contact wrote is read by us afterwards, where that is declared."""
        for where, bench, place in self._chats():
            target = self._target(bench, place)
            if not where.capabilities.has(Feature.READ):
                with self._refusing(Feature.READ, where):
                    bench.read(place.chat, target)
                continue
            since = bench.scene.journal.last
            bench.read(place.chat, target)
            assert 1 == len(bench.doings("read", since=since)), f"the read mark in a {where.name}"

    # ── look-ups and links ────────────────────────────────────────────────────────────────────────────────────────

    def test_the_status_of_a_message_is_told_or_refused(self) -> None:
        """A look-up says how far the message has come on the phone; without the feature it is `Unsupported`."""
        for where in wheres(self.table):
            bench = self.bench()
            if not where.capabilities.has(Feature.STATUS) or where.kind is ChatKind.SEVERAL:
                continue
            place = bench.place(where.kind)
            [receipt] = bench.send(place.chat, "how far?")
            bench.pass_time()
            bubble = bench.bubbles()[-1]
            chat = receipt.chat or place.chat
            report = bench.run(bench.provider.get_status(GetStatus(vendor_id=receipt.vendor_id, chat=chat)))
            # some vendors' look-ups end at delivered
            states = {bubble.state} | ({DeliveryState.DELIVERED} if bubble.state is DeliveryState.READ else set())
            assert report.state in states, f"a {where.name}: it is {bubble.state.value}, told is {report.state.value}"
            assert bubble.vendor_id == report.vendor_id, f"status in a {where.name}"
        self._is_declared(Feature.STATUS, "get_status", GetStatus(vendor_id="id-of-nobody"))

    def test_an_opt_in_link_opts_in_or_is_refused(self) -> None:
        """A contact who follows the link gives an `OptedIn` with the parameters; without it, `Unsupported`."""
        asked = CreateOptInLink(body=self.opt_in, parameters=dict(_CHANGES))
        bench = self.bench()
        if not self._has(bench.provider, Feature.OPT_IN_LINK):
            self._is_declared(Feature.OPT_IN_LINK, "create_opt_in_link", asked)
            return
        links = bench.run(bench.provider.create_opt_in_link(asked))
        ways = [way for way in (links.url, links.imessage, links.sms, links.whatsapp) if way]
        assert ways, "the answer holds no link"
        bench.heard()
        bench.contact().opt_in(vendor=bench.name, link=links.id or ways[0], text=self.opt_in)
        found = [event for event in bench.events() if isinstance(event, OptedIn)]
        assert [bench.contact().address] == [event.address for event in found]
        assert _CHANGES.items() <= dict(found[0].parameters).items()

    def test_what_a_provider_can_is_declared(self) -> None:
        """An optional action that is overridden is in the table somewhere, and one in the table is overridden."""
        methods = {
            "send_reaction": Feature.REACTION,
            "set_typing": Feature.TYPING,
            "mark_read": Feature.READ,
            "get_status": Feature.STATUS,
            "create_opt_in_link": Feature.OPT_IN_LINK,
        }
        provider = self.bench().provider
        able = {name for name in methods if getattr(self.provider, name) is not getattr(Provider, name)}
        declared = {name for name, feature in methods.items() if self._has(provider, feature)}
        assert able == declared, f"overridden: {sorted(able)}; declared: {sorted(declared)}"

    # ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _chats(self) -> Iterator[tuple[Where, Bench, Place]]:
        """Open every kind of chat in which a contact has written; a list of addresses names one in a send only."""
        yield from (opened for opened in self.places() if opened[0].kind is not ChatKind.SEVERAL)

    def _target(self, bench: Bench, place: Place) -> MessageRef:
        assert place.written is not None
        return MessageRef(vendor_id=place.written.vendor_id)

    def _has(self, provider: Provider[Any], feature: Feature) -> bool:
        return any(row.capabilities.has(feature) for row in provider.capabilities().rows)

    @contextmanager
    def _refusing(self, feature: Feature, where: Where) -> Iterator[None]:
        with failing(Unsupported, about=f"{feature.value} is not declared for a {where.name}") as caught:
            yield
        features = getattr(caught[0], "features", ())
        assert feature.value in features, f"refused for {features}, and not for {feature.value}"

    def _is_declared(self, feature: Feature, method: str, action: object) -> None:
        """Hold that an action which nobody declares says that it cannot."""
        provider = self.bench().provider
        if self._has(provider, feature):
            return
        with failing(Unsupported, about=f"{method} without {feature.value}"):
            next(getattr(provider, method)(action))
