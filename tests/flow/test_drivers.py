"""One exchange is the same under every driver: async, blocking, and turned by hand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway import Chat, Message
from gateway.drive import drive, drive_blocking
from gateway.plugins import load
from gateway.provider import Call, Exchange, Provider, Receipt, Reply, SendMessage, Token
from gateway.simulator import Simulation
from gateway.transport import Transport
from tests.flow.stage import PHONE, VENDORS


def exchange_of(provider: Provider[Any]) -> Exchange[Receipt]:
    """Start the exchange of one and the same message."""
    return provider.send_message(
        SendMessage(chat=Chat.direct(PHONE), messages=(Message("hi"),), key="k.1.0", token=Token("t" * 22))
    )


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_exchange_is_identical_under_three_drivers(vendor: str) -> None:
    """The same calls in the same order, and the same receipt from the same answers."""
    async with Simulation([vendor]) as sim:
        cls = load().provider(vendor)
        provider = cls(cls.Settings.model_validate(sim.settings(vendor)))
        sim.contact(PHONE).write("hello", vendor=vendor)
        transport = Transport(provider, connection="main")
        seen: list[tuple[Call, Reply]] = []

        async def live(call: Call) -> Reply:
            reply = await transport.send(call)
            seen.append((call, reply))
            return reply

        receipt = await drive(exchange_of(provider), live)
        await transport.aclose()

    replies = iter([reply for _, reply in seen])
    blocking: list[Call] = []

    def recorded(call: Call) -> Reply:
        blocking.append(call)
        return next(replies)

    again = await asyncio.to_thread(drive_blocking, exchange_of(provider), recorded)

    by_hand = exchange_of(provider)
    calls = [next(by_hand)]
    result = None
    for _, reply in seen:
        try:
            calls.append(by_hand.send(reply))
        except StopIteration as stop:
            result = stop.value

    assert [call for call, _ in seen] == blocking == calls
    assert receipt == again == result
