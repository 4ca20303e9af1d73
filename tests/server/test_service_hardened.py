"""What a hostile caller tries at the service's doors: strange input, others' secrets, places never given back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.server.console.session import Sessions
from gateway.server.service import Service
from gateway.store.records.tenants import TenantRow
from tests.server.desk import ADMIN_KEY, PHONE, Desk, config_of, desk, plain
from tests.server.test_console import conversation, signed_in

TAKEN_BACK = "another-admin-key-0123456789-0123456"


async def test_what_nobody_made_is_no_failure_of_the_service(at: Desk) -> None:
    """Without any key: links of a time that is none, forms of too many fields, names that no file system takes."""
    forged = f"/files/ffffffffff.{'A' * 27}/{'0' * 64}/x"
    async with at.as_(None) as nobody:
        assert 404 == (await nobody.get(forged)).status_code
        assert 404 == (await nobody.get(f"/console/static/{'x' * 300}.css")).status_code
        assert 404 == (await nobody.get("/console/static/a%00.css")).status_code
        form = "&".join(f"k{number}=1" for number in range(300))
        headers = {"content-type": "application/x-www-form-urlencoded"}
        assert 400 == (await nobody.post("/console/sign-in", content=form, headers=headers)).status_code


async def test_a_page_that_is_asked_for_nonsense_says_so(at: Desk) -> None:
    """States, formats and places that there are none of are the reader's mistake."""
    parts = await conversation(at)
    async with signed_in(at) as client:
        look, live = f"/endpoints/{parts['endpoint']}", "/events/live"
        new = {"url": "https://example.com/more", "format": "no such format"}
        answers = [
            await client.get(look, params={"state": "no such state"}),
            await client.get("/messages", params={"state": "no such state"}),
            await client.get(live, params={"from": "x"}),
            await client.get(live, params={"from": "9" * 30}),
            await client.post("/endpoints", data=new),
            await client.post(f"{look}/change", data=new),
        ]
    assert [] == [answer.url for answer in answers if not 400 <= answer.status_code < 500]


async def test_what_the_api_keeps_from_readers_the_console_keeps_too(at: Desk) -> None:
    """Endpoints, deliveries and raw webhooks are for administrators of all connections, on whichever front."""
    parts = await conversation(at)
    paths = ["/endpoints", f"/endpoints/{parts['endpoint']}", f"/deliveries/{parts['delivery']}"]
    paths += ["/webhooks", f"/webhooks/{parts['number']}", f"/webhooks/{parts['number']}/download"]
    for scopes in (("read",), ("admin", f"connections:{parts['connection']}")):
        async with signed_in(at, await at.key(*scopes)) as client:
            assert [403] * len(paths) == [(await client.get(path)).status_code for path in paths]
            assert parts["endpoint"] not in (await client.get(f"/events/{parts['event']}")).text


@pytest.mark.parametrize("scopes", [("read",), ("send",), ("read", "send", "connections:pc_other")])
async def test_a_secret_that_was_shown_once_is_not_replayed_to_a_lesser_key(at: Desk, scopes: tuple[str, ...]) -> None:
    """An idempotency key that somebody guesses gives nobody an answer that their own key could not have had."""
    headers = {"idempotency-key": "the-first"}
    asked = {"name": "theirs", "scopes": ["admin"]}
    first = await at.client.post("/v1/keys", json=asked, headers=headers)
    again = await at.client.post("/v1/keys", json=asked, headers=headers)
    assert (201, first.json()) == (again.status_code, again.json())
    async with at.as_(await at.key(*scopes)) as lesser:
        answer = await lesser.post("/v1/keys", json=asked, headers=headers)
    assert (403, False) == (answer.status_code, "secret" in answer.json())


async def test_a_bound_key_repeats_only_its_own_requests(at: Desk) -> None:
    """The answer to a send by one connection is not given to a key that does not know the connection."""
    connection = await at.connection()
    asked = {"to": "+12025550123", "message": "hello", "connection": connection}
    headers = {"idempotency-key": "order-7"}
    first = await at.client.post("/v1/messages", json=asked, headers=headers)
    assert 202 == first.status_code
    async with at.as_(await at.key("read", "send", "connections:pc_other")) as other:
        answer = await other.post("/v1/messages", json=asked, headers=headers)
    assert 400 <= answer.status_code < 500
    assert first.json()["id"] not in answer.text


@pytest.mark.parametrize("path", ["/v1/events/stream", "/console/events/live"])
async def test_a_stream_whose_reader_left_at_once_gives_its_place_back(at: Desk, path: str) -> None:
    """However early it leaves: else a few impatient readers would use up all places of a tenant."""
    service = at.service
    cookie = await _cookie(service)
    for _ in range(3):
        await _left_at_once(at, path, cookie)
    assert {} == dict(service.streams._open)


async def _cookie(service: Service) -> str:
    from gateway.server.access import configured  # noqa: PLC0415 - used here only

    caller = configured(service, ADMIN_KEY)
    assert caller is not None
    return f"gateway_console={Sessions(service).made(caller)}"


