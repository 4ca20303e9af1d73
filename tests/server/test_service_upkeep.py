"""What a service does by itself: it forwards, goes on where it was, and keeps its secrets under the right key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.js.errors import NotFoundError
from standardwebhooks import Webhook

from gateway.simulator import Fault, FaultKind, Stage
from tests.flow.nats_server import NatsServer
from tests.flow.receivers import Receiver, receiving
from tests.server.desk import MASTER, ON_BOTH_STORES, PHONE, VENDOR, Desk, config_of, desk

SUCCESSOR = "k2:" + "B" * 43 + "="


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Somebody who gets events."""
    async with receiving() as made:
        yield made


async def came(at: Desk, receiver: Receiver, number: int = 1) -> None:
    """Wait until so many deliveries came."""

    async def enough() -> bool:
        return len(receiver.got) >= number

    await at.until(enough)


@ON_BOTH_STORES
async def test_an_event_reaches_an_endpoint_until_it_is_removed(at: Desk, receiver: Receiver) -> None:
    """Signed by the secret that was shown, listed as delivered, and nothing more once the endpoint is gone."""
    await at.connection()
    made = (await at.client.post("/v1/endpoints", json={"url": receiver.url})).json()
    where = f"/v1/endpoints/{made['endpoint']['id']}"
    at.phone.write("hello", vendor=VENDOR)
    await came(at, receiver)

    async def delivered() -> Any:
        return (await at.client.get(f"{where}/deliveries", params={"state": "delivered"})).json()["items"]

    [delivery] = await at.until(delivered)
    [got] = receiver.got
    assert "message.received" == Webhook(made["secrets"][0]).verify(got.body, got.headers)["type"]
    assert (got.id, "delivered") == (delivery["event"], delivery["state"])
    gone = [(await at.client.delete(where)).status_code, (await at.client.get(where)).status_code]
    at.phone.write("anybody?", vendor=VENDOR)

    async def both() -> bool:
        return len((await at.client.get("/v1/events", params={"type": "message.received"})).json()["items"]) == 2

    await at.until(both)
    assert ([204, 404], 1) == (gone, len(receiver.got))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_what_waited_goes_at_once_after_a_restart(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Its connection is there before anybody looks for work: nothing is put off for what is not there yet."""
    other = {"gateway": {"store": request.getfixturevalue("postgres_url")}} if kind == "postgresql" else {}
    config = config_of(tmp_path, **other)
    async with desk(config) as first:
        await first.connection()
        first.sim.faults.add(Fault(stage=Stage.REQUEST, kind=FaultKind.ANSWER, status=503, retry_after=2, times=None))
        sent = (await first.client.post("/v1/messages", json={"to": PHONE, "message": "hi"})).json()

        async def tried() -> Any:
            return (await first.client.get(f"/v1/messages/{sent['id']}/timeline")).json()["steps"][0]["attempts"]

        await first.until(tried)
        await first.service.stop()
        first.sim.faults.clear()
        async with desk(config) as second:

            async def left() -> bool:
                shown = (await second.client.get(f"/v1/messages/{sent['id']}")).json()
                return bool(shown["outcome"] == "accepted")

            await second.until(left)


async def test_a_new_master_key_takes_over_at_the_next_start(tmp_path: Path, receiver: Receiver) -> None:
    """In front of the ring it seals what connections and endpoints have, and then the one before may go."""
    async with desk(config_of(tmp_path)) as first:
        connection = await first.connection()
        made = (await first.client.post("/v1/endpoints", json={"url": receiver.url})).json()
    both = {"security": {"master_key": f"{SUCCESSOR},{MASTER}"}}
    async with desk(config_of(tmp_path, **both)) as second:

        async def sealed() -> bool:
            rows = await second.service.store.rows("all_endpoints", "", 10)
            rows += await second.service.store.rows("connections_changed", -1)
            return len(rows) == 2 and all("k2:" in str(tuple(row)) for row in rows)

        await second.until(sealed)
    alone = {"security": {"master_key": SUCCESSOR}}
    async with desk(config_of(tmp_path, **alone)) as third:
        shown = (await third.client.get(f"/v1/connections/{connection}")).json()
        test = {"type": "message.received"}
        await third.client.post(f"/v1/endpoints/{made['endpoint']['id']}/test", json=test)
        await came(third, receiver)
    [got] = receiver.got
    assert "active" == shown["state"]
    assert "message.received" == Webhook(made["secrets"][0]).verify(got.body, got.headers)["type"]


async def test_events_go_to_a_stream_that_is_configured(tmp_path: Path) -> None:
    """Under `[forward] sinks`: on the subject of its tenant, connection and type, under the event's id."""
    server = NatsServer(tmp_path / "nats")
    server.start()
    try:
        await server.ready()
        sinks = {"forward": {"sinks": {"main": f"{server.url}?stream=EVENTS&prefix=messages"}}}
        async with desk(config_of(tmp_path, **sinks)) as at:
            connection = await at.connection()
            at.phone.write("hello", vendor=VENDOR)
            client = await nats.connect(server.url)
            try:
                reader = await _reader(client, f"messages.tn_default.{connection}.message.received")
                [message] = await reader.fetch(1, timeout=30)
            finally:
                await client.close()
            [event] = (await at.client.get("/v1/events", params={"type": "message.received"})).json()["items"]
    finally:
        server.stop()
    assert message.headers is not None
    assert event["id"] == message.headers["Nats-Msg-Id"]
    assert "hello" == json.loads(message.data)["data"]["message"]["parts"][0]["text"]


async def _reader(client: Any, subject: str) -> Any:
    """Read a subject from its beginning, as soon as its stream is there."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await client.jetstream().pull_subscribe(subject, stream="EVENTS")
            except NotFoundError:
                await asyncio.sleep(0.05)


async def test_a_process_learns_at_once_of_a_connection_that_another_made(tmp_path: Path, postgres_url: str) -> None:
    """Its vendor may deliver to either of them, and what is sent may be taken by either."""
    config = config_of(tmp_path, gateway={"store": postgres_url})
    async with desk(config) as one, desk(config) as other:
        connection = await one.connection()
        other.service.store.changed = _never  # type: ignore[method-assign]  # no hint comes
        one.sim.set_webhook(VENDOR, f"{other.url}/webhooks/{connection}")
        one.phone.write("hello", vendor=VENDOR)

        async def arrived() -> Any:
            return (await one.client.get("/v1/events", params={"type": "message.received"})).json()["items"]

        await one.until(arrived)
        # the vendor writes down what it was told after the event is there
        [attempt] = await one.sim.journal.wait("attempt", seconds=30)
    assert 200 == attempt.data["status"]


async def _never(since: int) -> None:
    await asyncio.Event().wait()
