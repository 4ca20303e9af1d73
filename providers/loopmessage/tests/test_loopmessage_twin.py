"""The twin answers as the vendor's pages say: what it takes, what it refuses and with which code, what it looks up."""

from typing import Any, Protocol
from urllib.parse import unquote

import pytest
from pydantic import JsonValue

from gateway.provider import Chat, DeliveryState, Effect
from gateway.simulator import Scene, TwinReply
from gateway.simulator.contact import Contact
from gateway_loopmessage.simulator import LoopMessageTwin

PHONE = "+12025550123"
SEND = "/api/v1/message/send/"
TYPING = "/api/v1/message/show-typing/"
LINE = LoopMessageTwin.lines[0]


class Account(Protocol):
    """See conftest."""

    scene: Scene
    contact: Contact
    twin: LoopMessageTwin

    def switch(self, **switches: JsonValue) -> None: ...
    def request(
        self, method: str, path: str, body: object = None, *, query: Any = None, authorization: str | None = ""
    ) -> tuple[int, Any]: ...
    async def hooks(self, seconds: float = 10) -> list[dict[str, JsonValue]]: ...


def text(**fields: object) -> dict[str, object]:
    """A request to send a text; None leaves a field out."""
    body: dict[str, object] = {"contact": PHONE, "text": "hi", **fields}
    return {name: value for name, value in body.items() if value is not None}


def code(account: Account, body: object, path: str = SEND) -> int:
    """The code that a request is refused with."""
    status, answer = account.request("POST", path, body)
    assert (400, False) == (status, answer["success"])
    assert answer.keys() == {"success", "code", "message"}
    return int(answer["code"])


# ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "contact", ["+12025550123", "12025550123", "+1 (202) 5550123", "+1 202 555 0123", "1 (202)-555-0123"]
)
def test_every_documented_spelling_of_a_phone_is_one_contact(account: Account, contact: str) -> None:
    """The answer has it without spaces and brackets; the message is queued and stays `processing`."""
    status, answer = account.request("POST", SEND, text(contact=contact))
    message_id = answer.pop("message_id")
    assert (200, {"success": True, "contact": PHONE, "text": "hi"}) == (status, answer)
    assert message_id == message_id.upper()
    status, answer = account.request("GET", f"/v1/message/status/{message_id}/")
    assert (200, "processing", PHONE) == (status, answer["status"], answer["contact"])


def test_an_email_comes_back_in_lower_case(account: Account) -> None:
    """As the page says."""
    _, answer = account.request("POST", SEND, text(contact="Jo@Example.COM"))
    assert answer["contact"] == "jo@example.com"


def test_what_was_sent_is_on_the_phone(account: Account) -> None:
    """Subject, effect, attachments, reply target and line arrive in the world."""
    before = account.contact.write("hello", vendor="loopmessage")
    files = ["https://files.example/a.png", "https://files.example/b.png"]
    fields = text(subject="Title", effect="invisibleInk", attachments=files, reply_to_id=before.vendor_id)
    _, answer = account.request("POST", SEND, {**fields, "sender": LINE, "contact_file": True})
    bubble = account.scene.world.find("loopmessage", answer["message_id"])
    assert bubble is not None
    assert ("hi", "Title", Effect.INVISIBLE_INK) == (bubble.text, bubble.subject, bubble.effect)
    assert ["text", "attachment", "attachment", "opaque"] == [part.type for part in bubble.parts]
    assert (before.vendor_id, LINE) == (bubble.reply_to, bubble.thread.line)


