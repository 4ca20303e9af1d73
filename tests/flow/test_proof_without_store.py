"""The store goes away while proof of a send is looked for: that says nothing about the send."""

from __future__ import annotations

import pytest

from gateway import StoreError
from gateway.plugins import load
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from gateway.store import MemoryStore
from gateway.store.rows import StepRow
from tests.flow.paced import paced
from tests.flow.stage import PHONE, VENDORS

UNKEYED = [vendor for vendor in VENDORS if load().provider(vendor).proof.key_window is None]


class Away(MemoryStore):
    """Cannot be reached for the first question after a vendor's records were read."""

    times = 1

    async def owner(self, connection: str, vendor_id: str) -> StepRow | None:
        if self.times:
            self.times -= 1
            raise StoreError("the store cannot be reached", code="unavailable", hint="look at the store")
        return await super().owner(connection, vendor_id)


@pytest.mark.parametrize("vendor", UNKEYED)
async def test_a_look_that_the_store_broke_off_is_made_again(vendor: str) -> None:
    """Nobody is asked about what the vendor has: the lane comes back with its lease, and the proof is there."""
    store = Away()
    async with paced(vendor, store=store) as it:
        await it.greeted()
        it.sim.faults.add(Fault(vendor=vendor, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))
        it.sim.faults.add(Fault(vendor=vendor, stage=At.ACCEPTED, kind=FaultKind.RESET, method="POST"))
        ticket = await it.gateway.enqueue(PHONE, "once")
        for _ in range(20):
            await it.go_on(15)

        found = await it.gateway.store.message(ticket.message_id)
        assert found is not None
        assert (0, "accepted", False) == (store.times, found[0].state, found[0].parked)
        assert ["once"] == it.texts()