async def _left_at_once(at: Desk, path: str, cookie: str) -> None:
    """Ask for a stream by a connection that is closed before anything of it is read."""
    from gateway.server import create_app  # noqa: PLC0415 - an application of its own, over the same service

    app = create_app(at.service)
    pieces = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> MutableMapping[str, Any]:
        return next(pieces, {"type": "http.disconnect"})

    async def send(_: MutableMapping[str, Any]) -> None:
        await asyncio.sleep(0)

    headers = [(b"authorization", f"Bearer {ADMIN_KEY}".encode()), (b"cookie", cookie.encode()), (b"host", b"here")]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
    }
    async with asyncio.timeout(20):
        await app(scope, receive, send)


async def test_a_session_of_a_configured_key_ends_when_that_key_is_replaced(tmp_path: Path) -> None:
    """A key of the configuration has no row that could be revoked: its text is what the cookie stands on."""
    async with desk(config_of(tmp_path)) as before, signed_in(before) as client:
        cookie = client.cookies["gateway_console"]
    async with desk(config_of(tmp_path, server={"admin_key": TAKEN_BACK})) as after, _with(after, cookie) as client:
        assert "Sign in" in (await client.get("/")).text


@contextlib.asynccontextmanager
async def _with(at: Desk, cookie: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{at.url}/console", timeout=30, trust_env=False) as client:
        client.cookies.set("gateway_console", cookie, path="/console")
        yield client


@pytest.mark.parametrize("path", ["/a%zz", "/[x]", "//elsewhere.example/x", "/../x", "/x?y#z"])
async def test_a_call_that_cannot_be_written_is_the_callers_mistake(at: Desk, path: str) -> None:
    """Neither a path that is no path nor a header that is two is a failure of the service."""
    connection = await at.connection()
    for headers in ({}, {"x-one": "a\r\nx-two: b"}, {"x one": "a"}):
        asked = {"method": "GET", "path": path, "headers": headers}
        answer = await at.client.post(f"/v1/connections/{connection}/calls", json=asked)
        assert answer.status_code < 500, (path, headers, answer.text)


HOSTS = ["http://169.254.169.254/latest", "http://127.0.0.1:8080", "https://10.0.0.1", "http://intern.example"]


@pytest.mark.parametrize("url", HOSTS)
async def test_a_tenant_leads_no_call_into_the_operators_network(tmp_path: Path, url: str) -> None:
    """The host of a vendor is a setting: in production it is held to what is public, on each front."""
    async with desk(config_of(tmp_path, security={"loopback": False})) as at:
        settings = {name: plain(value) for name, value in at.sim.settings("echo").items()}
        body = {"provider": "echo", "settings": {**settings, "base_url": url}}
        answer = await at.client.post("/v1/connections", json=body)
        assert (422, False) == (answer.status_code, url in answer.text), answer.text
        made = await at.client.post(
            "/v1/connections", json={**body, "settings": {**settings, "base_url": "https://api.example.com"}}
        )
        assert 201 == made.status_code, made.text
        changed = await at.client.patch(f"/v1/connections/{made.json()['id']}", json={"settings": {"base_url": url}})
        assert 422 == changed.status_code


async def test_an_answer_that_is_told_as_it_goes_takes_an_idempotency_key(at: Desk) -> None:
    """It is not kept, since it is no document; and the key is free again."""
    made = (await at.client.post("/v1/endpoints", json={"url": "https://example.com/hook"})).json()["endpoint"]
    for _ in range(2):
        answer = await at.client.post(
            f"/v1/endpoints/{made['id']}/recover",
            params={"progress": True},
            json={"since": "2026-01-01T00:00:00Z"},
            headers={"idempotency-key": "once-more"},
        )
        assert (202, 0) == (answer.status_code, answer.json()["done"])


async def test_nobody_answers_a_message_of_another_tenant(at: Desk) -> None:
    """That it is there is nothing that the other one is told, and its vendor's id is not looked up."""
    connection = await at.connection()
    sent = await at.client.post("/v1/messages", json={"to": PHONE, "message": "hi", "connection": connection})
    await at.service.tenancy.tenants.add(TenantRow(id="tn_other", name="other", created_at=datetime.now(UTC)))
    async with at.as_(await at.key("admin", tenant="tn_other")) as other:
        made = await other.post(
            "/v1/connections",
            json={"provider": "echo", "settings": {"api_key": "sk", "webhook_secret": "whsec"}},
        )
        for message in (sent.json()["id"], "msg_00000000000000000000000000"):
            content = {"text": "indeed", "reply_to": {"message": message}}
            asked = {"to": PHONE, "message": content, "connection": made.json()["id"], "policy": "graceful"}
            for path in ("/v1/messages", "/v1/messages/plan"):
                answer = await other.post(path, json=asked)
                assert (404, "not_found") == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("data", ["aG k=", "aGk", "!!!!", "aGk=\n", "é"])
async def test_a_file_that_is_no_base_64_is_not_sent_in_pieces(at: Desk, data: str) -> None:
    """A few characters that were lost on the way would go out as another file."""
    part = {"type": "attachment", "data": data, "name": "a.txt"}
    asked = {"connection": await at.connection(), "to": PHONE, "message": {"parts": [part]}}
    refused = await at.client.post("/v1/messages", json=asked)
    assert 422 == refused.status_code
    assert "this is no base 64" in refused.text
