"""When messages leave: the vendor's rules, the user's limits, and what a loop comes to; by the twin's own clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from gateway import (
    ConfigurationError,
    DeliveryState,
    DeliveryUpdated,
    Expired,
    Gateway,
    MessageReceived,
    NotSettled,
    Overloaded,
    Ticket,
)
from gateway.codes import CodeRow, Phase
from gateway.plugins import load
from gateway.rules import Whom
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from tests.flow.paced import Paced, paced
from tests.flow.stage import OTHER, PHONE, VENDORS

PHONES = [PHONE, OTHER, "+12025550125", "+12025550126"]

of_every_vendor = pytest.mark.parametrize("vendor", VENDORS)


async def tickets(it: Paced, *to: Any, **options: Any) -> list[Ticket]:
    """Ask for one message to each, one after the other."""
    made = []
    for number, where in enumerate(to):
        made.append(await it.gateway.enqueue(where, f"to {number}", **options))
        await it.go_on(0.001)
    return made


async def waits_for(it: Paced, ticket: Ticket) -> str | None:
    """Say what a message waits for."""
    return (await it.gateway.status(ticket)).waits_for


# ── the user's limits ─────────────────────────────────────────────────────────────────────────────────────────────


@of_every_vendor
async def test_a_connection_keeps_its_pace(vendor: str) -> None:
    """However many chats there are; none of them is forgotten, and each says what it waits for."""
    async with paced(vendor, pace={"connection": "1/10s"}) as it:
        made = await tickets(it, *PHONES)
        await it.go_on(1)
        waiting = [await waits_for(it, ticket) for ticket in made]
        await it.go_on(35)

        assert [False, True] == [waiting[0] is not None, any(why and "1/10s" in why for why in waiting[1:])]
        assert 4 == len(it.sent_at())
        assert all(gap >= 10 for gap in it.gaps())
        assert [None] * 4 == [await waits_for(it, ticket) for ticket in made]


@of_every_vendor
async def test_a_recipient_keeps_others_from_nothing(vendor: str) -> None:
    """The limit of one chat is waited out by that chat."""
    async with paced(vendor, pace={"recipient": "1/min"}) as it:
        await tickets(it, PHONE, PHONE, OTHER, OTHER)
        await it.go_on(2)
        assert {"to 0", "to 2"} == set(it.texts())
        await it.go_on(62)

        assert 4 == len(it.texts())
        assert ["to 0", "to 1"] == [text for text in it.texts() if text in {"to 0", "to 1"}]


@of_every_vendor
async def test_a_burst_may_come_at_once(vendor: str) -> None:
    """And then the pace is kept."""
    async with paced(vendor, pace={"connection": "1/min burst 3"}) as it:
        await tickets(it, *PHONES)
        await it.go_on(2)
        assert 3 == len(it.sent_at())
        await it.go_on(60)

        assert 4 == len(it.sent_at())


@of_every_vendor
async def test_two_limits_are_kept_at_once(vendor: str) -> None:
    """What the one allows waits for the other, and takes nothing from it meanwhile."""
    async with paced(vendor, pace={"connection": "1/5s", "recipient": "1/min"}) as it:
        await tickets(it, PHONE, PHONE, OTHER, "+12025550125")
        await it.go_on(20)
        assert {"to 0", "to 2", "to 3"} == set(it.texts())
        await it.go_on(45)

        assert 4 == len(it.texts())
        assert all(gap >= 5 for gap in it.gaps())


def test_a_wrong_pace_is_an_error_at_the_start() -> None:
    """Not a message that never leaves."""
    with pytest.raises(ConfigurationError, match="pace of 'recipients'"):
        Gateway(pace={"recipients": "1/s"})


@of_every_vendor
async def test_the_next_slot_is_told(vendor: str) -> None:
    """Now where nothing stands in the way; asking takes nothing."""
    async with paced(vendor, pace={"recipient": "1/min"}) as it:
        begin = it.sim.clock.now()
        assert begin == await it.gateway.next_slot(PHONE)
        await tickets(it, PHONE)
        await it.go_on(1)
        [left] = it.sent_at()
        slots = [await it.gateway.next_slot(PHONE) for _ in range(3)]

        assert [slots[0]] * 3 == slots
        assert timedelta(seconds=59) < slots[0] - left <= timedelta(seconds=60)
        assert it.sim.clock.now() == await it.gateway.next_slot(OTHER)


@of_every_vendor
async def test_what_waits_for_a_limit_can_expire(vendor: str) -> None:
    """At its time, not when the limit would have let it go."""
    async with paced(vendor, pace={"recipient": "1/h"}) as it:
        soon = it.sim.clock.now() + timedelta(seconds=30)
        _, late = await tickets(it, PHONE, PHONE, expires=soon)
        await it.go_on(31)

        assert "expired" == (await it.gateway.status(late)).outcome
        await it.event(DeliveryUpdated, lambda e: e.message_id == late.message_id and e.state is DeliveryState.FAILED)
        with pytest.raises(Expired):
            await it.gateway.send(PHONE, "x", expires=soon)
        assert ["to 0"] == it.texts()


@of_every_vendor
async def test_who_waits_is_told_what_for(vendor: str) -> None:
    """The error that says that waiting ran out names the limit."""
    async with paced(vendor, pace={"recipient": "1/h"}) as it:
        await tickets(it, PHONE)
        with pytest.raises(NotSettled, match="1/h"):
            await it.gateway.send(PHONE, "x", wait=0.3)


# ── the vendor's rules ────────────────────────────────────────────────────────────────────────────────────────────


def spaced() -> list[str]:
    """Name the vendors that want space between messages to contacts who have not written lately."""
    names = []
    for name in VENDORS:
        fields = load().providers[name].Settings.model_fields
        names += [name] if "silent_spacing" in fields else []
    return names


@pytest.mark.parametrize("vendor", spaced())
async def test_silent_contacts_get_their_messages_with_space_between(vendor: str) -> None:
    """Two minutes by the twin's clock, which refuses what comes earlier; a conversation does not wait."""
    async with paced(vendor, settings={"silent_spacing": 120}) as it:
        it.sim.scene.twins[vendor].context.switches["two_minutes"] = True
        event = await it.greeted("+12025550199")
        made = await tickets(it, *PHONES)
        for number in range(3):
            await it.gateway.send(event, f"answer {number}", wait=5)
        await it.go_on(400)

        cold = [text for text in it.texts() if text.startswith("to ")]
        times = [at for at, text in zip(it.sent_at(), it.texts(), strict=True) if text.startswith("to ")]
        assert (4, ["accepted"] * 4) == (
            len(cold),
            [(await it.gateway.status(ticket)).outcome for ticket in made],
        )
        assert all(later - earlier >= timedelta(seconds=120) for earlier, later in pairwise(times))
        assert [200] * 7 == [
            entry.data["status"]
            for entry in it.sim.journal.entries("answer", vendor=vendor)
            if "send" in str(entry.data["path"])
        ]


