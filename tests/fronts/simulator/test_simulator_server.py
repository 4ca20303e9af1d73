from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.errors import ConfigurationError
from gateway.simulator import Fault, FaultKind, Simulation, Stage, serve, twin_of
from gateway.simulator.asgi import reset
from tests.fronts.echo_twin import EchoTwin, SecondTwin
from tests.fronts.simulator.conftest import THEIRS, Stand
from tests.fronts.simulator.receiver import Receiver
from tests.loopback import NO_TLS

ROOT = Path(__file__).resolve().parents[3]


async def course(url: str, seed: int) -> list[dict[str, Any]]:
    """Let the same things happen in a new simulation, and give what the journal says."""
    async with (
        Simulation([EchoTwin, SecondTwin], seed=seed, clock="virtual", webhooks={"echo": url}) as sim,
        httpx.AsyncClient(
            headers={"authorization": f"Bearer {sim.api_keys['echo']}"}, trust_env=False, verify=NO_TLS
        ) as http,
    ):
        sim.faults.add(Fault(stage=Stage.WEBHOOK, kind=FaultKind.DUPLICATE, times=None, probability=0.5))
        sim.faults.add(Fault(stage=Stage.REQUEST, kind=FaultKind.ANSWER, times=None, probability=0.3))
        for number in range(6):
            await http.post(f"{sim.base_url('echo')}/chats/{THEIRS}/messages", json={"text": f"message {number}"})
            await sim.clock.advance(0.7)
            sim.contact(sim.world.phones()[number % 3].address).write("hello", vendor="echo")
        await sim.clock.advance(3600)
        return [entry.json() for entry in sim.journal.entries()]


async def test_two_runs_with_one_seed_have_equal_journals() -> None:
    """Ids, times, order, faults and signatures follow from the seed; another seed has others."""
    async with Receiver() as app:
        first, again, other = [await course(app.url, seed) for seed in (5, 5, 6)]
    assert first == again
    assert first != other
    kinds = {entry["kind"] for entry in first}
    assert {"request", "answer", "world", "webhook", "attempt", "fault"} == kinds


async def test_twins_share_one_port_and_one_world() -> None:
    """Each is mounted under its name with its own path, keys and ids; the phones are the same."""
    async with (
        Simulation([EchoTwin, SecondTwin], clock="virtual") as sim,
        httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http,
    ):
        assert [f"{sim.url}/echo/v1", f"{sim.url}/second"] == [sim.base_url(vendor) for vendor in sim.vendors]
        for vendor, url in ((v, f"{sim.url}/{v}/v1/chats/{THEIRS}/messages") for v in sim.vendors):
            key = {"authorization": f"Bearer {sim.api_keys[vendor]}"}
            assert 202 == (await http.post(url, json={"text": "hi"}, headers=key)).status_code
        assert [1, 1] == [len(sim.world.threads(vendor)) for vendor in sim.vendors]
        assert 2 == len({*sim.api_keys.values()}) == len({*sim.secrets.values()})
        strange = await http.post(f"{sim.base_url('echo')}/chats/{THEIRS}/messages", json={"text": "hi"})
        assert 401 == strange.status_code
        assert sim.settings("echo") == {
            "base_url": sim.base_url("echo"),
            "api_key": sim.api_keys["echo"],
            "secret": sim.secrets["echo"],
        }


async def test_keys_follow_from_the_seed_unless_they_are_given() -> None:
    """The same seed prints the same keys, so that a configuration can be kept."""
    one, same = Simulation([EchoTwin], seed=4), Simulation([EchoTwin], seed=4)
    given = Simulation([EchoTwin], seed=4, api_keys={"echo": "k"}, secrets={"echo": "s"})
    assert (one.api_keys, one.secrets) == (same.api_keys, same.secrets)
    assert one.api_keys != Simulation([EchoTwin], seed=5).api_keys
    assert ({"echo": "k"}, {"echo": "s"}) == (given.api_keys, given.secrets)


async def test_a_vendors_answer_is_the_twins_to_the_byte(stand: Stand) -> None:
    """Status, headers and body are the twin's, the date is the world's; an unknown path has an empty 404."""
    answer = await stand.send()
    assert {
        "content-type": "application/json",
        "content-length": str(len(answer.content)),
        "date": "Thu, 01 Jan 2026 12:00:00 GMT",
        "x-echo": "yes",
    } == dict(answer.headers)
    unknown = await stand.http.get(f"{stand.sim.base_url('echo')}/nothing")
    assert (404, b"") == (unknown.status_code, unknown.content)
    wrong = await stand.http.delete(f"{stand.sim.base_url('echo')}/messages/x/")
    assert (405, "GET") == (wrong.status_code, wrong.headers["allow"])
    assert 404 == (await stand.http.get(f"{stand.sim.base_url('echo')}/messages/x")).status_code


async def test_the_twin_sees_what_was_on_the_wire(stand: Stand) -> None:
    """The journal has the raw path, the decoded one, the query and the body as it came."""
    await stand.http.post(f"{stand.sim.base_url('echo')}/chats/%2B1%202/messages?a=%2B&a=2&b=", content=b"\xff")
    (entry,) = stand.sim.journal.entries("request")
    assert (
        "POST",
        "/v1/chats/%2B1%202/messages",
        "/v1/chats/+1 2/messages",
        {"a": "2", "b": ""},
        "\ufffd",
    ) == tuple(entry.data[name] for name in ("method", "raw_path", "path", "query", "body"))


