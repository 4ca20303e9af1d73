"""Streams that get every event: NATS JetStream on a real server, and whatever a plugin offers."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import nats
import pytest

from gateway.clock import SYSTEM
from gateway.errors import ConfigurationError
from gateway.forward import Format, Published, Sink, SinkFailed, SinkPlan, open_sink, planned_sinks
from gateway.forward.samples import sample
from gateway.plugins import load_entries
from gateway.provider import hookimpl
from gateway.store import open_store
from gateway.store.records.endpoints import Wanted
from gateway.testing.stores.samples import enqueued
from tests.flow.nats_server import NatsServer
from tests.flow.receivers import Town, until, until_async


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A server of this test's own."""
    made = NatsServer(tmp_path / "nats")
    made.start()
    await made.ready()
    yield made
    made.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'gateway.db'}"
    else:
        yield request.getfixturevalue("postgres_url")


@pytest.fixture
async def town(store_url: str) -> AsyncIterator[Town]:
    """A store with its default tenant."""
    store = open_store(store_url, {})
    await store.open()
    made = Town(store)
    await made.settle()
    yield made
    await made.egress.aclose()
    await store.close()


async def stream(server: NatsServer, name: str = "GATEWAY") -> list[tuple[str, str, Any]]:
    """Give what is in a stream, in order: subject, id, body."""
    client = await nats.connect(server.url)
    try:
        manager = client.jetstream()
        info = await manager.stream_info(name)
        found = []
        for number in range(1, info.state.last_seq + 1):
            message = await manager.get_msg(name, number)
            assert message.data is not None
            assert message.headers is not None
            found.append((str(message.subject), message.headers["Nats-Msg-Id"], json.loads(message.data)))
        return found
    finally:
        await client.close()


def plan(server: NatsServer, query: str = "", **wishes: Any) -> SinkPlan:
    """Plan a sink on a server."""
    [made] = planned_sinks({"events": server.url + query}, {})
    return replace(made, **wishes)


async def test_every_event_is_in_the_stream_once_and_in_order(town: Town, server: NatsServer) -> None:
    """Of all tenants, on a subject that says whose, on which connection, and what it is."""
    await town.add_tenant("tn_b", "pc_b")
    before = await town.keep(town.message("before"))
    events = [town.message("one"), town.message("two"), town.message("three", connection="pc_b")]
    async with town.forwarding(sinks=[plan(server)]) as forwarder:
        pump = forwarder._pumps[0]
        await until_async(lambda: begun(town, pump.name))
        ids = await town.keep(*events)
        await until_async(lambda: reached(town, pump.name, 4))

    found = await stream(server)
    assert {
        ("gateway.tn_default.main.message.received", ids[0], "one"),
        ("gateway.tn_default.main.message.received", ids[1], "two"),
        ("gateway.tn_b.pc_b.message.received", ids[2], "three"),
    } == {(subject, id_, body["data"]["message"]["parts"][0]["text"]) for subject, id_, body in found}
    assert before[0] not in {id_ for _, id_, _ in found}
    assert ids[:2] == [id_ for _, id_, _ in found if id_ != ids[2]]


async def test_what_was_kept_back_is_in_the_stream(town: Town, server: NatsServer) -> None:
    """With the mark of old news: nothing is sent to a sink again, so it has all that the list of events has."""
    old = town.message("yesterday").model_copy(update={"stale": True})
    async with town.forwarding(sinks=[replace(plan(server), first=True)]) as forwarder:
        await town.keep(old, back=True)
        await until_async(lambda: reached(town, forwarder._pumps[0].name, 1))
    [(_, id_, body)] = await stream(server)
    assert (old.id, True) == (id_, body["data"]["stale"])


