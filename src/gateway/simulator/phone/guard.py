"""Who may open the phone: whoever was given its URL, under a name of this machine, and no other web page.

The token comes in the URL that is printed at the start and goes into a cookie; every further request needs the cookie.
`SameSite=Lax` and the check of Origin keep other pages from acting, the check of Host keeps a foreign name from being
bent to this machine (DNS rebinding).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from gateway.pages import page_headers
from gateway.simulator.contact import Impossible
from gateway.simulator.strangers import refuse_strangers

__all__ = ["HEADERS", "Guard"]

HEADERS: Mapping[str, str] = page_headers(
    content="media-src 'self' blob:",
    permissions_policy="microphone=(self), camera=(), geolocation=()",
    referrer_policy="no-referrer",
)
"""On every answer of the phone."""


class Guard:
    """Keeps strangers out."""

    def __init__(self, names: frozenset[str], token: str) -> None:
        self._names = names
        self._token = token

    def is_key(self, token: str) -> bool:
        """Tell whether a token of a URL is the one."""
        return secrets.compare_digest(token.encode(), self._token.encode())

    def cookie(self, host: str) -> str:
        """Make the cookie that stands for the token; its name holds the port, for browsers keep one jar for all."""
        return f"{_name(host)}={self._token}; Path=/_phone; HttpOnly; SameSite=Lax"

    def check_place(self, headers: Mapping[str, str]) -> None:
        """Refuse a foreign name and a foreign page; raises `Impossible`."""
        refuse_strangers(headers, self._names)

    def check(self, headers: Mapping[str, str]) -> None:
        """Refuse whoever was not given the URL; raises `Impossible`."""
        try:
            jar = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            jar = SimpleCookie()
        morsel = jar.get(_name(headers.get("host", "")))
        if morsel is None or not self.is_key(morsel.value):
            hint = "open the URL with its token, as it was printed when the simulator started"
            raise Impossible("this page needs its token", hint=hint, status=403)


def _name(host: str) -> str:
    try:
        return f"phone_{urlsplit(f'//{host}').port or 80}"
    except ValueError:
        return "phone"