def test_a_text_that_is_too_long_is_cut(account: Account) -> None:
    """To fewer than 10,000 characters; that is no error."""
    _, answer = account.request("POST", SEND, text(text="x" * 12_000))
    assert "x" * 9999 == answer["text"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"contact": None}, 150),
        ({"contact": 7}, 160),
        ({"contact": "nobody"}, 160),
        ({"contact": "jo@@example"}, 170),
        ({"contact": "+123"}, 180),
        ({"contact": "2025550123"}, 180),
        ({"group": "G-unknown"}, 165),
        ({"text": None}, 140),
        ({"text": ""}, 140),
        ({"text": None, "attachments": ["https://files.example/a.png"]}, 140),
        ({"text": 7}, 125),
        ({"attachments": ["http://files.example/a.png"]}, 125),
        ({"attachments": ["https://files.example/" + "a" * 256]}, 125),
        ({"attachments": ["https://files.example/a.png"] * 4}, 125),
        ({"attachments": "https://files.example/a.png"}, 125),
        ({"effect": "shooting-star"}, 580),
        ({"effect": "Slam"}, 580),
        ({"reply_to_id": "M-unknown"}, 590),
        ({"passthrough": "x" * 1001}, 125),
        ({"channel": "pigeon"}, 125),
        ({"channel": "sms", "contact": "jo@example.com"}, 1110),
        ({"sender": "L-unknown"}, 220),
        ({"sender": 7}, 125),
        ({"contact_file": "yes"}, 125),
        ({"media_url": ""}, 640),
        ({"media_url": "http://files.example/a.mp3"}, 125),
        ({"media_url": "https://files.example/a.ogg"}, 125),
        ({"media_url": "https://files.example/a.mp3", "channel": "sms"}, 1140),
        ({"reaction": "love"}, 120),
        ({"reaction": "love", "message_id": "M-unknown"}, 610),
        ({"reaction": "😂", "message_id": "M"}, 600),
        ({"reaction": "LOVE", "message_id": "M"}, 600),
        ({"reaction": "hug", "message_id": "M"}, 600),
        ({"reaction": "love", "message_id": "M", "effect": "slam"}, 620),
    ],
)
def test_a_malformed_request_gets_its_code(account: Account, fields: dict[str, object], expected: int) -> None:
    """In the generic form, at status 400; nothing is sent."""
    assert expected == code(account, text(**fields))
    assert all(not thread.bubbles for thread in account.scene.world.threads("loopmessage"))


def test_a_body_that_is_none_gets_a_code(account: Account) -> None:
    """Empty, broken, or no object."""
    bodies: list[object] = [None, b"{", []]
    assert [120, 100, 100] == [code(account, body) for body in bodies]


def test_unknown_fields_are_ignored(account: Account) -> None:
    """Those of the older generation too, and null is absent."""
    assert account.request("POST", SEND, text(alert_type="x", status_callback="y") | {"effect": None})[0] == 200


@pytest.mark.parametrize(("given", "expected"), [(None, 110), ("wrong", 130), ("Bearer {key}", 130)])
@pytest.mark.parametrize("status", [400, 401, 200])
def test_the_key_is_checked_first(account: Account, given: str | None, expected: int, status: int) -> None:
    """Missing, unknown, or with `Bearer` in front; the status is not documented, so it can be switched."""
    account.switch(auth_status=status)
    key = given.format(key=account.twin.context.api_key) if given else None
    got, answer = account.request("POST", SEND, None, authorization=key)
    assert (status, False, expected) == (got, answer["success"], answer["code"])
    got, answer = account.request("GET", "/v1/message/status/M/", authorization=key)
    assert (status, {"error_code", "message"}, expected) == (got, answer.keys(), answer["error_code"])


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/message/send",
        "/api/v1/message/reaction/",
        "/api/v1/message/send_reaction/",
        "/api/v1/message/show_typing/",
        "/v1/message/send/",
    ],
)
def test_paths_that_nobody_documents_are_not_found(account: Account, path: str) -> None:
    """Among them those that code in the field uses without noticing."""
    assert account.request("POST", path, text())[0] == 404


def test_answers_can_be_those_of_the_later_pages(account: Account) -> None:
    """Without `success`, and with a group's `id`; a refusal can have the shape of a success without a code."""
    thread = account.contact.start_group([Chat.direct("+12025550124").address], "hi all", vendor="loopmessage").thread
    _, answer = account.request("POST", SEND, {"group": thread.group, "text": "hi"})
    assert {"group_id": thread.group, "participants": [PHONE, "+12025550124"]} == answer["group"]
    account.switch(success_flag=False, group_key="id", failure_body="shape")
    _, answer = account.request("POST", SEND, {"group": thread.group, "text": "hi"})
    assert {"message_id", "group", "text"} == answer.keys()
    assert thread.group == answer["group"]["id"]
    status, answer = account.request("POST", SEND, text(text=""))
    assert (400, {"message_id", "success", "message", "contact", "text"}) == (status, answer.keys())


