"""A port that closes forgets nobody who has just come."""

from __future__ import annotations

import asyncio
import gc
import warnings
from typing import Any

import pytest

from gateway.simulator.listener import served
from gateway.testing.answering import answering


async def greet(scope: Any, receive: Any, send: Any) -> None:
    """Answer a request."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait for a request."""
    await reader.readexactly(1)


async def come(port: int) -> str:
    """Connect, and tell how it ended."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return "ended"
    try:
        await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return "ended"
    except TimeoutError:
        return "left waiting"
    else:
        return "ended"
    finally:
        writer.close()


@pytest.mark.parametrize("rounds", range(8))
@pytest.mark.parametrize("kind", ["http", "stream"])
async def test_whoever_comes_as_a_port_closes_is_told_so(kind: str, rounds: int) -> None:
    """So many rounds of the event loop after it began to connect: it ends, and no socket is left behind."""
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always")
        if kind == "http":
            async with served(greet) as url:
                coming = await begun(int(url.rpartition(":")[2]), rounds)
        else:
            async with answering(wait) as port:
                coming = await begun(port, rounds)
        assert ["ended"] * 4 == await asyncio.gather(*coming)
        gc.collect()
    assert [] == [str(warning.message) for warning in left]


async def begun(port: int, rounds: int) -> list[asyncio.Task[str]]:
    """Let four connect, and let the event loop go on for some rounds."""
    coming = [asyncio.create_task(come(port)) for _ in range(4)]
    for _ in range(rounds):
        await asyncio.sleep(0)
    return coming
