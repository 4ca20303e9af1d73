"""The provider against the twin, over loopback: what is sent arrives, and what happens to it is told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from gateway.provider import (
    Address,
    Attachment,
    Attempt,
    Channel,
    Chat,
    ContentRefused,
    DeliveryState,
    DeliveryUpdated,
    Event,
    Feature,
    Found,
    GetStatus,
    InvalidRequest,
    LimitReached,
    Link,
    MarkRead,
    Message,
    MessageRef,
    NotFound,
    NotOptedIn,
    Part,
    RateLimited,
    Reaction,
    ReactionAdded,
    ReactionRemoved,
    Refused,
    SendError,
    SenderUnavailable,
    SendMessage,
    SendReaction,
    SetTyping,
    StatusReport,
    Text,
    Token,
    Unauthorized,
)
from gateway.simulator import Bubble
from gateway_blooio import Blooio, BlooioSettings, api
from gateway_blooio.simulator import BlooioTwin
from gateway_blooio.simulator.payloads import guid_of

if TYPE_CHECKING:
    from providers.blooio.tests.conftest import Stand

ADA = "+12025550150"
BEN = "+12025550151"
CLEO = "cleo@example.com"
FIRST, SECOND = BlooioTwin.lines
SENT, DELIVERED, READ, FAILED = (
    DeliveryState.SENT,
    DeliveryState.DELIVERED,
    DeliveryState.READ,
    DeliveryState.FAILED,
)


def bubble(stand: Stand, vendor_id: str) -> Bubble:
    """The message as it is on the phone."""
    found = stand.sim.world.find(BlooioTwin.name, vendor_id)
    assert found is not None
    return found


def states(events: list[Event]) -> list[DeliveryState]:
    """The states that were reported, in order."""
    return [event.state for event in events if isinstance(event, DeliveryUpdated)]


def reaction_to(vendor_id: str, word: str = "love", **more: Any) -> SendReaction:
    """A reaction to a message of Ada's chat."""
    target = more.pop("target", None) or MessageRef(vendor_id=vendor_id)
    return SendReaction(
        chat=Chat.direct(ADA), target=target, reaction=Reaction.parse(word), key="k", token=Token("t"), **more
    )


# ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_text_is_sent_delivered_and_read(stand: Stand) -> None:
    """Each state is told by a webhook about the id of the receipt, with chat, line and network."""
    receipt = await stand.send("hi")
    events = await stand.events()
    assert [SENT, DELIVERED, READ] == states(events)
    assert {(receipt.vendor_id, "imessage", f"direct:{ADA}", FIRST)} == {
        (event.vendor_id, event.channel, event.chat.identity, event.chat.line)
        for event in events
        if isinstance(event, DeliveryUpdated) and event.chat
    }
    assert (Text(text="hi"),) == bubble(stand, receipt.vendor_id).parts


@pytest.mark.parametrize(
    ("switches", "expected", "channel"),
    [
        ({"receipts": False}, [SENT, DELIVERED], Channel.IMESSAGE),
        ({"imessage": False, "rcs": True}, [SENT, DELIVERED], Channel.RCS),
        ({"imessage": False}, [SENT], Channel.SMS),
        ({"blocked": True}, [SENT], Channel.IMESSAGE),
        ({"offline": True}, [SENT], Channel.IMESSAGE),
    ],
)
async def test_the_phone_decides_how_far_a_message_comes(
    stand: Stand, switches: dict[str, bool], expected: list[DeliveryState], channel: Channel
) -> None:
    """The best network of the phone is taken, and only what it reports is reported."""
    stand.ada.switch(**switches)
    await stand.send("hi")
    events = await stand.events()
    assert expected == states(events)
    assert {channel} == {event.channel for event in events if isinstance(event, DeliveryUpdated)}


async def test_an_email_without_imessage_fails(stand: Stand) -> None:
    """An Apple ID is reached over iMessage or not at all; the failure has a code and words."""
    stand.sim.contact(CLEO).switch(imessage=False)
    await stand.send("hi", to=CLEO)
    (event,) = await stand.events()
    assert isinstance(event, DeliveryUpdated)
    assert (FAILED, "unreachable") == (event.state, event.code)
    assert event.reason


