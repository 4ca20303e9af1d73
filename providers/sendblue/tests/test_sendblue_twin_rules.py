"""The twin: what it refuses, declines and counts, and its switches."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from providers.sendblue.tests.conftest import ADA, BEN, CLEO, LINE, OTHER_LINE, VENDOR

from gateway.provider import (
    Attachment,
    Channel,
    Chat,
    DeliveryUpdated,
    InvalidRequest,
    LimitReached,
    MarkRead,
    Message,
    MessageRef,
    NotOptedIn,
    Reaction,
    Refused,
    SendReaction,
    SetTyping,
    Token,
    VendorFault,
)
from gateway_sendblue import api

if TYPE_CHECKING:
    from providers.sendblue.tests.conftest import Stand

SEND = "/api/send-message"
GOOD = {"number": ADA, "from_number": LINE, "content": "hi"}


def texts(stand: Stand) -> list[str]:
    """What reached the phones, in order."""
    return [bubble.text for thread in stand.sim.world.threads(VENDOR) for bubble in thread.bubbles if bubble.ours]


# ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sb-api-key-id": "x"}, 401),
        ({"sb-api-secret-key": "x"}, 401),
        ({"authorization": "Bearer x"}, 401),
        ({"origin": "https://example.com"}, 403),
        ({}, 200),
    ],
)
async def test_both_keys_are_asked_for(stand: Stand, headers: dict[str, str], status: int) -> None:
    """Before anything else; a browser is not let in at all."""
    answer = await stand.ask("GET", "/api/v2/lines/state", headers=headers)
    assert status == answer.status_code


async def test_a_token_holds_for_its_lines_and_its_time(stand: Stand) -> None:
    """It sends by its own line only, may not ask for usage, and ends."""
    made = await stand.run(api.account.create_token(expires_in_seconds=60, phone_numbers=[OTHER_LINE]))
    bearer: dict[str, str] = {"authorization": f"Bearer {made.token}"}
    answers = [
        await stand.ask("POST", SEND, GOOD, headers=bearer),
        await stand.ask("POST", SEND, {**GOOD, "from_number": OTHER_LINE}, headers=bearer),
        await stand.ask("GET", "/api/v2/lines/usage", headers=bearer),
        await stand.ask("POST", "/api/account/webhooks", {"webhooks": [], "type": "outbound"}, headers=bearer),
    ]
    numbers = await stand.ask("GET", "/api/lines", headers=bearer)
    await stand.sim.clock.advance(61)
    late = await stand.ask("GET", "/api/lines", headers=bearer)
    assert [400, 200, 403, 403] == [answer.status_code for answer in answers]
    assert ([OTHER_LINE], 401) == (numbers.json()["numbers"], late.status_code)


# ── bodies ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SEND, []),
        (SEND, {**GOOD, "number": "12"}),
        (SEND, {**GOOD, "number": None}),
        (SEND, {**GOOD, "from_number": "+15125550199"}),
        (SEND, {**GOOD, "content": ""}),
        (SEND, {**GOOD, "content": "x" * 18_996}),
        (SEND, {**GOOD, "media_url": "file"}),
        (SEND, {**GOOD, "status_callback": "no"}),
        (SEND, {**GOOD, "seat_id": "nobody"}),
        (SEND, {**GOOD, "pre_reply_override": False}),
        (SEND, {**GOOD, "reply_to": {"message_handle": "unknown"}}),
        (SEND, {**GOOD, "reply_to": {}}),
        (SEND, {**GOOD, "app_card": {"appName": "x"}}),
        (SEND, {**GOOD, "from_number": None, "reply_to": {"message_handle": "x"}}),
        ("/api/send-group-message", {"content": "hi", "numbers": [ADA, BEN]}),
        ("/api/send-group-message", {"from_number": LINE, "numbers": [ADA, BEN]}),
        ("/api/send-group-message", {"from_number": LINE, "content": "hi"}),
        ("/api/send-group-message", {"from_number": LINE, "content": "hi", "numbers": [ADA]}),
        ("/api/send-carousel", {"number": ADA, "from_number": LINE, "media_urls": ["https://a.example/1"]}),
        ("/api/send-carousel", {"number": ADA, "from_number": LINE, "media_urls": ["http://a.example/1"] * 2}),
        ("/api/send-reaction", {"from_number": LINE, "message_handle": "x", "part_index": -1, "reaction": "love"}),
        ("/api/send-typing-indicator", {"number": ADA, "from_number": LINE, "state": "maybe"}),
        ("/api/send-typing-indicator", {"number": ADA}),
        ("/api/mark-read", {"number": ADA, "from_number": "+15125550199"}),
        ("/api/account/webhooks", {"webhooks": ["https://a.example"], "type": "everything"}),
        ("/api/account/webhooks", {"webhooks": [{"url": "https://a.example", "sendblue_numbers": []}, 7]}),
    ],
)
async def test_what_is_malformed_is_refused(stand: Stand, path: str, body: Any) -> None:
    """With 400, the vendor's word and its code; nothing reaches a phone."""
    answer = await stand.ask("POST", path, body)
    assert (400, "ERROR", 4000) == (answer.status_code, answer.json()["status"], answer.json()["error_code"])
    assert [] == texts(stand)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "offset=-1", "status=GONE", "created_at_gte=soon", "order_by=x"]
)
async def test_a_list_knows_its_parameters(stand: Stand, query: str) -> None:
    """Anything else is 400."""
    assert 400 == (await stand.ask("GET", f"/api/v2/messages?{query}")).status_code


