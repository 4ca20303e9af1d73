"""Opt-in links."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from gateway.provider import Call, Exchange, Repeat, path
from gateway_loopmessage import wire
from gateway_loopmessage.api.answers import accepted, fetch

__all__ = ["PLACEHOLDER", "generate_url", "generate_url_in_browser"]

PLACEHOLDER = "[opt-in-code]"
"""What `body` has to contain; the vendor puts the person's code there."""

# The earlier editions of the page print the second path, misspelt; the later ones and the SDKs the first.
_PATHS = (path("/opt-in/generate-url/"), path("/opt-in/geenrate-url/"))


def generate_url(body: str, parameters: Mapping[str, JsonValue] | None = None) -> Exchange[wire.OptInUrl]:
    """POST `/opt-in/generate-url/`, or its older spelling where that is not found.

    `body` contains `[opt-in-code]`; `parameters` come back on the webhook. Three names among them mean something to
    the vendor: `sender_type="shared"`, `pool_id`, and `contact`, which fills the person in. A second link does no harm.
    """
    json: dict[str, JsonValue] = {**(parameters or {}), "body": body}
    first, second = _PATHS
    reply = yield Call("POST", first, json=json, repeat=Repeat.SAFE)
    if reply.status == 404:
        reply = yield Call("POST", second, json=json, repeat=Repeat.SAFE)
    return accepted(reply, wire.OptInUrl)


def generate_url_in_browser(
    organization_id: str, body: str, parameters: Mapping[str, str] | None = None
) -> Exchange[wire.OptInUrl]:
    """GET `/generate-url/{organization_id}/` of the tracker: the form for web pages, which needs no key.

    The same links as `generate_url` gives; all parameters are text, since they stand in the query.
    """
    query = {**(parameters or {}), "body": body}
    url = path("/generate-url/{organization_id}/", organization_id=organization_id)
    return fetch(Call("GET", url, params=query, base="tracker", repeat=Repeat.SAFE), wire.OptInUrl)
