"""A send that nobody could prove when its time was over is proven later, once the vendor's records have it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pytest

from gateway import MessageStatus, NotFound, NotSettled, Ticket, Unsupported, VendorFault, catchup
from gateway.plugins import load
from gateway.provider import Attempt, Exchange, Found, Provider
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from tests.flow.paced import Paced, paced
from tests.flow.stage import PHONE, VENDORS

UNKEYED = [vendor for vendor in VENDORS if load().provider(vendor).proof.key_window is None]

Find: TypeAlias = Callable[[Any, Attempt], Exchange[Found]]
"""What a provider's own `find` is, with the provider first."""

pytestmark = pytest.mark.parametrize("vendor", UNKEYED)


async def hidden(it: Paced, *texts: str) -> list[Ticket]:
    """Send texts whose answers are lost, whose webhooks are, and that are not to be found until faults are cleared."""
    it.sim.faults.add(Fault(vendor=it.vendor, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))
    lost = Fault(vendor=it.vendor, stage=At.ACCEPTED, kind=FaultKind.RESET, method="POST", times=len(texts))
    it.sim.faults.add(lost)
    tickets = [await it.gateway.enqueue(_phone(number), text) for number, text in enumerate(texts)]
    await it.until(lambda: sorted(it.texts()) == sorted(texts))
    it.sim.faults.add(Fault(vendor=it.vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=500, times=None))
    return tickets


async def parked(it: Paced, *texts: str) -> list[Ticket]:
    """Send texts that wait for a person, and could be found by now."""
    for number in range(len(texts)):
        await it.greeted(_phone(number))
    tickets = await hidden(it, *texts)
    for _ in range(20):
        await it.go_on(60)
        if await waiting(it, tickets) == len(texts):
            break
    else:
        pytest.fail("they were not parked")
    it.sim.faults.clear()
    return tickets


async def waiting(it: Paced, tickets: Sequence[Ticket]) -> int:
    """Count the sends that wait for a person."""
    found = [await it.gateway.store.message(ticket.message_id) for ticket in tickets]
    return sum(row is not None and row[0].parked for row in found)


async def caught_up(it: Paced) -> bool | None:
    """Catch up; tells whether that was all, or None of a vendor that keeps no webhooks: its records are asked first."""
    try:
        return (await it.gateway.catch_up("main")).complete
    except Unsupported:
        return None


def finding(it: Paced, patch: pytest.MonkeyPatch, make: Callable[[Find], Find]) -> None:
    """Have the provider find in another way from here on, made of its own way."""
    kind = type(it.gateway.connections[0].provider)
    patch.setattr(kind, "find", make(kind.find))


def broken(_: Find) -> Find:
    """Fail in a way that no provider should."""

    def find(_: Any, attempt: Attempt) -> Exchange[Found]:
        yield from ()
        raise KeyError(attempt.action.key)

    return find


def _phone(number: int) -> str:
    return f"{PHONE[:-2]}{int(PHONE[-2:]) + number:02}"


def keeps(vendor: str) -> bool | None:
    """Say what `caught_up` tells where all is well."""
    return None if load().provider(vendor).missed is Provider.missed else True


def said(status: MessageStatus) -> tuple[str, int]:
    """Say what became of it, and how many messages the vendor has of it."""
    return status.outcome, len(status.deliveries)


async def test_whoever_asks_for_it_has_the_vendor_asked(vendor: str) -> None:
    """`status(refresh=True)` finds it in the vendor's records; without that, it stays with the person."""
    async with paced(vendor) as it:
        [ticket] = await parked(it, "once")
        assert ("unknown", 0) == said(await it.gateway.status(ticket))
        assert ("accepted", 1) == said(await it.gateway.status(ticket, refresh=True))
        assert ["once"] == it.texts()


async def test_catching_up_looks_at_what_waits_for_a_person(vendor: str) -> None:
    """After a time in which much was lost nobody has to ask for each message."""
    async with paced(vendor) as it:
        [ticket] = await parked(it, "once")
        await caught_up(it)
        assert ("accepted", 1) == said(await it.gateway.status(ticket))
        assert ["once"] == it.texts()


async def test_an_outage_is_waited_for(vendor: str) -> None:
    """A vendor that answers no look for minutes is asked until it does; nobody has to decide."""
    async with paced(vendor) as it:
        await it.greeted()
        [ticket] = await hidden(it, "once")
        for _ in range(4):
            await it.go_on(60)
        assert 0 == await waiting(it, [ticket])
        looks = len([entry for entry in it.sim.journal.entries("request") if entry.data["method"] != "POST"])
        it.sim.faults.clear()
        for _ in range(4):
            await it.go_on(60)
        assert ("accepted", 1) == said(await it.gateway.status(ticket))
        assert ["once"] == it.texts()
        assert looks < 20


