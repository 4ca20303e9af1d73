"""Provider and twin against each other: what goes out arrives, what happens comes back as events."""

from datetime import timedelta
from typing import Any, Protocol, TypeVar

import pytest
from pydantic import JsonValue

from gateway.provider import (
    Address,
    Attachment,
    Attempt,
    CallReceived,
    Channel,
    Chat,
    CreateOptInLink,
    DeliveryState,
    DeliveryUpdated,
    Event,
    Exchange,
    Found,
    GetStatus,
    MarkRead,
    Message,
    MessageReceived,
    MessageRef,
    NotFound,
    NotOptedIn,
    Opaque,
    OptedIn,
    Reaction,
    ReactionAdded,
    SendMessage,
    SendReaction,
    SetTyping,
    Token,
    Unauthorized,
    Voice,
)
from gateway.simulator import Scene
from gateway.simulator.contact import Contact
from gateway_loopmessage import LoopMessage, LoopMessageSettings, api
from gateway_loopmessage.simulator import LoopMessageTwin

T = TypeVar("T")

PHONE = "+12025550123"
LINE = LoopMessageTwin.lines[0]
CHAT = Chat.direct(PHONE, line=LINE)
TOKEN = Token("0123456789abcdefghijkl")


class Account(Protocol):
    """See conftest."""

    scene: Scene
    contact: Contact
    provider: LoopMessage
    twin: LoopMessageTwin

    def switch(self, **switches: JsonValue) -> None: ...
    def run(self, exchange: Exchange[T]) -> T: ...
    def counted(self, exchange: Exchange[T]) -> tuple[T, int]: ...
    async def hooks(self, seconds: float = 10) -> list[dict[str, JsonValue]]: ...
    async def events(self, seconds: float = 10) -> list[Event]: ...


def send(*content: Any, chat: Chat = CHAT, **fields: Any) -> SendMessage:
    """The action that fitting makes of a message."""
    return SendMessage(chat=chat, messages=(Message(*content, **fields),), key="msg_1.0.0", token=TOKEN)


def reports(events: list[Event]) -> list[tuple[DeliveryState, str | None]]:
    """State and code of each report."""
    return [(event.state, event.code) for event in events if isinstance(event, DeliveryUpdated)]


async def test_a_message_is_accepted_and_delivered(account: Account) -> None:
    """The report brings token, reference, vendor id and network; the status says the same."""
    receipt = account.run(account.provider.send_message(send("hi", effect="shooting-star", reference="order-7")))
    status = account.run(account.provider.get_status(GetStatus(vendor_id=receipt.vendor_id)))
    assert status.state is DeliveryState.QUEUED
    (event,) = await account.events()
    assert isinstance(event, DeliveryUpdated)
    assert (DeliveryState.DELIVERED, Channel.IMESSAGE) == (event.state, event.channel)
    assert (TOKEN, "order-7", receipt.vendor_id) == (event.token, event.reference, event.vendor_id)
    assert CHAT == event.chat
    status = account.run(account.provider.get_status(GetStatus(vendor_id=receipt.vendor_id)))
    assert status.state is DeliveryState.DELIVERED


async def test_a_scheduled_webhook_comes_where_it_is_switched_on(account: Account) -> None:
    """The vendor has a sample of it and no line in its table."""
    account.switch(message_scheduled=True)
    account.run(account.provider.send_message(send("hi")))
    assert [(DeliveryState.QUEUED, None), (DeliveryState.DELIVERED, None)] == reports(await account.events())


