"""The application on a port: uvicorn with our protocol, drained at the end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Iterator

import uvicorn

from gateway.errors import ConfigurationError
from gateway.server.frame import App
from gateway.server.protocol import PAUSE, bounded
from gateway.server.service import Service

__all__ = ["running"]

BACKLOG = 2048


class _Server(uvicorn.Server):
    """uvicorn that leaves signals to the command, and says when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@contextlib.asynccontextmanager
async def running(app: App, service: Service) -> AsyncIterator[str]:
    """Serve while the block runs; gives the base URL, without a slash at the end.

    The service is started before the port answers, and ended after the last request. Raises what starting it raises,
    and `ConfigurationError` when the port is taken.
    """
    settings = service.config.server
    plug = _bound(settings.host, settings.port)
    await _started(service, plug)
    server = _Server(_configured(app, service))
    task = asyncio.create_task(server.serve(sockets=[plug]))
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        yield _url(settings.host, plug.getsockname()[1])
    finally:
        ready.cancel()
        server.should_exit = True
        await task
        await service.stop()


async def _started(service: Service, plug: socket.socket) -> None:
    try:
        await service.start()
    except BaseException:
        plug.close()
        await service.stop()
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


def _bound(host: str, port: int) -> socket.socket:
    """Bind first, so that the number is known and a taken port is said in our words."""
    plug = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there the option would let two programs have the port
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        plug.bind((host, port))
    except OSError as error:
        plug.close()
        why = error.strerror or type(error).__name__
        hint = "choose another port, or 0 for a free one"
        raise ConfigurationError(f"cannot listen on {host} port {port}: {why}", hint=hint) from None
    return plug


def _url(host: str, port: int) -> str:
    name = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - recognised only
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
