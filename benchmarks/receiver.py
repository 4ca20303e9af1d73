"""The two servers that receive webhooks, on uvicorn: `python -m benchmarks.receiver echo | gateway URL`.

Both have the same settings of uvicorn and the same care for garbage: what there is at the start is not looked at again.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.measure import calm
from benchmarks.webhooks import SECRET
from gateway import Gateway

__all__: list[str] = []


async def _echo(request: Request) -> Response:
    return Response(await request.body())


def _application(kind: str, store: str) -> Any:
    if kind == "echo":
        return Starlette(routes=[Route("/webhooks/main", _echo, methods=["POST"])])
    gateway = Gateway(store)
    gateway.connect("blooio", "main", api_key="bl_live_0123456789", webhook_secret=SECRET)
    return gateway.asgi()


async def _serve(kind: str, store: str) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        config = uvicorn.Config(_application(kind, store), log_level="critical", access_log=False)
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        with calm():
            await uvicorn.Server(config).serve([listener])


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[-1]))