async def test_a_vendor_that_cannot_be_asked_is_no_news(vendor: str) -> None:
    """Whoever wants it asked is told that it did not answer."""
    async with paced(vendor) as it:
        [ticket] = await parked(it, "once")
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.ANSWER, status=500, times=None))
        asking = asyncio.create_task(it.gateway.status(ticket, refresh=True))
        while not asking.done():
            await it.go_on(10)
        with pytest.raises(VendorFault):
            await asking


async def test_all_that_wait_are_looked_at_in_turn(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run looks at some, and is not complete; the next one goes on below them."""
    monkeypatch.setattr(catchup, "PARKED", 2)
    async with paced(vendor) as it:
        tickets = await parked(it, "one", "two", "three")
        complete = [await caught_up(it), await caught_up(it)]
        assert complete in ([False, True], [None, None])
        assert 0 == await waiting(it, tickets)


async def test_looks_that_nobody_asked_for_become_rare(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself it is looked for until it is, at ages each a little more than the one before; if asked for, at once."""
    ages: list[float] = []
    async with paced(vendor, catch_up=True) as it:
        await it.greeted()
        began = it.sim.clock.now()

        def noting(_: Find) -> Find:
            def find(_: Any, attempt: Attempt) -> Exchange[Found]:
                yield from ()
                ages.append((it.sim.clock.now() - began).total_seconds())
                return Found()

            return find

        finding(it, monkeypatch, noting)
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.RESET, method="POST"))
        ticket = await it.gateway.enqueue(PHONE, "never")
        for _ in range(24):
            await it.go_on(4 * catchup.EVERY)
        assert 1 == await waiting(it, [ticket])
        assert 10 < len(ages) < 25
        old = [age for age in ages if age > 3600]
        assert all(after < before * 1.6 for before, after in itertools.pairwise([*old, 86_400]))
        looks = len(ages)
        await caught_up(it)
        assert looks + 1 == len(ages)


async def test_what_is_not_there_stays_with_the_person(vendor: str) -> None:
    """What the vendor never read is not sent again by a look."""
    async with paced(vendor) as it:
        await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.RESET, method="POST"))
        ticket = await it.gateway.enqueue(PHONE, "never")
        for _ in range(20):
            await it.go_on(60)
        outcome = (await it.gateway.status(ticket)).outcome
        again = (await it.gateway.status(ticket, refresh=True)).outcome
        assert (outcome, []) == (again, [text for text in it.texts() if outcome == "unknown"])


# ── looks that fail ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_provider_that_cannot_find_still_catches_up(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a vendor keeps webhooks and has no look-up of a send, the webhooks are read all the same."""
    async with paced(vendor) as it:
        await parked(it, "once")
        finding(it, monkeypatch, lambda _: Provider.find)
        assert keeps(vendor) == await caught_up(it)


async def test_a_bug_in_a_look_does_not_end_the_catch_up(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the vendor kept is read all the same."""
    async with paced(vendor) as it:
        await parked(it, "once")
        finding(it, monkeypatch, broken)
        assert keeps(vendor) == await caught_up(it)


async def test_a_bug_in_a_look_leaves_no_chat_waiting(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody can look for comes to a person, and the next message of the chat goes."""
    async with paced(vendor) as it:
        await it.greeted()
        finding(it, monkeypatch, broken)
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.RESET, method="POST"))
        ticket = await it.gateway.enqueue(PHONE, "lost")
        await it.gateway.enqueue(PHONE, "next")
        for _ in range(20):
            await it.go_on(60)
        assert (1, ["next"]) == (await waiting(it, [ticket]), it.texts())


async def test_a_refused_look_does_not_hide_those_behind_it(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor knows nothing of the first that is looked at (its contact is gone, say): the other one is found."""
    looked: list[str] = []

    def refusing(own: Find) -> Find:
        def find(provider: Any, attempt: Attempt) -> Exchange[Found]:
            looked.append(attempt.action.key)
            if attempt.action.key == looked[0]:
                raise NotFound("no such contact")
            return (yield from own(provider, attempt))

        return find

    async with paced(vendor) as it:
        tickets = await parked(it, "one", "two")
        finding(it, monkeypatch, refusing)
        await caught_up(it)
        assert 2 == len(set(looked))
        # webhooks that a vendor kept may prove the first one by themselves
        assert 1 >= await waiting(it, tickets)


async def test_a_look_that_took_long_leaves_what_was_decided_meanwhile(vendor: str) -> None:
    """A person had it sent again while the vendor was asked, and that was lost as well: the look was for the first."""
    async with paced(vendor) as it:
        [ticket] = await parked(it, "once")
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.DELAY, seconds=3))
        looking = asyncio.create_task(it.gateway.status(ticket, refresh=True))
        await it.go_on(1)
        it.sim.faults.add(Fault(vendor=vendor, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))
        it.sim.faults.add(Fault(vendor=vendor, stage=At.REQUEST, kind=FaultKind.RESET, method="POST"))
        with pytest.raises(NotSettled):
            await it.gateway.resolve(ticket.message_id, "resend", wait=0)
        await it.go_on(1)
        assert not looking.done()
        await it.go_on(2)
        assert ("unknown", 0) == said(await looking)
