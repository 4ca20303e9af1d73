"""Checks of the round: provider and twin against each other, both ways, until nothing is open."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.actions import Attempt, DeliveryState, Receipt, SendMessage
from gateway.capabilities import Feature
from gateway.events import DeliveryUpdated, MessageReceived, ReactionAdded, ReactionRemoved
from gateway.exchange import Repeat
from gateway.model import ChatKind, MessageRef, Reaction
from gateway.provider import Missed, Provider
from gateway.testing.providers.bench import Bench
from gateway.testing.providers.places import wheres
from gateway.testing.providers.subject import Subject

__all__ = ["LoopChecks"]


class LoopChecks(Subject):
    """What is sent is reported, what a contact does is heard, and it is one conversation all the way."""

    # ── out and back ──────────────────────────────────────────────────────────────────────────────────────────────

    def test_what_is_sent_is_reported(self) -> None:
        """The reports about a message name the vendor id of its receipt, in every kind of chat."""
        for where, bench, place in self.places():
            bench.heard()
            [receipt] = bench.send(place.chat, "on its way")
            bubble = bench.bubbles()[-1]
            assert bubble.vendor_id == receipt.vendor_id, f"{where.name}: the receipt names another message"
            reports = [event for event in bench.events() if isinstance(event, DeliveryUpdated)]
            assert reports, f"{where.name}: nothing was reported"
            assert {receipt.vendor_id} == {event.vendor_id for event in reports}, where.name

    def test_declared_reports_come_and_others_do_not(self) -> None:
        """Delivered and read are reported exactly where the table says so."""
        promised = {DeliveryState.DELIVERED: Feature.DELIVERED, DeliveryState.READ: Feature.READ_REPORT}
        for where, bench, place in self.places():
            bench.send(place.chat, "how far will it come?")
            states = {event.state for event in bench.events() if isinstance(event, DeliveryUpdated)}
            for state, feature in promised.items():
                declared = where.capabilities.has(feature)
                assert declared == (state in states), (
                    f"{where.name}: {feature.value} {'are' if declared else 'are not'} declared, and came: "
                    f"{', '.join(sorted(states))}"
                )

    def test_a_failure_says_why(self) -> None:
        """A message that fails is reported with a code that has a row, and a reason."""
        bench = self.bench()
        place = bench.place()
        place.contact.switch(blocked=True, imessage=False)
        try:
            bench.send(place.chat, "will it arrive?")
        except Exception:  # noqa: BLE001 - a vendor may refuse at once, which other checks are about
            return
        failed = [
            event
            for event in bench.events()
            if isinstance(event, DeliveryUpdated) and event.state is DeliveryState.FAILED
        ]
        for event in failed:
            assert event.reason or event.code, "a failure without code and reason"

    def test_what_we_sent_is_never_a_contacts(self) -> None:
        """A vendor that tells our own messages tells them as ours; a report with our token is ours; all others not."""
        for _, bench, place in self.places():
            place.contact.write("from a contact", vendor=bench.name, group=place.group)
            bench.send(place.chat, "from us")
            sent = {bubble.vendor_id for bubble in bench.bubbles()}
            for event in bench.events():
                if isinstance(event, MessageReceived):
                    assert event.ours == (event.vendor_id in sent), f"ours={event.ours} on a message.received"
                elif event.token is not None:
                    assert event.ours, f"our token is on a {event.type} that is not ours"

    # ── in ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_what_a_contact_writes_is_heard(self) -> None:
        """Text, sender, vendor id and answered message are those of the contact's bubble; it is not ours."""
        for where, bench, place in self.places():
            bench.send(place.chat, "a question")
            bench.heard()
            target = bench.bubbles()[-1]
            group = target.thread.group
            bubble = place.contact.reply("an answer ✓", vendor=bench.name, group=group, message=target.vendor_id)
            found = [event for event in bench.events() if isinstance(event, MessageReceived)]
            told = [(event.vendor_id, event.text, event.sender, event.ours) for event in found]
            assert [(bubble.vendor_id, "an answer ✓", place.contact.address, False)] == told, where.name
            answered = found[0].message.reply_to
            if where.capabilities.has(Feature.REPLY) and answered is not None:
                assert target.vendor_id in (answered.vendor_id, answered.guid), f"{where.name}: answers another one"

    def test_files_of_a_contact_are_heard(self) -> None:
        """Each attachment that a contact sends is on the event, with its URL, in its order."""
        bench = self.bench()
        place = bench.place()
        bench.heard()
        urls = ["https://files.example/a.png", "https://files.example/b.pdf"]
        place.contact.write("look", attachments=urls, vendor=bench.name)
        parts = [part for event in bench.events() if isinstance(event, MessageReceived) for part in event.message.parts]
        assert urls == [url for part in parts if (url := getattr(part, "url", None))]

    def test_a_reaction_of_a_contact_is_heard(self) -> None:
        """Added and taken back, on the message that it is on, where reports are declared; it is not ours."""
        bench = self.bench()
        place = bench.place()
        [receipt] = bench.send(place.chat, "react to this")
        bench.heard()
        vendor_id = receipt.vendor_id
        declared = bench.provider.capabilities().find(place.chat.kind).has(Feature.REACTION_REPORT)
        love = Reaction.parse("love")
        for removed, kind in ((False, ReactionAdded), (True, ReactionRemoved)):
            place.contact.react(love, vendor=bench.name, message=vendor_id, removed=removed)
            events = bench.events()
            if not declared:
                told = [event for event in events if isinstance(event, ReactionAdded | ReactionRemoved)]
                assert not told, "a reaction is told, and reports of reactions are not declared"
                continue
            assert events or removed, "reports of reactions are declared, and none came"
            for event in events:
                assert isinstance(event, kind), f"a reaction, removed={removed}, became {event.type}"
                assert (love, False) == (event.reaction, event.ours)
                assert vendor_id in (event.target.vendor_id, event.target.guid), "it is on another message"

    def test_our_own_reaction_is_not_a_contacts(self) -> None:
        """Where the vendor tells us of our own reaction, the event is ours."""
        bench = self.bench()
        place = bench.place()
        where = wheres(bench.provider.capabilities())[0]
        if not where.capabilities.has(Feature.REACTION) or place.written is None:
            return
        bench.heard()
        tapback = min(where.capabilities.limits.tapbacks)
        bench.react(place.chat, MessageRef(vendor_id=place.written.vendor_id), Reaction(tapback=tapback))
        told = [event for event in bench.events() if isinstance(event, ReactionAdded)]
        assert all(event.ours for event in told), "our own reaction came back as a contact's"

    # ── one conversation ──────────────────────────────────────────────────────────────────────────────────────────

    def test_one_conversation_has_one_identity(self) -> None:
        """Messages, reports and reactions name the chat that was sent to, or the alias that the receipt gave."""
        for where, bench, place in self.places():
            bench.heard()
            [receipt] = bench.send(place.chat, "in one place")
            known = {chat.identity for chat in (place.chat, receipt.chat, receipt.alias) if chat is not None}
            group = place.group or bench.bubbles()[-1].thread.group
            place.contact.write("here too", vendor=bench.name, group=group)
            events = [event for event in bench.events() if event.type in {"message.received", "delivery.updated"}]
            for event in events:
                assert event.chat is not None, f"{where.name}: {event.type} names no chat"
                assert event.chat.identity in known, f"{where.name}: {event.type} is in another chat"

    def test_a_group_is_not_the_chat_of_its_member(self) -> None:
        """What a contact writes in a group and alone is in two chats."""
        bench = self.bench()
        if not any(where.kind is ChatKind.GROUP for where in wheres(bench.provider.capabilities())):
            return
        place = bench.place(ChatKind.GROUP)
        place.contact.write("alone", vendor=bench.name)
        chats = [event.chat for event in bench.events() if isinstance(event, MessageReceived)]
        assert 2 == len({chat.identity for chat in chats if chat is not None}), "they are in one chat"

    def test_an_answer_can_be_sent_to_the_chat_of_an_event(self) -> None:
        """The chat that an event names is one that can be written to, by the line that was written to."""
        for where, bench, place in self.places():
            bench.heard()
            if where.kind is ChatKind.SEVERAL:
                continue
            line = bench.twin.lines[-1]
            group = place.group
            place.contact.write("answer me", vendor=bench.name, group=group, line=None if group else line)
            [event] = [event for event in bench.events() if isinstance(event, MessageReceived)]
            assert event.chat is not None
            bench.send(event.chat, "here you are")
            wanted = place.contact.thread(bench.name, group=group, line=None if group else line)
            if event.chat.line is not None or group is not None or line == bench.twin.lines[0]:
                assert wanted is bench.bubbles()[-1].thread, f"{where.name}: the answer went elsewhere"

    # ── proof and catching up ─────────────────────────────────────────────────────────────────────────────────────

    def test_a_lost_answer_is_found_or_proves_nothing(self) -> None:
        """`find` names the message that was sent, and never says of one that it is absent when it is there."""
        if self.provider.find is Provider.find:
            return
        bench, action, receipt = self._sent("found again?")
        bench.pass_time()
        started = bench.bubbles()[-1].created_at
        found = bench.run(bench.provider.find(Attempt(action=action, started_at=started)))
        assert not found.absent, "the message is there, and called absent"
        assert found.vendor_ids in {(), (receipt.vendor_id,)}, f"another message was found: {found.vendor_ids}"
        assert {Repeat.SAFE} >= {call.repeat for call in bench.calls[2:] if call.method == "GET"}

    def test_missed_webhooks_are_the_same_events(self) -> None:
        """What `missed` fetches later has the ids of what was pushed, and ends."""
        if self.provider.missed is Provider.missed:
            return
        bench, _, _ = self._sent("while nobody listened")
        bench.contact().write("nobody there?", vendor=bench.name)
        pushed = {event.id for event in bench.events()}
        fetched = {event.id for page in _pages(bench) for hook in page.hooks for event in bench.parse(hook)}
        assert fetched <= pushed, "what was fetched is not what was pushed: one fact would be two events"
        assert {Repeat.SAFE} == {call.repeat for call in bench.calls[1:]}

    def test_the_answer_to_a_webhook_is_one_that_the_vendor_takes(self) -> None:
        """`answer` gives what the twin counts as received."""
        bench = self.bench()
        for name, heard in self.told:
            reply = bench.provider.answer(bench.hook(heard))
            assert bench.twin.accepted(reply.status), f"{name}: answered with {reply.status}, which is no acceptance"

    # ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _sent(self, text: str) -> tuple[Bench, SendMessage, Receipt]:
        bench = self.bench()
        action = self.plain_send(bench)
        [part] = action.message.parts
        assert part.type == "text"
        spoken = action.message.model_copy(update={"parts": (part.model_copy(update={"text": text}),)})
        action = action.model_copy(update={"messages": (spoken,)})
        return bench, action, bench.carry(action)


def _pages(bench: Bench) -> Iterator[Missed]:
    cursor: str | None = None
    for _ in range(100):
        page = bench.run(bench.provider.missed(cursor))
        yield page
        cursor = page.cursor
        if cursor is None:
            return
    raise AssertionError("a hundred pages, and no end")
