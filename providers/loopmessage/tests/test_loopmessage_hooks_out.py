"""The twin's webhooks on the wire: headers, the answer that counts, the schedule."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic_core import from_json

from gateway.simulator import Simulation
from gateway.testing.answering import answering
from gateway_loopmessage.simulator import LoopMessageTwin

PHONE = "+12025550123"


class Receiver:
    """An application that answers every webhook with one status, and keeps the requests as they came."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.requests: list[tuple[str, bytes]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request, answer, and close."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        assert length
        self.requests.append((head, await reader.readexactly(int(length[1]))))
        writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()


@asynccontextmanager
async def told(status: int) -> AsyncIterator[tuple[Simulation, Receiver]]:
    """A twin on a clock that stands still, whose webhooks get this answer."""
    receiver = Receiver(status)
    async with (
        answering(receiver.serve) as port,
        Simulation([LoopMessageTwin], seed=7, clock="virtual") as simulation,
    ):
        simulation.set_webhook("loopmessage", f"http://127.0.0.1:{port}/hook")
        yield simulation, receiver


async def test_a_webhook_has_the_vendors_headers() -> None:
    """The configured value verbatim, the vendor's name, and a connection that is closed."""
    async with told(200) as (simulation, receiver):
        simulation.contact(PHONE).write("hello", vendor="loopmessage")
        await simulation.clock.advance(1)
        ((head, body),) = receiver.requests
    headers = {name.lower(): value for name, value in re.findall(r"^([\w-]+): (.*)\r$", head, re.MULTILINE)}
    secret = simulation.secrets["loopmessage"]
    expected = ("application/json", "LoopMessage", "close", secret)
    assert expected == tuple(headers[name] for name in ("content-type", "user-agent", "connection", "authorization"))
    assert ("message_inbound", "1.0") == tuple(from_json(body)[name] for name in ("event", "api_version"))


@pytest.mark.parametrize("status", [204, 500])
async def test_any_answer_but_200_is_tried_thirty_times_more(status: int) -> None:
    """Within 3 h 05, each time with the same webhook id; then it is dropped, and the history counts the attempts."""
    async with told(status) as (simulation, receiver):
        simulation.contact(PHONE).write("hello", vendor="loopmessage")
        await simulation.clock.advance(3 * 3600 + 5 * 60 + 1)
        assert len({from_json(body)["webhook_id"] for _, body in receiver.requests}) == 1
        assert len(receiver.requests) == 31
        await simulation.clock.advance(24 * 3600)
        assert len(receiver.requests) == 31
        twin = simulation.twin("loopmessage")
        assert isinstance(twin, LoopMessageTwin)
        assert [31] == [kept.attempt for kept in twin.account.hooks.values()]


async def test_200_is_enough() -> None:
    """One attempt, and fifteen seconds to answer."""
    async with told(200) as (simulation, receiver):
        simulation.contact(PHONE).write("hello", vendor="loopmessage")
        await simulation.clock.advance(24 * 3600)
        assert len(receiver.requests) == 1
    assert LoopMessageTwin.timeout == 15
