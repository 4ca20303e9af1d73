"""What the vendor's quotas stop: as the table says, and as a gateway and the twin act it out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway import Gateway, Ticket
from gateway.provider import (
    Chat,
    ContentRefused,
    InvalidRequest,
    LimitReached,
    NotFound,
    NotOptedIn,
    Pause,
    Phase,
    RateLimited,
    Refused,
    Reply,
    Scope,
    SendError,
    SenderUnavailable,
    Unauthorized,
    Whom,
)
from gateway.simulator import Simulation
from gateway_blooio.errors import CODES, refusal
from gateway_blooio.simulator import BlooioTwin

SAMPLES = Path(__file__).parent / "samples"
VENDOR = BlooioTwin.name
PATIENCE = 60
LATENCY = 0.02
"""Seconds of the world that the twin takes for an answer."""
ADA, BEN, CLEO, DORA = (f"+1202555015{digit}" for digit in range(4))
FIRST, SECOND = BlooioTwin.lines

PAUSES = {
    # the shared plan's cap is one of the plan, so of all lines
    "new_conversation_limit_reached": Pause(3600, Whom.NEW),
    "outbound_limit_reached": Pause(3600, Whom.NEW, Scope.LINE),
    "safety_new_conversations_paused": Pause(3600, Whom.NEW, Scope.LINE),
    "safety_reply_only": Pause(3600, Whom.NEW, Scope.LINE),
}


@pytest.mark.parametrize("code", sorted(code for (phase, code), _ in CODES if phase is Phase.CALL))
def test_a_code_stops_what_it_must_and_nothing_else(code: str) -> None:
    """Four codes stop new conversations for an hour; no other code stops anything but its own message."""
    row = CODES.find(Phase.CALL, code)
    assert row is not None
    assert PAUSES.get(code) == row.pause


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("error_attachment_first", ContentRefused),
        ("error_bad_request", InvalidRequest),
        ("error_coming_soon", Refused),
        ("error_forbidden", Refused),
        ("error_inbound_only", NotOptedIn),
        ("error_member_removal", Refused),
        ("error_new_conversations", LimitReached),
        ("error_no_device", SenderUnavailable),
        ("error_no_number", SenderUnavailable),
        ("error_outbound_limit", LimitReached),
        ("error_outbound_limit_number", LimitReached),
        ("error_rate_limit", RateLimited),
        ("error_reply_target", NotFound),
        ("error_short", NotFound),
        ("error_slug", Unauthorized),
        ("error_v4", Unauthorized),
    ],
)
def test_a_sample_is_its_error(name: str, error: type[SendError]) -> None:
    """Every error that is documented makes the error of ours that its catcher can act on."""
    body = (SAMPLES / f"{name}.json").read_bytes()
    status = json.loads(body).get("status") or {"error_v4": 403}.get(name, 501)
    made = refusal(Reply(status, {}, body))
    assert (error, status, True) == (type(made), made.status, made.certain)


def test_every_sample_of_an_error_is_tested() -> None:
    """No file lies there unread."""
    tested = set(test_a_sample_is_its_error.pytestmark[0].args[1])  # type: ignore[attr-defined]  # the marks of pytest
    assert {path.stem for path in SAMPLES.glob("error_*.json")} == {name for name, _ in tested}


# ── acted out ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Stage:
    """A gateway, the twin, and one time for both that a test moves."""

    gateway: Gateway
    sim: Simulation

    def switch(self, name: str, value: object) -> None:
        """Change one of the twin's switches."""
        self.sim.twin(VENDOR).context.switches[name] = value  # type: ignore[assignment]  # any JSON

    async def go_on(self, seconds: float) -> None:
        """Let time pass, and what falls due be done, before and after."""
        await self._rest()
        await self.sim.clock.advance(seconds, grace=0.02)
        await self._rest()

    async def _rest(self) -> None:
        quiet = 0
        while quiet < 3:
            before = (self.gateway.store.version, self.sim.journal.last)
            await asyncio.sleep(0.01)
            quiet = quiet + 1 if before == (self.gateway.store.version, self.sim.journal.last) else 0

    async def ask(self, to: str, line: str | None = None) -> Ticket:
        """Ask for a message, and let it be tried."""
        ticket = await self.gateway.enqueue(Chat.direct(to, line=line), "hi")
        await self.go_on(2)
        async with asyncio.timeout(PATIENCE):
            while await self._outcomes(ticket) == ["queued"]:
                await self.go_on(LATENCY)  # the network has a time of its own, and the answer is due after that
        return ticket

    async def outcomes(self, *tickets: Ticket, wanted: str = "") -> list[str]:
        """How far each is, `waiting` for one that waits; where an outcome is wanted of all, after it has come."""
        async with asyncio.timeout(PATIENCE):
            while wanted and {wanted} != {*await self._outcomes(*tickets)}:
                await self.go_on(30)  # what was refused once more, since the time went faster than the network
        return await self._outcomes(*tickets)

    async def _outcomes(self, *tickets: Ticket) -> list[str]:
        found = [await self.gateway.status(ticket) for ticket in tickets]
        return [each.outcome if each.waits_for is None else "waiting" for each in found]

    def tried(self) -> int:
        """How often the twin was asked to send."""
        return sum(
            "messages" in str(entry.data["path"]) and entry.data["method"] == "POST"
            for entry in self.sim.journal.entries("request", vendor=VENDOR)
        )


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """One connection to the twin, in virtual time."""
    async with Simulation([BlooioTwin], seed=5, clock="virtual", latency=LATENCY) as sim:
        gateway = Gateway(clock=sim.clock)
        gateway.connect(VENDOR, "main", **sim.settings(VENDOR))
        yield Stage(gateway, sim)
        await gateway.aclose()