async def test_a_list_is_bounded_to_the_millisecond(stand: Stand) -> None:
    """A row is within a bound that says the very time that the row shows, however much finer either may be."""
    await stand.sim.clock.advance(0.0123456)
    stand.ada.write("hello", vendor=VENDOR)
    [shown] = (await stand.run(api.messages.rows())).items
    assert shown.date_sent is not None
    at = datetime.fromisoformat(shown.date_sent)
    bounds = [(at + timedelta(microseconds=shift)).isoformat() for shift in (-1000, -1, 0, 1, 999, 1000)]
    since = [await stand.run(api.messages.rows(created_at_gte=bound)) for bound in bounds]
    until = [await stand.run(api.messages.rows(created_at_lte=bound)) for bound in bounds]
    assert [1, 1, 1, 0, 0, 0] == [len(page.data) for page in since]
    assert [0, 0, 1, 1, 1, 1] == [len(page.data) for page in until]


# ── what comes of a send ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_file_that_cannot_be_fetched_is_left_out_in_silence(stand: Stand) -> None:
    """The text arrives without it; alone, the message fails later with the vendor's code."""
    lost = Attachment(url="https://files.invalid/a.png")
    with_text = await stand.send(Message("look", lost))
    alone = await stand.send(Message(lost))
    reports = [event for event in await stand.events() if isinstance(event, DeliveryUpdated)]
    states = {(report.vendor_id, report.state.value, report.code) for report in reports}
    assert {(with_text.vendor_id, "sent", None), (with_text.vendor_id, "delivered", None)} <= states
    assert (alone.vendor_id, "failed", "10001") in states


async def test_without_imessage_it_goes_as_sms_and_stops_at_sent(stand: Stand) -> None:
    """RCS tells of delivery, SMS does not; what was downgraded says so."""
    stand.ada.switch(imessage=False)
    stand.sim.contact(BEN).switch(imessage=False, rcs=True)
    await stand.send("one")
    await stand.send("two", to=BEN)
    told = {(event.state.value, event.channel) for event in await stand.events() if isinstance(event, DeliveryUpdated)}
    rows = (await stand.run(api.messages.rows(number=ADA))).items
    assert {("sent", Channel.SMS), ("sent", Channel.RCS), ("delivered", Channel.RCS)} == told
    assert ("SMS", True) == (rows[0].service, rows[0].was_downgraded)


async def test_who_said_stop_is_declined_until_start(stand: Stand) -> None:
    """In an answer of 200; by the API it can be set and taken back too."""
    stand.ada.write("STOP", vendor=VENDOR)
    with pytest.raises(NotOptedIn) as caught:
        await stand.send("still there?")
    stand.ada.write("start", vendor=VENDOR)
    await stand.send("welcome back")
    await stand.run(api.contacts.opt_out(ADA))
    with pytest.raises(NotOptedIn):
        await stand.send("again?")
    assert ("OPTED_OUT", 200, ["welcome back"]) == (caught.value.code, caught.value.status, texts(stand))
    declined = await stand.run(api.messages.rows(status="DECLINED"))
    assert ["OPTED_OUT"] * 2 == [row.error_key for row in declined.items]


async def test_too_many_messages_before_a_reply_are_declined(stand: Stand) -> None:
    """One a day may be let through; a reply lifts it."""
    stand.switch("pre_reply_limit", 1)
    let_through = Message("please", extra={"sendblue": {"pre_reply_override": True}})
    await stand.send("one")
    with pytest.raises(NotOptedIn, match="before the contact has replied"):
        await stand.send("two")
    await stand.send(let_through)
    with pytest.raises(NotOptedIn):
        await stand.send(let_through)
    stand.ada.write("yes?", vendor=VENDOR)
    await stand.send("hello")
    assert ["one", "please", "hello"] == texts(stand)