def test_voice_notes_and_reactions_echo_the_older_word(account: Account) -> None:
    """`recipient` in place of `contact`; a reaction is on the bubble at once, and `-` takes it off."""
    bubble = account.contact.write("hello", vendor="loopmessage")
    _, answer = account.request("POST", SEND, {"contact": PHONE, "media_url": "https://files.example/a.caf"})
    assert answer["recipient"] == PHONE
    react = {"contact": PHONE, "message_id": bubble.vendor_id}
    for word in ("exclaim", "emphasize"):
        _, answer = account.request("POST", SEND, {**react, "reaction": word})
        assert answer["recipient"] == PHONE
        assert [reaction.text for reaction in bubble.reactions.values()] == ["emphasize"]
        status, answer = account.request("GET", f"/v1/message/status/{answer['message_id']}/")
        assert (200, "delivered") == (status, answer["status"])
    account.request("POST", SEND, {**react, "reaction": "-emphasize"})
    assert bubble.reactions == {}


def test_a_reaction_can_be_in_a_group(account: Account) -> None:
    """Named by `group`; the message has to be of that group."""
    bubble = account.contact.start_group([Chat.direct("+12025550124").address], "hi all", vendor="loopmessage")
    react = {"message_id": bubble.vendor_id, "reaction": "love"}
    assert account.request("POST", SEND, {**react, "group": bubble.thread.group})[0] == 200
    assert code(account, {**react, "contact": PHONE}) == 610


def test_a_group_gets_no_sms(account: Account) -> None:
    """Asking for that channel is code 1120; any other is let through."""
    bubble = account.contact.start_group([Chat.direct("+12025550124").address], "hi all", vendor="loopmessage")
    body = {"group": bubble.thread.group, "text": "hi"}
    assert code(account, {**body, "channel": "sms"}) == 1120
    assert account.request("POST", SEND, {**body, "channel": "imessage"})[0] == 200


def test_the_number_of_attachments_can_be_that_of_any_edition(account: Account) -> None:
    """Three by the first page, five and ten by the later ones."""
    account.switch(attachments_limit=5)
    assert account.request("POST", SEND, text(attachments=["https://files.example/a.png"] * 5))[0] == 200


# ── whether ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("refusal", [510, 520, 530])
def test_contacts_who_never_wrote_can_be_refused(account: Account, refusal: int) -> None:
    """By default they are not; once they wrote or opted in, they are not either."""
    assert account.request("POST", SEND, text())[0] == 200
    account.switch(cold_contacts=refusal)
    assert code(account, text()) == refusal
    account.contact.write("hello", vendor="loopmessage")
    assert account.request("POST", SEND, text())[0] == 200


async def test_two_minutes_lie_between_messages_to_silent_contacts(account: Account) -> None:
    """Whoever wrote within a day does not count."""
    account.switch(two_minutes=True)
    assert account.request("POST", SEND, text())[0] == 200
    assert code(account, text(contact="+12025550124")) == 540
    account.contact.write("hello", vendor="loopmessage")
    assert account.request("POST", SEND, text())[0] == 200
    await account.scene.clock.advance(120)
    assert account.request("POST", SEND, text(contact="+12025550124"))[0] == 200


async def test_the_sandbox_wants_a_message_within_a_day(account: Account) -> None:
    """It has no groups, and ignores the sender."""
    account.switch(sandbox=True)
    assert code(account, text()) == 200
    account.contact.write("hello", vendor="loopmessage")
    assert account.request("POST", SEND, text(sender="whatever"))[0] == 200
    bubble = account.contact.start_group([Chat.direct("+12025550124").address], "hi all", vendor="loopmessage")
    assert code(account, {"group": bubble.thread.group, "text": "hi"}) == 165
    await account.scene.clock.advance(24 * 3600 + 1)
    assert code(account, text()) == 200