@pytest.mark.parametrize(
    ("switches", "content", "fields", "expected"),
    [
        ({"blocked": True}, "hi", {}, (DeliveryState.FAILED, "340")),
        ({"imessage": False}, "hi", {}, (DeliveryState.DELIVERED, None)),
        ({"imessage": False}, "hi", {"channel": "imessage"}, (DeliveryState.FAILED, "1020")),
        ({}, "hi", {"channel": "rcs"}, (DeliveryState.FAILED, "1020")),
        ({}, "hi", {"channel": "whatsapp"}, (DeliveryState.DELIVERED, None)),
        ({"imessage": False}, Voice(url="https://files.example/a.mp3"), {}, (DeliveryState.FAILED, "1140")),
    ],
)
async def test_the_phone_decides_what_becomes_of_a_message(
    account: Account, switches: dict[str, bool], content: Any, fields: dict[str, Any], expected: object
) -> None:
    """Blocked, without iMessage, on a network it lacks; acceptance is not delivery."""
    account.contact.switch(**switches)
    receipt = account.run(account.provider.send_message(send(content, **fields)))
    assert [expected] == reports(await account.events())
    status = account.run(account.provider.get_status(GetStatus(vendor_id=receipt.vendor_id)))
    assert expected == (status.state, status.code)


async def test_without_imessage_the_network_is_sms_and_the_report_says_so(account: Account) -> None:
    """RCS where the phone has it; not delivered where the sender has no SMS."""
    account.contact.switch(imessage=False)
    by_sms = account.run(account.provider.send_message(send("a"))).vendor_id
    account.contact.switch(rcs=True)
    by_rcs = account.run(account.provider.send_message(send("b"))).vendor_id
    account.contact.switch(rcs=False)
    account.switch(sms=False)
    by_none = account.run(account.provider.send_message(send("c"))).vendor_id
    told = {e.vendor_id: (e.channel, e.code) for e in await account.events() if isinstance(e, DeliveryUpdated)}
    expected = {by_sms: (Channel.SMS, None), by_rcs: (Channel.RCS, None), by_none: (Channel.IMESSAGE, "1020")}
    assert expected == told


async def test_an_offline_phone_gets_it_later(account: Account) -> None:
    """Until then it is processing, without an end."""
    account.contact.switch(offline=True)
    account.run(account.provider.send_message(send("hi")))
    assert await account.events(3600) == []
    account.contact.switch(offline=False)
    assert [(DeliveryState.DELIVERED, None)] == reports(await account.events())


async def test_a_contact_writes_in_every_form(account: Account) -> None:
    """Text with subject, a reply, pictures, a voice note with its words, a sticker: as whole messages."""
    receipt = account.run(account.provider.send_message(send("question")))
    write = account.contact.write
    write("hello", vendor="loopmessage", subject="Title")
    account.contact.reply("answer", vendor="loopmessage")
    write("look", vendor="loopmessage", attachments=["https://files.example/a.png"])
    write(vendor="loopmessage", parts=[Voice(url="https://files.example/a.caf", transcript="said")])
    sticker = Opaque(kind="sticker", data={"attachments": ["https://files.example/s.heic"]})
    write(vendor="loopmessage", parts=[sticker])
    received = [event for event in await account.events() if isinstance(event, MessageReceived)]
    assert [
        Message("hello", subject="Title"),
        Message("answer"),
        Message("look", Attachment(url="https://files.example/a.png")),
        Message(Voice(url="https://files.example/a.caf", transcript="said")),
        Message(sticker),
    ] == [event.message for event in received]
    assert [None, receipt.vendor_id, None, None, None] == [event.thread for event in received]
    assert {(CHAT, Address.parse(PHONE), Channel.IMESSAGE)} == {(e.chat, e.sender, e.channel) for e in received}
    assert "en" == received[0].language


async def test_a_contact_reacts_and_calls(account: Account) -> None:
    """The reaction names our message and brings its reference; taking one back is not told by the vendor."""
    receipt = account.run(account.provider.send_message(send("hi", reference="order-7")))
    account.contact.react("emphasize", vendor="loopmessage")
    account.contact.react("😂", vendor="loopmessage")
    account.contact.unreact("😂", vendor="loopmessage")
    account.contact.call(vendor="loopmessage")
    told = [event for event in await account.events() if not isinstance(event, DeliveryUpdated)]
    tapback, emoji, call = told
    assert isinstance(tapback, ReactionAdded)
    assert (Reaction.parse("emphasize"), MessageRef(vendor_id=receipt.vendor_id)) == (tapback.reaction, tapback.target)
    assert (TOKEN, "order-7", CHAT) == (tapback.token, tapback.reference, tapback.chat)
    assert isinstance(emoji, ReactionAdded)
    assert emoji.reaction is None
    assert isinstance(call, CallReceived)
    assert (Address.parse(PHONE), CHAT) == (call.sender, call.chat)


