"""Every operation of the vendor as a call: its name, method, path, body, and what a second copy would do."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from gateway.drive import drive_blocking, first_call
from gateway.provider import Blob, Call, Exchange, NotFound, Page, Repeat, Reply, VendorFault
from gateway_blooio import api, wire
from gateway_blooio.simulator import BlooioTwin

ADA, GROUP = "+12025550150", "grp_abc"
PICTURE = Blob("/pictures/one.png", "one.png", "image/png")

# The index of the reference, row by row (docs.blooio.com/reference/v2, 2026): operation, method, path.
INDEX: dict[str, str] = {
    "getMe": "GET /me",
    "listNumbers": "GET /me/numbers",
    "getMyContactCard": "GET /me/numbers/{number}/contact-card",
    "updateMyContactCard": "PUT /me/numbers/{number}/contact-card",
    # no page has it and so no name; a client of others calls it by this path
    "requestCallForwarding": "POST /me/numbers/{number}/call-forwarding",
    "listChats": "GET /chats",
    "getChat": "GET /chats/{chatId}",
    "listChatMessages": "GET /chats/{chatId}/messages",
    "sendMessage": "POST /chats/{chatId}/messages",
    "getMessage": "GET /chats/{chatId}/messages/{messageId}",
    "getMessageStatus": "GET /chats/{chatId}/messages/{messageId}/status",
    "addReaction": "POST /chats/{chatId}/messages/{messageId}/reactions",
    "startTyping": "POST /chats/{chatId}/typing",
    "stopTyping": "DELETE /chats/{chatId}/typing",
    "markChatRead": "POST /chats/{chatId}/read",
    "sendPoll": "POST /chats/{chatId}/polls",
    "getPollResults": "GET /chats/{chatId}/polls/{pollId}",
    "getChatBackground": "GET /chats/{chatId}/background",
    "setChatBackground": "PUT /chats/{chatId}/background",
    "removeChatBackground": "DELETE /chats/{chatId}/background",
    "shareContactCard": "POST /chats/{chatId}/contact-card",
    "listContacts": "GET /contacts",
    "createContact": "POST /contacts",
    "getContact": "GET /contacts/{contactId}",
    "updateContact": "PATCH /contacts/{contactId}",
    "deleteContact": "DELETE /contacts/{contactId}",
    "getContactCapabilities": "GET /contacts/{contactId}/capabilities",
    "listContactTags": "GET /contacts/{contactId}/tags",
    "addContactTags": "POST /contacts/{contactId}/tags",
    "removeContactTag": "DELETE /contacts/{contactId}/tags/{tag}",
    "listGroups": "GET /groups",
    "createGroup": "POST /groups",
    "getGroup": "GET /groups/{groupId}",
    "updateGroup": "PATCH /groups/{groupId}",
    "deleteGroup": "DELETE /groups/{groupId}",
    "setGroupIcon": "POST /groups/{groupId}/icon",
    "removeGroupIcon": "DELETE /groups/{groupId}/icon",
    "listGroupMembers": "GET /groups/{groupId}/members",
    "addGroupMember": "POST /groups/{groupId}/members",
    "removeGroupMember": "DELETE /groups/{groupId}/members/{contactId}",
    "listWebhooks": "GET /webhooks",
    "createWebhook": "POST /webhooks",
    "getWebhook": "GET /webhooks/{webhookId}",
    "updateWebhook": "PATCH /webhooks/{webhookId}",
    "deleteWebhook": "DELETE /webhooks/{webhookId}",
    "rotateWebhookSecret": "POST /webhooks/{webhookId}/secret/rotate",
    "listWebhookLogs": "GET /webhooks/{webhookId}/logs",
    "replayWebhookEvent": "POST /webhooks/{webhookId}/logs/{eventId}/replay",
    "listLocationContacts": "GET /location/contacts",
    "getLocationContact": "GET /location/contacts/{handle}",
    "refreshLocationContacts": "POST /location/contacts/refresh",
    "callFaceTime": "POST /facetime/calls",
    "lookupPhoneNumber": "GET /phone-numbers/lookup",
    "lookupPhoneNumberPost": "POST /phone-numbers/lookup",
    "batchLookupPhoneNumbers": "POST /phone-numbers/batch",
}

SAFE, KEYED, NEVER = Repeat.SAFE, Repeat.KEYED, Repeat.NEVER

CALLS: dict[str, tuple[Callable[[], Exchange[Any]], Repeat, Any]] = {
    "get_me": (api.get_me, SAFE, None),
    "list_numbers": (api.list_numbers, SAFE, None),
    "get_my_contact_card": (lambda: api.get_my_contact_card(ADA), SAFE, None),
    "update_my_contact_card": (
        lambda: api.update_my_contact_card(
            ADA, wire.CardBody(first_name="Ada", sharing=wire.CardSharing(enabled=True))
        ),
        SAFE,
        {"first_name": "Ada", "sharing": {"enabled": True}},
    ),
    "request_call_forwarding": (lambda: api.request_call_forwarding(ADA, ADA), NEVER, {"forward_to": ADA}),
    "list_chats": (lambda: api.list_chats(q="ada", sort="oldest"), SAFE, None),
    "get_chat": (lambda: api.get_chat(ADA), SAFE, None),
    "list_chat_messages": (lambda: api.list_chat_messages(ADA, since=1, direction="inbound"), SAFE, None),
    "send_message": (lambda: api.send_message(ADA, {"text": "hi"}, key="k"), KEYED, {"text": "hi"}),
    "get_message": (lambda: api.get_message(ADA, "msg_1"), SAFE, None),
    "get_message_status": (lambda: api.get_message_status(ADA, "msg_1"), SAFE, None),
    "add_reaction": (lambda: api.add_reaction(ADA, "msg_1", "+love"), SAFE, {"reaction": "+love"}),
    "cancel_message": (lambda: api.cancel_message(ADA, "msg_1"), SAFE, None),
    "start_typing": (lambda: api.start_typing(ADA), SAFE, None),
    "stop_typing": (lambda: api.stop_typing(ADA), SAFE, None),
    "mark_chat_read": (lambda: api.mark_chat_read(ADA), SAFE, None),
    "send_poll": (lambda: api.send_poll(ADA, ["a", "b"]), NEVER, {"options": ["a", "b"]}),
    "get_poll_results": (lambda: api.get_poll_results(ADA, "poll_1"), SAFE, None),
    "get_chat_background": (lambda: api.get_chat_background(ADA), SAFE, None),
    "set_chat_background": (lambda: api.set_chat_background(ADA, PICTURE), SAFE, None),
    "remove_chat_background": (lambda: api.remove_chat_background(ADA), SAFE, None),
    "share_contact_card": (lambda: api.share_contact_card(ADA), SAFE, None),
    "list_contacts": (lambda: api.list_contacts(sort="name_asc"), SAFE, None),
    "create_contact": (lambda: api.create_contact(ADA), SAFE, {"identifier": ADA}),
    "get_contact": (lambda: api.get_contact(ADA), SAFE, None),
    "update_contact": (lambda: api.update_contact(ADA, name=None), SAFE, {"name": None}),
    "delete_contact": (lambda: api.delete_contact(ADA), SAFE, None),
    "get_contact_capabilities": (lambda: api.get_contact_capabilities(ADA), SAFE, None),
    "list_contact_tags": (lambda: api.list_contact_tags(ADA), SAFE, None),
    "add_contact_tags": (lambda: api.add_contact_tags(ADA, ["vip"]), SAFE, {"tags": ["vip"]}),
    "remove_contact_tag": (lambda: api.remove_contact_tag(ADA, "a/b"), SAFE, None),
    "list_groups": (api.list_groups, SAFE, None),
    "create_group": (lambda: api.create_group("Us", members=[ADA]), SAFE, {"name": "Us", "members": [ADA]}),
    "get_group": (lambda: api.get_group(GROUP), SAFE, None),
    "update_group": (lambda: api.update_group(GROUP, name="We"), SAFE, {"name": "We"}),
    "delete_group": (lambda: api.delete_group(GROUP), SAFE, None),
    "set_group_icon": (lambda: api.set_group_icon(GROUP, PICTURE), SAFE, None),
    "remove_group_icon": (lambda: api.remove_group_icon(GROUP), SAFE, None),
    "list_group_members": (lambda: api.list_group_members(GROUP), SAFE, None),
    "add_group_member": (lambda: api.add_group_member(GROUP, ADA), SAFE, {"contact_id": ADA}),
    "remove_group_member": (lambda: api.remove_group_member(GROUP, ADA), SAFE, None),
    "list_webhooks": (api.list_webhooks, SAFE, None),
    "create_webhook": (
        lambda: api.create_webhook("https://a.example/hook", webhook_type="all"),
        SAFE,
        {"webhook_url": "https://a.example/hook", "webhook_type": "all"},
    ),
    "get_webhook": (lambda: api.get_webhook("wh_1"), SAFE, None),
    "update_webhook": (lambda: api.update_webhook("wh_1", deprecate=False), SAFE, {"deprecate": False}),
    "delete_webhook": (lambda: api.delete_webhook("wh_1"), SAFE, None),
    "rotate_webhook_secret": (lambda: api.rotate_webhook_secret("wh_1"), NEVER, None),
    "list_webhook_logs": (lambda: api.list_webhook_logs("wh_1", min_status=400), SAFE, None),
    "replay_webhook_event": (lambda: api.replay_webhook_event("wh_1", "evt_1"), NEVER, None),
    "list_location_contacts": (api.list_location_contacts, SAFE, None),
    "get_location_contact": (lambda: api.get_location_contact(ADA), SAFE, None),
    "refresh_location_contacts": (api.refresh_location_contacts, SAFE, None),
    "call_face_time": (lambda: api.call_face_time(ADA), NEVER, {"handle": ADA}),
    "lookup_phone_number": (lambda: api.lookup_phone_number(ADA), SAFE, None),
    "lookup_phone_number_post": (lambda: api.lookup_phone_number_post(ADA), SAFE, {"number": ADA}),
    "batch_lookup_phone_numbers": (lambda: api.batch_lookup_phone_numbers([ADA]), SAFE, {"numbers": [ADA]}),
}

UNLISTED = {"cancel_message": "DELETE /chats/{chat}/messages/{message}"}
"""Named by one page outside of the reference."""


def snake(operation: str) -> str:
    """The operation's name as a function has it: `listChats` is `list_chats`."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: f"_{found[1].lower()}", operation)


