"""A process that is killed at any point loses nothing and sends nothing twice; the next one takes it from there."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from gateway import ConfigurationError, dispatch
from gateway.failpoints import VARIABLE, Point, arm, reach
from gateway.plugins import load
from gateway.provider import Provider
from gateway.simulator import Fault, FaultKind, Stage
from tests.crash.site import PATIENCE, PLACES, VENDORS, Site
from tests.crash.size import CAMPAIGN
from tests.crash.truth import Reader, bubbles, duplicated, handled_out_of_order, has_keys

PHONE = "+12025550123"
TEXTS = ("one", "two", "three")

everywhere = pytest.mark.parametrize(("vendor", "kind"), PLACES)

#: Points of one step: in the small size each at another step of the sequence, in the campaign each at every step.
SMALL = [(Point.CLAIMED, 1), (Point.MARKED, 2), (Point.SENT, 3), (Point.ANSWERED, 2), (Point.SETTLED, 1)]
STEPS = [(point, step) for point, _ in SMALL for step in (1, 2, 3)] if CAMPAIGN else SMALL
#: The small size tries vendors with keys on PostgreSQL where a copy leaves: there it is up to other processes.
COPIES = [
    (vendor, "postgresql", point, step)
    for vendor in VENDORS
    if (vendor, "postgresql") not in PLACES
    for point, step in ((Point.SENT, 3), (Point.ANSWERED, 2))
]
KILLED = [(*place, *step) for place in PLACES for step in STEPS] + COPIES
CAUGHT_UP = [(Point.ARRIVED, 2), (Point.INGESTED, 2), (Point.FETCHED, 1), (Point.READ, 1)]
KEEPERS = [place for place in PLACES if load().provider(place[0]).missed is not Provider.missed]
"""The vendors that keep what they could not deliver."""
NOBODY = "http://127.0.0.1:9/nobody"
"""Where nothing listens."""
WAY_IN = [Point.ARRIVED, Point.INGESTED, Point.TAKEN, Point.HANDLED, Point.NOTED]
FROZEN = [Point.CLAIMED, Point.MARKED, Point.SENT, Point.ANSWERED]


async def wrote(place: Site, vendor: str) -> str:
    """Have the contact write, so that it may be written to; gives the vendor's id, once a handler has it."""
    bubble = place.sim.contact(PHONE).write("hello", vendor=vendor)
    await place.until(lambda: any(line.get("vendor_id") == bubble.vendor_id for line in place.handed_over))
    return bubble.vendor_id


async def assert_all_came(place: Site, vendor: str, message: str, texts: Sequence[str]) -> None:
    """Hold the end of a message against what the vendor has: all of it, once, in order, as often read as it may be."""
    await place.settled()
    [row] = await place.insist("rows")
    shown = bubbles(place.sim, vendor)
    reader = Reader(place.sim, vendor)
    reader.read()
    assert message == row["id"]
    assert set(texts) == {read.text for read in reader.reads}
    assert [] == reader.read_too_often()
    assert ("accepted", list(texts)) == (row["state"], [bubble.text for bubble in shown])
    assert [bubble.vendor_id for bubble in shown] == list(row["sent"])


async def taken_over(place: Site) -> bool:
    """Tell whether the one message has come to something, or was given up as unknown."""
    [row] = await place.insist("rows")
    return bool(row["state"] != "queued")


# ── the way out ───────────────────────────────────────────────────────────────────────────────────────────────────


@everywhere
@pytest.mark.parametrize("point", [Point.ASKED, Point.KEPT])
async def test_killed_before_the_caller_has_an_answer(vendor: str, point: Point, place: Site) -> None:
    """A caller who asks again with the same key gets one message, whether the first call was kept or not."""
    first = await place.start(point)
    heard = await wrote(place, vendor)
    asking = asyncio.create_task(place.enqueue(vendor, PHONE, *TEXTS, key="k", reply_to=heard))
    assert -signal.SIGKILL == await first.gone()
    await place.start()

    await assert_all_came(place, vendor, await asking, TEXTS)


