"""A send whose answer was lost, through a whole gateway: proven by a callback, or by the vendor's list."""

from __future__ import annotations

import pytest

from gateway import MessageReceived, OutcomeUnknown
from gateway.simulator import Fault, FaultKind, Stage
from gateway.store import MessageState
from tests.flow.stage import PHONE, stage

VENDOR = "sendblue"


@pytest.mark.parametrize("kind", [FaultKind.HTML, FaultKind.RESET])
@pytest.mark.parametrize("outbound", [False, True], ids=["callbacks alone", "outbound webhooks too"])
async def test_a_status_callback_proves_a_send_whose_answer_was_lost(kind: FaultKind, outbound: bool) -> None:  # noqa: FBT001 - a table
    """The vendor took it once; its report brings the token of the step, and the caller gets the receipt."""
    async with stage(VENDOR) as it:
        main = str(it.sim.scene.sender.urls[VENDOR])
        url = main.replace("/main", "/traced")
        it.gateway.connect(VENDOR, "traced", callback_url=url, **it.sim.settings(VENDOR))
        if outbound:
            it.sim.set_webhook(VENDOR, url)
        it.sim.faults.add(Fault(vendor=VENDOR, stage=Stage.ACCEPTED, kind=kind, times=1))
        receipt = await it.gateway.send(PHONE, "once", via="traced", wait=20)
        [bubble] = [bubble for thread in it.sim.world.threads(VENDOR) for bubble in thread.bubbles]
        row, _ = await it.gateway.store.message(receipt.message_id) or (None, ())

    assert (bubble.vendor_id, "once") == (receipt.vendor_id, bubble.text)
    assert row is not None
    assert MessageState.ACCEPTED is row.state


async def test_without_callbacks_nobody_knows_for_a_while() -> None:
    """The vendor's list is asked when the settle time is over; until then the outcome is unknown, and sent once."""
    async with stage(VENDOR) as it:
        it.phone.write("hello", vendor=VENDOR)
        event = await it.event(MessageReceived)
        it.sim.faults.add(Fault(vendor=VENDOR, stage=Stage.ACCEPTED, kind=FaultKind.HTML, times=1))
        with pytest.raises(OutcomeUnknown):
            await it.gateway.send(event, "once", wait=0.3)
        sent = [bubble.text for thread in it.sim.world.threads(VENDOR) for bubble in thread.bubbles if bubble.ours]
    assert ["once"] == sent
