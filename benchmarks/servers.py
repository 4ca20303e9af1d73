"""What stands at the other end: a vendor that accepts everything, and a bare echo, each in a process of its own."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import uvicorn

__all__ = ["running"]

_numbers = itertools.count()


async def _body(receive: Any) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


async def vendor(scope: Any, receive: Any, send: Any) -> None:
    """Accept every message, with an id of its own."""
    if scope["type"] != "http":
        return
    await _body(receive)
    body = json.dumps({"id": f"id-{next(_numbers)}", "status": "queued"}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextlib.contextmanager
def running(app: str, *arguments: str) -> Iterator[str]:
    """Run `benchmarks.servers:APP` on a free port in another process, on the last core; gives its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.servers", app, str(port), *arguments]
    process = subprocess.Popen(command)  # noqa: S603 - our own module
    try:
        _wait(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(500):
        if process.poll() is not None:
            raise RuntimeError("the server of the benchmark did not start")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.02)
    raise RuntimeError("the server of the benchmark did not answer")


def pin(core: int) -> None:
    """Keep this process on one core, where the system can; both sides of a comparison are treated alike."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[core]})


if __name__ == "__main__":
    pin(-1)
    uvicorn.run(
        f"benchmarks.servers:{sys.argv[1]}", port=int(sys.argv[2]), log_level="critical", lifespan="off", ws="none"
    )
