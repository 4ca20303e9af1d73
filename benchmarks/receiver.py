"""Servers on uvicorn: `python -m benchmarks.receiver echo | relay URL | gateway STORE`.

`echo` answers with what it got, `relay` posts it to a vendor at a URL and answers with what came back: the plainest
things that can be called a receiver and a sender. All have the same settings of uvicorn and the same care for garbage:
what there is at the start is not looked at again.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from benchmarks.measure import calm
from benchmarks.webhooks import SECRET
from gateway import Gateway
from gateway.listening import open_port

__all__: list[str] = []


async def _echo(request: Request) -> Response:
    return Response(await request.body())


def _relay(vendor: str) -> Any:
    """Send as somebody would who has one vendor and no gateway."""
    limits = httpx.Limits(max_connections=16, max_keepalive_connections=16, keepalive_expiry=5)
    client = httpx.AsyncClient(limits=limits, trust_env=False, timeout=30)

    async def send(request: Request) -> Response:
        asked = await request.json()
        answer = await client.post(
            f"{vendor}/chats/%2B{asked['to'][1:]}/messages",
            json={"text": asked["message"]},
            headers={"authorization": "Bearer bl_live_0123456789"},
        )
        return JSONResponse(answer.json(), 202)

    return Starlette(routes=[Route("/v1/messages", send, methods=["POST"])])


def _application(kind: str, store: str) -> Any:
    if kind == "echo":
        return Starlette(routes=[Route("/webhooks/main", _echo, methods=["POST"])])
    if kind == "relay":
        return _relay(store)
    gateway = Gateway(store)
    gateway.connect("blooio", "main", api_key="bl_live_0123456789", webhook_secret=SECRET)
    return gateway.asgi()


async def _serve(kind: str, store: str) -> None:
    # as the gateway's own: a socket that is not named as TCP has Nagle's algorithm wait between head and body
    with open_port("127.0.0.1", 0) as listener:
        listener.listen(256)
        config = uvicorn.Config(_application(kind, store), log_level="critical", access_log=False)
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        with calm():
            await uvicorn.Server(config).serve([listener])


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[-1]))
