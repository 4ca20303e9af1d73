"""One line through: the same application code against every vendor's twin, over HTTP both ways."""

from __future__ import annotations

import asyncio

import pytest

from gateway import (
    Address,
    Attachment,
    Chat,
    ChatKind,
    DeliveryState,
    DeliveryUpdated,
    Feature,
    Message,
    MessageReceived,
    MessageRef,
    OptedIn,
    Policy,
    ReactionAdded,
    ReactionRemoved,
    Unsupported,
    Voice,
)
from gateway.asking import Recipient
from tests.flow.stage import OTHER, PHONE, VENDORS, Stage, stage

pytestmark = pytest.mark.parametrize("vendor", VENDORS)


def can(it: Stage, feature: Feature, kind: ChatKind = ChatKind.DIRECT) -> bool:
    """Tell whether this vendor carries something."""
    return it.gateway.connections[0].provider.capabilities().find(kind).has(feature)


async def greeted(it: Stage) -> MessageReceived:
    """Let the contact write first."""
    it.phone.write("hello", vendor=it.vendor)
    return await it.event(MessageReceived)


async def test_a_contact_writes_and_is_answered(vendor: str) -> None:
    """What a contact writes comes as an event, and an answer to that event reaches the same phone."""
    async with stage(vendor) as it:
        event = await greeted(it)
        receipt = await it.gateway.send(event, "you said hello")

        assert ("hello", Address.parse(PHONE), False) == (event.text, event.sender, event.ours)
        assert ("main", vendor) == (event.connection, event.provider)
        assert event.chat is not None
        assert ChatKind.DIRECT is event.chat.kind
        bubble = it.sim.world.find(vendor, receipt.vendor_id)
        assert bubble is not None
        assert ("you said hello", True) == (bubble.text, bubble.ours)


async def test_reports_carry_our_id_and_the_callers_reference(vendor: str) -> None:
    """Whether or not the vendor returns strings, every report names the message and the reference."""
    async with stage(vendor) as it:
        event = await greeted(it)
        receipt = await it.gateway.send(event, Message("on its way", reference="order 7"))
        report = await it.event(DeliveryUpdated, lambda e: e.state is DeliveryState.DELIVERED)
        status = await it.gateway.status(receipt)

        assert (receipt.message_id, "order 7", True) == (report.message_id, report.reference, report.ours)
        assert status.state in {DeliveryState.DELIVERED, DeliveryState.READ}
        assert "order 7" == status.reference


async def test_a_reply_points_at_the_message(vendor: str) -> None:
    """A reply to what the contact wrote is a reply on the phone, where the vendor has replies."""
    async with stage(vendor) as it:
        event = await greeted(it)
        if not can(it, Feature.REPLY):
            with pytest.raises(Unsupported):
                await it.gateway.send(event, Message("this one", reply_to=event.ref))
            return
        receipt = await it.gateway.send(event, Message("this one", reply_to=event.ref))

        bubble = it.sim.world.find(vendor, receipt.vendor_id)
        assert bubble is not None
        assert event.vendor_id == bubble.reply_to


async def test_a_reply_to_our_own_message_is_named_by_our_id(vendor: str) -> None:
    """The caller never needs the vendor's ids."""
    async with stage(vendor) as it:
        event = await greeted(it)
        if not can(it, Feature.REPLY):
            return
        first = await it.gateway.send(event, "one")
        second = await it.gateway.send(event, Message("two", reply_to=MessageRef(message=first.message_id)))

        bubble = it.sim.world.find(vendor, second.vendor_id)
        assert bubble is not None
        assert first.vendor_id == bubble.reply_to


async def test_tapbacks_go_both_ways(vendor: str) -> None:
    """Ours is on the phone and can be taken back; the contact's comes as an event on our message."""
    async with stage(vendor) as it:
        event = await greeted(it)
        if not can(it, Feature.REACTION):
            return
        await it.gateway.react(event, "love")
        theirs = it.sim.world.find(vendor, event.vendor_id)
        assert theirs is not None
        assert ["love"] == [reaction.text for reaction in theirs.reactions.values()]

        if can(it, Feature.UNREACT):
            await it.gateway.unreact(event, "love")
            assert {} == theirs.reactions

        receipt = await it.gateway.send(event, "like it?")
        it.phone.react("like", vendor=vendor, message=receipt.vendor_id)
        if not can(it, Feature.REACTION_REPORT):
            return
        reaction = await it.event(ReactionAdded, lambda e: e.sender == Address.parse(PHONE))
        assert (receipt.vendor_id, receipt.message_id) == (reaction.target.vendor_id, reaction.message_id)
        assert reaction.reaction is not None
        assert "like" == reaction.reaction.text


async def test_typing_and_read_marks_reach_the_phone(vendor: str) -> None:
    """The dots are shown, and what the contact wrote is marked as read."""
    async with stage(vendor) as it:
        event = await greeted(it)
        if can(it, Feature.TYPING):
            await it.gateway.typing(event, 1)
            assert [True] == it.doings("typing", "on")[:1]
        if can(it, Feature.READ):
            await it.gateway.mark_read(event)
            assert [True] == it.doings("read", "ours")[:1]


