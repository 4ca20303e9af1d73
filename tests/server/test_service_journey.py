"""A connection is made, a message goes out, its reports and an answer come in, and all of it can be looked at."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.server.desk import ON_BOTH_STORES, PHONE, Desk, config_of, desk


@ON_BOTH_STORES
async def test_a_message_goes_out_and_an_answer_comes_in(at: Desk) -> None:
    """From the connection to the event, over HTTP alone."""
    connection = await at.connection(name="main")
    at.phone.write("hello", vendor="echo")

    async def arrived() -> Any:
        found = (await at.client.get("/v1/events", params={"type": "message.received"})).json()
        return found["items"]

    [event] = await at.until(arrived)
    assert ("hello", connection) == (event["message"]["parts"][0]["text"], event["connection"])
    sent = await at.client.post("/v1/messages", params={"wait": 10}, json={"to": event["id"], "message": "hi there"})
    assert 202 == sent.status_code, sent.text
    message = sent.json()
    assert ("accepted", connection, None) == (message["outcome"], message["connection"], message["error"])
    told = (await at.client.get(f"/v1/messages/{message['id']}/timeline")).json()
    assert message["id"] == told["message_id"]
    listed = (await at.client.get("/v1/messages")).json()
    assert [message["id"]] == [item["id"] for item in listed["items"]]


async def test_a_plan_sends_nothing(at: Desk) -> None:
    """It says in words and as data what would go."""
    connection = await at.connection()
    plan = await at.client.post("/v1/messages/plan", json={"to": PHONE, "message": "hi"})
    assert (200, connection) == (plan.status_code, plan.json()["connection"])
    assert [] == (await at.client.get("/v1/messages")).json()["items"]


async def test_a_refused_message_is_a_problem_and_is_not_kept(at: Desk) -> None:
    """What is wrong with a message is told before anything is promised."""
    await at.connection()
    answer = await at.client.post("/v1/messages", json={"to": "not an address", "message": "hi"})
    assert (422, "invalid_message") == (answer.status_code, answer.json()["code"])
    times = {"at": "2030-01-01T12:00:00Z", "expires": "2030-01-01T11:00:00Z"}
    answer = await at.client.post("/v1/messages", json={"to": PHONE, "message": "hi", **times})
    assert (422, "invalid_message") == (answer.status_code, answer.json()["code"])
    assert [] == (await at.client.get("/v1/messages")).json()["items"]


@ON_BOTH_STORES
async def test_events_are_a_list_a_long_poll_and_a_stream(at: Desk) -> None:
    """Each goes on where it was left, by the cursor that it gave."""
    await at.connection()
    poll = asyncio.create_task(at.client.get("/v1/events", params={"after": "latest", "wait": 20}))
    await asyncio.sleep(0.2)
    at.phone.write("one", vendor="echo")
    first = (await poll).json()
    assert ["one"] == [item["message"]["parts"][0]["text"] for item in first["items"]]
    at.phone.write("two", vendor="echo")
    seen: list[str] = []
    async with at.client.stream("GET", "/v1/events/stream", headers={"last-event-id": first["next"]}) as stream:
        assert "text/event-stream; charset=utf-8" == stream.headers["content-type"]
        async for line in stream.aiter_lines():
            seen.append(line)
            if line.startswith("data:"):
                break
    assert any('"two"' in line for line in seen)
    assert not any('"one"' in line for line in seen)
    assert any(line.startswith("id: ") for line in seen)


@ON_BOTH_STORES
async def test_the_webhook_of_nobody_is_a_problem(at: Desk) -> None:
    """401, 404, 405 and 413, each with a document; nothing of the request is in it."""
    connection = await at.connection()
    nobody = await at.client.post("/webhooks/pc_nobody", content=b"{}")
    unproven = await at.client.post(f"/webhooks/{connection}", content=b"{}")
    large = await at.client.post(f"/webhooks/{connection}", content=b"x" * (1024 * 1024 + 1))
    method = await at.client.put(f"/webhooks/{connection}", content=b"{}")
    answers = [nobody, unproven, large, method]
    assert [404, 401, 413, 405] == [answer.status_code for answer in answers]
    assert {"application/problem+json"} == {answer.headers["content-type"] for answer in answers}
    assert ["not_found", "bad_signature", "content_too_large", "method_not_allowed"] == [
        answer.json()["code"] for answer in answers
    ]


@pytest.mark.parametrize("path", ["/nowhere", "/v1/nothing", "/v1/messages/msg_nobody"])
async def test_what_is_not_there_is_a_problem(at: Desk, path: str) -> None:
    """Also where no route is."""
    answer = await at.client.get(path)
    assert (404, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


async def test_the_method_and_the_type_and_the_shape_are_told(at: Desk) -> None:
    """405, 415, 400 and 422 are problems; a wrong shape names each place and no value."""
    method = await at.client.delete("/v1/messages")
    kind = await at.client.post("/v1/messages", content=b"x", headers={"content-type": "text/plain"})
    broken = await at.client.post("/v1/messages", content=b"{", headers={"content-type": "application/json"})
    shape = await at.client.post("/v1/messages", json={"to": PHONE, "mesage": "secret words"})
    assert [405, 415, 400, 422] == [answer.status_code for answer in (method, kind, broken, shape)]
    assert ["#/message", "#/mesage"] == [item["pointer"] for item in shape.json()["errors"]]
    assert "secret words" not in shape.text


@ON_BOTH_STORES
async def test_health_needs_no_key_and_says_what_is_wrong(at: Desk) -> None:
    """Ready while it runs; not any more once it ends."""
    bare = at.as_(None)
    async with bare:
        assert (200, "ok") == ((live := await bare.get("/livez")).status_code, live.json()["status"])
        assert (200, "ready") == ((ready := await bare.get("/readyz?wait=5s")).status_code, ready.json()["status"])
        at.service.draining = True
        assert (503, "ending") == (
            (ending := await bare.get("/readyz")).status_code,
            ending.json()["checks"]["process"],
        )


async def test_a_gateway_that_starts_again_knows_its_connections(tmp_path: Path) -> None:
    """Connections, keys and messages are the store's."""
    config = config_of(tmp_path)
    async with desk(config) as first:
        connection = await first.connection(name="main")
        key = await first.key("read")
    async with desk(config) as second, second.as_(key) as client:
        listed = (await client.get("/v1/connections")).json()["items"]
    assert [(connection, "main", "active")] == [(item["id"], item["name"], item["state"]) for item in listed]