@pytest.mark.parametrize("vendor", spaced())
async def test_a_contact_who_writes_waits_no_longer_than_for_the_next_look(vendor: str) -> None:
    """Until then the lane waits, and `next_slot` says so; what was held for silence leaves with the answer."""
    async with paced(vendor, settings={"silent_spacing": 120}) as it:
        _, second = await tickets(it, PHONE, OTHER)
        await it.go_on(1)
        assert "have not written lately" in (await waits_for(it, second) or "")
        event = await it.greeted(OTHER)
        later = await it.gateway.next_slot(event)
        await it.gateway.enqueue(event, "an answer")
        await it.go_on((later - it.sim.clock.now()).total_seconds() - 1)
        assert ["to 0"] == it.texts()
        await it.go_on(2)

        assert ["to 0", "to 1", "an answer"] == it.texts()


@pytest.mark.parametrize("vendor", spaced())
async def test_the_next_slot_is_behind_every_limit(vendor: str) -> None:
    """Where a day's cap ends at midnight, but a pace lasts longer, it is the pace's end that is told."""
    async with paced(vendor, settings={"conversations_since": date(2026, 1, 1)}) as it:
        night = it.sim.clock.now().replace(hour=23, minute=40, second=0, microsecond=0)
        await it.go_on((night - it.sim.clock.now()).total_seconds())
        await tickets(it, PHONE)
        await it.go_on(960)
        await tickets(it, OTHER)
        await it.go_on(1)
        slot = await it.gateway.next_slot("+12025550125")
        await it.gateway.enqueue("+12025550125", "tomorrow")
        await it.go_on((slot - it.sim.clock.now()).total_seconds() - 1)
        assert 2 == len(it.sent_at())
        await it.go_on(2)

        assert it.sent_at()[1] + timedelta(minutes=15) <= slot
        assert it.sent_at()[2] - slot < timedelta(seconds=1)