async def test_a_group_talks(account: Account) -> None:
    """A member's message is answered in the group, with text, voice note and reaction; reports name the group."""
    others = [Address.parse("+12025550124")]
    bubble = account.contact.start_group(others, "hi all", vendor="loopmessage", name="Team")
    (event,) = await account.events()
    assert isinstance(event, MessageReceived)
    assert event.chat is not None
    assert Chat.of_group(str(bubble.thread.group), members=(PHONE, *others), name="Team", line=LINE) == event.chat
    account.run(account.provider.send_message(send("hello", chat=event.chat)))
    note = Voice(url="https://files.example/a.mp3")
    account.run(account.provider.send_message(send(note, chat=event.chat)))
    love = SendReaction(
        chat=event.chat, target=event.ref, reaction=Reaction.parse("love"), key="k", token=Token("t" * 22)
    )
    account.run(account.provider.send_reaction(love))
    account.run(account.provider.set_typing(SetTyping(chat=event.chat, target=event.ref)))
    assert ["hi all", "hello", ""] == [shown.text for shown in bubble.thread.bubbles]
    assert {LINE: love.reaction} == bubble.reactions
    assert bubble.thread.typing
    _, first, second = await account.events()
    assert [event.chat] * 2 == [first.chat, second.chat]


async def test_typing_and_reading_reach_the_phone(account: Account) -> None:
    """By the contact and the line where no message is named; typing alone reads nothing."""
    bubble = account.contact.write("hello", vendor="loopmessage")
    account.run(account.provider.set_typing(SetTyping(chat=Chat.direct(PHONE), seconds=7)))
    assert (True, DeliveryState.DELIVERED) == (bubble.thread.typing, bubble.state)
    account.run(account.provider.mark_read(MarkRead(chat=CHAT, target=MessageRef(vendor_id=bubble.vendor_id))))
    assert bubble.state is DeliveryState.READ


@pytest.mark.parametrize("event_name", ["message_inbound", "opt-in"])
async def test_an_opt_in_link_brings_its_parameters_back(account: Account, event_name: str) -> None:
    """In the shape of the sample and in that of the table; with the code in the text the link need not be named."""
    account.switch(opt_in_event=event_name, cold_contacts=520)
    with pytest.raises(NotOptedIn):
        account.run(account.provider.send_message(send("hi")))
    action = CreateOptInLink(body="Count me in [opt-in-code]", parameters={"click_id": "x"})
    links = account.run(account.provider.create_opt_in_link(action))
    account.contact.opt_in(vendor="loopmessage", link=links.url)
    written = account.twin.account.links[0].code
    account.contact.write(f'Count me in "{written}"', vendor="loopmessage")
    account.contact.opt_in(vendor="loopmessage")
    by_link, by_code, plain = await account.events()
    for event in (by_link, by_code):
        assert isinstance(event, OptedIn)
        assert (Address.parse(PHONE), {"click_id": "x"}, "Count me in") == (event.address, event.parameters, event.text)
    assert isinstance(plain, OptedIn)
    assert ({}, "START") == (plain.parameters, plain.text)
    account.run(account.provider.send_message(send("hi")))


async def test_stop_is_an_ordinary_message_and_refuses_later_sends(account: Account) -> None:
    """The vendor has no event for it."""
    account.contact.stop(vendor="loopmessage")
    (event,) = await account.events()
    assert isinstance(event, MessageReceived)
    assert event.text == "STOP"
    with pytest.raises(NotOptedIn) as refused:
        account.run(account.provider.send_message(send("hi")))
    assert refused.value.code == "500"