def test_the_account_can_be_in_trouble(account: Account) -> None:
    """Any code for every send; those of payment with the documented 402 where that is wanted."""
    account.switch(account_code=300)
    assert code(account, text()) == 300
    account.switch(account_code=330, billing_status=402, vcard=False)
    assert account.request("POST", SEND, text())[0] == 402
    account.switch(account_code=None)
    assert code(account, text(contact_file=True)) == 630


def test_whoever_says_stop_gets_nothing_more_until_an_opt_in(account: Account) -> None:
    """By a STOP, or by the API; the state can be looked up."""
    path = f"/api/v1/audience/check-status/{PHONE}/"
    assert account.request("GET", path) == (200, {"status": "unknown"})
    account.contact.write(" Stop ", vendor="loopmessage")
    assert account.request("GET", path) == (200, {"status": "unsubscribed"})
    assert code(account, text()) == 500
    account.contact.opt_in(vendor="loopmessage")
    assert account.request("GET", path) == (200, {"status": "active"})
    assert account.request("POST", SEND, text())[0] == 200
    deleted = account.request("DELETE", f"/api/v1/audience/delete/{PHONE}/")
    assert ((200, {"success": True}), 500) == (deleted, code(account, text()))


# ── typing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_dots_are_shown_by_either_form(account: Account) -> None:
    """By a message, or contact and sender; by default that marks the chat as read."""
    bubble = account.contact.write("hello", vendor="loopmessage")
    answer = account.request("POST", TYPING, {"message_id": bubble.vendor_id, "typing": 3, "read": False})
    assert answer == (200, {"success": True})
    assert (True, DeliveryState.DELIVERED) == (bubble.thread.typing, bubble.state)
    account.request("POST", TYPING, {"contact": PHONE, "sender": LINE, "typing": 3})
    assert bubble.state is DeliveryState.READ


def test_reading_shows_no_dots(account: Account) -> None:
    """A bare `read: true`."""
    bubble = account.contact.write("hello", vendor="loopmessage")
    account.request("POST", TYPING, {"message_id": bubble.vendor_id, "read": True})
    assert (False, DeliveryState.READ) == (bubble.thread.typing, bubble.state)


async def test_after_five_idle_minutes_no_dots_are_shown(account: Account) -> None:
    """The page says that it fails, not how: by default in silence."""
    bubble = account.contact.write("hello", vendor="loopmessage")
    await account.scene.clock.advance(301)
    body: dict[str, object] = {"message_id": bubble.vendor_id, "typing": 3}
    assert account.request("POST", TYPING, body)[0] == 200
    assert not bubble.thread.typing
    account.switch(typing_idle="refuse")
    assert code(account, body, TYPING) == 510


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"typing": 3}, 150),
        ({"contact": PHONE, "typing": 3}, 120),
        ({"contact": PHONE, "sender": "L-unknown", "typing": 3}, 220),
        ({"message_id": "M-unknown", "typing": 3}, 595),
        ({"contact": PHONE, "sender": LINE}, 120),
        ({"contact": PHONE, "sender": LINE, "read": False}, 120),
        ({"contact": PHONE, "sender": LINE, "typing": 61}, 125),
        ({"contact": PHONE, "sender": LINE, "typing": True}, 125),
        ({"contact": PHONE, "sender": LINE, "read": "yes"}, 125),
    ],
)
def test_typing_is_checked(account: Account, body: dict[str, object], expected: int) -> None:
    """Where, how long, and that anything is asked for."""
    assert code(account, body, TYPING) == expected


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_lists_come_in_pages(account: Account) -> None:
    """Newest first unless asked otherwise; at most 1000 on one."""
    for number in range(3):
        account.contact.write(f"text {number}", vendor="loopmessage")
    account.request("POST", SEND, text())
    path = f"/api/v1/audience/messages/{PHONE}/"
    _, page = account.request("GET", path, query={"per_page": "3"})
    shown = {name: value for name, value in page.items() if name != "items"}
    assert {"page": 1, "num_pages": 2, "per_page": 3, "count": 4, "status": "active"} == shown
    assert ["hi", "text 2", "text 1"] == [item["text"] for item in page["items"]]
    item = page["items"][0]
    assert item["create_date"] == "2026-01-01T12:00:00Z"
    assert ("outbound", "EN", "text") == (item["direction"], item["language"], item["type"])
    query = {"sort_by": "asc", "direction": "inbound", "from_date": "2026-01-01", "to_date": "2026-01-01"}
    _, page = account.request("GET", path, query=query)
    assert ["text 0", "text 1", "text 2"] == [item["text"] for item in page["items"]]
    assert account.request("GET", path, query={"from_date": "2026-01-02"})[1]["items"] == []
    for wrong in ({"page": "0"}, {"per_page": "x"}, {"page": "9" * 30}, {"from_date": "soon"}):
        assert account.request("GET", path, query=wrong)[0] == 400