@pytest.mark.parametrize("vendor", spaced())
async def test_new_conversations_are_few_at_first(vendor: str) -> None:
    """Fifteen minutes apart, two on the first days; a second message is no new conversation."""
    async with paced(vendor, settings={"conversations_since": date(2026, 1, 1)}) as it:
        made = await tickets(it, *PHONES)
        again = await it.gateway.enqueue(PHONE, "again")
        await it.go_on(1)
        assert 2 == len(it.sent_at())
        await it.go_on(1800)

        assert ["to 0", "again", "to 1"] == it.texts()
        assert it.sent_at()[2] - it.sent_at()[0] >= timedelta(minutes=15)
        assert "2 on this day" in " ".join([await waits_for(it, ticket) or "" for ticket in made])
        await it.go_on(12 * 3600 - 1800 + 1000)
        assert 5 == len(it.sent_at())
        assert "accepted" == (await it.gateway.status(again)).outcome


@pytest.mark.parametrize("vendor", spaced())
async def test_a_conversation_begins_with_what_somebody_marked_as_sent(vendor: str) -> None:
    """As with what was accepted: the next message in it waits for no place among new ones, and takes none."""
    async with paced(vendor, settings={"conversations_since": date(2026, 1, 1)}) as it:
        it.sim.faults.add(Fault(vendor=vendor, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))
        it.sim.faults.add(Fault(vendor=vendor, stage=At.ACCEPTED, kind=FaultKind.RESET, method="POST"))
        it.sim.faults.add(
            Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=404, method="GET", times=None)
        )
        ticket = await it.gateway.enqueue(PHONE, "hello")
        await it.go_on(200)
        assert "unknown" == (await it.gateway.status(ticket)).outcome
        assert it.sim.clock.now() < await it.gateway.next_slot(PHONE)
        await it.gateway.resolve(ticket.message_id, "mark_sent")

        assert it.sim.clock.now() == await it.gateway.next_slot(PHONE)


def pausing(vendor: str, whom: Whom) -> list[tuple[str, CodeRow]]:
    """Name the codes of a vendor that stop such messages for a while."""
    codes = load().providers[vendor].codes
    return [
        (code, row)
        for (phase, code), row in codes
        if phase is Phase.CALL and row.pause is not None and row.pause.whom is whom
    ]


PAUSING = [(vendor, code, row) for vendor in VENDORS for code, row in pausing(vendor, Whom.NEW)]


@pytest.mark.parametrize(("vendor", "code", "row"), PAUSING, ids=[f"{vendor}-{code}" for vendor, code, _ in PAUSING])
async def test_a_cap_on_new_conversations_stops_those_and_nothing_else(vendor: str, code: str, row: CodeRow) -> None:
    """One is told so by the vendor; the others are not even tried, and running conversations go on."""
    async with paced(vendor) as it:
        begun = await it.gateway.send(OTHER, "we began this")
        event = await it.greeted("+12025550199")
        it.sim.faults.add(Fault(vendor=vendor, kind=FaultKind.ANSWER, status=429, code=code))
        [first] = await tickets(it, PHONE)
        await it.go_on(1)
        asked = len(it.posts())
        others = await tickets(it, "+12025550125", "+12025550126")
        await it.go_on(30)

        assert asked == len(it.posts())
        assert [row.meaning in (await waits_for(it, ticket) or "") for ticket in (first, *others)] == [True] * 3
        assert begun.sent
        await it.gateway.send(OTHER, "it goes on", wait=5)
        await it.gateway.send(event, "an answer", wait=5)
        assert it.sim.clock.now() + timedelta(minutes=59) < await it.gateway.next_slot("+12025550127")

        await it.go_on(3600)
        assert ["accepted"] * 3 == [(await it.gateway.status(ticket)).outcome for ticket in (first, *others)]


STOPPING = [(vendor, code) for vendor in VENDORS for whom in Whom for code, _ in pausing(vendor, whom)]


@pytest.mark.parametrize(("vendor", "code"), STOPPING)
async def test_a_failure_that_is_not_certain_stops_nobody_else(vendor: str, code: str) -> None:
    """A number behind a 500 may be of another list: only whoever is told for certain has the others wait."""
    async with paced(vendor) as it:
        it.sim.faults.add(Fault(vendor=vendor, kind=FaultKind.ANSWER, status=500, code=code))
        [ticket] = await tickets(it, PHONE)
        await it.go_on(1)
        certain = {"unknown": False, "queued": True}[(await it.gateway.status(ticket)).outcome]
        slot = await it.gateway.next_slot("+12025550127")

        assert certain == (it.sim.clock.now() + timedelta(minutes=59) < slot)
        assert code != "540" or not certain


