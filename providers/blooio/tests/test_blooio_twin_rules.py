"""The twin's rules: what the vendor refuses, and how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway_blooio.simulator import BlooioTwin

if TYPE_CHECKING:
    from providers.blooio.tests.conftest import Stand

SAMPLES = Path(__file__).parent / "samples"
ADA = "%2B12025550150"
URL = "https://a.example/1.png"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": []},
        {"text": None, "attachments": [], "parts": []},
        {"text": 7},
        {"text": ["a", ""]},
        {"text": ["a", 7]},
        {"attachments": URL},
        {"attachments": [{"name": "x"}]},
        {"attachments": [None]},
        {"text": "hi", "parts": [{"text": "a"}]},
        {"parts": [{}]},
        {"parts": ["a"]},
        {"parts": [{"text": "a", "url": URL}]},
        {"parts": [{"url": URL, "mention": "+12025550151"}]},
        {"parts": [{"text": "a", "name": "x"}]},
        {"parts": [{"text": "a", "mention": "Ben"}]},
        {"parts": [{"text": "a"}], "effect": "slam"},
        {"parts": [{"text": "https://a.example", "link_preview": {}}, {"text": "no url"}]},
        {"parts": [{"text": "https://a.example", "link_preview": {}}, {"url": URL}]},
        {"text": "hi", "link_preview": {"title": "A"}},
        {"text": ["https://a.example", "https://b.example"], "link_preview": {"title": "A"}},
        {"text": "https://a.example", "link_preview": {"image_url": "http://a.example/1.png"}},
        {"text": "https://a.example", "link_preview": "A"},
        {"text": "hi", "effect": "shooting-star"},
        {"text": "hi", "effect": 7},
        {"text": "hi", "from_number": "5105550141"},
        {"text": "hi", "use_typing_indicator": "yes"},
        {"text": "hi", "share_contact": 1},
        {"text": "hi", "reply_to": "msg_1"},
        {"text": "hi", "reply_to": {"message_id": "m", "part_index": -1}},
    ],
)
async def test_a_body_that_breaks_a_rule_is_a_400_without_code(stand: Stand, body: dict[str, Any]) -> None:
    """Content, parts, previews, effects, types: refused in the vendor's form."""
    response = await stand.ask("POST", f"/chats/{ADA}/messages", body)
    assert (400, "ApiError", 400, False) == (
        response.status_code,
        response.json()["error"],
        response.json()["status"],
        "code" in response.json(),
    )


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"text": "hi", "reply_to": {}}, 400, "reply_target_invalid"),
        ({"text": ["a", "b"], "reply_to": {"message_id": "m"}}, 400, "reply_target_not_supported"),
        (
            {"parts": [{"text": "https://a.example", "link_preview": {}}], "reply_to": {"guid": "G"}},
            400,
            "reply_target_not_supported",
        ),
        ({"attachments": [URL]}, 400, "attachment_first_message_not_allowed"),
        ({"parts": [{"url": URL}]}, 400, "attachment_first_message_not_allowed"),
        ({"text": "hi", "reply_to": {"message_id": "m"}}, 404, "reply_target_not_found"),
    ],
)
async def test_what_has_a_code_says_it(stand: Stand, body: dict[str, Any], status: int, code: str) -> None:
    """The reason for programs is beside the words."""
    response = await stand.ask("POST", f"/chats/{ADA}/messages", body)
    assert (status, code) == (response.status_code, response.json().get("code"))


@pytest.mark.parametrize(
    "body",
    [
        {"text": "hi", "effect": "Invisible Ink"},
        {"text": "hi", "effect": "NONE"},
        {"text": "hi", "effect": None, "reply_to": None, "link_preview": None, "parts": None, "attachments": None},
        {"text": "hi", "metadata": {"a": 1}, "tomorrow": 1},
        {"text": "https://a.example", "link_preview": {"image_url": URL, "title": "A"}},
        {"text": "look", "attachments": [URL, {"url": URL}, {"url": URL, "name": "x"}]},
        {"parts": [{"text": "a"}, {"url": URL, "name": "x"}, {"text": "Ben", "mention": "+12025550151"}]},
    ],
)
async def test_a_body_within_the_rules_is_a_202(stand: Stand, body: dict[str, Any]) -> None:
    """Every spelling that the page allows is taken; what it does not name is ignored."""
    response = await stand.ask("POST", f"/chats/{ADA}/messages", body)
    assert (202, "queued") == (response.status_code, response.json().get("status"))


async def test_the_pages_own_example_breaks_its_rules(stand: Stand) -> None:
    """The request example is refused, as it has to be by what stands beside it."""
    body = json.loads((SAMPLES / "send_request.json").read_text())
    assert 400 == (await stand.ask("POST", f"/chats/{ADA}/messages", body)).status_code


