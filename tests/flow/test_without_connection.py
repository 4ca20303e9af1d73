"""A message whose connection was removed or renamed can still be settled; only what would have to be sent cannot."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway import Cancelled, DeliveryState, DeliveryUpdated, Gateway, NoRoute, PartlySent
from gateway.plugins import load
from gateway.simulator import Fault, FaultKind
from gateway.simulator.faults import Stage as At
from gateway.store import MessageState
from tests.flow.conftest import Reopen
from tests.flow.paced import paced
from tests.flow.stage import PHONE, VENDORS

UNKEYED = [vendor for vendor in VENDORS if load().provider(vendor).proof.key_window is None]
"""The vendors that recognise no key: what became of a lost answer may have to be decided by a person."""
VENDOR = UNKEYED[0]


@contextlib.asynccontextmanager
async def without(reopen: Reopen, *texts: str) -> AsyncIterator[tuple[Gateway, str]]:
    """Send texts, the first of which stays unknown; then give a gateway over that store whose connection is another."""
    async with paced(VENDOR, store=reopen()) as it:
        await it.greeted()
        it.sim.faults.add(Fault(vendor=VENDOR, stage=At.WEBHOOK, kind=FaultKind.DROP, times=None))
        it.sim.faults.add(Fault(vendor=VENDOR, stage=At.ACCEPTED, kind=FaultKind.RESET, method="POST"))
        ticket = await it.gateway.enqueue(PHONE, list(texts))
        await it.until(lambda: it.texts() == [texts[0]])
        await it.rested()
        settings = it.sim.settings(VENDOR)
    async with Gateway(reopen()) as gateway:
        gateway.connect(VENDOR, "renamed", **settings)
        assert MessageState.UNKNOWN is await outcome(gateway, ticket.message_id)
        yield gateway, ticket.message_id


async def outcome(gateway: Gateway, message: str) -> MessageState:
    """Say how a message stands."""
    return MessageState((await gateway.status(message)).outcome)


async def reports(gateway: Gateway) -> list[tuple[str, str, DeliveryState]]:
    """Give what the gateway itself reported of messages, with the connection and the provider that it names."""
    events = [row.event for row in await gateway.store.events()]
    ours = [event for event in events if isinstance(event, DeliveryUpdated) and event.message_id]
    return [(event.connection, event.provider, event.state) for event in ours]


async def test_it_can_be_dropped(reopen: Reopen) -> None:
    """Nobody has to be asked; the report names the connection and the provider that it was."""
    async with without(reopen, "once") as (gateway, message):
        with pytest.raises(Cancelled):
            await gateway.resolve(message, "drop")
        assert MessageState.REFUSED is await outcome(gateway, message)
        told = await reports(gateway)
        assert [("main", VENDOR, DeliveryState.UNKNOWN), ("main", VENDOR, DeliveryState.FAILED)] == told


async def test_it_can_be_taken_for_sent(reopen: Reopen) -> None:
    """Whoever looked at the phone knows better than the vendor."""
    async with without(reopen, "once") as (gateway, message):
        assert message == (await gateway.resolve(message, "mark_sent")).message_id
        assert MessageState.ACCEPTED is await outcome(gateway, message)


async def test_what_is_left_of_a_sequence_is_not_left_waiting(reopen: Reopen) -> None:
    """It is partly sent, and says why; to go on with it is for who puts the connection to use again."""
    async with without(reopen, "one", "two") as (gateway, message):
        with pytest.raises(PartlySent) as caught:
            await gateway.resolve(message, "mark_sent")
        assert 1 == caught.value.remaining
        assert "main is not in use" in str(caught.value.__cause__)
        with pytest.raises(NoRoute, match="main") as refused:
            await gateway.resend(message)
        assert "put it to use again under this name, or send the rest anew by another one: via=…" == refused.value.hint
        assert MessageState.PARTLY is await outcome(gateway, message)


async def test_it_cannot_be_sent_again_and_says_what_can_be_done(reopen: Reopen) -> None:
    """Nothing is changed by the attempt."""
    async with without(reopen, "once") as (gateway, message):
        with pytest.raises(NoRoute, match=r"main, by which msg_\w+ goes, is not there any more") as caught:
            await gateway.resolve(message, "resend")
        settle = f'settle it without: gateway.resolve("{message}", "mark_sent" | "drop")'
        assert f"put it to use again under this name, or {settle}" == caught.value.hint
        assert MessageState.UNKNOWN is await outcome(gateway, message)


async def test_what_waits_for_it_can_be_taken_back(reopen: Reopen) -> None:
    """A message that has not left needs no vendor either."""
    async with Gateway(reopen(), works=False) as before:
        before.connect("echo", "main", api_key="k", webhook_secret="s")
        ticket = await before.enqueue(PHONE, "hello")
    async with Gateway(reopen()) as gateway:
        await gateway.cancel(ticket.message_id)
        assert MessageState.CANCELLED is await outcome(gateway, ticket.message_id)
