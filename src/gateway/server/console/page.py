"""One request for a page: who looks, at what service, and how an answer is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache, partial
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.errors import ConfigurationError, GatewayError, InvalidRequest
from gateway.pages import page_headers
from gateway.server.console import looks
from gateway.server.console.knocks import Knocks
from gateway.server.problems import Fault
from gateway.server.service import Service
from gateway.tenancy import ADMIN, Caller

__all__ = ["HEADERS", "MASK", "ROOT", "Page", "View", "read_form", "read_hours", "templates"]

ROOT = "/console"
_MOST_FIELDS = 200
_Word = TypeVar("_Word", bound=StrEnum)
MASK = "gateway_console_shows"
"""Cookie of whoever wants to see people's numbers and words; without it they are veiled."""

HEADERS: Mapping[str, str] = page_headers(referrer_policy="same-origin")
"""On every answer of the console."""


@cache
def templates() -> Environment:
    """Make the environment of all templates: everything is escaped, and what is missing is an error."""
    return Environment(
        loader=PackageLoader("gateway.server.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@dataclass(slots=True)
class Page:
    """What a view works with."""

    service: Service
    request: Request
    caller: Caller
    knocks: Knocks
    """Webhooks that were turned away lately."""
    form: dict[str, str] = field(default_factory=dict, repr=False)
    """What was filled in, the last of each name."""

    @property
    def tenant(self) -> str:
        """Whose things are shown."""
        return self.caller.tenant

    @property
    def masked(self) -> bool:
        """Whether numbers and words of people are veiled."""
        return self.request.cookies.get(MASK) != "1"

    @property
    def now(self) -> datetime:
        """The time, by the service's clock."""
        return self.service.now()

    @property
    def query(self) -> dict[str, str]:
        """What the address asks for; what is empty is not asked for."""
        return {name: value for name, value in self.request.query_params.items() if value}

    def part(self, name: str) -> str:
        """Give a part of the path."""
        return str(self.request.path_params[name])

    def filled(self, name: str) -> str:
        """Give what was filled in under a name; raises `InvalidRequest` when nothing was."""
        value = self.form.get(name, "").strip()
        if not value:
            raise InvalidRequest(f"{name} is empty", hint="fill it in")
        return value

    def one_of(self, kind: type[_Word], text: str) -> _Word:
        """Read a word of which there is a list; raises `InvalidRequest`."""
        try:
            return kind(text)
        except ValueError:
            words = ", ".join(word.value for word in kind)
            raise InvalidRequest("there is no such choice", hint=f"there are: {words}") from None

    def demand(self, scope: str = ADMIN, connection: str | None = None) -> None:
        """Let only those go on who may; raises `Forbidden`."""
        self.caller.demand(scope, connection)

    def show(self, template: str, status: int = 200, **values: Any) -> Response:
        """Answer with a page."""
        masked, now = self.masked, self.now
        at_hand = {
            "root": ROOT,
            "page": self,
            "may": partial(self.caller.may, ADMIN),
            "ago": lambda when: looks.ago(when, now),
            "called": partial(self.service.tenancy.accounts.name_of, self.tenant),
            "who": partial(looks.who, masked=masked),
            "pretty": partial(looks.pretty, masked=masked),
            "raw": partial(looks.raw, masked=masked),
            "veil": looks.hidden if masked else str,
            "more": self.more,
            "notice": self.request.query_params.get("done", ""),
        }
        return HTMLResponse(templates().get_template(template).render(**at_hand, **values), status, dict(HEADERS))

    def more(self, after: str | None) -> str:
        """Give the address of the next page of a list."""
        return f"?{urlencode({**self.query, 'after': after})}" if after else ""

    def go(self, path: str, done: str = "") -> Response:
        """Answer a form: go on to a page, which may say what was done."""
        query = f"?{urlencode({'done': done})}" if done else ""
        return RedirectResponse(f"{ROOT}{path}{query}", 303, dict(HEADERS))

    def failed(self, error: GatewayError | ConfigurationError, status: int) -> Response:
        """Say what went wrong, and what to do."""
        return self.show("failed.html", status, error=error, code=getattr(error, "slug", "invalid_settings"))


View: TypeAlias = Callable[[Page], Awaitable[Response]]


def read_form(body: bytes) -> dict[str, str]:
    """Read what a form sends; raises `Fault` for one with too many fields."""
    text = body.decode("utf-8", "replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise Fault(400, "bad_request", f"a form has at most {_MOST_FIELDS} fields") from None


def read_hours(text: str, *, least: int = 0) -> float:
    """Read a number of hours that somebody wrote; raises `InvalidRequest` for none, and for more than 90 days."""
    try:
        hours = float(text)
    except ValueError:
        hours = -1
    if not least <= hours <= 24 * 90:
        raise InvalidRequest("that is no number of hours", hint=f"write one between {least} and 2160")
    return hours
