from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.simulator.router import Found, Router

ROUTER = Router(
    [
        ("GET", "/chats/{chat}/messages", "list"),
        ("POST", "/chats/{chat}/messages", "send"),
        ("GET", "/chats/{chat}/messages/", "slash"),
        ("GET", "/chats/me/messages", "never"),
        ("GET", "/v1/it's", "literal"),
        ("GET", "", "root"),
    ]
)


@pytest.mark.parametrize(
    ("path", "target", "params"),
    [
        ("/chats/+12025550150/messages", "list", {"chat": "+12025550150"}),
        ("/chats/%2B12025550150/messages", "list", {"chat": "+12025550150"}),
        ("/chats/a,b@c/messages", "list", {"chat": "a,b@c"}),
        ("/chats/a%2Fb/messages", "list", {"chat": "a/b"}),
        ("/chats/a%20b+c/messages", "list", {"chat": "a b+c"}),
        ("/chats/me/messages", "list", {"chat": "me"}),
        ("/chats/x/messages/", "slash", {"chat": "x"}),
        ("/v1/it%27s", "literal", {}),
        ("", "root", {}),
    ],
)
def test_segments_are_decoded_and_compared_one_by_one(path: str, target: str, params: dict[str, str]) -> None:
    """A literal plus stays, an encoded slash stays inside, a slash at the end counts, the first route holds."""
    assert Found(target, params) == ROUTER.find("get", path)


@pytest.mark.parametrize("path", ["/chats//messages", "/chats/x", "/chats/x/messages//", "chats/x/messages", "/"])
def test_a_path_that_no_route_has_is_not_found(path: str) -> None:
    """An empty segment is no value."""
    assert ROUTER.find("GET", path) is None


def test_another_method_is_told_from_another_path() -> None:
    """What the path allows is listed."""
    assert Found(None, {}, ("GET", "POST")) == ROUTER.find("DELETE", "/chats/x/messages")


@given(st.text(min_size=1))
def test_every_value_comes_back_as_it_was_encoded(value: str) -> None:
    """Whatever text a client puts into a segment, percent-encoded, the twin gets."""
    encoded = quote(value, safe="", errors="replace")
    found = ROUTER.find("POST", f"/chats/{encoded}/messages")
    assert Found("send", {"chat": value.encode(errors="replace").decode()}) == found