def shape(operation: str) -> str:
    """Method and path, whatever the values are called."""
    return re.sub(r"\{\w+\}", "{}", operation)


def test_every_row_of_the_index_is_a_function() -> None:
    """The functions are the vendor's operations by their own names, no more but one and no less."""
    functions = {name for name in api.__all__ if inspect.isfunction(getattr(api, name))}
    assert {snake(operation) for operation in INDEX} | set(UNLISTED) == functions == set(CALLS)


def test_the_twin_has_every_row_of_the_index() -> None:
    """Nothing that the vendor lists is answered with a 404 of something that is not there."""
    # routes need no running world
    handlers = {
        f"{method} {pattern}"
        for name in ("_message", "_account", "_group", "_contact", "_webhook")
        for method, pattern in re.findall(
            r'\("([A-Z]+)", "([^"]+)"\)', inspect.getsource(getattr(BlooioTwin, f"{name}_handlers"))
        )
    }
    assert {shape(row) for row in [*INDEX.values(), *UNLISTED.values()]} == {shape(row) for row in handlers}


@pytest.mark.parametrize("name", CALLS)
def test_an_operation_is_the_call_that_the_vendor_describes(name: str) -> None:
    """Method, path, body without what was not given, and what a repetition would do."""
    make, repeat, body = CALLS[name]
    call = first_call(make())
    rows = {snake(operation): row for operation, row in INDEX.items()} | UNLISTED
    assert (shape(rows[name]), repeat, body) == (shape(f"{call.method} {call.template}"), call.repeat, call.json)