@pytest.mark.parametrize("body", [b"", b"hi", b"[]", b'{"text":'])
async def test_a_body_that_is_no_object_is_a_400(stand: Stand, body: bytes) -> None:
    """Text, lists and broken JSON."""
    response = await stand.http.post(f"{stand.sim.base_url(BlooioTwin.name)}/chats/{ADA}/messages", content=body)
    assert 400 == response.status_code


@pytest.mark.parametrize(
    ("chat", "status"),
    [
        ("%2B12025550150", 202),
        ("+12025550150", 202),
        ("ada%40example.com", 202),
        ("ada@example.com", 202),
        ("%2B12025550150%2Cada%40example.com", 202),
        ("+12025550150,+12025550151", 202),
        ("12025550150", 400),
        ("chat_a1b2c3d4", 400),
        ("%2B12025550150,", 400),
        ("911", 403),
        ("%2B1911", 403),
        ("grp_nobody", 404),
    ],
)
async def test_the_forms_of_a_chat_id(stand: Stand, chat: str, status: int) -> None:
    """Encoded or not, for the vendor's own client does not encode; anything else is refused."""
    assert status == (await stand.ask("POST", f"/chats/{chat}/messages", {"text": "hi"})).status_code


async def test_a_strict_path_takes_a_plus_for_a_space(stand: Stand) -> None:
    """As the vendor's guide has it; an encoded one is still a plus."""
    stand.switch("strict_paths", value=True)
    assert 400 == (await stand.ask("POST", "/chats/+12025550150/messages", {"text": "hi"})).status_code
    assert 202 == (await stand.ask("POST", f"/chats/{ADA}/messages", {"text": "hi"})).status_code


@pytest.mark.parametrize(
    ("reaction", "status"),
    [
        ("+love", 200),
        ("-question", 200),
        ("+😂", 200),
        ("-👍🏽", 200),
        ("love", 400),
        ("+exclaim", 400),
        ("+", 400),
        ("+ok", 400),
        (None, 400),
    ],
)
async def test_the_forms_of_a_reaction(stand: Stand, reaction: str | None, status: int) -> None:
    """A sign, and one of six words or an emoji."""
    message = (await stand.ask("POST", f"/chats/{ADA}/messages", {"text": "hi"})).json()["message_id"]
    path = f"/chats/{ADA}/messages/{message}/reactions"
    assert status == (await stand.ask("POST", path, {"reaction": reaction})).status_code


@pytest.mark.parametrize("path", ["/me", "/chats", "/groups", "/nowhere/else"])
async def test_without_the_key_nothing_is_told(stand: Stand, path: str) -> None:
    """401, in the vendor's form, for every route."""
    response = await stand.ask("GET", path, headers={"authorization": "Bearer wrong"})
    assert response.status_code in {401, 404}
    if response.status_code == 401:
        assert {"error": "ApiError", "message": "Invalid or missing API key.", "status": 401} == response.json()


async def test_no_number_online_is_a_503(stand: Stand) -> None:
    """Sends, typing, reactions, polls and look-ups of capabilities need a number."""
    await stand.ask("POST", f"/chats/{ADA}/messages", {"text": "hi"})
    stand.switch("active", value=False)
    asked = [
        ("POST", f"/chats/{ADA}/messages", {"text": "hi"}),
        ("POST", f"/chats/{ADA}/typing", None),
        ("POST", f"/chats/{ADA}/messages/-1/reactions", {"reaction": "+love"}),
        ("POST", f"/chats/{ADA}/polls", {"options": ["a", "b"]}),
        ("GET", f"/contacts/{ADA}/capabilities", None),
    ]
    assert [503] * 5 == [(await stand.ask(*each)).status_code for each in asked]


async def test_lists_are_pages(stand: Stand) -> None:
    """`limit`, `offset`, `sort`, `direction`, `since`; what is out of range is a 400."""
    for text in ("a", "b", "c"):
        await stand.ask("POST", f"/chats/{ADA}/messages", {"text": text})
        await stand.sim.clock.advance(1)
    path = f"/chats/{ADA}/messages"
    newest = (await stand.ask("GET", path, params={"limit": "2"})).json()
    assert (["c", "b"], {"limit": 2, "offset": 0, "total": 3}) == (
        [message["text"] for message in newest["messages"]],
        newest["pagination"],
    )
    since = newest["messages"][1]["time_sent"]
    later = (await stand.ask("GET", path, params={"sort": "asc", "since": str(since)})).json()
    assert ["c"] == [message["text"] for message in later["messages"]]
    inbound = (await stand.ask("GET", path, params={"direction": "inbound"})).json()
    assert [] == inbound["messages"]
    for wrong in ({"limit": "0"}, {"limit": "201"}, {"offset": "-1"}, {"sort": "up"}, {"direction": "both"}):
        assert 400 == (await stand.ask("GET", path, params=wrong)).status_code


