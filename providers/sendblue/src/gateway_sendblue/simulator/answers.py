"""How Sendblue answers: errors in its form, times in ISO 8601, pages, and the reading of requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_core import to_json

from gateway.provider import Address
from gateway.simulator import TwinReply, TwinRequest

__all__ = [
    "Json",
    "Refusal",
    "address_of",
    "body_of",
    "cut",
    "error_reply",
    "is_url",
    "iso",
    "moment",
    "phone_of",
    "reply",
    "stream",
    "string",
    "strings",
    "whole_number",
]

Json = dict[str, Any]
T = TypeVar("T")

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


class Refusal(Exception):
    """The request is answered with an error; `extras` stand beside the words, as `error_key` does."""

    def __init__(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **extras: Any) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}
        self.extras = extras

    def reply(self) -> TwinReply:
        """Give the answer."""
        return error_reply(self.status, self.message, headers=self.headers, **self.extras)


def error_reply(status: int, message: str, *, headers: Mapping[str, str] | None = None, **extras: Any) -> TwinReply:
    """Make an error; the keys are those that clients of the vendor look for, 4000 is its code for a bad request."""
    body: Json = {
        "status": "ERROR",
        "message": message,
        "error_message": message,
        "error_code": 4000 if status == 400 else None,
        "error_key": None,
    }
    return TwinReply(status, {**body, **extras}, dict(headers or {}))


def reply(body: Any, status: int = 200) -> TwinReply:
    """Answer with JSON."""
    return TwinReply(status, body)


def stream(*events: tuple[str, Any]) -> TwinReply:
    """Answer with server-sent events, and close: the vendor keeps it open, with a comment every 15 seconds."""
    blocks = [f"event: {name}\ndata: {to_json(data).decode()}\n\n" for name, data in events]
    return TwinReply(
        200, headers={"content-type": "text/event-stream"}, body=(": heartbeat\n\n" + "".join(blocks)).encode()
    )


def iso(when: datetime) -> str:
    """Spell a time as the vendor does."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(request: TwinRequest, name: str) -> datetime | None:
    """Read a time from the query; raises `Refusal`."""
    text = request.query.get(name)
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(400, f"{name} must be an ISO 8601 timestamp") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def body_of(request: TwinRequest) -> Json:
    """Read a JSON object; raises `Refusal` for anything else."""
    body = request.json()
    if not isinstance(body, dict):
        raise Refusal(400, "The request body must be a JSON object")
    return body


def string(body: Mapping[str, Any], *names: str, required: bool = False) -> str | None:
    """Read a text under one of its names; empty and null are none of it."""
    value = next((body[name] for name in names if body.get(name) is not None), None)
    if value is not None and not isinstance(value, str):
        raise Refusal(400, f"{names[0]} must be a string")
    if not value and required:
        raise Refusal(400, f"{names[0]} is required")
    return value or None


def strings(body: Mapping[str, Any], name: str) -> list[str]:
    """Read a list of texts."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise Refusal(400, f"{name} must be an array of strings")
    return value


def phone_of(text: str | None, name: str) -> Address:
    """Read a phone in E.164; raises `Refusal`."""
    if text is None or not _E164.fullmatch(text):
        raise Refusal(400, f"{name} must be a phone number in E.164 format")
    return Address.parse(text)


def address_of(text: str | None, name: str) -> Address:
    """Read a phone or an email; raises `Refusal`."""
    try:
        address = Address.parse(text or "")
    except ValidationError:
        address = None
    if address is None or address.text != (text or "").lower():
        raise Refusal(400, f"{name} must be a phone number in E.164 format or an email")
    return address


def is_url(text: object, *schemes: str) -> bool:
    """Tell a web address of one of these schemes, http and https by default."""
    try:
        pieces = urlsplit(text) if isinstance(text, str) else None
        return bool(pieces and pieces.scheme in (schemes or ("http", "https")) and pieces.hostname)
    except ValueError:
        return False


def whole_number(request: TwinRequest, name: str, default: int, least: int = 0, most: int = 10_000) -> int:
    """Read a number from the query; raises `Refusal`."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
        raise Refusal(400, f"{name} is out of range")
    return int(text)


def cut(
    request: TwinRequest, items: Sequence[T], shown: Callable[[T], Json], *, most: int = 1000
) -> tuple[list[Json], Json]:
    """Cut a page out of a list, by `limit` and `offset`; returns what to show and the pagination."""
    limit = whole_number(request, "limit", 100, 1, most)
    offset = whole_number(request, "offset", 0)
    page = [shown(item) for item in items[offset : offset + limit]]
    more = offset + len(page) < len(items)
    return page, {"total": len(items), "limit": limit, "offset": offset, "hasMore": more}