@pytest.mark.parametrize("name", CALLS)
def test_an_operation_says_what_a_second_copy_does(name: str) -> None:
    """What is no plain look-up gives the reason for its `Repeat` beside its promise."""
    documented = inspect.getdoc(getattr(api, name)) or ""
    assert first_call(CALLS[name][0]()).method == "GET" or "Repeat" in documented


def test_a_second_copy_is_dangerous_where_nothing_tells_it_from_the_first() -> None:
    """A send without key, a reaction by count, and a group of nobody are not repeated."""
    exchanges: list[Exchange[Any]] = [
        api.send_message(ADA, {"text": "hi"}),
        api.add_reaction(ADA, "-1", "+love"),
        api.create_group("Us"),
    ]
    assert [NEVER] * 3 == [first_call(exchange).repeat for exchange in exchanges]


def test_a_look_up_names_what_was_asked_for_and_nothing_else() -> None:
    """Parameters that were left out stay off the wire; a page has limit and offset."""
    calls = [
        first_call(api.list_chat_messages(ADA, limit=5, until=9)),
        first_call(api.list_webhook_logs("wh_1", status=500)),
        first_call(api.lookup_phone_number("(202) 555-0150")),
    ]
    assert [
        {"limit": "5", "offset": "0", "sort": "desc", "until": "9"},
        {"limit": "50", "offset": "0", "sort": "desc", "status": "500"},
        {"number": "(202) 555-0150"},
    ] == [dict(call.params) for call in calls]


