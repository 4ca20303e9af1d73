"""The console: who gets in, what is shown and what is veiled, and that its buttons do what they say."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.server.console.front import VIEWS
from gateway.simulator.scenario import Scenario
from tests.loopback import NO_TLS
from tests.server.desk import ADMIN_KEY, ON_BOTH_STORES, PHONE, VENDOR, Desk, plain

HOSTILE = "<img src=x onerror=alert(1)> & \"quotes\" 'and' ${more}"
WORDS = "meet me at the harbour"


@contextlib.asynccontextmanager
async def signed_in(at: Desk, key: str = ADMIN_KEY) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client with a session."""
    async with httpx.AsyncClient(base_url=f"{at.url}/console", timeout=30, trust_env=False, verify=NO_TLS) as client:
        answer = await client.post("/sign-in", data={"key": key})
        assert (303, "/console/") == (answer.status_code, answer.headers["location"])
        yield client


async def conversation(at: Desk) -> dict[str, str]:
    """Have one of everything that pages show; gives the parts of their paths."""
    connection = await at.connection(name="main")
    at.phone.write(WORDS, vendor=VENDOR)

    async def arrived() -> Any:
        return (await at.client.get("/v1/events", params={"type": "message.received"})).json()["items"]

    [event] = await at.until(arrived)
    sent = (
        await at.client.post("/v1/messages", params={"wait": 10}, json={"to": event["id"], "message": "aye"})
    ).json()
    endpoint = (await at.client.post("/v1/endpoints", json={"url": "https://example.com/hook"})).json()["endpoint"]
    test = await at.client.post(f"/v1/endpoints/{endpoint['id']}/test", json={"type": "message.received"})
    webhooks = await at.service.tenancy.listing.webhooks("tn_default")
    return {
        "connection": connection,
        "provider": VENDOR,
        "event": event["id"],
        "chat": event["chat_id"],
        "message": sent["id"],
        "endpoint": endpoint["id"],
        "delivery": test.json()["id"],
        "number": str(webhooks.items[0].sequence),
        "type": "message.received",
    }


def filled(path: str, parts: dict[str, str]) -> str:
    """Fill the parts of a path."""
    return re.sub(r"\{(\w+)\}", lambda match: parts[match[1]], path)


async def test_without_a_session_there_is_only_the_door(at: Desk) -> None:
    """Every page asks for a key, and none of them tells whether what it is about exists."""
    parts = dict.fromkeys(("connection", "provider", "event", "chat", "message", "endpoint", "delivery", "type"), "x")
    async with httpx.AsyncClient(base_url=f"{at.url}/console", timeout=30, trust_env=False, verify=NO_TLS) as nobody:
        for method, path, _ in VIEWS:
            answer = await nobody.request(method, filled(path, {**parts, "number": "1", "deed": "x", "key": "x"}))
            assert ("API key" in answer.text, "Sign out" in answer.text) == (True, False), path
        wrong = await nobody.post("/sign-in", data={"key": "gw_live_wrong"})
        assert (401, {}) == (wrong.status_code, dict(wrong.cookies))


@ON_BOTH_STORES
async def test_every_page_answers_and_runs_nothing_from_elsewhere(at: Desk) -> None:
    """With a session each page is there, under a policy without exceptions."""
    parts = await conversation(at)
    async with signed_in(at) as client:
        for method, path, _ in VIEWS:
            if method == "GET" and path != "/events/live":
                answer = await client.get(filled(path, parts))
                assert 200 == answer.status_code, (path, answer.text)
                assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")


async def test_what_people_wrote_is_veiled_until_it_is_asked_for(at: Desk) -> None:
    """Neither number nor words are on any page while the mask is on; without it they are shown, and stay inert."""
    parts = await conversation(at)
    at.phone.write(HOSTILE, vendor=VENDOR)

    async def both() -> bool:
        return len((await at.client.get("/v1/events", params={"type": "message.received"})).json()["items"]) == 2

    await at.until(both)
    pages = [filled(path, parts) for method, path, _ in VIEWS if method == "GET" and path != "/events/live"]
    async with signed_in(at) as client:
        masked = "".join([(await client.get(page)).text for page in pages])
        assert [False] * 4 == [text in masked for text in (WORDS, PHONE, PHONE[1:], "onerror")]
        await client.post("/mask", data={"show": "1"})
        shown = "".join([(await client.get(page)).text for page in pages if not page.endswith("scenario")])
        assert [True, True, True, False] == [
            text in shown for text in (WORDS, PHONE, "&lt;img src=x onerror", "<img src=x")
        ]