def test_contacts_and_senders_are_listed(account: Account) -> None:
    """A contact's id can be sent to, with a text and with nothing else; a sender goes by id or name."""
    account.contact.write("hello", vendor="loopmessage")
    _, page = account.request("GET", "/api/v1/audience/list/", query={"search": PHONE})
    ((contact_id, value),) = [(item["id"], item["value"]) for item in page["items"]]
    assert value == PHONE
    _, answer = account.request("POST", SEND, text(contact=contact_id))
    assert answer["contact"] == PHONE
    assert code(account, {"contact": contact_id, "media_url": "https://files.example/a.mp3"}) == 160
    _, page = account.request("GET", "/api/v1/sender/list/")
    assert [LINE, "ahoy@imsg.tel", "active"] == [page["items"][-1][name] for name in ("id", "name", "status")]
    assert account.request("POST", SEND, text(sender="ahoy@imsg.tel"))[0] == 200
    assert account.request("GET", "/api/v1/audience/check-status/12025550123/")[0] == 400


async def test_the_history_of_webhooks_keeps_what_was_sent(account: Account) -> None:
    """With the payload, the number of attempts and the time."""
    account.contact.write("hello", vendor="loopmessage")
    (payload,) = await account.hooks()
    _, page = account.request("GET", "/api/v1/webhooks/history/")
    entry = {"attempt": 1, "create_date": "2026-01-01T12:00:00Z", "event_type": "message_inbound", "json": payload}
    assert [entry] == page["items"]


@pytest.mark.parametrize("path", ["/api/v1/opt-in/generate-url/", "/api/v1/opt-in/geenrate-url/"])
def test_opt_in_links_are_spelt_as_in_the_sample(account: Account, path: str) -> None:
    """Under both spellings of the path; the quoted code in place of the placeholder, which the web page keeps."""
    _, answer = account.request("POST", path, {"body": "Ready? [opt-in-code]", "click_id": "x"})
    assert {"id", "imessage", "sms", "url", "whatsapp"} == answer.keys()
    sender, _, body = answer["imessage"].removeprefix("imessage://").partition("&body=")
    assert sender == "ahoy%40imsg.tel"
    begin, code_, end = unquote(body).split('"')
    assert ("Ready? ", "") == (begin, end)
    assert (11, "#", "-!") == (len(code_), code_[0], code_[5:7])
    assert answer["url"].endswith(f"/?id={answer['id']}&body=Ready%3F%20%22%5Bopt-in-code%5D%22")
    assert account.request("POST", path, {"body": "no place"})[0] == 400


def test_faults_have_the_vendors_form(account: Account) -> None:
    """For refusals on demand; a code that is no number becomes the generic one."""
    expected: JsonValue = {"success": False, "code": 230, "message": "m"}
    assert TwinReply(500, expected) == account.twin.fault(500, "230", "m")
    assert account.twin.fault(503, None, "m").json == {"success": False, "code": 100, "message": "m"}