def test_a_picture_goes_by_reference() -> None:
    """A call holds no bytes: the field of the form names where they are."""
    calls = [first_call(api.set_chat_background(ADA, PICTURE)), first_call(api.set_group_icon(GROUP, PICTURE))]
    assert [{"background": PICTURE}, {"icon": PICTURE}] == [dict(call.files) for call in calls]


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def paged(exchange: Exchange[Page[Any]], *pages: str) -> tuple[list[Call], list[Any]]:
    """Go through all pages; gives the calls and the items."""
    calls: list[Call] = []
    rest = list(pages)

    def send(call: Call) -> Reply:
        calls.append(call)
        return Reply(200, {}, rest.pop(0).encode())

    page = drive_blocking(exchange, send)
    items = list(page.items)
    while page.more is not None:
        page = drive_blocking(page.more(), send)
        items += page.items
    return calls, items


def test_pages_go_on_until_the_total_is_reached() -> None:
    """Each page begins where the last one ended, with the same filters."""
    first = '{"chats": [{"id": "a"}, {"id": "b"}], "pagination": {"limit": 2, "offset": 0, "total": 3}}'
    last = '{"chats": [{"id": "c"}], "pagination": {"limit": 2, "offset": 2, "total": 3}}'
    calls, items = paged(api.list_chats(limit=2, q="x"), first, last)
    assert (["0", "2"], ["x", "x"]) == ([call.params["offset"] for call in calls], [call.params["q"] for call in calls])
    assert ["a", "b", "c"] == [item.id for item in items]


@pytest.mark.parametrize(
    "only",
    [
        '{"logs": [{"event_id": "a"}], "pagination": {"total": 9, "has_more": false}}',
        '{"logs": [], "pagination": {"total": 9, "has_more": true}}',
        '{"logs": [{"event_id": "a"}]}',
        '{"logs": [{"event_id": "a"}], "pagination": null}',
    ],
)
def test_pages_end(only: str) -> None:
    """No more where the vendor says so, where a page is empty, and where nothing is said."""
    calls, _ = paged(api.list_webhook_logs("wh_1"), only)
    assert 1 == len(calls)


def test_a_list_of_another_shape_is_a_fault_of_the_vendor() -> None:
    """What cannot be read is not taken for an empty list."""
    with pytest.raises(VendorFault):
        paged(api.list_groups(), '{"groups": "many"}')


def test_a_refusal_comes_from_the_code_table() -> None:
    """A status of the vendor is our error, whichever operation it answers."""
    with pytest.raises(NotFound):
        drive_blocking(api.get_group(GROUP), lambda _: Reply(404, {}, b'{"error": "ApiError", "status": 404}'))
