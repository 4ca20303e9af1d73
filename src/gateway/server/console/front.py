"""The door of the console: its routes, its session, its static files, and what becomes of errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import resources
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Match, Route

from gateway.errors import ConfigurationError, GatewayError, NotFound, Unauthenticated
from gateway.log import logger
from gateway.server.access import configured
from gateway.server.body import BodyLimits, Receive, Scope, Send, read_body
from gateway.server.console import accounts, endpoints, events, hooks, keys, manual, messages, overview, people, state
from gateway.server.console.knocks import Knocks
from gateway.server.console.page import HEADERS, MASK, ROOT, Page, View, read_form, templates
from gateway.server.console.session import COOKIE, LASTS, Sessions, same_origin
from gateway.server.problems import Fault, fault_of
from gateway.server.service import Service

__all__ = ["Console"]

_log = logger(__name__)

VIEWS: tuple[tuple[str, str, View], ...] = (
    *overview.VIEWS,
    *accounts.VIEWS,
    *events.VIEWS,
    *messages.VIEWS,
    *hooks.VIEWS,
    *people.VIEWS,
    *endpoints.VIEWS,
    *keys.VIEWS,
    *state.VIEWS,
    *manual.VIEWS,
)
"""Method, path below the root, and what answers."""

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_VENDORED = frozenset({"htmx.min.js", "hx-sse.min.js"})
"""Taken from where the phone has them: one copy, one checksum."""


class Console:
    """An ASGI application below `/console`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sessions = Sessions(service)
        self._knocks = Knocks(service.engine.clock)
        service.closing.append(self._knocks.listening())
        limits = service.config.limits
        self._limits = BodyLimits(
            limits.json_bytes, limits.receive, limits.json_depth, limits.json_keys, limits.json_text
        )
        self._doors: dict[tuple[str, str], Callable[[Request, dict[str, str]], Awaitable[Response]]] = {
            ("POST", "/sign-in"): self._sign_in,
            ("POST", "/sign-out"): _sign_out,
            ("POST", "/mask"): _mask,
        }
        self._routes = [(Route(ROOT + path, _unused, methods=[method]), view) for method, path, view in VIEWS]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope)
        response: Response
        try:
            body = await read_body(receive, dict(request.headers), self._limits)
            if body is None:
                return
            response = await self._answer(request, body)
        except Fault as fault:
            response = HTMLResponse(fault.detail, fault.status, dict(HEADERS))
        await response(scope, receive, send)

    async def _answer(self, request: Request, body: bytes) -> Response:
        path, method = request.url.path, request.method
        if path.startswith(f"{ROOT}/static/"):
            return _static(path.removeprefix(f"{ROOT}/static/"))
        if path == ROOT:
            return RedirectResponse(f"{ROOT}/", 308, dict(HEADERS))
        if method == "POST" and not same_origin(request):
            return _plain("forbidden.html", 403)
        form = read_form(body) if method == "POST" else {}
        door = self._doors.get((method, path.removeprefix(ROOT)))
        if door is not None:
            return await door(request, form)
        try:
            caller = await self._sessions.caller(request.cookies.get(COOKIE, ""))
        except (GatewayError, ValueError):
            return _plain("sign_in.html", 200, problem="")  # not 401: a browser calls that an error
        return await self._viewed(Page(self._service, request, caller, self._knocks, form))

    async def _viewed(self, page: Page) -> Response:
        try:
            return await self._found(page)(page)
        except (GatewayError, ConfigurationError, Fault) as error:
            fault = fault_of(error)
            shown = error if isinstance(error, GatewayError) else GatewayError(fault.detail, hint=fault.hint)
            return page.failed(shown, fault.status)
        except Exception as error:  # noqa: BLE001 - a border: no page shows a traceback
            _log.error("page_failed", route=page.request.scope.get("path_format"), exc_info=error)
            problem = GatewayError("something went wrong in the service", hint="the log says what")
            return page.failed(problem, 500)

    def _found(self, page: Page) -> View:
        scope = page.request.scope
        for route, view in self._routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                scope.update(child)
                scope["path_format"] = route.path
                return view
        raise NotFound("there is no such page", hint="begin at the overview")

    async def _sign_in(self, request: Request, form: dict[str, str]) -> Response:
        bearer = form.get("key", "").strip()
        try:
            caller = configured(self._service, bearer) or await self._service.tenancy.keys.authenticate(bearer)
        except Unauthenticated:
            return _plain("sign_in.html", 401, problem="This key does not count: copy it whole, or make a new one.")
        response = RedirectResponse(f"{ROOT}/", 303, dict(HEADERS))
        secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
        response.set_cookie(
            COOKIE,
            self._sessions.made(caller),
            max_age=int(LASTS.total_seconds()),
            path=ROOT,
            httponly=True,
            samesite="strict",
            secure=secure,
        )
        return response


def _unused(_: Request) -> Response:
    raise NotImplementedError  # routes are matched here, and views called with a page


def _plain(template: str, status: int, **values: str) -> Response:
    text = templates().get_template(template).render(root=ROOT, **values)
    return HTMLResponse(text, status, dict(HEADERS))


async def _sign_out(_: Request, __: dict[str, str]) -> Response:
    response = RedirectResponse(f"{ROOT}/", 303, dict(HEADERS))
    response.delete_cookie(COOKIE, path=ROOT)
    return response


async def _mask(request: Request, form: dict[str, str]) -> Response:
    back = request.headers.get("referer", "").partition(ROOT)[2].partition("?done=")[0]
    response = RedirectResponse(f"{ROOT}{back or '/'}", 303, dict(HEADERS))
    if form.get("show") == "1":
        response.set_cookie(MASK, "1", path=ROOT, httponly=True, samesite="strict")
    else:
        response.delete_cookie(MASK, path=ROOT)
    return response


def _static(name: str) -> Response:
    kind = _TYPES.get(PurePosixPath(name).suffix)
    package = "gateway.simulator.phone" if name in _VENDORED else "gateway.server.console"
    static = resources.files(package) / "static"
    folder = static / "vendor" if name in _VENDORED else static
    # found among those that are there: the name itself, which may be anything, is never made a path
    file = next((each for each in folder.iterdir() if each.name == name), None)
    if kind is None or file is None:
        return Response("there is no such file", 404, dict(HEADERS))
    headers = {**HEADERS, "cache-control": "public, max-age=3600", "content-type": f"{kind}; charset=utf-8"}
    return Response(file.read_bytes(), headers=headers)