async def test_a_key_sends_once(stand: Stand) -> None:
    """The same key gives the same message, whatever the body, for a day."""
    first = await stand.send("hi", key="k")
    again = await stand.send("other", key="k")
    assert (first.sent, False, True) == (again.sent, first.replayed, again.replayed)
    await stand.events(24 * 3600)
    assert first.sent != (await stand.send("hi", key="k")).sent


async def test_a_key_with_another_body_may_be_a_conflict(stand: Stand) -> None:
    """With the switch the vendor compares bodies, as its next version does."""
    stand.switch("idempotency_body_check", value=True)
    await stand.send("hi", key="k")
    with pytest.raises(Refused) as caught:
        await stand.send("other", key="k")
    assert caught.value.status == 409


async def test_a_refused_send_leaves_its_key_free(stand: Stand) -> None:
    """Only an acceptance is remembered."""
    stand.switch("active", value=False)
    with pytest.raises(SenderUnavailable):
        await stand.send("hi", key="k")
    stand.switch("active", value=True)
    assert not (await stand.send("hi", key="k")).replayed


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        (
            Message("look", Attachment(url="https://a.example/1.png", name="one.png")),
            (Text(text="look"), Attachment(url="https://a.example/1.png", name="one.png")),
        ),
        (
            Message(Attachment(url="https://a.example/1.png"), "below"),
            (Attachment(url="https://a.example/1.png"), Text(text="below")),
        ),
        (
            Message("hi ", Text(text="Ada", mention=Address.parse(ADA))),
            (Text(text="hi "), Text(text="Ada", mention=Address.parse(ADA))),
        ),
        (
            Message(Link(url="https://a.example", preview_image="https://a.example/1.png", title="A")),
            (Link(url="https://a.example", preview_image="https://a.example/1.png", title="A"),),
        ),
    ],
)
async def test_parts_arrive_as_they_were_said(stand: Stand, message: Message, parts: tuple[Part, ...]) -> None:
    """Text, attachment, mention and link are one bubble, in order."""
    receipt = await stand.send(message)
    assert parts == bubble(stand, receipt.vendor_id).parts
    assert [SENT, DELIVERED, READ] == states(await stand.events())


async def test_how_a_message_is_shown_arrives(stand: Stand) -> None:
    """Effect, typing first and the contact card are on the vendor's side."""
    receipt = await stand.send(Message("hi", effect="fireworks", typing=True, share_contact=True))
    shown = bubble(stand, receipt.vendor_id)
    assert ("fireworks", {"typing": True, "contact_card": True}) == (shown.effect, shown.notes)


async def test_an_effect_is_lost_without_imessage_and_nobody_is_told(stand: Stand) -> None:
    """The vendor delivers plainly over SMS."""
    stand.ada.switch(imessage=False)
    receipt = await stand.send(Message("hi", effect="fireworks"))
    assert bubble(stand, receipt.vendor_id).effect is None


async def test_texts_and_links_of_one_call_live_their_own_lives(stand: Stand) -> None:
    """Several messages have several ids in order, and several series of reports."""
    texts = await stand.send("one", "two")
    links = await stand.send(
        Message(Link(url="https://a.example", title="A")), Message(Link(url="https://b.example", title="B"))
    )
    assert [0, 1] == [sent.index for sent in texts.sent]
    assert ["one", "two"] == [bubble(stand, sent.vendor_id).text for sent in texts.sent]
    assert ["https://a.example", "https://b.example"] == [
        part.url for sent in links.sent for part in bubble(stand, sent.vendor_id).parts if isinstance(part, Link)
    ]
    assert 2 == links.raw[0]["count"]  # type: ignore[index, call-overload]
    assert 4 * 3 == len(states(await stand.events()))


async def test_a_file_that_cannot_be_fetched_fails_after_acceptance(stand: Stand) -> None:
    """The vendor downloads after it has said 202."""
    await stand.send("first")
    await stand.send(Message("look", Attachment(url="https://nowhere.invalid/1.png")))
    assert [FAILED] == [state for state in states(await stand.events()) if state is FAILED]


# ── where to, and by which line ───────────────────────────────────────────────────────────────────────────────────


async def test_several_addresses_become_one_group(stand: Stand) -> None:
    """Whatever their order, the same addresses are the same group, which has a name of its own afterwards."""
    first = await stand.send("hi", to=Chat.several(ADA, BEN))
    again = await stand.send("hi", to=Chat.several(BEN, ADA))
    assert first.alias is not None
    assert first.alias == again.alias
    assert (True, False) == tuple(receipt.raw[0]["group_created"] for receipt in (first, again))  # type: ignore[index, call-overload]
    later = await stand.send("hi", to=first.alias)
    assert later.alias is None
    groups = {event.chat.identity for event in await stand.events() if event.chat}
    assert {first.alias.identity} == groups