async def test_a_list_calls_a_connection_by_its_name(at: Desk) -> None:
    """Whoever looks for what happened knows names, not ids; a name is shown as text, whatever it is."""
    parts = await conversation(at)
    answer = await at.client.patch(f"/v1/connections/{parts['connection']}", json={"name": "<i>Ströck"})
    assert 200 == answer.status_code, answer.text
    async with signed_in(at) as client:
        pages = [(await client.get(path)).text for path in ("/events", "/messages", "/chats")]
    assert [True] * 3 == [">&lt;i&gt;Ströck</a>" in page for page in pages]


@ON_BOTH_STORES
async def test_events_are_searched_by_a_line(at: Desk) -> None:
    """By type, family, status and connection; what cannot be read is said with what to write."""
    await conversation(at)

    async def reported() -> bool:
        items = (await at.client.get("/v1/events", params={"type": "delivery.updated"})).json()["items"]
        return any(item["state"] == "read" for item in items)

    await at.until(reported)
    async with signed_in(at) as client:

        async def found(line: str) -> list[str]:
            page = (await client.get("/events", params={"q": line})).text
            return re.findall(r'<a href="/console/events/evt_\w+">([\w.]+)</a>', page)

        name = (await at.client.get("/v1/connections")).json()["items"][0]["name"]
        everything = await found("")
        assert (
            ["message.received"] == await found("type:message.received") == await found(f"message.* connection:{name}")
        )
        assert ["delivery.updated"] == await found("status:read") == await found("delivery.updated status:read")
        assert [each for each in everything if each != "delivery.updated"] == await found("-delivery.*")
        assert [[], []] == [await found("status:parked"), await found("chat_nowhere")]
        wrong = await client.get("/events", params={"q": "stauts:read"})
        assert (422, True) == (wrong.status_code, "look for type, status" in wrong.text)


async def test_a_session_ends_with_its_key(at: Desk) -> None:
    """A key that was revoked looks at nothing any more; so does a cookie that somebody wrote."""
    minted = await at.service.tenancy.keys.mint("tn_default", name="desk", scopes=["read"])
    async with signed_in(at, minted.text) as client:
        assert "Overview" in (await client.get("/")).text
        await at.service.tenancy.keys.revoke("tn_default", minted.row.id)
        assert "Sign in" in (await client.get("/")).text
        client.cookies.set("gateway_console", "tn_default.key_configured.99999999999.deadbeef", path="/console")
        assert "Sign in" in (await client.get("/")).text


async def test_another_page_presses_no_button(at: Desk) -> None:
    """A form that comes from elsewhere is refused, whatever cookie it brings."""
    async with signed_in(at) as client:
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            answer = await client.post("/keys", data={"name": "theirs", "scope.admin": "1"}, headers=headers)
            assert 403 == answer.status_code
    assert [] == [key.name for key in (await at.service.tenancy.keys.list("tn_default")).items if key.name == "theirs"]


async def test_who_may_only_read_changes_nothing(at: Desk) -> None:
    """Every button of every page is refused to a key that reads."""
    parts = {**await conversation(at), "deed": "disable", "key": "key_configured"}
    async with signed_in(at, await at.key("read")) as client:
        for method, path, _ in VIEWS:
            if method == "POST":
                form = {"verdict": "drop", "address": PHONE, "sure": "ERASE", "connection": parts["connection"]}
                answer = await client.post(filled(path, parts), data=form)
                assert 403 == answer.status_code, (path, answer.text)


async def test_the_wizard_goes_from_a_form_to_the_first_webhook(at: Desk) -> None:
    """It adds the connection, says what is wrong while webhooks are turned away, and sees the first one that passes."""
    form = {f"settings.{name}": str(plain(value)) for name, value in at.sim.settings(VENDOR).items()}
    async with signed_in(at) as client:
        made = await client.post(f"/connections/new/{VENDOR}", data={"name": "wizard", **form})
        assert 303 == made.status_code, made.text
        setup = made.headers["location"].removeprefix("/console")
        connection = setup.split("/")[2]
        assert "Nothing has knocked so far" in (await client.get(setup)).text
        await at.client.post(f"/webhooks/{connection}", content=b"{}")
        assert "turned away" in (await client.get(setup.replace("setup", "waiting"))).text
        at.sim.set_webhook(VENDOR, f"{at.url}/webhooks/{connection}")
        at.phone.write("hello", vendor=VENDOR)

        async def works() -> bool:
            return "It works." in (await client.get(setup.replace("setup", "waiting"))).text

        assert await at.until(works)
        tested = await client.post(f"/connections/{connection}/test", follow_redirects=True)
        assert "The vendor answers" in tested.text


async def test_a_form_that_is_wrong_says_so(at: Desk) -> None:
    """What the provider refuses is shown as an error with what to do, and nothing was added."""
    async with signed_in(at) as client:
        answer = await client.post(f"/connections/new/{VENDOR}", data={"settings.api_key": ""})
        assert (422, True) == (answer.status_code, "That did not work" in answer.text)
    assert [] == (await at.client.get("/v1/connections")).json()["items"]


