"""How things look: times, sizes, and what nobody is to see over a shoulder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import JsonValue, SecretStr
from pydantic_core import from_json, to_jsonable_python

from gateway.addresses import Address, mask, redact
from gateway.model import Chat

__all__ = ["ago", "content", "hidden", "pretty", "raw", "span", "who"]

_TEXTS = frozenset({"text", "subject", "body", "content", "caption", "title", "question", "options", "name", "data"})
"""Fields that hold what people wrote, at any vendor."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:[\d.]+(Z|[+-]\d\d:?\d\d)?$")
_STEPS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def ago(when: datetime | None, now: datetime) -> str:
    """Say how long ago something was, or how long it is to come."""
    if when is None:
        return "never"
    seconds = (now - when).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def span(seconds: float) -> str:
    """Say how long something takes, in its largest unit."""
    for size, unit in _STEPS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds * 1000:.0f} ms"


def who(party: Address | Chat | str | None, *, masked: bool) -> str:
    """Name somebody, or a chat."""
    match party:
        case None:
            return "—"
        case Chat():
            if party.group is not None:
                return f"group {party.group}"
            return ", ".join(who(address, masked=masked) for address in party.addresses)
        case Address():
            return party.masked if masked else party.text
    return mask(party) if masked else party


def hidden(text: str) -> str:
    """Stand for a text that is not shown."""
    return f"••• ({len(text)} characters)" if text else ""


def content(value: Any, *, masked: bool) -> JsonValue:
    """Turn a value into JSON that may be shown."""
    plain: JsonValue = to_jsonable_python(value, serialize_unknown=True, fallback=_plain)
    return _veiled(plain) if masked else plain


def _plain(value: Any) -> Any:
    return "•••" if isinstance(value, SecretStr) else str(value)


def _veiled(value: Any, name: str = "") -> JsonValue:
    if isinstance(value, Mapping):
        veiled: dict[str, JsonValue] = {key: _veiled(item, key) for key, item in value.items()}
        return veiled
    if isinstance(value, list):
        return [_veiled(item, name) for item in value]
    if isinstance(value, str):
        if _TIME.match(value):
            return value  # it would look like a number of somebody
        return hidden(value) if name in _TEXTS else redact(value, limit=10_000)
    plain: JsonValue = value
    return plain


def pretty(value: Any, *, masked: bool = False) -> str:
    """Write JSON for reading."""
    return json.dumps(content(value, masked=masked), indent=2, ensure_ascii=False)


def raw(body: bytes, *, masked: bool) -> str:
    """Write bytes for reading: as they are, or with everything veiled that may be somebody's."""
    text = body.decode("utf-8", "replace")
    if not masked:
        return text
    try:
        read: JsonValue = from_json(body)
    except ValueError:
        return redact(text, limit=10_000)
    return pretty(read, masked=True)
