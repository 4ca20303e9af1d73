"""How Blooio answers: errors in its form, times in milliseconds, pages, and the reading of requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from gateway.simulator import TwinReply, TwinRequest

__all__ = [
    "Json",
    "Refusal",
    "body_of",
    "error_reply",
    "flag",
    "milliseconds",
    "page",
    "reply",
    "split_url",
    "whole_number",
]

Json = dict[str, Any]
T = TypeVar("T")

MAX_PAGE = 200
DEFAULT_PAGE = 50


class Refusal(Exception):
    """The request is answered with an error; `extras` stand beside the code, as `limit` does with a quota."""

    def __init__(self, status: int, message: str, code: str | None = None, **extras: object) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.extras = extras

    def reply(self) -> TwinReply:
        """Give the answer."""
        return error_reply(self.status, self.message, self.code, **self.extras)


def error_reply(status: int, message: str, code: str | None = None, **extras: Any) -> TwinReply:
    """Make an error: `{"error": "ApiError", "message", "status"}`, and the code where the vendor has one."""
    body: Json = {"error": "ApiError", "message": message, "status": status}
    if code is not None:
        body["code"] = code
    # Only a plain 429 is a matter of waiting a little; those with a code are quotas.
    headers = {"Retry-After": "1"} if status == 429 and code is None else {}
    return TwinReply(status, {**body, **extras}, headers)


def reply(body: Json, status: int = 200) -> TwinReply:
    """Answer with an object."""
    return TwinReply(status, body)


def milliseconds(moment: datetime) -> int:
    """Spell a time as the vendor does."""
    return int(moment.timestamp() * 1000)


def body_of(request: TwinRequest) -> Json:
    """Read a JSON object; raises `Refusal` for anything else."""
    body = request.json()
    if not isinstance(body, dict):
        raise Refusal(400, "The request body must be a JSON object.")
    return body


def flag(body: Mapping[str, Any], name: str) -> bool:
    """Read an optional boolean, false when it is absent or null."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise Refusal(400, f"'{name}' must be a boolean.")
    return bool(value)


def split_url(text: object) -> SplitResult | None:
    """Take a web address apart; None for anything else."""
    try:
        pieces = urlsplit(text) if isinstance(text, str) else None
        return pieces if pieces and pieces.scheme in {"http", "https"} and pieces.hostname else None
    except ValueError:
        return None


def whole_number(request: TwinRequest, name: str, default: int, least: int = 0, most: int | None = None) -> int:
    """Read a number from the query."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or int(text) < least or (most is not None and int(text) > most):
        raise Refusal(400, f"'{name}' is out of range.")
    return int(text)


def page(
    request: TwinRequest, items: Sequence[T], shown: Callable[[T], Json]
) -> tuple[list[Json], dict[str, int | bool]]:
    """Cut a page out of a list, by `limit` (1 to 200) and `offset`; returns what to show and the pagination."""
    limit = whole_number(request, "limit", DEFAULT_PAGE, 1, MAX_PAGE)
    offset = whole_number(request, "offset", 0)
    return [shown(item) for item in items[offset : offset + limit]], {
        "limit": limit,
        "offset": offset,
        "total": len(items),
    }