async def test_a_line_can_be_chosen_and_stays(stand: Stand) -> None:
    """Without a choice, a running conversation keeps its line."""
    chosen = await stand.send("hi", to=Chat.direct(ADA, line=SECOND))
    assert chosen.chat == Chat.direct(ADA, line=SECOND)
    later = await stand.send("and", to=ADA)
    assert [SECOND, SECOND] == [bubble(stand, receipt.vendor_id).sender for receipt in (chosen, later)]


async def test_a_reply_leaves_by_the_line_that_was_written_to(stand: Stand) -> None:
    """The chat of an inbound event carries its line."""
    stand.ada.write("hi", vendor=BlooioTwin.name, line=SECOND)
    (event,) = await stand.events()
    assert event.chat is not None
    receipt = await stand.send("hello", to=event.chat)
    assert SECOND == bubble(stand, receipt.vendor_id).sender


async def test_a_line_of_somebody_else_is_refused(stand: Stand) -> None:
    """`from_number` has to be of the key's pool."""
    with pytest.raises(Refused) as caught:
        await stand.send("hi", to=Chat.direct(ADA, line="+15105550199"))
    assert caught.value.status == 403


@pytest.mark.parametrize(
    ("to", "kind", "status"),
    [
        ("group:grp_unknown", NotFound, 404),
        ("group:chat_a1b2c3d4", InvalidRequest, 400),
        ("+1911", Refused, 403),
        ("contact:whoever", InvalidRequest, 400),
    ],
)
async def test_a_chat_that_is_none_is_refused(stand: Stand, to: str, kind: type[SendError], status: int) -> None:
    """An unknown group, an id of another version, an emergency number, a name."""
    chat = Chat.direct(Address.contact("911")) if to == "+1911" else Chat.model_validate(to)
    with pytest.raises(kind) as caught:
        await stand.send("hi", to=chat)
    assert (kind, status) == (type(caught.value), caught.value.status)


# ── replies ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reply_names_its_parent_by_id_or_guid(stand: Stand) -> None:
    """Both shapes are shown in the thread; a GUID that nobody knows is sent and reported."""
    asked = stand.ada.write("how?", vendor=BlooioTwin.name)
    by_id = await stand.send(Message("so", reply_to=MessageRef(vendor_id=asked.vendor_id, part=1)))
    shown = bubble(stand, by_id.vendor_id)
    assert (asked.vendor_id, 1) == (shown.reply_to, shown.reply_part)
    by_guid = await stand.send(Message("so", reply_to=MessageRef(guid=guid_of(asked))))
    unknown = await stand.send(Message("so", reply_to=MessageRef(guid="ABCD")))
    notes = [[note.feature for note in receipt.adaptations] for receipt in (by_id, by_guid, unknown)]
    assert [[], [], [Feature.REPLY_GUID]] == notes


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("reply_target_not_found", NotFound),
        ("reply_target_chat_mismatch", InvalidRequest),
        ("reply_target_device_mismatch", InvalidRequest),
        ("reply_target_expired", InvalidRequest),
        ("reply_target_not_supported", InvalidRequest),
    ],
)
async def test_a_reply_has_its_rules(stand: Stand, code: str, kind: type[SendError]) -> None:
    """Known, same chat, same line, thirty days, iMessage: each has its code."""
    parent = (await stand.send("hi")).vendor_id
    to = Chat.direct(ADA)
    match code:
        case "reply_target_not_found":
            parent = "msg_unknown"
        case "reply_target_chat_mismatch":
            to = Chat.direct(BEN)
        case "reply_target_device_mismatch":
            to = Chat.direct(ADA, line=SECOND)
        case "reply_target_expired":
            await stand.events(31 * 24 * 3600)
        case _:
            stand.ada.switch(imessage=False)
    with pytest.raises(SendError) as caught:
        await stand.send(Message("so", reply_to=MessageRef(vendor_id=parent)), to=to)
    assert (code, kind) == (caught.value.code, type(caught.value))


# ── plan, pool and caps ───────────────────────────────────────────────────────────────────────────────────────────