async def test_our_reactions_typing_and_read_marks_reach_the_phone(stand: Stand) -> None:
    """What the application does beside messages is in the world and in the journal."""
    base = stand.sim.base_url("echo")
    theirs = stand.sim.contact(THEIRS).write("hi", vendor="echo")
    await stand.http.post(f"{base}/messages/{theirs.vendor_id}/reaction", json={"word": "love"})
    await stand.http.put(f"{base}/chats/{THEIRS}/typing")
    assert theirs.thread.typing
    await stand.http.put(f"{base}/chats/{THEIRS}/read")
    assert ["message", "reacted", "typing", "read"] == [
        entry.data["what"] for entry in stand.sim.journal.entries("world")
    ]
    assert ("read", ["love"]) == (theirs.state.value, [reaction.text for reaction in theirs.reactions.values()])


async def test_real_time_needs_no_advance() -> None:
    """In real time messages go their way by themselves, in order."""
    async with (
        Receiver() as app,
        Simulation([EchoTwin], latency=0.01, webhooks={"echo": app.url}) as sim,
        httpx.AsyncClient(
            headers={"authorization": f"Bearer {sim.api_keys['echo']}"}, trust_env=False, verify=NO_TLS
        ) as http,
    ):
        await http.post(f"{sim.base_url('echo')}/chats/{THEIRS}/messages", json={"text": "hi"})
        assert 3 == len(await sim.journal.wait("attempt", count=3))
        assert ["sent", "delivered", "read"] == app.events


async def test_leaving_ends_everything() -> None:
    """A silent answer, a delayed one, a long poll and a webhook under way: nothing is left running."""
    before = asyncio.all_tasks()
    async with Receiver(answers=[0]) as app, httpx.AsyncClient(trust_env=False, verify=NO_TLS, timeout=10) as http:
        async with Simulation([EchoTwin], webhooks={"echo": app.url}) as sim:
            sim.faults.add(Fault(kind=FaultKind.SILENCE))
            sim.faults.add(Fault(kind=FaultKind.DELAY, seconds=1000))
            url = f"{sim.base_url('echo')}/chats/{THEIRS}/messages"
            asked = [asyncio.create_task(http.post(url, json={"text": "hi"})) for _ in range(2)]
            asked.append(asyncio.create_task(http.get(f"{sim.control_url}/journal?since=99&wait=60")))
            sim.contact(THEIRS).write("hi", vendor="echo")
            await sim.journal.wait("fault", count=2)
            async with asyncio.timeout(60):
                await app.came.wait()
        async with asyncio.timeout(60):
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [httpx.ReadError, httpx.Response, httpx.Response] == [type(outcome) for outcome in outcomes]
    assert before == asyncio.all_tasks()


async def test_a_twins_own_failure_is_raised_at_the_end() -> None:
    """A twin that raised is never taken for a vendor that failed."""

    async def run() -> None:
        async with Simulation([EchoTwin], clock="virtual") as sim:
            twin = sim.twin("echo")
            assert isinstance(twin, EchoTwin)
            twin.context.later(1, twin.fail)
            await sim.clock.advance(2)

    with pytest.raises(ExceptionGroup, match="a twin failed"):
        await run()


async def test_a_taken_port_is_a_matter_of_configuration() -> None:
    """The error says what to do; nothing is left open."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigurationError, match="cannot listen") as refused:
            await Simulation([EchoTwin], port=taken.getsockname()[1]).__aenter__()
    assert "choose another port, or 0 for a free one" == refused.value.hint


@pytest.mark.parametrize(
    ("vendors", "more", "message"),
    [
        ([], {}, "nothing to simulate"),
        ([EchoTwin, EchoTwin], {}, "named twice"),
        ([EchoTwin], {"webhooks": {"other": "http://127.0.0.1/"}}, "other is not simulated"),
        ([EchoTwin], {"webhooks": {"echo": "ftp://127.0.0.1/"}}, "webhook URL of echo is wrong"),
        (["no-such-vendor"], {}, "no provider 'no-such-vendor'"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_opened(
    vendors: list[Any], more: dict[str, Any], message: str
) -> None:
    """Each refusal says what to do."""
    with pytest.raises(ConfigurationError, match=message):
        serve(vendors, **more)


def test_the_twin_of_an_unknown_provider_is_refused() -> None:
    """There is no guessing."""
    with pytest.raises(ConfigurationError):
        twin_of("no-such-vendor")


async def test_a_server_that_cannot_reset_says_so() -> None:
    """A fault that cannot strike is an error, not a silent success."""

    async def nothing(*_: object) -> Any:
        return {"type": "http.disconnect"}

    with pytest.raises(RuntimeError, match="uvicorn"):
        await reset(nothing, nothing)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_serve_prints_one_line_and_ends_on_a_signal(number: signal.Signals) -> None:
    """The line for programs is alone on stdout, stderr has what a person reads; the end is quiet, with status 0."""
    program = (
        "from tests.fronts.echo_twin import EchoTwin; from gateway.simulator import serve; "
        "serve([EchoTwin], seed=3, json_line=True, webhooks={'echo': 'http://127.0.0.1:1/hook'})"
    )
    path = os.pathsep.join([str(ROOT), *(entry for entry in sys.path if entry)])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        "-c",
        program,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        told = json.loads(await process.stdout.readline())
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http:
            state = (await http.get(f"{told['control_url']}/state")).json()
        process.send_signal(number)
        rest, errors = await process.communicate()
    same = Simulation([EchoTwin], seed=3)
    assert {"base_urls", "control_url", "phone_url", "api_keys", "secrets"} == told.keys()
    assert (same.api_keys, same.secrets) == (told["api_keys"], told["secrets"])
    assert told["base_urls"]["echo"] == state["vendors"][0]["base_url"]
    assert (0, b"") == (process.returncode, rest)
    assert [b"simulating echo with seed 3", b"press Ctrl+C to end"] == [errors.splitlines()[n] for n in (0, -1)]
