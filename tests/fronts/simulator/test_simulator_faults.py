from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from gateway.addresses import Address
from gateway.simulator import Fault, FaultKind, Stage
from gateway.simulator.faults import Faults
from tests.fronts.simulator.conftest import THEIRS, Stand


def accepted(stand: Stand) -> int:
    """How many messages the twin really took."""
    return sum(len(thread.bubbles) for thread in stand.sim.world.threads("echo"))


async def strike(stand: Stand, stage: str, kind: str, **more: Any) -> httpx.Response:
    """Let a fault strike and send."""
    stand.sim.faults.add(Fault(stage=Stage(stage), kind=FaultKind(kind), **more))
    return await stand.send(timeout=0.2)


async def test_an_error_answer_is_in_the_vendors_form(stand: Stand) -> None:
    """Status, code, message and Retry-After are those that were asked for, and nothing was carried out."""
    answer = await strike(stand, "request", "answer", status=429, code="E9", message="slow down", retry_after=30)
    assert (429, "30", {"code": "E9", "message": "slow down"}) == (
        answer.status_code,
        answer.headers["retry-after"],
        answer.json(),
    )
    assert 0 == accepted(stand)
    assert 202 == (await stand.send()).status_code


@pytest.mark.parametrize(("stage", "done"), [("request", 0), ("accepted", 1)])
@pytest.mark.parametrize(("kind", "seen"), [("reset", httpx.ReadError), ("silence", httpx.ReadTimeout)])
async def test_a_client_sees_a_reset_or_nothing_and_cannot_tell_whether_it_was_carried_out(
    stand: Stand, stage: str, done: int, kind: str, seen: type[Exception]
) -> None:
    """The connection breaks or stays silent; the twin did its work or never saw the request."""
    with pytest.raises(seen):
        await strike(stand, stage, kind)
    assert done == accepted(stand)
    assert [kind] == [entry.data["lost"] for entry in stand.sim.journal.entries("answer")]
    assert 202 == (await stand.send()).status_code


async def test_an_accepted_message_may_be_answered_with_an_error(stand: Stand) -> None:
    """The answer says 503, the message goes its way."""
    answer = await strike(stand, "accepted", "answer", status=503)
    await stand.sim.clock.advance(60)
    assert (503, ["sent", "delivered", "read"]) == (answer.status_code, stand.app.events)


@pytest.mark.parametrize(("stage", "done"), [("request", 0), ("accepted", 1)])
async def test_an_answer_may_be_broken_json_or_a_proxys_page(stand: Stand, stage: str, done: int) -> None:
    """Both have a body that cannot be read."""
    broken = await strike(stand, stage, "malformed")
    assert (200, "application/json") == (broken.status_code, broken.headers["content-type"])
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        broken.json()
    page = await strike(stand, stage, "html")
    assert (502, "text/html") == (page.status_code, page.headers["content-type"])
    assert 2 * done == accepted(stand)


@pytest.mark.parametrize("stage", ["request", "accepted"])
async def test_a_delayed_answer_comes_by_the_worlds_clock(stand: Stand, stage: str) -> None:
    """Virtual time has to be advanced for it."""
    stand.sim.faults.add(Fault(stage=Stage(stage), kind=FaultKind.DELAY, seconds=30))
    asked = asyncio.create_task(stand.send())
    await stand.sim.journal.wait("fault")
    assert not asked.done()
    await stand.sim.clock.advance(31)
    assert 202 == (await asked).status_code


async def test_a_request_that_is_refused_does_not_use_up_a_fault_of_acceptance(stand: Stand) -> None:
    """Only what was carried out can have its answer lost."""
    stand.sim.faults.add(Fault(stage=Stage.ACCEPTED, kind=FaultKind.RESET))
    refused = await stand.http.post(f"{stand.sim.base_url('echo')}/chats/{THEIRS}/messages", json={})
    assert 400 == refused.status_code
    with pytest.raises(httpx.ReadError):
        await stand.send()


async def test_a_delivery_fails_with_the_vendors_code_or_is_never_heard_of_again(stand: Stand) -> None:
    """A fault of delivery strikes messages to the contact that was named."""
    other = "+12025550151"
    failed = Fault(stage=Stage.DELIVERY, kind=FaultKind.FAILED, code="E42", to=Address.parse(other))
    stand.sim.faults.add(failed)
    stand.sim.faults.add(Fault(stage=Stage.DELIVERY, kind=FaultKind.STUCK))
    await stand.send(to=THEIRS)
    await stand.send(to=other)
    await stand.sim.clock.advance(60)
    assert ["sent", "failed"] == sorted(stand.app.events, reverse=True)
    assert ["E42"] == [hook.json()["code"] for hook in stand.app.hooks if hook.event == "failed"]


def test_a_fault_strikes_as_often_as_was_asked_and_only_what_fits() -> None:
    """Vendor, method and path choose; others pass."""
    faults = Faults()
    faults.add(Fault(kind=FaultKind.RESET, vendor="a", method="post", path="/v1/*", times=2))
    asked = [("b", "POST", "/v1/x"), ("a", "GET", "/v1/x"), ("a", "POST", "/v2/x"), *[("a", "POST", "/v1/x")] * 3]
    struck = [faults.request(Stage.REQUEST, *each) is not None for each in asked]
    assert [False, False, False, True, True, False] == struck
    assert [] == faults.all()


def test_a_fault_without_end_strikes_until_it_is_cleared() -> None:
    """It stays in the list with how often it struck."""
    faults = Faults()
    armed = faults.add(Fault(kind=FaultKind.RESET, times=None))
    assert all(faults.request(Stage.REQUEST, "a", "GET", "/") for _ in range(5))
    assert (5, None) == (armed.struck, armed.left)
    assert [True, False] == [faults.remove(armed.id), faults.remove(armed.id)]
    assert faults.request(Stage.REQUEST, "a", "GET", "/") is None


def test_probability_follows_the_seed() -> None:
    """One seed strikes the same requests each time; clearing begins the dice again."""

    def course(faults: Faults) -> list[bool]:
        faults.add(Fault(kind=FaultKind.RESET, times=None, probability=0.5))
        return [faults.request(Stage.REQUEST, "a", "GET", "/") is not None for _ in range(40)]

    one, other = Faults(1), Faults(2)
    first = course(one)
    one.clear()
    assert first == course(one) == course(Faults(1))
    assert first != course(other)
    assert 10 < sum(first) < 30


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "drop"},
        {"kind": "reset", "stage": "webhook"},
        {"kind": "failed", "stage": "accepted"},
        {"kind": "reset", "times": 0},
        {"kind": "reset", "probability": 1.5},
        {"kind": "answer", "status": 99},
        {"kind": "reset", "colour": "red"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    """A kind belongs to its stages, numbers have their bounds, no field is ignored."""
    with pytest.raises(ValidationError):
        Fault.model_validate(wrong)
