"""Who said STOP gets nothing more: words, events and codes of the vendor, from the webhook to the refused send."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest

from gateway import ConfigurationError, DeliveryState, DeliveryUpdated, Gateway, NotOptedIn, OptedIn
from gateway.codes import Phase
from gateway.plugins import load
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from tests.flow.paced import Paced, paced
from tests.flow.stage import OTHER, PHONE, VENDORS

of_every_vendor = pytest.mark.parametrize("vendor", VENDORS)


def opting_out(phase: Phase) -> list[tuple[str, str]]:
    """Name the codes of all vendors that say that a contact opted out."""
    return [
        (vendor, code)
        for vendor in VENDORS
        for (when, code), row in load().providers[vendor].codes
        if when is phase and row.opts_out
    ]


async def agrees_again(it: Paced) -> None:
    """Let the contact say START, by whatever road the vendor has for that."""
    it.phone.opt_in(vendor=it.vendor)
    await it.greeted(text="START")


@of_every_vendor
async def test_who_said_stop_gets_nothing_until_they_say_start(vendor: str) -> None:
    """Refused before anything leaves, and certain; answers too."""
    async with paced(vendor) as it:
        event = await it.greeted()
        await it.gateway.send(event, "welcome")
        it.phone.stop(vendor=vendor, text="Stop.")
        await it.go_on(1)
        before = len(it.posts())
        for act in (
            it.gateway.send(event, "but why?"),
            it.gateway.enqueue(PHONE, "but why?"),
            it.gateway.react(event, "love"),
            it.gateway.next_slot(PHONE),
        ):
            with pytest.raises(NotOptedIn, match="opted out") as caught:
                await act
            assert caught.value.certain
            assert ("main", vendor) == (caught.value.connection, caught.value.provider)
        assert (before, ["welcome"]) == (len(it.posts()), it.texts())
        await it.gateway.send(OTHER, "others are asked for themselves")

        await agrees_again(it)
        await it.gateway.send(event, "welcome back")
        assert "welcome back" in it.texts()


@of_every_vendor
async def test_what_was_kept_before_the_stop_is_refused_when_its_time_comes(vendor: str) -> None:
    """Consent is asked for when the message leaves, not when it was promised."""
    async with paced(vendor) as it:
        await it.greeted()
        later = it.sim.clock.now() + timedelta(minutes=5)
        ticket = await it.gateway.enqueue(PHONE, "reminder", at=later)
        it.phone.stop(vendor=vendor)
        await it.go_on(301)
        report = await it.event(DeliveryUpdated, lambda event: event.message_id == ticket.message_id)

        assert "refused" == (await it.gateway.status(ticket)).outcome
        assert (DeliveryState.FAILED, "the contact opted out") == (report.state, report.reason)
        assert [] == it.texts()


@of_every_vendor
async def test_a_key_gives_what_it_gave_before_the_stop(vendor: str) -> None:
    """The same call again is no new message."""
    async with paced(vendor) as it:
        await it.greeted()
        first = await it.gateway.send(PHONE, "once", key="k")
        it.phone.stop(vendor=vendor)
        await it.go_on(1)

        assert first.message_id == (await it.gateway.send(PHONE, "once", key="k")).message_id


@of_every_vendor
@pytest.mark.parametrize("mode", ["warn", "off"])
async def test_the_other_modes_leave_it_to_the_vendor(vendor: str, mode: str) -> None:
    """The message leaves; what the vendor says of it is its own word."""
    async with paced(vendor, consent=mode) as it:
        event = await it.greeted()
        it.phone.stop(vendor=vendor)
        await it.go_on(1)
        before = len(it.posts())
        with contextlib.suppress(NotOptedIn):
            await it.gateway.send(event, "all the same")

        assert before < len(it.posts())


@pytest.mark.parametrize(("vendor", "code"), opting_out(Phase.CALL))
async def test_the_vendors_code_is_a_word_too(vendor: str, code: str) -> None:
    """What it refuses for an opt-out is not asked again."""
    async with paced(vendor) as it:
        event = await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, kind=FaultKind.ANSWER, status=400, code=code))
        with pytest.raises(NotOptedIn) as told:
            await it.gateway.send(event, "one")
        before = len(it.posts())
        with pytest.raises(NotOptedIn) as known:
            await it.gateway.send(event, "two")

        assert (code, None) == (told.value.code, known.value.code)
        assert before == len(it.posts())
        await agrees_again(it)
        assert (await it.gateway.send(event, "three")).sent


@pytest.mark.parametrize(("vendor", "code"), opting_out(Phase.CALL))
async def test_a_failure_that_is_not_certain_is_no_word(vendor: str, code: str) -> None:
    """A number behind a 500 may be of another list: who did not opt out for certain is written to, as before."""
    async with paced(vendor) as it:
        event = await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, kind=FaultKind.ANSWER, status=500, code=code))
        ticket = await it.gateway.enqueue(event, "one")
        await it.go_on(0.1)
        certain = {"unknown": False, "refused": True}[(await it.gateway.status(ticket)).outcome]
        word = await it.gateway.store.consent("main", PHONE)

        assert certain == (word is not None and not word.agreed)
        assert code != "500" or not certain


@pytest.mark.parametrize(("vendor", "code"), opting_out(Phase.DELIVERY))
async def test_the_vendors_report_is_a_word_too(vendor: str, code: str) -> None:
    """A delivery that failed for an opt-out is the last one."""
    async with paced(vendor) as it:
        event = await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, stage=At.DELIVERY, kind=FaultKind.FAILED, code=code))
        await it.gateway.send(event, "one")
        await it.go_on(5)
        with pytest.raises(NotOptedIn, match="opted out"):
            await it.gateway.send(event, "two")

        assert ["one"] == it.texts()


@of_every_vendor
async def test_an_opt_in_can_be_required(vendor: str) -> None:
    """Who has neither opted in nor written gets nothing; writing is enough."""
    async with paced(vendor, require_opt_in=True) as it:
        with pytest.raises(NotOptedIn, match="neither opted in nor written"):
            await it.gateway.send(PHONE, "buy now")
        assert [] == it.posts()
        event = await it.greeted()

        assert (await it.gateway.send(event, "hello")).sent
        assert (await it.gateway.send(PHONE, "hello again")).sent


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_opt_in_event_is_enough(vendor: str) -> None:
    """Where the vendor tells of it by an event of its own."""
    async with paced(vendor, require_opt_in=True) as it:
        it.phone.opt_in(vendor=vendor)
        await it.go_on(1)
        if not any(isinstance(event, OptedIn) for event in it.events):
            return

        assert (await it.gateway.send(PHONE, "thanks")).sent


def test_there_is_no_other_mode() -> None:
    """A misspelt one is an error before anything is sent."""
    with pytest.raises(ConfigurationError, match="consent is 'of'"):
        Gateway(consent="of")
