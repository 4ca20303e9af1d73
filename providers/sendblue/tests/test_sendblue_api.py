"""Every operation of the vendor as a call: method, path, body, and what a second copy would do."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway.drive import drive_blocking, first_call
from gateway.provider import Blob, Call, Exchange, NotOptedIn, Page, Repeat, Reply, Unauthorized
from gateway_sendblue import api, wire
from gateway_sendblue.simulator import SendblueTwin

SAMPLES = Path(__file__).parent / "samples"
ADA, LINE = "+12025550150", SendblueTwin.lines[0]
GROUP, HANDLE, SECRET = "group-1", "HANDLE-1", "secret-1"
FILE = Blob("/pictures/one.png", "one.png", "image/png")
SAFE, NEVER = Repeat.SAFE, Repeat.NEVER
CARD = wire.AppCardUpdate(layout=wire.AppCardLayout(caption="Mate"))

CALLS: dict[str, tuple[Callable[[], Exchange[Any]], str, Repeat, Any]] = {
    "messages.send": (lambda: api.messages.send({"number": ADA}), "POST /api/send-message", NEVER, {"number": ADA}),
    "messages.send_group": (
        lambda: api.messages.send_group({"group_id": GROUP}),
        "POST /api/send-group-message",
        NEVER,
        {"group_id": GROUP},
    ),
    "messages.send_carousel": (
        lambda: api.messages.send_carousel(
            wire.CarouselBody(number=ADA, from_number=LINE, media_urls=["https://a.example/1"])
        ),
        "POST /api/send-carousel",
        NEVER,
        {"number": ADA, "from_number": LINE, "media_urls": ["https://a.example/1"]},
    ),
    "messages.update_app_card": (
        lambda: api.messages.update_app_card(HANDLE, CARD),
        f"POST /api/messages/{HANDLE}/update-app-card",
        NEVER,
        {"layout": {"caption": "Mate"}},
    ),
    "messages.status": (lambda: api.messages.status(HANDLE), "GET /api/status?handle=HANDLE-1", SAFE, None),
    "messages.get": (lambda: api.messages.get("a/b"), "GET /api/v2/messages/a%2Fb", SAFE, None),
    "messages.rows": (
        lambda: api.messages.rows(number=ADA, status=None),
        f"GET /api/v2/messages?limit=100&number={ADA}&offset=0",
        SAFE,
        None,
    ),
    "messages.listed": (
        lambda: api.messages.listed(limit=5, offset=10),
        "GET /api/v2/messages?limit=5&offset=10",
        SAFE,
        None,
    ),
    "messages.delete": (lambda: api.messages.delete(HANDLE), f"DELETE /api/message/{HANDLE}", SAFE, None),
    "messages.react": (
        lambda: api.messages.react(wire.ReactionBody(from_number=LINE, message_handle=HANDLE, reaction="love")),
        "POST /api/send-reaction",
        SAFE,
        {"from_number": LINE, "message_handle": HANDLE, "reaction": "love"},
    ),
    "messages.set_typing": (
        lambda: api.messages.set_typing(wire.TypingBody(number=ADA, from_number=LINE, state="stop")),
        "POST /api/send-typing-indicator",
        SAFE,
        {"number": ADA, "from_number": LINE, "state": "stop"},
    ),
    "messages.mark_read": (
        lambda: api.messages.mark_read(ADA, LINE),
        "POST /api/mark-read",
        SAFE,
        {"number": ADA, "from_number": LINE},
    ),
    "groups.create": (
        lambda: api.groups.create({"numbers": [ADA]}),
        "POST /api/create-group",
        NEVER,
        {"numbers": [ADA]},
    ),
    "groups.get": (lambda: api.groups.get(GROUP), f"GET /api/v2/groups/{GROUP}", SAFE, None),
    "groups.modify": (
        lambda: api.groups.modify(GROUP, "add_recipient", ADA, from_number=LINE),
        "POST /api/modify-group",
        SAFE,
        {"group_id": GROUP, "modify_type": "add_recipient", "number": ADA, "from_number": LINE},
    ),
    "groups.rename": (
        lambda: api.groups.rename(GROUP, None),
        f"POST /api/v2/groups/{GROUP}/name",
        SAFE,
        {"group_name": None},
    ),
    "groups.set_photo": (
        lambda: api.groups.set_photo(GROUP, "https://a.example/1", from_number=LINE),
        f"POST /api/v2/groups/{GROUP}/photo",
        SAFE,
        {"photo_url": "https://a.example/1", "from_number": LINE},
    ),
    "groups.upload_photo": (
        lambda: api.groups.upload_photo(GROUP, FILE),
        f"POST /api/v2/groups/{GROUP}/photo",
        SAFE,
        None,
    ),
    "media.upload_media_object": (
        lambda: api.media.upload_media_object("https://a.example/1"),
        "POST /api/upload-media-object",
        NEVER,
        {"media_url": "https://a.example/1"},
    ),
    "media.upload_file": (lambda: api.media.upload_file(FILE), "POST /api/upload-file", NEVER, None),
    "media.evaluate_service": (
        lambda: api.media.evaluate_service(ADA),
        f"GET /api/evaluate-service?number={ADA}",
        SAFE,
        None,
    ),
    "contacts.listed": (
        lambda: api.contacts.listed(phone_number=ADA),
        f"GET /api/v2/contacts?limit=100&offset=0&phone_number={ADA}",
        SAFE,
        None,
    ),
    "contacts.create": (
        lambda: api.contacts.create(wire.ContactBody(number=ADA, tags=["vip"])),
        "POST /api/v2/contacts",
        NEVER,
        {"number": ADA, "tags": ["vip"]},
    ),
    "contacts.get": (lambda: api.contacts.get(ADA), "GET /api/v2/contacts/%2B12025550150", SAFE, None),
    "contacts.update": (
        lambda: api.contacts.update(ADA, wire.ContactBody(opt_out=False)),
        "PUT /api/v2/contacts/%2B12025550150",
        SAFE,
        {"opt_out": False},
    ),
    "contacts.delete": (lambda: api.contacts.delete(ADA), "DELETE /api/v2/contacts/%2B12025550150", SAFE, None),
    "contacts.count": (api.contacts.count, "GET /api/v2/contacts/count", SAFE, None),
    "contacts.create_many": (
        lambda: api.contacts.create_many([wire.Contact(phone=ADA)]),
        "POST /api/v2/contacts/bulk",
        NEVER,
        {"contacts": [{"phone": ADA}]},
    ),
    "contacts.delete_many": (
        lambda: api.contacts.delete_many([ADA]),
        "DELETE /api/v2/contacts",
        SAFE,
        {"contact_ids": [ADA]},
    ),
    "contacts.opt_out": (
        lambda: api.contacts.opt_out(ADA),
        "POST /api/v2/contacts/opt-out",
        SAFE,
        {"number": ADA, "opted_out": True},
    ),
    "contacts.verify": (lambda: api.contacts.verify(ADA), "POST /api/v2/contacts/verify", NEVER, {"number": ADA}),
    "contacts.request_verification": (
        lambda: api.contacts.request_verification(ADA),
        "POST /v3/verified-contacts",
        SAFE,
        {"phone_number": ADA},
    ),
    "contacts.list_verified": (api.contacts.list_verified, "GET /v3/verified-contacts", SAFE, None),
    "contacts.get_verified": (
        lambda: api.contacts.get_verified(ADA),
        "GET /v3/verified-contacts/%2B12025550150",
        SAFE,
        None,
    ),
    "lines.numbers": (api.lines.numbers, "GET /api/lines", SAFE, None),
    "lines.states": (api.lines.states, "GET /api/v2/lines/state", SAFE, None),
    "lines.usage": (api.lines.usage, "GET /api/v2/lines/usage", SAFE, None),
    "lines.contact_status": (
        lambda: api.lines.contact_status(ADA, LINE),
        f"GET /api/v2/lines/contact-status?number={ADA}&sendblue_number={LINE}",
        SAFE,
        None,
    ),
    "lines.call_forwarding": (
        lambda: api.lines.call_forwarding(LINE),
        "GET /api/lines/%2B15125550141/call-forwarding",
        SAFE,
        None,
    ),
    "lines.forward_calls": (
        lambda: api.lines.forward_calls(LINE, ADA),
        "PUT /api/lines/%2B15125550141/call-forwarding",
        SAFE,
        {"forwarding_number": ADA},
    ),
    "lines.stop_forwarding_calls": (
        lambda: api.lines.stop_forwarding_calls(LINE),
        "DELETE /api/lines/%2B15125550141/call-forwarding",
        SAFE,
        None,
    ),
    "webhooks.listed": (api.webhooks.listed, "GET /api/account/webhooks", SAFE, None),
    "webhooks.append": (
        lambda: api.webhooks.append(
            ["https://a.example", wire.Subscription(url="https://b.example", secret="s")],
            type="outbound",
            global_secret="g",
        ),
        "POST /api/account/webhooks",
        NEVER,
        {
            "webhooks": ["https://a.example", {"url": "https://b.example", "secret": "s"}],
            "type": "outbound",
            "globalSecret": "g",
        },
    ),
    "webhooks.replace": (
        lambda: api.webhooks.replace(wire.Webhooks(receive=[wire.Subscription(url="https://a.example")])),
        "PUT /api/account/webhooks",
        SAFE,
        {"webhooks": {"receive": [{"url": "https://a.example"}]}},
    ),
    "webhooks.delete": (
        lambda: api.webhooks.delete(["https://a.example"]),
        "DELETE /api/account/webhooks",
        SAFE,
        {"webhooks": ["https://a.example"], "type": "receive"},
    ),
    "locations.listed": (lambda: api.locations.listed(LINE), f"GET /api/location?from_number={LINE}", SAFE, None),
    "locations.one": (
        lambda: api.locations.one(ADA, LINE),
        f"GET /api/location/%2B12025550150?from_number={LINE}",
        SAFE,
        None,
    ),
    "locations.watch": (
        lambda: api.locations.watch(ADA, LINE),
        f"GET /api/location/%2B12025550150/watch?from_number={LINE}",
        SAFE,
        None,
    ),
    "locations.request": (
        lambda: api.locations.request(ADA, LINE),
        "POST /api/request-location",
        NEVER,
        {"number": ADA, "from_number": LINE},
    ),
    "totp.create": (
        lambda: api.totp.create({"secret": SECRET}),
        "POST /api/v2/totp/secrets",
        NEVER,
        {"secret": SECRET},
    ),
    "totp.listed": (api.totp.listed, "GET /api/v2/totp/secrets", SAFE, None),
    "totp.delete": (lambda: api.totp.delete("id"), "DELETE /api/v2/totp/secrets/id", SAFE, None),
    "totp.code": (lambda: api.totp.code("id"), "GET /api/v2/totp/code/id", SAFE, None),
    "verifications.create": (
        lambda: api.verifications.create("VA1", ADA, hosted={"parent_origin": "https://a.example"}),
        "POST /api/v2/verify/services/VA1/verifications",
        NEVER,
        {"to": ADA, "hosted": {"parent_origin": "https://a.example"}},
    ),
    "verifications.get": (
        lambda: api.verifications.get("VA1", "VE1"),
        "GET /api/v2/verify/services/VA1/verifications/VE1",
        SAFE,
        None,
    ),
    "verifications.listed": (
        lambda: api.verifications.listed(limit=5),
        "GET /api/v2/verify/verifications?limit=5",
        SAFE,
        None,
    ),
    "account.stream": (
        lambda: api.account.stream("message.received", "line.blocked"),
        "GET /api/v2/events?types=message.received,line.blocked",
        SAFE,
        None,
    ),
    "account.create_token": (
        lambda: api.account.create_token(expires_in_seconds=60, phone_numbers=[LINE]),
        "POST /v3/auth/tokens",
        NEVER,
        {"expires_in_seconds": 60, "phone_numbers": [LINE]},
    ),
    "account.revoke_token": (lambda: api.account.revoke_token("id"), "DELETE /v3/auth/tokens/id", SAFE, None),
    "account.seats": (
        lambda: api.account.seats(email="a@example.com"),
        "GET /api/v2/seats?email=a@example.com",
        SAFE,
        None,
    ),
    "account.seat": (lambda: api.account.seat("id"), "GET /api/v2/seats/id", SAFE, None),
    "account.count_seats": (api.account.count_seats, "GET /api/v2/seats/count", SAFE, None),
    "account.me": (api.account.me, "GET /account", SAFE, None),
    "account.limits": (api.account.limits, "GET /accounts/limits", SAFE, None),
    "account.shared_contacts": (api.account.shared_contacts, "GET /accounts/shared-contacts", SAFE, None),
    "account.verify_on_shared_line": (
        lambda: api.account.verify_on_shared_line(ADA),
        "POST /accounts/verify-contact-on-shared-account",
        SAFE,
        {"number": ADA},
    ),
}


def spelled(call: Call) -> str:
    """A call in one line: method, path and query."""
    query = "&".join(f"{name}={value}" for name, value in sorted(call.params.items()))
    return f"{call.method} {call.path}{'?' if query else ''}{query}"


@pytest.mark.parametrize("name", sorted(CALLS))
def test_an_operation_is_one_call(name: str) -> None:
    """What it asks, of which path, and whether a second copy does harm."""
    make, where, repeat, body = CALLS[name]
    call = first_call(make())
    assert (where, repeat, body) == (spelled(call), call.repeat, call.json)


def test_the_operations_are_all_that_there_are() -> None:
    """Every public function of the modules is in the table above."""
    modules: dict[str, ModuleType] = {name: getattr(api, name) for name in api.__all__}
    functions = {
        f"{name}.{function}"
        for name, module in modules.items()
        for function in module.__all__
        if inspect.isfunction(getattr(module, function))
    }
    assert functions == set(CALLS)


def test_every_operation_has_a_route_at_the_twin_and_every_route_an_operation() -> None:
    """Provider and twin know the same vendor."""
    from gateway.simulator import Scene  # noqa: PLC0415 - a scene is a heavy thing, and only here

    scene = Scene([SendblueTwin])
    routes = {(route.method, route.pattern.count("/")) for route in scene.twins[SendblueTwin.name].routes()}
    calls = [first_call(make()) for make, *_ in CALLS.values()]
    assert routes == {(call.method, call.path.count("/")) for call in calls}


def test_files_go_by_reference() -> None:
    """A call has no bytes: whoever sends it opens the file."""
    assert [{"file": FILE}] * 2 == [
        first_call(exchange).files for exchange in (api.media.upload_file(FILE), api.groups.upload_photo(GROUP, FILE))
    ]


def test_a_keyed_update_of_a_card_may_be_repeated() -> None:
    """The one operation with a key: the same card is the first update again."""
    body = CARD.model_copy(update={"idempotency_key": "k"})
    assert SAFE is first_call(api.messages.update_app_card(HANDLE, body)).repeat


def test_messages_come_page_by_page() -> None:
    """The next exchange goes on where this page ended; the last page has none."""
    sample = json.loads((SAMPLES / "list_messages.json").read_text())
    last = {**sample, "pagination": {**sample["pagination"], "hasMore": False, "offset": 1}}
    asked: list[str] = []

    def twin(call: Call) -> Reply:
        asked.append(spelled(call))
        return Reply(200, body=json.dumps(last if "offset=1" in asked[-1] else sample).encode())

    page: Page[wire.MessageItem] = drive_blocking(api.messages.listed(limit=1, number=ADA), twin)
    assert page.more is not None
    following = drive_blocking(page.more(), twin)
    assert (41, 1, None) == (page.total, len(following.items), following.more)
    assert [f"GET /api/v2/messages?limit=1&number={ADA}&offset={offset}" for offset in (0, 1)] == asked


def test_a_stream_is_read_to_its_end() -> None:
    """Comments and what is no JSON are passed over; the events are in their order."""
    body = (
        b': heartbeat\n\nevent: message.received\ndata: {"id": "1",\ndata: "type": "message.received"}\r\n\r\n'
        b'data: no\n\nevent: line.blocked\ndata: {"id": "2", "version": 1}\n\n'
    )
    told = drive_blocking(api.account.stream(), lambda _: Reply(200, body=body))
    assert ["1", "2"] == [event.id for event in told]
    with pytest.raises(Unauthorized):
        drive_blocking(api.account.stream(), lambda _: Reply(401))


def test_a_look_up_of_a_failed_message_is_no_failure() -> None:
    """What fails is a deed whose answer says so, at any status."""
    body = b'{"status": "DECLINED", "error_key": "OPTED_OUT", "message_handle": "H"}'
    assert "DECLINED" == drive_blocking(api.messages.status("H"), lambda _: Reply(200, body=body)).status
    with pytest.raises(NotOptedIn):
        drive_blocking(api.messages.send({"number": ADA}), lambda _: Reply(200, body=body))