async def test_a_connection_is_switched_off_and_on_and_removed(at: Desk) -> None:
    """Buttons do what the API does, under the same names in the audit."""
    connection = await at.connection(name="main")
    async with signed_in(at) as client:
        for deed, state in (("disable", "disabled"), ("enable", "active")):
            await client.post(f"/connections/{connection}/{deed}")
            assert state == (await at.client.get(f"/v1/connections/{connection}")).json()["state"]
        refused = await client.post(f"/connections/{connection}/remove", data={"name": "other"})
        removed = await client.post(f"/connections/{connection}/remove", data={"name": "main"})
        assert (422, 303) == (refused.status_code, removed.status_code)
        audit = (await client.get("/audit")).text
        assert all(f"connection.{word}" in audit for word in ("created", "disabled", "enabled", "removed"))
        assert "lines are as they were written" in (await client.get("/audit/verify")).text


async def test_keys_and_secrets_are_shown_once(at: Desk) -> None:
    """A key that is made here works, and no later page has it; so it is with the secret of an endpoint."""
    async with signed_in(at) as client:
        made = await client.post("/keys", data={"name": "till", "scope.read": "1", "days": "30"})
        [key] = re.findall(r"gw_live_\w+", made.text)
        async with at.as_(key) as reader:
            assert 200 == (await reader.get("/v1/events")).status_code
        endpoint = await client.post("/endpoints", data={"url": "https://example.com/hook", "format": "standard"})
        [secret] = re.findall(r"whsec_[\w+/=]+", endpoint.text)
        listed = (await client.get("/keys")).text + (await client.get("/endpoints")).text
        assert [False, False, True] == [text in listed for text in (key, secret, "till")]


@ON_BOTH_STORES
async def test_an_endpoint_is_tried_replayed_and_recovered(at: Desk) -> None:
    """An example is sent; a range is counted before it goes; what failed is revived; all of it by its buttons."""
    parts = await conversation(at)
    base = f"/endpoints/{parts['endpoint']}"
    async with signed_in(at) as client:
        tried = await client.post(f"{base}/test", data={"type": "delivery.updated"}, follow_redirects=True)
        assert "An example is on its way." in tried.text
        span = {"since": "2020-01-01T00:00", "until": "2100-01-01T00:00"}
        counted = await client.post(f"{base}/replay", data=span)
        assert re.search(r"<strong>[1-9]\d* events</strong>", counted.text)
        sent = await client.post(f"{base}/replay", data={**span, "sure": "1"}, follow_redirects=True)
        assert re.search(r"[1-9]\d* deliveries wait to be sent\.", sent.text)
        revived = await client.post(f"{base}/recover", data={"hours": "24"}, follow_redirects=True)
        assert re.search(r"\d+ deliveries wait to be sent again\.", revived.text)


async def test_what_could_not_be_read_is_parsed_again(at: Desk) -> None:
    """Without being asked to keep anything it only tells; nobody else's connections are touched."""
    await conversation(at)
    async with signed_in(at) as client:
        told = await client.post("/webhooks/reparse")
        assert "0 webhooks parsed" in told.text
        assert 422 == (await client.post("/webhooks/reparse", data={"connection": "pc_other"})).status_code


async def test_somebody_is_exported_and_erased(at: Desk) -> None:
    """An export holds their words; erasing asks twice, and afterwards there is nothing."""
    parts = await conversation(at)
    async with signed_in(at) as client:
        export = await client.post("/contacts/export", data={"address": PHONE})
        assert (True, 200) == (WORDS in export.text, export.status_code)
        assert 422 == (await client.post("/contacts/erase", data={"address": PHONE})).status_code
        erased = await client.post("/contacts/erase", data={"address": PHONE, "sure": "ERASE"})
        assert 200 == erased.status_code, erased.text
        assert 404 == (await client.get(f"/events/{parts['event']}")).status_code


async def test_a_chat_becomes_a_scenario_without_its_words(at: Desk) -> None:
    """It can be played, and nobody's number or words are in it."""
    parts = await conversation(at)
    async with signed_in(at) as client:
        text = (await client.get(f"/chats/{parts['chat']}/scenario")).text
    scenario = Scenario.read(text)
    assert [False, False] == [secret in text for secret in (WORDS, PHONE)]
    assert len(WORDS) >= len(str(scenario.step[0].says)) > len(WORDS) - 3


@pytest.mark.parametrize("path", ["/static/../page.py", "/static/nothing.css", "/static/%2e%2e/page.py"])
async def test_no_other_file_is_given_away(at: Desk, path: str) -> None:
    """Only what lies in the folder of static files is one."""
    async with signed_in(at) as client:
        assert 404 == (await client.get(path)).status_code