async def test_a_line_begins_so_many_conversations_an_hour(stand: Stand) -> None:
    """Known contacts go on; the window rolls, and usage tells when there is room."""
    stand.switch("hourly_new_contacts", 1)
    await stand.send("one")
    with pytest.raises(LimitReached) as caught:
        await stand.send("two", to=BEN)
    await stand.send("one more")
    [usage, _] = (await stand.run(api.lines.usage())).lines
    status = await stand.run(api.lines.contact_status(BEN, LINE))
    await stand.sim.clock.advance(3601)
    await stand.send("two", to=BEN)
    assert usage.hourly is not None
    assert ("LINE_HOURLY_LIMIT_REACHED", "limited", 0, "new") == (
        caught.value.code,
        usage.state,
        usage.hourly.remaining,
        status.classification,
    )
    assert ["one", "one more", "two"] == texts(stand)


async def test_the_vendor_chooses_a_line_with_room(stand: Stand) -> None:
    """And says 400 with the inner code 429 when there is none."""
    stand.switch("auto_line_selection", value=True)
    stand.switch("daily_new_contacts", 1)
    stand.provider = stand.configured(from_number=None)
    first, second = await stand.send("one"), await stand.send("two", to=BEN)
    answer = await stand.ask("POST", SEND, {"number": CLEO, "content": "three"})
    with pytest.raises(LimitReached) as caught:
        await stand.send("three", to=CLEO)
    again = await stand.send("one more")
    assert [LINE, OTHER_LINE, LINE] == [receipt.chat.line for receipt in (first, second, again) if receipt.chat]
    assert (400, 429) == (answer.status_code, answer.json()["error_code"])
    assert ("LINE_DAILY_LIMIT_REACHED", 400) == (caught.value.code, caught.value.status)


async def test_a_line_has_a_pace_and_lists_have_a_limit(stand: Stand) -> None:
    """Beyond it 429, which says when to come."""
    stand.switch("messages_per_second", 1)
    stand.switch("list_requests", 1)
    answers = [await stand.ask("POST", SEND, GOOD) for _ in range(2)]
    answers += [await stand.ask("GET", "/api/v2/messages") for _ in range(2)]
    assert [200, 429, 200, 429] == [answer.status_code for answer in answers]
    assert ["1", "10"] == [answer.headers["retry-after"] for answer in answers if answer.status_code == 429]
    assert 1 == len(stand.configured().rules().paces)


@pytest.mark.parametrize(
    ("switches", "error", "code", "certain"),
    [
        ({"answer": "error"}, Refused, "10001", False),
        ({"answer": "error", "failure_code": 10002}, VendorFault, "10002", False),
        ({"answer": "error", "failure_code": 4002, "text_error_codes": True}, Refused, "4002", True),
        ({"answer": "declined", "failure_key": "NEW_RULE"}, Refused, "NEW_RULE", True),
        ({"accept_then_503": True}, VendorFault, None, False),
    ],
)
async def test_failures_on_demand(
    stand: Stand,
    switches: dict[str, Any],
    error: type[Exception],
    code: str | None,
    certain: bool,  # noqa: FBT001 - a table
) -> None:
    """Inside of 200, and after the acceptance; each says whether something may have been sent."""
    for name, value in switches.items():
        stand.switch(name, value)
    with pytest.raises(error) as caught:
        await stand.send("hi")
    assert (code, certain) == (getattr(caught.value, "code", None), getattr(caught.value, "certain", None))


async def test_a_free_plan_writes_to_verified_contacts_only(stand: Stand) -> None:
    """Who is not is neither written to nor heard; texting the line verifies."""
    stand.switch("plan", "free")
    stand.ada.write("hello?", vendor=VENDOR)
    assert [] == await stand.events()
    with pytest.raises(Refused, match="verified"):
        await stand.send("hi")
    pending = await stand.run(api.contacts.request_verification(ADA))
    stand.ada.write("me", vendor=VENDOR)
    await stand.send("welcome")
    verified = await stand.run(api.contacts.get_verified(ADA))
    found = [each.data.contact for each in (pending, verified) if each.data]
    states = [contact.verification_status for contact in found if contact]
    assert ["pending", "verified"] == states
    assert [LINE] == (await stand.run(api.lines.numbers())).numbers


# ── gestures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def reaction(word: str, handle: str, *, remove: bool = False) -> SendReaction:
    """A reaction of ours."""
    target, chosen = MessageRef(vendor_id=handle), Reaction.parse(word)
    return SendReaction(chat=Chat.direct(ADA), target=target, reaction=chosen, remove=remove, key="k", token=Token("t"))