async def test_an_inbound_plan_only_answers(stand: Stand) -> None:
    """Until the contact writes, a send is refused; afterwards it is not."""
    stand.switch("plan", "inbound")
    with pytest.raises(NotOptedIn) as caught:
        await stand.send("hi")
    assert caught.value.code == "inbound_only_no_prior_inbound"
    stand.ada.write("hi", vendor=BlooioTwin.name)
    await stand.send("hello")


async def test_a_conversation_does_not_begin_with_an_attachment(stand: Stand) -> None:
    """A file alone is refused as the first message, and taken as the second."""
    file = Message(Attachment(url="https://a.example/1.png"))
    with pytest.raises(ContentRefused) as caught:
        await stand.send(file)
    assert caught.value.code == "attachment_first_message_not_allowed"
    await stand.send("hi")
    await stand.send(file)


@pytest.mark.parametrize(
    ("switch", "code"),
    [("new_conversation_cap", "new_conversation_limit_reached"), ("outbound_cap", "outbound_limit_reached")],
)
async def test_new_conversations_are_capped_and_running_ones_go_on(stand: Stand, switch: str, code: str) -> None:
    """A quota is no matter of pace: it is refused with its code, until the next day."""
    stand.switch(switch, 1)
    await stand.send("hi")
    with pytest.raises(LimitReached) as caught:
        await stand.send("hi", to=BEN)
    assert caught.value.code == code
    await stand.send("and", to=ADA)
    await stand.events(24 * 3600)
    await stand.send("hi", to=BEN)


async def test_a_refused_send_to_several_makes_no_group(stand: Stand) -> None:
    """What is refused leaves nothing behind."""
    stand.switch("new_conversation_cap", 0)
    with pytest.raises(LimitReached):
        await stand.send("hi", to=Chat.several(ADA, BEN))
    assert [] == stand.sim.world.threads(BlooioTwin.name)


async def test_the_contact_card_is_a_matter_of_the_plan(stand: Stand) -> None:
    """Without the plan it is 403, without a code."""
    stand.switch("contact_card", value=False)
    with pytest.raises(Refused) as caught:
        await stand.send(Message("hi", share_contact=True))
    assert (403, None) == (caught.value.status, caught.value.code)


async def test_too_many_requests_are_a_matter_of_pace(stand: Stand) -> None:
    """A 429 without a code says when to come again, and the vendor keeps to it."""
    stand.switch("requests_per_minute", 1)
    await stand.send("hi")
    with pytest.raises(RateLimited) as caught:
        await stand.send("hi")
    assert caught.value.retry_after == 1
    await stand.events(60)
    await stand.send("hi")


async def test_a_wrong_key_stops_the_connection(stand: Stand) -> None:
    """401 is Unauthorized, and nothing else is looked at."""
    settings = {**stand.sim.settings(BlooioTwin.name), "api_key": "wrong"}
    wrong = Blooio(BlooioSettings.model_validate(settings))
    response = await stand.http.get(
        f"{stand.sim.base_url(BlooioTwin.name)}/me/numbers", headers=dict(wrong.authorize(_any_call()).headers)
    )
    assert response.status_code == 401
    stand.sim.twin(BlooioTwin.name).context.api_key = "another"
    with pytest.raises(Unauthorized):
        await stand.run(stand.provider.check())


def _any_call() -> Any:
    return next(api.list_numbers())


# ── reactions, typing, read, status ───────────────────────────────────────────────────────────────────────────────


async def test_a_reaction_is_added_and_taken_back(stand: Stand) -> None:
    """The phone shows it, and the vendor's echo of it is known as ours."""
    asked = stand.ada.write("how?", vendor=BlooioTwin.name)
    await stand.events()
    await stand.run(stand.provider.send_reaction(reaction_to(asked.vendor_id, "🔥")))
    assert {FIRST: Reaction.parse("🔥")} == asked.reactions
    await stand.run(stand.provider.send_reaction(reaction_to(asked.vendor_id, "🔥", remove=True)))
    assert {} == asked.reactions
    added, removed = await stand.events()
    assert isinstance(added, ReactionAdded)
    assert isinstance(removed, ReactionRemoved)
    assert added.ours
    assert removed.ours