async def test_an_unread_send_is_found_in_the_history(account: Account) -> None:
    """Exactly one message with the text since the attempt began; with a second one there is no telling."""
    attempt = Attempt(action=send("only once"), started_at=account.scene.clock.now())
    assert Found() == account.run(account.provider.find(attempt))
    receipt = account.run(account.provider.send_message(attempt.action))
    one = (receipt.vendor_id,)
    assert Found(vendor_ids=one, alike=one) == account.run(account.provider.find(attempt))
    again = account.run(account.provider.send_message(attempt.action))
    assert Found(alike=(*one, again.vendor_id)) == account.run(account.provider.find(attempt))


async def test_missed_webhooks_are_the_same_events(account: Account) -> None:
    """Fetched page by page, oldest first, they have the keys of those that were pushed."""
    for number in range(103):
        account.contact.write(f"text {number}", vendor="loopmessage")
    pushed = await account.events()
    first = account.run(account.provider.missed(None))
    second = account.run(account.provider.missed(first.cursor))
    assert (100, "2", 3, None) == (len(first.hooks), first.cursor, len(second.hooks), second.cursor)
    assert pushed == [event for hook in (*first.hooks, *second.hooks) for event in account.provider.parse(hook)]


@pytest.mark.parametrize(("hours", "page"), [(0, 6), (3, 6), (5.9, 5), (6, 4), (11.99, 2), (12, 1), (30, 1)])
async def test_missed_webhooks_since_a_time_are_found_by_halving(account: Account, hours: float, page: int) -> None:
    """The first page has those from then on and none before, and few calls are made."""
    for number in range(6):
        for _ in range(100):
            account.contact.write(f"text {number}", vendor="loopmessage")
        await account.scene.clock.advance(2 * 3600)
    since = account.scene.clock.now() - timedelta(hours=hours)
    found, calls = account.counted(account.provider.missed(None, since=since))
    whole = [hook for number in range(1, 7) for hook in account.run(account.provider.missed(str(number))).hooks]
    assert [hook for hook in whole[100 * (page - 1) : 100 * page] if hook.received_at >= since] == list(found.hooks)
    assert (str(page + 1) if page < 6 else None) == found.cursor
    assert all(hook.received_at < since for hook in whole[: 100 * (page - 1)])
    assert calls <= 5


def test_the_check_tells_a_good_key_from_a_bad_one(account: Account) -> None:
    """For `gateway connections test`."""
    assert account.run(account.provider.check()) == "the key is valid; 2 of 2 senders are active"
    settings = LoopMessageSettings.model_validate({**account.scene.settings("loopmessage"), "api_key": "wrong"})
    account.provider = LoopMessage(settings)
    with pytest.raises(Unauthorized):
        account.run(account.provider.check())


def test_every_operation_of_the_api_runs(account: Account) -> None:
    """Lists go on page by page; a message that is not there has no status."""
    account.contact.write("one", vendor="loopmessage")
    account.contact.write("two", vendor="loopmessage")
    page = account.run(api.audience.messages(PHONE, per_page=1, direction="inbound"))
    assert page.more is not None
    assert (2, ["two"], ["one"]) == (
        page.total,
        [i.text for i in page.items],
        [i.text for i in account.run(page.more()).items],
    )
    assert [PHONE] == [contact.value for contact in account.run(api.audience.contacts(search=PHONE)).items]
    assert account.run(api.audience.contact_status(PHONE)).status == "active"
    account.run(api.audience.unsubscribe(PHONE))
    assert account.run(api.audience.contact_status(PHONE)).status == "unsubscribed"
    assert len(account.run(api.sender.senders()).items) == len(LoopMessageTwin.lines)
    assert ["message_inbound"] * 2 == [kept.event_type for kept in account.run(api.webhooks.history()).items]
    with pytest.raises(NotFound):
        account.run(api.message.status("M-unknown"))
