"""The service as it is run, `gateway serve` on a SQLite file, against the plainest servers that do the same work.

Send: `POST /v1/messages` that waits for the vendor's answer, against a Starlette application that only posts to the
vendor. Receive: a signed webhook that is on the disk before it is answered, against a Starlette echo.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from benchmarks.measure import Row, Size, compare, here, there
from benchmarks.processes import serving
from benchmarks.webhooks import SECRET, deliver, request, requests

__all__ = ["service_receive", "service_send"]

SEND = {1: 0.20, 10: 0.30}
"""What is kept and proven costs about three commits, and the way through the API: see `docs/explanation/speed.md`."""
RECEIVE = 0.45
CONNECTIONS = 50
CHATS = 200
UNLIMITED = {"GATEWAY__LIMITS__RATE": "1000000", "GATEWAY__LIMITS__BURST": "1000000"}
"""One key may send sixty messages a second unless something else is said."""


async def service_send(size: Size) -> AsyncIterator[Row]:
    """Send through the API, and wait for the vendor's answer."""
    with ExitStack() as stack:
        vendor = f"http://127.0.0.1:{stack.enter_context(serving('vendor'))}"
        relay = stack.enter_context(serving("receiver", "relay", vendor))
        ours = stack.enter_context(_service(vendor))
        stack.enter_context(here())
        for in_flight, target in SEND.items():
            yield await compare(
                f"service-send-{in_flight}",
                f"POST /v1/messages to its outcome, {in_flight} in flight, against a bare relay",
                partial(_sent, relay, "nobody", size.sends, in_flight),
                partial(_sent, ours.port, ours.key, size.sends, in_flight),
                rounds=size.rounds,
                target=target,
            )


async def _sent(port: int, key: str, amount: int, in_flight: int) -> float:
    """Have messages sent; gives how many in a second."""
    return await deliver(port, [_send(key, index) for index in range(amount)], in_flight, 202)


async def service_receive(size: Size) -> AsyncIterator[Row]:
    """Receive by the service, with all that it does beside."""
    with ExitStack() as stack:
        echo = stack.enter_context(serving("receiver", "echo"))
        ours = stack.enter_context(_service("http://127.0.0.1:9"))
        stack.enter_context(here())
        yield await compare(
            "service-receive",
            f"durable receive by the service, {CONNECTIONS} connections, against a Starlette echo",
            lambda: deliver(echo, requests(size.webhooks), CONNECTIONS),
            lambda: deliver(ours.port, requests(size.webhooks, f"/webhooks/{ours.connection}"), CONNECTIONS),
            rounds=size.rounds,
            target=RECEIVE,
        )


@dataclass(frozen=True, slots=True)
class _Served:
    """A service that runs, with one connection."""

    port: int
    connection: str
    key: str = field(repr=False)


@contextmanager
def _service(vendor: str) -> Iterator[_Served]:
    """Run `gateway serve`, as a program of its own, and add a connection to a vendor."""
    program = [sys.executable, "-c", "from gateway.cli import main; main()", "serve", "--json", "--port", "0"]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        with there():
            process = subprocess.Popen(  # noqa: S603 - our own program
                [*program, "--store", f"sqlite:///{Path(folder) / 'service.db'}"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env={**os.environ, **UNLIMITED},
                text=True,
            )
        stack.callback(_end, process)
        assert process.stdout is not None  # noqa: S101 - asked for
        told = json.loads(process.stdout.readline())
        settings = {"api_key": "bl_live_0123456789", "webhook_secret": SECRET, "base_url": vendor}
        answer = httpx.post(
            f"{told['url']}/v1/connections",
            json={"provider": "blooio", "name": "main", "settings": settings},
            headers={"authorization": f"Bearer {told['key']}"},
            trust_env=False,
        )
        yield _Served(httpx.URL(told["url"]).port or 80, answer.raise_for_status().json()["id"], told["key"])


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(30)
    if process.stdout is not None:
        process.stdout.close()


def _send(key: str, index: int) -> bytes:
    body = {"to": f"+1202555{index % CHATS:04}", "message": f"Hello, this is message number {index} of a benchmark."}
    return request("/v1/messages?wait=30", {"authorization": f"Bearer {key}"}, json.dumps(body).encode())
