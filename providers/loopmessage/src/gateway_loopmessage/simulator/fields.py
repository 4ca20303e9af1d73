"""Bodies of requests, and the plain fields in them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import JsonValue

from gateway.simulator import TwinRequest
from gateway_loopmessage.simulator.account import Rejected

__all__ = ["body_of", "flag", "is_header", "is_url", "required", "text_field"]


def body_of(request: TwinRequest) -> dict[str, JsonValue]:
    """Read a request's JSON object; raises `Rejected`."""
    body = request.json()
    if not request.body:
        raise Rejected(120, "the body is empty")
    if not isinstance(body, dict):
        raise Rejected(100, "the body is not a JSON object")
    # the vendor ignores what it does not know, and takes null for absent
    return {name: value for name, value in body.items() if value is not None}


def required(body: Mapping[str, JsonValue], name: str) -> str:
    """Read a text that has to be there: missing is code 120, anything but a text 115."""
    value = body.get(name)
    if value is None or value == "":
        raise Rejected(120, f"{name} is missing")
    if not isinstance(value, str):
        raise Rejected(115, f"{name} has to be a string")
    return value


def text_field(body: Mapping[str, JsonValue], name: str) -> str | None:
    """Read an optional text; anything else is code 125."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise Rejected(125, f"{name} has to be a string")
    return value


def flag(body: Mapping[str, JsonValue], name: str) -> bool | None:
    """Read an optional boolean; anything else is code 125."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise Rejected(125, f"{name} has to be a boolean")
    return value


def is_url(text: str) -> bool:
    """Tell whether a text is a URL that something can be posted to."""
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def is_header(text: str) -> bool:
    """Tell whether a text can be the value of a header."""
    return text.isascii() and text.isprintable()