async def test_attachments_and_voice_notes_arrive(vendor: str) -> None:
    """By URL; a voice note is a voice note or, under graceful, a file."""
    async with stage(vendor) as it:
        event = await greeted(it)
        picture = Attachment(url="https://example.com/a.png", name="a.png", media_type="image/png")
        voice = Voice(url="https://example.com/a.m4a", name="a.m4a", media_type="audio/mp4")
        one = await it.gateway.send(event, Message("look", picture), policy=Policy.GRACEFUL)
        two = await it.gateway.send(event, voice, policy=Policy.GRACEFUL)

        for receipt, url in ((one, picture.url), (two, voice.url)):
            sent = [it.sim.world.find(vendor, entry.vendor_id) for entry in receipt.sent]
            parts = [part.model_dump() for bubble in sent if bubble for part in bubble.parts]
            assert str(url) in str(parts)


async def test_a_group_is_answered_in_the_group(vendor: str) -> None:
    """An answer to what was written in a group goes to the group, not to its author."""
    async with stage(vendor) as it:
        if not can(it, Feature.TEXT, ChatKind.GROUP):
            return
        await greeted(it)
        bubble = it.phone.start_group([Address.parse(OTHER)], "all of you", vendor=vendor, name="Trip")
        event = await it.event(MessageReceived, lambda e: e.text == "all of you")
        receipt = await it.gateway.send(event, "hello group")

        assert event.chat is not None
        assert (ChatKind.GROUP, bubble.thread.group) == (event.chat.kind, event.chat.group)
        assert event.chat_id != (await greeted_chat(it))
        answer = it.sim.world.find(vendor, receipt.vendor_id)
        assert answer is not None
        assert bubble.thread is answer.thread


async def greeted_chat(it: Stage) -> str | None:
    """Give the id of the direct chat."""
    return (await it.event(MessageReceived)).chat_id


async def test_two_messages_arrive_in_order(vendor: str) -> None:
    """Several messages of one call, and several calls, keep their order on the phone."""
    async with stage(vendor) as it:
        event = await greeted(it)
        await it.gateway.send(event, ["a", "b", "c"])
        await asyncio.gather(*(it.gateway.send(event, text) for text in ("d", "e")))

        thread = it.sim.world.threads(vendor)[0]
        assert ["a", "b", "c", "d", "e"] == [bubble.text for bubble in thread.bubbles if bubble.ours]


async def test_what_a_vendor_lacks_is_refused_or_adapted(vendor: str) -> None:
    """Strict refuses and sends nothing; graceful sends, and the receipt says what was changed."""
    async with stage(vendor) as it:
        event = await greeted(it)
        message = Message("look", effect="shootingStar", subject="Title")
        table = it.gateway.connections[0].provider.capabilities().find(ChatKind.DIRECT)
        whole = table.has(Feature.SUBJECT) and message.effect in table.limits.effects and table.has(Feature.EFFECT)
        before = len(it.posts())
        if whole:
            assert () == (await it.gateway.send(event, message)).adaptations
            return
        with pytest.raises(Unsupported) as caught:
            await it.gateway.send(event, message)
        assert before == len(it.posts())
        assert caught.value.features

        receipt = await it.gateway.send(event, message, policy="graceful")
        assert set(caught.value.features) == {adaptation.feature.value for adaptation in receipt.adaptations}


async def test_a_plan_sends_nothing(vendor: str) -> None:
    """It says the steps and the adaptations of the very same message."""
    async with stage(vendor) as it:
        event = await greeted(it)
        before = len(it.posts())
        plan = await it.gateway.plan(event, Message("x", effect="shootingStar"), policy="graceful")

        assert before == len(it.posts())
        assert 1 == len(plan.steps)


async def test_opting_in_by_a_link(vendor: str) -> None:
    """The parameters of the link come back with the event, where the vendor has such links."""
    async with stage(vendor) as it:
        if not can(it, Feature.OPT_IN_LINK):
            with pytest.raises(Unsupported):
                await it.gateway.opt_in_link("hi [opt-in-code]", campaign="may")
            return
        links = await it.gateway.opt_in_link("hi [opt-in-code]", campaign="may")
        it.phone.opt_in(vendor=vendor, link=links.url)
        event = await it.event(OptedIn)

        assert (Address.parse(PHONE), {"campaign": "may"}) == (event.address, dict(event.parameters))


async def test_a_reaction_taken_back_is_an_event_where_the_vendor_says_so(vendor: str) -> None:
    """A vendor that has no word for it says nothing, and nothing is made up."""
    async with stage(vendor) as it:
        event = await greeted(it)
        receipt = await it.gateway.send(event, "?")
        it.phone.react("like", vendor=vendor, message=receipt.vendor_id)
        it.phone.unreact("like", vendor=vendor, message=receipt.vendor_id)
        it.phone.write("end", vendor=vendor)
        await it.event(MessageReceived, lambda e: e.text == "end")

        removed = [e for e in it.events if isinstance(e, ReactionRemoved)]
        assert all(e.target.vendor_id == receipt.vendor_id for e in removed)


async def test_the_credentials_can_be_checked(vendor: str) -> None:
    """By a call that changes nothing."""
    async with stage(vendor) as it:
        assert await it.gateway.check("main")


async def test_a_chat_can_be_named_in_every_way(vendor: str) -> None:
    """A string in any spelling, an address, a chat, an event: one conversation."""
    async with stage(vendor) as it:
        event = await greeted(it)
        names: list[Recipient] = [event, "tel:+1 (202) 555-0123", Address.parse(PHONE), Chat.direct(PHONE)]
        for to in names:
            await it.gateway.send(to, "x")

        assert 1 == len(it.sim.world.threads(vendor))