@pytest.mark.parametrize(("vendor", "kind", "point", "step"), KILLED)
async def test_killed_within_a_step(vendor: str, point: Point, step: int, place: Site) -> None:
    """Each step comes to the vendor once, or where it has our keys again as it was; the sequence goes on."""
    first = await place.start(f"{point}:{step}")
    heard = await wrote(place, vendor)
    message = await place.enqueue(vendor, PHONE, *TEXTS, key="k", reply_to=heard)
    assert -signal.SIGKILL == await first.gone()
    await place.start()
    await place.settled()

    [row] = await place.insist("rows")
    if row["state"] != "unknown":
        await assert_all_came(place, vendor, message, TEXTS)
        return
    # the marker says that it may have left, and nobody can say that it has not: a person is asked
    assert (True, False, True) == (point is Point.MARKED, has_keys(vendor), row["parked"])
    assert list(TEXTS[: step - 1]) == [bubble.text for bubble in bubbles(place.sim, vendor)]


@everywhere
@pytest.mark.parametrize("failpoint", ["", Point.ANSWERED], ids=["alive", "killed"])
async def test_a_webhook_that_overtakes_the_answer(vendor: str, failpoint: str, place: Site) -> None:
    """The vendor reports the message before its answer is written: it is the same message, killed in between or not."""
    first = await place.start(failpoint)
    heard = await wrote(place, vendor)
    place.sim.faults.add(Fault(stage=Stage.ACCEPTED, kind=FaultKind.DELAY, seconds=0.6, method="POST"))
    message = await place.enqueue(vendor, PHONE, "one", key="k", reply_to=heard)
    if failpoint:
        assert -signal.SIGKILL == await first.gone()
        assert place.sim.journal.entries("attempt", vendor=vendor)[-1].data["accepted"]
        await place.start()

    await assert_all_came(place, vendor, message, ["one"])


@everywhere
@pytest.mark.parametrize("point", FROZEN if CAMPAIGN else [Point.MARKED, Point.ANSWERED])
async def test_frozen_past_the_lease(vendor: str, point: Point, place: Site) -> None:
    """Who wakes after its lease makes its one call, and its answer counts as proof where the step was given up."""
    if not place.shared:
        place.lease = 0.5
    first = await place.start(f"{point}:1:freeze")
    heard = await wrote(place, vendor)
    message = await place.enqueue(vendor, PHONE, "one", key="k", reply_to=heard)
    await first.frozen()
    if place.shared:
        await place.start()
        await place.until_async(lambda: taken_over(place))
    else:
        await asyncio.sleep(2 * place.lease)
    first.thaw()

    await assert_all_came(place, vendor, message, ["one"])


# ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────────


@everywhere
@pytest.mark.parametrize("point", WAY_IN)
async def test_killed_on_the_way_in(vendor: str, point: Point, place: Site) -> None:
    """What a contact wrote is handed over, with one id and in order; again only where a handler was not noted."""
    first = await place.start(f"{point}:2")
    written = [place.sim.contact(PHONE).write(text, vendor=vendor).vendor_id for text in TEXTS]
    assert -signal.SIGKILL == await first.gone()
    await place.start()
    await place.until(lambda: set(written) <= {line.get("vendor_id") for line in place.handed_over})

    handed = place.handed_over
    assert len(written) == len({line["id"] for line in handed})
    # the first event may be with its handler when the second one ends the process
    assert duplicated(handed) in {Point.HANDLED: (1,), Point.ARRIVED: (0, 1), Point.INGESTED: (0, 1)}.get(point, (0,))
    assert [] == handled_out_of_order(handed, await place.insist("events"))


@everywhere
async def test_killed_with_the_same_event_again_and_again(vendor: str, place: Site) -> None:
    """It is parked after as many tries as one whose handler raises; what comes behind it in its chat is handed over."""
    first = await place.start(Point.TAKEN)
    written = [place.sim.contact(PHONE).write(text, vendor=vendor).vendor_id for text in TEXTS]
    assert -signal.SIGKILL == await first.gone()
    for _ in range(dispatch.TRIES - 1):
        assert -signal.SIGKILL == await (await place.start(Point.TAKEN)).gone()
    await place.start()
    await place.until(lambda: set(written[1:]) <= {line.get("vendor_id") for line in place.handed_over})
    # that a handler has returned is noted a moment later
    await place.until_async(lambda: _nothing_pending(place))

    assert written[0] not in {line.get("vendor_id") for line in place.handed_over}
    left = [row for row in await place.insist("events") if row["outcome"] != "done"]
    assert [("parked", dispatch.TRIES)] == [(row["outcome"], row["tries"]) for row in left]