async def test_a_staged_card_goes_with_the_next_message(stand: Stand) -> None:
    """Once, and only with one."""
    await stand.ask("POST", f"/chats/{ADA}/messages", {"text": "hi"})
    staged = await stand.ask("POST", f"/chats/{ADA}/contact-card")
    assert staged.json()["message"].startswith("Contact card staged")
    for _ in range(2):
        await stand.ask("POST", f"/chats/{ADA}/messages", {"text": "hi"})
    (thread,) = stand.sim.world.threads(BlooioTwin.name)
    assert [None, True, None] == [bubble.notes.get("contact_card") for bubble in thread.bubbles]


async def test_a_queued_message_may_be_cancelled(stand: Stand) -> None:
    """One source names it, so it is off until it is switched on."""
    message = (await stand.ask("POST", f"/chats/{ADA}/messages", {"text": "hi"})).json()["message_id"]
    path = f"/chats/{ADA}/messages/{message}"
    assert 404 == (await stand.ask("DELETE", path)).status_code
    stand.switch("cancel", value=True)
    assert 200 == (await stand.ask("DELETE", path)).status_code
    assert "cancelled" == (await stand.ask("GET", f"{path}/status")).json()["status"]
    assert [] == await stand.events()


async def test_groups_are_made_shown_renamed_and_left(stand: Stand) -> None:
    """One group for one set of participants; members cannot be changed, which has its own form of error."""
    body = {"name": "Us", "members": ["+12025550151", "+12025550150"]}
    made = await stand.ask("POST", "/groups", body)
    group = made.json()["group_id"]
    assert (201, "Us", 2) == (made.status_code, made.json()["name"], made.json()["member_count"])
    assert 409 == (await stand.ask("POST", "/groups", body)).status_code
    assert 202 == (await stand.ask("POST", f"/chats/{group}/messages", {"text": "hi"})).status_code
    assert "All" == (await stand.ask("PATCH", f"/groups/{group}", {"name": "All"})).json()["name"]
    members = (await stand.ask("GET", f"/groups/{group}/members")).json()["members"]
    assert ["+12025550150", "+12025550151"] == [member["identifier"] for member in members]
    coming = await stand.ask("POST", f"/groups/{group}/members", {"contact_id": "x"})
    assert (501, json.loads((SAMPLES / "error_coming_soon.json").read_text())) == (coming.status_code, coming.json())
    assert 200 == (await stand.ask("DELETE", f"/groups/{group}")).status_code
    assert 404 == (await stand.ask("GET", f"/groups/{group}")).status_code
    assert [] == (await stand.ask("GET", "/groups")).json()["groups"]


async def test_contacts_are_kept_and_tell_what_their_phone_can(stand: Stand) -> None:
    """Whoever is written to is a contact; an email has no SMS."""
    await stand.ask("POST", f"/chats/{ADA}/messages", {"text": "hi"})
    ben = {"identifier": "ben@example.com", "name": "Ben"}
    assert 201 == (await stand.ask("POST", "/contacts", ben)).status_code
    assert 409 == (await stand.ask("POST", "/contacts", ben)).status_code
    listed = (await stand.ask("GET", "/contacts", params={"sort": "name_desc"})).json()["contacts"]
    assert ["ben@example.com", "+12025550150"] == [contact["identifier"] for contact in listed]
    able = (await stand.ask("GET", "/contacts/ben%40example.com/capabilities")).json()["capabilities"]
    assert {"imessage": True, "facetime": True} == able
    assert 201 == (await stand.ask("POST", f"/contacts/{ADA}/tags", {"tags": ["vip"]})).status_code
    assert ["vip"] == (await stand.ask("GET", f"/contacts/{ADA}")).json()["tags"]
    assert None is (await stand.ask("PATCH", "/contacts/ben%40example.com", {"name": None})).json()["name"]
    assert 200 == (await stand.ask("DELETE", "/contacts/ben%40example.com")).status_code
    assert 404 == (await stand.ask("GET", "/contacts/ben%40example.com")).status_code


async def test_a_fault_on_demand_has_the_vendors_form(stand: Stand) -> None:
    """Status, words and code, and `Retry-After` only where waiting helps."""
    twin = stand.sim.twin(BlooioTwin.name)
    plain, coded = twin.fault(429, None, "x"), twin.fault(429, "outbound_limit_reached", "x")
    assert ({"error": "ApiError", "message": "x", "status": 429}, {"Retry-After": "1"}) == (plain.json, plain.headers)
    assert ("outbound_limit_reached", {}) == (coded.json["code"], coded.headers)  # type: ignore[index, call-overload]
