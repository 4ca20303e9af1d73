"""A key that was used before gives what it gave then, whatever changed since; a new one is looked at as any call."""

from __future__ import annotations

import pytest

from gateway import Conflict, Gateway, NotOptedIn, Unauthorized
from gateway.simulator import Fault, FaultKind
from tests.flow.conftest import Reopen
from tests.flow.paced import paced
from tests.flow.stage import OTHER, PHONE, VENDORS

#: What is looked at is the core's, whatever the vendor: one is enough for each kind of store.
VENDOR = VENDORS[0]


async def test_a_connection_that_has_stopped_refuses_new_keys_alone(reopen: Reopen) -> None:
    """What was kept under a key is given all the same; other content under it is a conflict as ever."""
    async with paced(VENDOR, store=reopen()) as it:
        event = await it.greeted()
        first = await it.gateway.send(PHONE, "once", key="once")
        it.sim.faults.add(Fault(vendor=VENDOR, kind=FaultKind.ANSWER, status=401))
        with pytest.raises(Unauthorized):
            await it.gateway.send(event, "the key is wrong")
        kept = len(await it.gateway.store.messages())
        for key in (None, "new"):
            with pytest.raises(Unauthorized, match="has stopped"):
                await it.gateway.enqueue(PHONE, "too late", key=key)
        with pytest.raises(Conflict):
            await it.gateway.enqueue(PHONE, "twice", key="once")

        assert first.message_id == (await it.gateway.send(PHONE, "once", key="once")).message_id
        assert kept == len(await it.gateway.store.messages())


async def test_who_opted_out_is_asked_for_under_a_new_key_too(reopen: Reopen) -> None:
    """Refused at once, with nothing kept, as it is without a key."""
    async with paced(VENDOR, store=reopen()) as it:
        await it.greeted()
        first = await it.gateway.send(PHONE, "once", key="once")
        it.phone.stop(vendor=VENDOR)
        await it.go_on(1)
        for key in (None, "new"):
            with pytest.raises(NotOptedIn, match="opted out"):
                await it.gateway.enqueue(PHONE, "but why?", key=key)

        assert first.message_id == (await it.gateway.enqueue(PHONE, "once", key="once")).message_id
        assert [first.message_id] == [row.id for row in await it.gateway.store.messages()]


async def test_a_key_goes_with_the_connection_that_is_named(reopen: Reopen) -> None:
    """Another one is another request; who names none gets the first result, wherever it would go today."""
    async with paced(VENDOR, store=reopen()) as it:
        first = await it.gateway.send(PHONE, "once", via="main", key="once")
        settings = it.sim.settings(VENDOR)
    async with Gateway(reopen()) as later:
        later.connect(VENDOR, "second", **settings)
        with pytest.raises(Conflict):
            await later.enqueue(PHONE, "once", via="second", key="once")

        assert first.message_id == (await later.enqueue(PHONE, "once", key="once")).message_id
        assert (await later.enqueue(OTHER, "another", via="second", key="other")).connection == "second"