async def test_a_shared_plans_cap_stops_new_conversations_on_every_line(stage: Stage) -> None:
    """What goes on goes on; the others are not even tried, wait, and leave when the vendor's day is over."""
    stage.switch("new_conversation_cap", 1)
    begun = await stage.ask(ADA)
    first = await stage.ask(BEN)
    asked = stage.tried()
    others = [await stage.ask(CLEO), await stage.ask(DORA, SECOND)]
    assert asked == stage.tried()
    again = await stage.ask(ADA)
    assert ["accepted", "waiting", "waiting", "waiting", "accepted"] == await stage.outcomes(
        begun, first, *others, again
    )
    stage.switch("new_conversation_cap", 9)
    await stage.go_on(3700)
    assert ["accepted"] * 3 == await stage.outcomes(first, *others, wanted="accepted")


@pytest.mark.parametrize(("mode", "other"), [("number", "accepted"), ("organization", "waiting")])
async def test_an_outbound_cap_stops_a_line_by_itself(stage: Stage, mode: str, other: str) -> None:
    """By number the other line goes on; by organization it finds out with one refusal of its own."""
    stage.switch("outbound_cap", 1)
    stage.switch("outbound_mode", mode)
    begun = await stage.ask(ADA, FIRST)
    first = await stage.ask(BEN, FIRST)
    asked = stage.tried()
    second = await stage.ask(CLEO, FIRST)
    assert asked == stage.tried()
    elsewhere = await stage.ask(DORA, SECOND)
    assert asked + 1 == stage.tried()
    again = await stage.ask(ADA, FIRST)
    assert ["accepted", "waiting", "waiting", other, "accepted"] == await stage.outcomes(
        begun, first, second, elsewhere, again
    )


async def test_a_line_that_only_answers_stops_nobody_else(stage: Stage) -> None:
    """One contact has not written: that is refused, and the next contact is asked for itself."""
    stage.switch("plan", "inbound")
    stage.sim.contact(ADA).write("hi", vendor=VENDOR)
    refused, answered = await stage.ask(BEN), await stage.ask(ADA)
    assert ["refused", "accepted"] == await stage.outcomes(refused, answered)


async def test_a_plain_429_rests_everything_for_as_long_as_it_says(stage: Stage) -> None:
    """Without a code it is the pace of the account, and it passes."""
    stage.switch("requests_per_minute", 1)
    begun = await stage.ask(ADA)
    late = await stage.ask(BEN)
    assert ["accepted", "waiting"] == await stage.outcomes(begun, late)
    await stage.go_on(120)
    assert ["accepted"] == await stage.outcomes(late, wanted="accepted")


def test_what_a_quota_refuses_is_certain() -> None:
    """Nothing was sent, so nothing is lost and nothing comes twice."""
    for name in ("error_outbound_limit", "error_new_conversations", "error_inbound_only"):
        body = (SAMPLES / f"{name}.json").read_bytes()
        assert refusal(Reply(json.loads(body)["status"], {}, body)).certain
    assert refusal(Reply(400, {}, b'{"error": "ApiError", "message": "x", "status": 400}')).certain
    assert isinstance(refusal(Reply(400, {}, b"{}")), InvalidRequest)
