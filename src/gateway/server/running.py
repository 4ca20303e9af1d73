"""The application on a port: uvicorn with our protocol, drained at the end."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator

import uvicorn

from gateway.errors import StoreError
from gateway.listening import listening, open_port, url_of
from gateway.server.frame import App
from gateway.server.protocol import PAUSE, bounded
from gateway.server.service import Service

__all__ = ["running"]

BACKLOG = 2048


@contextlib.asynccontextmanager
async def running(app: App, service: Service) -> AsyncIterator[str]:
    """Serve while the block runs; gives the base URL, without a slash at the end.

    The service is started before the port answers, and ended after the last request. Raises what starting it raises,
    and `ConfigurationError` when the port is taken.
    """
    settings = service.config.server
    plug = open_port(settings.host, settings.port)
    await _started(service, plug)
    try:
        async with listening(_configured(app, service), plug):
            yield url_of(settings.host, plug.getsockname()[1])
    finally:
        await service.stop()


async def _started(service: Service, plug: socket.socket) -> None:
    try:
        await service.start()
    except BaseException as error:
        plug.close()
        await service.stop()
        if isinstance(error, StoreError) and error.code == "unavailable":
            # one that goes away later is waited for; where it never was, the URL may be wrong
            error.hint = "look whether the database runs and whether its URL is right, then start again"
        raise


def _configured(app: App, service: Service) -> uvicorn.Config:
    settings, limits = service.config.server, service.config.limits
    return uvicorn.Config(
        app,
        http=bounded(seconds=limits.receive, per_address=limits.per_address),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies) or None,
        timeout_keep_alive=PAUSE,
        timeout_graceful_shutdown=max(1, round(settings.drain)),
        h11_max_incomplete_event_size=limits.header_bytes,
        backlog=BACKLOG,
    )
