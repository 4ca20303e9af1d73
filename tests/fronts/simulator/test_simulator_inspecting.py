"""The control API's side of looking: findings, recordings, webhooks told again, secrets that are changed."""

from __future__ import annotations

from gateway.simulator.scenario import Scenario
from tests.fronts.simulator.conftest import THEIRS, Stand


async def test_findings_are_listed(stand: Stand) -> None:
    """Nothing at first; then each with its rule, its message and its words."""
    assert {"findings": []} == (await stand.control("GET", "/lint")).json()
    stand.sim.contact(THEIRS).write("hello", vendor="echo")
    await stand.send("yes")
    second = (await stand.send("yes")).json()["id"]
    (finding,) = (await stand.control("GET", "/lint")).json()["findings"]
    assert ("double-reply", "echo", second) == tuple(finding[name] for name in ("rule", "vendor", "message"))


async def test_a_session_is_recorded_from_a_moment_on(stand: Stand) -> None:
    """What was said before is not in it."""
    stand.sim.contact(THEIRS).write("before", vendor="echo")
    last = stand.sim.journal.last
    stand.sim.contact(THEIRS).write("after", vendor="echo")
    for since, says in ((0, ["before", "after"]), (last, ["after"])):
        told = (await stand.control("GET", f"/recording?since={since}&name=short")).json()
        scenario = Scenario.read(told["toml"])
        assert ("short", says) == (scenario.name, [step.says for step in scenario.step])
        assert stand.sim.journal.last == told["last"]


async def test_a_webhook_is_told_again(stand: Stand) -> None:
    """As it was, as of another day, and by somebody who has not the secret."""
    stand.sim.contact(THEIRS).write("hello", vendor="echo")
    await stand.sim.clock.advance(1)
    seq = stand.sim.journal.entries("webhook")[0].seq
    for body in ({}, {"age": 86_400}, {"wrongly": True}):
        assert {"told": seq} == (await stand.control("POST", f"/webhooks/echo/{seq}/again", body)).json()
        await stand.sim.clock.advance(0.1)
    first, again, old, forged = stand.app.hooks
    assert {first.body} == {again.body, old.body, forged.body}
    times = [int(hook.headers["x-echo-time"]) for hook in (first, again, old, forged)]
    assert [86_400, 0] == [times[1] - times[2], times[3] - times[1]]
    assert again.headers["x-echo-proof"] != forged.headers["x-echo-proof"]
    marks = [entry.data["spoiled"] for entry in stand.sim.journal.entries("attempt")]
    assert [None, None, "stale", "signature"] == marks


async def test_what_cannot_be_told_again_is_refused(stand: Stand) -> None:
    """A number that is none, a vendor who is not there, a vendor whose webhooks go nowhere."""
    stand.sim.contact(THEIRS).write("hello", vendor="echo")
    seq = stand.sim.journal.entries("webhook")[0].seq
    stand.sim.set_webhook("echo", None)
    wanted = {
        "/webhooks/echo/x/again": 404,
        "/webhooks/echo/999999/again": 404,
        f"/webhooks/gone/{seq}/again": 404,
        f"/webhooks/echo/{seq}/again": 409,
        "/vendors/gone/secret": 404,
    }
    assert wanted == {path: (await stand.control("POST", path)).status_code for path in wanted}
    assert 422 == (await stand.control("POST", "/vendors/echo/secret", {"secret": "short"})).status_code


async def test_a_secret_is_changed(stand: Stand) -> None:
    """Webhooks are signed with the new one, the journal masks it, and a snapshot brings the old one back."""
    old = stand.sim.secrets["echo"]
    snapshot = stand.sim.scene.snapshot()
    made = (await stand.control("POST", "/vendors/echo/secret")).json()["secret"]
    own = (await stand.control("POST", "/vendors/echo/secret", {"secret": "of my own"})).json()["secret"]
    assert ("of my own", "of my own") == (own, stand.sim.secrets["echo"])
    assert 3 == len({old, made, own})
    entry = stand.sim.journal.record("world", text=f"{old} {made} {own}")
    assert "••• ••• •••" == entry.data["text"]
    stand.sim.scene.restore(snapshot)
    assert (old, old) == (stand.sim.secrets["echo"], stand.sim.twin("echo").context.secret)
    assert made != stand.sim.scene.rotate("echo")