async def test_a_place_in_the_chat_names_a_message(stand: Stand) -> None:
    """-1 is the last message, and one direction alone can be counted."""
    asked = stand.ada.write("how?", vendor=BlooioTwin.name)
    receipt = await stand.send("so")
    await stand.run(stand.provider.send_reaction(reaction_to("", target=MessageRef(index=-1))))
    assert {FIRST: Reaction.parse("love")} == bubble(stand, receipt.vendor_id).reactions
    await stand.run(api.add_reaction(ADA, "-1", "+like", direction="inbound"))
    assert {FIRST: Reaction.parse("like")} == asked.reactions
    with pytest.raises(NotFound):
        await stand.run(api.add_reaction(ADA, "-3", "+like"))


async def test_an_id_that_begins_with_a_minus_is_an_id(stand: Stand) -> None:
    """Such ids exist; the twin tries the id before the place."""
    stand.switch("message_ids", "minus")
    receipt = await stand.send("so")
    assert receipt.vendor_id.startswith("-")
    await stand.send("last")
    await stand.run(stand.provider.send_reaction(reaction_to(receipt.vendor_id)))
    assert {FIRST: Reaction.parse("love")} == bubble(stand, receipt.vendor_id).reactions


@pytest.mark.parametrize(
    ("switches", "shown", "warned"),
    [({}, True, False), ({"imessage": False, "rcs": True}, False, True), ({"imessage": False}, False, True)],
)
async def test_typing_dots_are_shown_over_imessage(
    stand: Stand, switches: dict[str, bool], *, shown: bool, warned: bool
) -> None:
    """Elsewhere the vendor answers 200 with a warning, which the receipt carries."""
    await stand.send("hi")
    stand.ada.switch(**switches)
    receipt = await stand.run(stand.provider.set_typing(SetTyping(chat=Chat.direct(ADA))))
    (thread,) = stand.sim.world.threads(BlooioTwin.name)
    assert (shown, warned) == (thread.typing, bool(receipt.adaptations))
    await stand.run(stand.provider.set_typing(SetTyping(chat=Chat.direct(ADA), on=False)))
    assert not thread.typing


async def test_a_chat_is_marked_as_read(stand: Stand) -> None:
    """What the contact wrote is read; a chat that there is not is unknown."""
    asked = stand.ada.write("how?", vendor=BlooioTwin.name)
    await stand.run(stand.provider.mark_read(MarkRead(chat=Chat.direct(ADA))))
    assert READ is asked.state
    with pytest.raises(NotFound):
        await stand.run(stand.provider.mark_read(MarkRead(chat=Chat.direct(BEN))))


async def test_the_status_of_a_message_can_be_asked(stand: Stand) -> None:
    """As far as the API tells it: reading is told by webhooks only."""
    receipt = await stand.send("hi")
    action = GetStatus(vendor_id=receipt.vendor_id, chat=Chat.direct(ADA))
    before = await stand.run(stand.provider.get_status(action))
    assert (DeliveryState.QUEUED, None) == (before.state, before.channel)
    await stand.events()
    after = await stand.run(stand.provider.get_status(action))
    expected = StatusReport(
        vendor_id=receipt.vendor_id,
        state=DELIVERED,
        channel=Channel.IMESSAGE,
        occurred_at=after.occurred_at,
        raw=after.raw,
    )
    assert expected == after
    with pytest.raises(NotFound):
        await stand.run(stand.provider.get_status(GetStatus(vendor_id="msg_unknown", chat=Chat.direct(ADA))))


async def test_an_unread_send_is_found_by_its_text(stand: Stand) -> None:
    """The chat's history proves a send whose answer was lost, unless the text is there twice."""
    began = stand.sim.clock.now()
    receipt = await stand.send("unmistakable")
    action = SendMessage(chat=Chat.direct(ADA), messages=(Message("unmistakable"),), key="k", token=Token("t"))
    attempt = Attempt(action=action, started_at=began)
    one = (receipt.vendor_id,)
    assert Found(vendor_ids=one, alike=one) == await stand.run(stand.provider.find(attempt))
    later = Attempt(action=action, started_at=began + timedelta(hours=1))
    assert Found() == await stand.run(stand.provider.find(later))
    again = await stand.send("unmistakable")
    assert Found(alike=(*one, again.vendor_id)) == await stand.run(stand.provider.find(attempt))


async def test_check_says_what_the_account_has(stand: Stand) -> None:
    """The simulated account has two numbers."""
    assert "2 numbers, 2 of them active" == await stand.run(stand.provider.check())