@of_every_vendor
async def test_a_plain_429_rests_the_whole_connection(vendor: str) -> None:
    """The vendor said when to come: nobody else is sent to be told the same."""
    async with paced(vendor) as it:
        it.sim.faults.add(Fault(vendor=vendor, kind=FaultKind.ANSWER, status=429, retry_after=60))
        await tickets(it, PHONE)
        await it.go_on(1)
        asked = len(it.posts())
        await tickets(it, OTHER, "+12025550125")
        await it.go_on(30)
        assert asked == len(it.posts())
        await it.go_on(90)

        assert 3 == len(it.sent_at())


# ── loops and floods ──────────────────────────────────────────────────────────────────────────────────────────────


@of_every_vendor
@pytest.mark.parametrize(
    "to",
    [
        lambda event: {"to": event},
        lambda event: {"to": event.chat},
        lambda _: {"to": PHONE},
        lambda _: {"to": PHONE, "priority": "bulk"},
    ],
    ids=["event", "chat", "phone", "bulk"],
)
async def test_two_bots_come_to_rest(vendor: str, to: Callable[[MessageReceived], dict[str, Any]]) -> None:
    """Each answer is answered at once, wherever it goes to; after a few in a minute the chat waits, and says why.

    So it does the minute after: what is queued by then counts on, though the other bot waits too.
    """
    async with paced(vendor, answers_per_minute=3) as it:
        asked: list[Ticket] = []

        @it.gateway.on(MessageReceived)
        async def answer(event: MessageReceived) -> None:
            if not event.ours:
                asked.append(await it.gateway.enqueue(**to(event), message="and you?"))

        for _ in range(8):
            await it.greeted(text="and you?")
        await it.gateway.enqueue(OTHER, "others go on")
        await it.go_on(10)

        assert [3, 8] == [it.texts().count("and you?"), len(asked)]
        assert "looks like a loop" in (await waits_for(it, asked[3]) or "")
        assert "others go on" in it.texts()
        await it.go_on(60)
        assert 6 == it.texts().count("and you?")


@of_every_vendor
async def test_who_is_silent_gets_any_number(vendor: str) -> None:
    """A program that has much to say is no loop, to a contact who wrote some time ago either."""
    async with paced(vendor, answers_per_minute=3) as it:
        await it.greeted()
        await it.go_on(61)
        made = await tickets(it, *[PHONE] * 7, *[OTHER] * 7)
        await it.go_on(10)

        assert ["accepted"] * 14 == [(await it.gateway.status(ticket)).outcome for ticket in made]


@of_every_vendor
async def test_a_chat_that_rests_says_until_when(vendor: str) -> None:
    """Whatever the limits would let go meanwhile: what is sent now waits behind what is held."""
    async with paced(vendor, answers_per_minute=2) as it:
        event = await it.greeted()
        for number in range(3):
            await it.gateway.enqueue(event, f"answer {number}")
        await it.go_on(31)
        slots = [await it.gateway.next_slot(where) for where in (event, PHONE)]
        assert [slots[0]] * 2 == slots
        assert timedelta(seconds=28) < slots[0] - it.sim.clock.now() < timedelta(seconds=30)
        await it.gateway.enqueue(PHONE, "more")
        await it.go_on((slots[0] - it.sim.clock.now()).total_seconds() - 1)
        assert 2 == len(it.texts())
        await it.go_on(2)

        assert 4 == len(it.texts())
        assert it.sim.clock.now() == await it.gateway.next_slot(OTHER)


@of_every_vendor
async def test_a_connection_that_rests_says_until_when(vendor: str) -> None:
    """The vendor said when to come, to all chats."""
    async with paced(vendor) as it:
        it.sim.faults.add(Fault(vendor=vendor, kind=FaultKind.ANSWER, status=429, retry_after=60))
        await tickets(it, PHONE)
        await it.go_on(1)
        rests = [await it.gateway.next_slot(where) - it.sim.clock.now() for where in (PHONE, OTHER)]

        assert [True, True] == [timedelta(seconds=58) < rest <= timedelta(seconds=60) for rest in rests]


@of_every_vendor
async def test_a_queue_that_is_full_refuses_and_says_when_to_come(vendor: str) -> None:
    """Nothing of it is kept; when there is room, it goes again."""
    async with paced(vendor, queue=2, pace={"connection": "1/min"}) as it:
        await tickets(it, PHONE, OTHER, "+12025550125")
        with pytest.raises(Overloaded, match="wait to leave") as caught:
            await it.gateway.enqueue(PHONE, "too much")
        before = await it.gateway.store.messages()
        await it.go_on(125)
        await it.gateway.enqueue(PHONE, "now")

        assert 3 == len(before)
        assert 60 == caught.value.retry_after
        assert ("main", vendor) == (caught.value.connection, caught.value.provider)
