"""A host that has several addresses: the first one that takes us is used, and nobody waits for the others."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from gateway.hosts import reached
from gateway.testing.answering import answering

HERE, ELSEWHERE, SIX = "127.0.0.1", "127.0.0.2", "::1"
"""Where somebody listens in these tests, and where nobody does."""


class Caller(asyncio.Protocol):
    """Whoever connects."""


class Named:
    """A port of this machine, under a name whose addresses are given."""

    def __init__(self, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.port = port
        self._monkeypatch = monkeypatch

    async def reached(self, addresses: Sequence[str]) -> str:
        """Connect by the name; gives the address that was taken."""

        async def resolve(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
            families = {True: socket.AF_INET6, False: socket.AF_INET}
            return [(families[":" in at], socket.SOCK_STREAM, 6, "", (at, port)) for at in addresses]

        self._monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        transport, _ = await reached(Caller, "name.example", self.port)
        transport.abort()
        return str(transport.get_extra_info("peername")[0])


@pytest.fixture
async def named(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Named]:
    """Listen on one address of this machine."""

    async def hang_up(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        """Take every call, and say nothing."""

    async with answering(hang_up) as port:
        yield Named(port, monkeypatch)


@pytest.mark.parametrize(
    "addresses", [[HERE], [HERE, ELSEWHERE], [ELSEWHERE, HERE], [SIX, ELSEWHERE, HERE], [HERE] * 3]
)
async def test_an_address_that_refuses_makes_room_for_the_next(named: Named, addresses: list[str]) -> None:
    """Whatever is before it, the one that takes us is found."""
    assert HERE == await named.reached(addresses)


async def test_an_address_that_says_nothing_is_not_waited_for(named: Named, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is tried beside it; its own attempt ends with that."""
    given_up: list[str] = []
    loop = asyncio.get_running_loop()
    connect = loop.create_connection

    async def silent(make: Any, host: str, port: int) -> Any:
        if host != ELSEWHERE:
            return await connect(make, host, port)
        try:
            return await loop.create_future()
        finally:
            given_up.append(host)

    monkeypatch.setattr(loop, "create_connection", silent)
    assert HERE == await named.reached([ELSEWHERE, HERE])
    await asyncio.sleep(0)
    assert [ELSEWHERE] == given_up


@pytest.mark.parametrize("addresses", [[ELSEWHERE], [ELSEWHERE, SIX]])
async def test_a_host_that_takes_us_nowhere_is_an_error(named: Named, addresses: list[str]) -> None:
    """The first address's own error is told."""
    with pytest.raises(OSError, match=ELSEWHERE.replace(".", "[.]")):
        await named.reached(addresses)
