"""The blocking library: the same names, the same promises."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

import pytest

import gateway
from gateway import MessageReceived, StoreError
from gateway.simulator import Simulation, served
from gateway.sync import Gateway
from tests.flow.stage import PHONE, VENDORS


@contextmanager
def world(vendor: str, blocking: Gateway) -> Iterator[tuple[Simulation, asyncio.AbstractEventLoop]]:
    """Run a simulation, and the blocking gateway's webhooks, on a loop of their own."""
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop: asyncio.Event
    found: list[Simulation] = []

    async def main() -> None:
        nonlocal stop
        stop = asyncio.Event()
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(served(blocking.asgi()))
            webhooks = {vendor: f"{url}/webhooks/main"}
            found.append(await stack.enter_async_context(Simulation([vendor], webhooks=webhooks, latency=0.02)))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    ready.wait(20)
    try:
        yield found[0], loop
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_blocking_program_sends_and_receives(vendor: str) -> None:
    """A handler runs in a thread and answers through the same gateway."""
    got = threading.Event()
    with Gateway() as blocking, world(vendor, blocking) as (sim, loop):
        blocking.connect(vendor, "main", **sim.settings(vendor))
        receipts = []

        @blocking.on(MessageReceived)
        def answer(event: MessageReceived) -> None:
            receipts.append(blocking.send(event, f"you said {event.text}"))
            got.set()

        loop.call_soon_threadsafe(lambda: sim.contact(PHONE).write("hello", vendor=vendor))
        assert got.wait(20)
        receipt = blocking.send(PHONE, "and this", via="main")
        status = blocking.status(receipt)

        assert 1 == len(receipts[0].sent)
        assert receipt.message_id == status.message_id
        assert blocking.check("main")


def test_both_libraries_have_the_same_names_and_parameters() -> None:
    """Whoever knows one knows the other; only closing and context managers are spelled for their world."""
    names = {
        cls: {name for name, member in inspect.getmembers(cls) if callable(member) and not name.startswith("_")}
        for cls in (gateway.Gateway, Gateway)
    }
    assert names[gateway.Gateway] - {"aclose"} == names[Gateway] - {"close"}

    for name in names[Gateway] - {"close"}:
        theirs = inspect.signature(getattr(gateway.Gateway, name))
        ours = inspect.signature(getattr(Gateway, name))
        assert list(theirs.parameters.values()) == list(ours.parameters.values()), name


def test_a_closed_gateway_says_so() -> None:
    """Instead of hanging on a loop that has gone."""
    blocking = Gateway()
    blocking.close()
    with pytest.raises(StoreError, match="closed"):
        blocking.send(PHONE, "x")
