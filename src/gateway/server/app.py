"""The application: webhooks in plain ASGI, everything else by FastAPI, and one frame around both.

A front of its own (GraphQL, files, the console) adds one line to `ROUTERS` or `MOUNTS`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Mount

from gateway.errors import ConfigurationError, GatewayError
from gateway.log import logger
from gateway.server import files, graphql, openapi
from gateway.server.body import Receive, Scope, Send
from gateway.server.console import ROOT, Console
from gateway.server.frame import App, Frame
from gateway.server.problems import Fault, fault_of, invalid
from gateway.server.requests import current_request
from gateway.server.rest import (
    calls,
    chats,
    connections,
    contacts,
    deliveries,
    doctor,
    endpoints,
    events,
    gestures,
    health,
    keys,
    messages,
    providers,
    tenants,
    webhooks,
)
from gateway.server.service import Service
from gateway.server.webhooks import Webhooks
from gateway.vault.links import PREFIX

__all__ = ["MOUNTS", "ROUTERS", "create_app"]

_log = logger(__name__)

ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    doctor.router,
    openapi.router,
    providers.router,
    connections.router,
    calls.router,
    messages.router,
    gestures.router,
    chats.router,
    contacts.router,
    events.router,
    webhooks.router,
    files.router,
    graphql.router,
    endpoints.router,
    deliveries.router,
    keys.router,
    tenants.router,
)
"""Routes, by resource."""


def _links(app: FastAPI, service: Service) -> None:
    app.router.routes.append(Mount(f"/{PREFIX}", app=service.gateway.files.serve, name="links"))


MOUNTS: tuple[Callable[[FastAPI, Service], None], ...] = (_links,)
"""Whatever else adds itself to the application."""


def create_app(service: Service) -> App:
    """Make the ASGI application of a service; its lifespan starts and ends the service."""
    app = FastAPI(
        title="Messaging gateway",
        version=version("messaging-gateway"),
        summary="Send and receive iMessage through any vendor.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False},
        generate_unique_id_function=openapi.operation_id,
        separate_input_output_schemas=True,
    )
    app.state.service = service
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    for router in ROUTERS:
        app.include_router(router)
    for add in MOUNTS:
        add(app, service)
    openapi.describe(app)
    service.openapi = app.openapi
    framed = Frame(app, service.config.limits, service.telemetry, streamed=files.streamed)
    return Site(service, framed, Webhooks(service), Console(service))


class Site:
    """All that is served: webhooks go their own way, without a framework."""

    def __init__(self, service: Service, api: App, webhooks: App, console: App) -> None:
        self._service = service
        self._api = api
        self._webhooks = webhooks
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the server; one that is cut at the end of the service is no failure."""
        try:
            await self._served(scope, receive, send)
        except asyncio.CancelledError:
            if not self._service.draining:
                raise
            _log.warning("request_cut", why="the service ends")

    async def _served(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/webhooks/"):
            await self._webhooks(scope, receive, send)
        elif scope["type"] == "http" and (scope["path"] == ROOT or scope["path"].startswith(f"{ROOT}/")):
            await self._console(scope, receive, send)
        else:
            await self._api(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._service.start()
                except Exception as error:  # a border: the server is to say why it does not start
                    await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
                    raise
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._service.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


# ── failures ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def _ours(request: Request, error: Exception) -> Response:
    fault = fault_of(error)
    if fault.status == 500:
        _log.error("request_failed", request_id=current_request.get(), exc_info=error)
    status, headers, body = fault.answer(path=request.url.path, request_id=current_request.get())
    return Response(body, status, headers)


async def _misshapen(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - how it is registered
    return await _ours(request, invalid(error.errors()))


async def _of_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - how it is registered
    code = _CODES.get(error.status_code, "bad_request")
    words = {404: "there is nothing here", 405: f"{request.method} is not taken here"}
    fault = Fault(error.status_code, code, words.get(error.status_code, "the request cannot be answered"))
    fault.headers.update(error.headers or {})
    return await _ours(request, fault)


_CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "content_too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
    503: "service_unavailable",
}

_HANDLERS: dict[Any, Any] = {
    Fault: _ours,
    GatewayError: _ours,
    ConfigurationError: _ours,
    RequestValidationError: _misshapen,
    ResponseValidationError: _ours,
    HTTPException: _of_framework,
}