async def test_reactions_are_for_what_a_contact_wrote_over_imessage(stand: Stand) -> None:
    """Our own messages and SMS are 422; newer accounts take them back."""
    theirs, ours = stand.ada.write("hello", vendor=VENDOR), await stand.send("hi")
    await stand.run(stand.provider.send_reaction(reaction("love", theirs.vendor_id)))
    assert ["love"] == [each.text for each in theirs.reactions.values()]
    with pytest.raises(InvalidRequest) as caught:
        await stand.run(stand.provider.send_reaction(reaction("love", ours.vendor_id)))
    stand.switch("extended_reactions", value=True)
    newer = stand.configured()
    await stand.run(newer.send_reaction(reaction("love", theirs.vendor_id, remove=True)))
    assert ({}, 422) == (theirs.reactions, caught.value.status)
    await stand.run(newer.send_reaction(reaction("🔥", theirs.vendor_id)))
    assert ["🔥"] == [each.text for each in theirs.reactions.values()]


async def test_dots_need_a_conversation_and_a_firmware(stand: Stand) -> None:
    """A failure inside of 200 without the one, 503 without the other; a plain start always works."""
    dots = SetTyping(chat=Chat.direct(ADA))
    with pytest.raises(Refused, match="No route mapping"):
        await stand.run(stand.provider.set_typing(dots))
    stand.ada.write("hello", vendor=VENDOR)
    stand.switch("old_firmware", value=True)
    await stand.run(stand.provider.set_typing(dots))
    assert stand.sim.world.threads(VENDOR)[0].typing
    with pytest.raises(VendorFault, match="firmware"):
        await stand.run(stand.provider.set_typing(dots.model_copy(update={"seconds": 2})))


async def test_read_marks_have_to_be_activated(stand: Stand) -> None:
    """Then the contact sees that we read."""
    theirs = stand.ada.write("hello", vendor=VENDOR)
    await stand.run(stand.provider.mark_read(MarkRead(chat=Chat.direct(ADA))))
    assert "read" == theirs.state.value
    stand.switch("read_marks", value=False)
    with pytest.raises(Refused, match="not activated"):
        await stand.run(stand.provider.mark_read(MarkRead(chat=Chat.direct(ADA))))


# ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_group_is_born_by_its_first_message(stand: Stand) -> None:
    """The same numbers are the same group; members come, and go where four are left to remove from."""
    first = await stand.send("hi all", to=f"{ADA},{BEN}")
    again = await stand.send("again", to=f"{BEN},{ADA}")
    assert first.alias is not None
    assert again.alias is not None
    group = str(first.alias.group)
    assert first.alias.identity == again.alias.identity
    with pytest.raises(InvalidRequest, match="4 or more"):
        await stand.run(api.groups.modify(group, "remove_recipient", ADA))
    await stand.run(api.groups.modify(group, "add_recipient", CLEO))
    await stand.run(api.groups.modify(group, "add_recipient", "dora@example.com"))
    await stand.run(api.groups.modify(group, "remove_recipient", ADA))
    found = (await stand.run(api.groups.get(group))).data
    assert found is not None
    assert [BEN, CLEO, LINE] == found.participant_numbers
    assert ["dora@example.com"] == [each.handle for each in found.participants or () if not each.phone]


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        (
            "/api/modify-group",
            {"modify_type": "add_recipient", "number": CLEO, "from_number": OTHER_LINE},
            "line_not_registered",
        ),
        ("/api/modify-group", {"modify_type": "add_recipient", "number": LINE}, "unsupported_line"),
        ("/api/send-group-message", {"content": "hi", "from_number": OTHER_LINE}, "line_not_registered"),
    ],
)
async def test_a_group_says_by_a_word_what_is_wrong_with_a_line(
    stand: Stand, path: str, body: dict[str, Any], word: str
) -> None:
    """In `error`, where others have a number."""
    made = await stand.send("hi all", to=f"{ADA},{BEN}")
    assert made.alias is not None
    answer = await stand.ask("POST", path, {**body, "group_id": made.alias.group})
    assert (400, word) == (answer.status_code, answer.json()["error"])


async def test_a_card_is_updated_once_for_a_key(stand: Stand) -> None:
    """The same key with the same card is the first update; with another one it is refused."""
    stand.ada.write("hello", vendor=VENDOR)
    layout = {"caption": "a"}
    card = {"appName": "a", "extensionBundleId": "b", "teamId": "c", "url": "https://a.example", "layout": layout}
    sent = (await stand.ask("POST", SEND, {"number": ADA, "from_number": LINE, "app_card": card})).json()
    where = f"/api/messages/{sent['message_handle']}/update-app-card"
    answers = [
        await stand.ask("POST", where, {"url": url, "idempotency_key": "k"})
        for url in ("https://b", "https://b", "https://c")
    ]
    handles = [answer.json().get("message_handle") for answer in answers]
    assert [200, 200, 409] == [answer.status_code for answer in answers]
    assert (handles[0], sent["message_handle"]) == (handles[1], answers[0].json()["app_card"]["updateMessageHandle"])