async def test_a_report_carries_the_trace_of_its_message(town: Town, server: NatsServer) -> None:
    """As a header of the stream's, beside the event's id."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    sent = await enqueued(town.store, "traced", request=json.dumps({"to": "+12025550123", "trace": trace}))
    report = sample("delivery.updated", SYSTEM.now(), connection="main").model_copy(update={"message_id": sent.id})
    async with town.forwarding(sinks=[replace(plan(server), first=True)]) as forwarder:
        await town.keep(report, town.message("hello"))
        await until_async(lambda: reached(town, forwarder._pumps[0].name, 2))
    client = await nats.connect(server.url)
    try:
        messages = [await client.jetstream().get_msg("GATEWAY", number) for number in (1, 2)]
    finally:
        await client.close()
    assert [trace, None] == [(message.headers or {}).get("traceparent") for message in messages]


async def begun(town: Town, name: str) -> bool:
    """Tell whether a sink has its place."""
    return bool(await town.store.rows("sink", name))  # type: ignore[attr-defined]  # a durable store


async def reached(town: Town, name: str, sequence: int) -> bool:
    """Tell whether a sink has come to an event."""
    rows = await town.store.rows("sink", name)  # type: ignore[attr-defined]  # a durable store
    return bool(rows) and rows[0][0] >= sequence


async def test_a_sink_may_begin_with_what_is_kept_and_want_less(town: Town, server: NatsServer) -> None:
    """From the first event on; by type; in another format, stream and prefix."""
    typing = sample("typing.started", SYSTEM.now(), connection="main")
    [message, _] = await town.keep(town.message("one"), typing)
    wishes = {"first": True, "form": Format.CLOUDEVENTS, "wanted": Wanted(("message.*",))}
    async with town.forwarding(sinks=[plan(server, "?stream=OTHER&prefix=a.b", **wishes)]):
        await until_async(lambda: reached(town, "events", 2))

    [(subject, id_, body)] = await stream(server, "OTHER")
    assert ("a.b.tn_default.main.message.received", message, "1.0") == (subject, id_, body["specversion"])


async def test_what_the_server_missed_comes_when_it_is_back(town: Town, server: NatsServer) -> None:
    """It was gone for a while: nothing is lost, nothing is there twice."""
    async with town.forwarding(sinks=[plan(server, first=True)]):
        [one] = await town.keep(town.message("one"))
        await until_async(lambda: reached(town, "events", 1))
        server.stop()
        [two] = await town.keep(town.message("two"))
        await asyncio.sleep(0.2)
        assert not await reached(town, "events", 2)
        server.start()
        await server.ready()
        await until_async(lambda: reached(town, "events", 2))

    assert [one, two] == [id_ for _, id_, _ in await stream(server)]


async def test_what_is_published_again_is_there_once(town: Town, server: NatsServer) -> None:
    """A process that dies before it writes down how far it came publishes again, and the server knows the ids."""
    events = await town.keep(*(town.message(f"m{n}") for n in range(5)))
    for name in ("events", "after a crash"):
        again = SinkPlan(name, open_sink(server.url, {}), first=True)
        async with town.forwarding(sinks=[again]):
            await until_async(lambda name=name: reached(town, name, 5))  # type: ignore[misc]  # bound to this round

    assert events == [id_ for _, id_, _ in await stream(server)]


async def test_one_process_at_a_time_feeds_a_sink(postgres_url: str, server: NatsServer) -> None:
    """Two have it, and what one wrote the other does not write again."""
    towns = [Town(open_store(postgres_url, {})) for _ in range(2)]
    for town in towns:
        await town.store.open()
    await towns[0].settle()
    sinks = [Counting(), Counting()]
    plans = [SinkPlan("events", sink, first=True) for sink in sinks]
    async with towns[0].forwarding(sinks=[plans[0]]), towns[1].forwarding(sinks=[plans[1]]):
        ids = [id_ for n in range(20) for id_ in await towns[n % 2].keep(towns[0].message(str(n)))]
        await until(lambda: len(sinks[0].ids) + len(sinks[1].ids) >= 20)
    for town in towns:
        await town.egress.aclose()
        await town.store.close()

    assert ids == sinks[0].ids or ids == sinks[1].ids


class Counting:
    """A sink of a plugin."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.ids: list[str] = []

    async def open(self) -> None:
        """Do nothing."""

    async def publish(self, events: Sequence[Published]) -> None:
        """Note what came."""
        self.ids += [event.id for event in events]

    async def close(self) -> None:
        """Do nothing."""


def test_a_plugin_offers_a_sink_by_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own, found by the hook; it opens nothing yet."""

    @hookimpl
    def gateway_sinks() -> Any:
        return {"counting": Counting}

    module = ModuleType("made_up_sink")
    monkeypatch.setattr(module, "gateway_sinks", gateway_sinks, raising=False)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    plugins = load_entries([EntryPoint(name="sink", value=module.__name__, group="messaging_gateway")])

    made: Sink = open_sink("counting://there", plugins.sinks())
    assert isinstance(made, Counting)
    assert "counting://there" == made.url


@pytest.mark.parametrize("url", ["kafka://user:secret@there", "there", "nats://there?subject=x"])
def test_a_sink_that_there_is_not(url: str) -> None:
    """Is refused, without its URL."""
    with pytest.raises(ConfigurationError) as refused:
        open_sink(url, {})
    assert "secret" not in refused.value.message


async def test_a_server_that_is_not_there(unused_tcp_port: int) -> None:
    """Is a failure that is tried again, and says nothing of the password."""
    sink = open_sink(f"nats://user:secret@127.0.0.1:{unused_tcp_port}", {})
    with pytest.raises(SinkFailed) as failed:
        await sink.open()
    assert ("connect", "secret" in str(failed.value) + repr(sink)) == (failed.value.code, False)