async def _nothing_pending(place: Site) -> bool:
    return all(row["outcome"] != "pending" for row in await place.insist("events"))


@everywhere
async def test_killed_between_a_proof_and_what_it_proves(vendor: str, place: Site) -> None:
    """The webhook with the proof is kept, and the send that it proves is settled by the next process."""
    first = await place.start(f"{Point.INGESTED}:2")
    heard = await wrote(place, vendor)
    place.sim.faults.add(Fault(stage=Stage.ACCEPTED, kind=FaultKind.MALFORMED, method="POST"))
    message = await place.enqueue(vendor, PHONE, "one", key="k", reply_to=heard)
    assert -signal.SIGKILL == await first.gone()
    await place.start()

    await assert_all_came(place, vendor, message, ["one"])


@pytest.mark.parametrize(
    ("vendor", "kind"), [place for place in PLACES if load().provider(place[0]).proof.token_returns]
)
async def test_killed_once_a_proof_has_settled_its_send(vendor: str, place: Site) -> None:
    """The vendor had no answer, and tells it again; what is settled stays so, and what is next in its chat goes on."""
    place.settle = PATIENCE
    first = await place.start(Point.PROVEN)
    heard = await wrote(place, vendor)
    lost = place.sim.faults.add(Fault(stage=Stage.ACCEPTED, kind=FaultKind.MALFORMED, method="POST"))
    # so the outcome is unknown when the proof comes
    place.sim.faults.add(Fault(stage=Stage.WEBHOOK, kind=FaultKind.DELAY, seconds=0.5, times=None))
    message = await place.enqueue(vendor, PHONE, "one", "two", key="k", reply_to=heard)
    assert (-signal.SIGKILL, 1) == (await first.gone(), lost.struck)
    await place.start()

    await assert_all_came(place, vendor, message, ["one", "two"])


@pytest.mark.parametrize(("vendor", "kind"), KEEPERS)
@pytest.mark.parametrize(("point", "passes"), CAUGHT_UP)
async def test_killed_while_it_catches_up(vendor: str, point: Point, passes: int, place: Site) -> None:
    """What the vendor could not deliver is fetched by the next process: all of it, each with one id, in order."""
    twin: Any = place.sim.twin(vendor)
    twin.retry_delays = ()
    place.sim.set_webhook(vendor, NOBODY)
    written = [place.sim.contact(PHONE).write(text, vendor=vendor).vendor_id for text in TEXTS]
    await place.until(place.all_told)
    first = await place.start(f"{point}:{passes}")
    asking = asyncio.create_task(place.insist("catch-up", [vendor]))
    assert -signal.SIGKILL == await first.gone()
    await place.start()
    assert {vendor: True} == await asking
    await place.until(lambda: set(written) <= {line.get("vendor_id") for line in place.handed_over})

    handed, events = place.handed_over, await place.insist("events")
    assert len(written) == len(events) == len({line["id"] for line in handed})
    # one may be with its handler when the process ends
    assert duplicated(handed) <= 1
    assert [] == handled_out_of_order(handed, events)


# ── the points themselves ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def disarmed() -> Iterator[None]:
    """Leave no point set."""
    yield
    arm(None)


def test_the_variable_ends_a_process_at_the_pass_that_it_names() -> None:
    """`GATEWAY_FAILPOINT=marked:2` lets the first pass go."""
    code = "from gateway.failpoints import *; [print(i, reach(Point.MARKED), flush=True) for i in (1, 2)]"
    environment = {**os.environ, VARIABLE: "marked:2"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)

    assert (-signal.SIGKILL, "1 None\n") == (ended.returncode, ended.stdout)


@pytest.mark.parametrize("text", ["nowhere", "marked:x", "marked:1:melt", ":1"])
def test_a_point_that_does_not_exist_is_refused(text: str, disarmed: Any) -> None:
    """A misspelt name is an error, not a proof that always passes."""
    with pytest.raises(ConfigurationError, match="names no failpoint"):
        arm(text)


def test_other_points_are_passed(disarmed: Any) -> None:
    """Only the point that was named does anything."""
    arm("marked:1")
    for point in set(Point) - {Point.MARKED}:
        reach(point)
