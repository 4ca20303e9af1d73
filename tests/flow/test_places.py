"""Places in a limit that were taken for nothing: what reached nobody is not paid for twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway import Call, Unreachable
from gateway.exchange import Reply
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from tests.flow.paced import Paced, paced
from tests.flow.stage import OTHER, PHONE, VENDORS

pytestmark = pytest.mark.parametrize("vendor", VENDORS)

CONNECTION, RECIPIENT = {"connection": "1/min"}, {"recipient": "1/min"}


def unreachable_once(it: Paced, patch: pytest.MonkeyPatch) -> None:
    """Let the next call not leave this machine."""
    transport = it.gateway.connections[0].transport
    send, calls = transport.send, iter([True])

    async def away(call: Call) -> Reply:
        if next(calls, False):
            raise Unreachable("nobody listens there")
        return await send(call)

    patch.setattr(transport, "send", away)


def busy(vendor: str) -> Fault:
    """Let the vendor have no time now, and say so."""
    return Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=503, retry_after=2)


@pytest.mark.parametrize("pace", [CONNECTION, RECIPIENT], ids=["connection", "recipient"])
async def test_a_call_that_did_not_leave_takes_no_place(
    vendor: str, pace: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its repetition does not wait for the limit again; the one after that does."""
    async with paced(vendor, pace=pace) as it:
        await it.greeted()
        unreachable_once(it, monkeypatch)
        began = it.sim.clock.now()
        await it.gateway.enqueue(PHONE, "one")
        await it.gateway.enqueue(PHONE, "two")
        await it.go_on(70)

        first, second = it.sent_at()
        assert (True, True) == (first - began < timedelta(seconds=30), second - first >= timedelta(seconds=60))


async def test_a_refused_call_takes_no_place_of_a_person(vendor: str) -> None:
    """The vendor had no time and nobody got anything: the message goes when the vendor has, not a minute later."""
    async with paced(vendor, pace=RECIPIENT) as it:
        await it.greeted()
        it.sim.faults.add(busy(vendor))
        began = it.sim.clock.now()
        await it.gateway.enqueue(PHONE, "one")
        await it.go_on(30)

        [sent] = it.sent_at()
        assert sent - began < timedelta(seconds=30)


async def test_a_refused_call_is_a_call(vendor: str) -> None:
    """What a connection may ask in a minute it has asked, whatever the answer was."""
    async with paced(vendor, pace=CONNECTION) as it:
        await it.greeted()
        it.sim.faults.add(busy(vendor))
        began = it.sim.clock.now()
        await it.gateway.enqueue(PHONE, "one")
        await it.go_on(70)

        [sent] = it.sent_at()
        assert sent - began >= timedelta(seconds=60)


async def test_a_place_behind_which_another_went_stays_taken(vendor: str) -> None:
    """An answer that comes late gives nothing back: two would reach the vendor closer together than the limit says."""
    async with paced(vendor, pace=CONNECTION) as it:
        await it.greeted()
        await it.greeted(OTHER)
        late = Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=503, retry_after=1, seconds=61)
        it.sim.faults.add(late)
        await it.gateway.enqueue(PHONE, "one")
        await it.until(lambda: bool(it.posts("POST", "one")))
        await it.gateway.enqueue(OTHER, "two")
        await it.go_on(300)

        assert ["two", "one"] == it.texts()
        assert min(it.gaps()) >= 60
