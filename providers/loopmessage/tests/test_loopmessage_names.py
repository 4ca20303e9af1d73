"""A contact who is named by the vendor's id and by phone: one word of consent, one place in a limit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway import NotOptedIn
from gateway.addresses import Address
from tests.flow.paced import Paced, paced
from tests.flow.stage import OTHER, PHONE

VENDOR = "loopmessage"


def by_id(it: Paced) -> Address:
    """Name the contact by the vendor's id."""
    account = it.sim.scene.twins[VENDOR].account  # type: ignore[attr-defined]  # of this vendor's twin
    return Address.contact(account.contact_id(Address.parse(PHONE)))


async def test_a_recipient_is_one_by_either_name() -> None:
    """From the answer on that tells it; whoever is somebody else waits for nothing."""
    async with paced(VENDOR, pace={"recipient": "1/min"}) as it:
        await it.greeted()
        named = by_id(it)
        await it.gateway.enqueue(named, "by id")
        await it.go_on(1)
        await it.gateway.enqueue(PHONE, "by phone")
        await it.gateway.enqueue(OTHER, "to another")
        await it.go_on(5)
        assert ["by id", "to another"] == it.texts()
        slots = [await it.gateway.next_slot(where) for where in (named, PHONE)]
        assert slots[0] == slots[1] > it.sim.clock.now()
        await it.go_on(60)

        assert ["by id", "to another", "by phone"] == it.texts()
        assert it.sent_at()[2] - it.sent_at()[0] >= timedelta(minutes=1)


async def test_who_said_stop_by_phone_gets_nothing_by_id() -> None:
    """Not even a call leaves; START by phone takes it back for both."""
    async with paced(VENDOR) as it:
        await it.greeted()
        named = by_id(it)
        await it.gateway.send(named, "by id")
        it.phone.stop(vendor=VENDOR)
        await it.go_on(1)
        before = len(it.posts())
        for where in (PHONE, named):
            with pytest.raises(NotOptedIn, match="opted out"):
                await it.gateway.enqueue(where, "but why?")
        assert before == len(it.posts())
        it.phone.opt_in(vendor=VENDOR)
        await it.greeted(text="START")

        assert [True, True] == [bool((await it.gateway.send(where, "welcome")).sent) for where in (named, PHONE)]
