"""An event as plain JSON for receivers: without what is only ours, with links instead of bytes, and never too long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import JsonValue
from pydantic_core import to_json

from gateway.events import Event

__all__ = ["MOST_BYTES", "Json", "fitted", "plain"]

MOST_BYTES = 20 * 1024
"""Bytes of a body, which the specification of Standard Webhooks asks to stay below."""
_OURS = {"type", "key", "token", "raw"}
_NOT_SENT = ("data", "file")
"""Fields of a part: bytes and paths of this machine; what is left of it names the link."""
_STEPS = (8192, 2048, 512, 128)

Json = dict[str, Any]
"""A JSON object."""


def plain(event: Event) -> Json:
    """Give what an event says, without the vendor's payload and our own marks."""
    said: Json = event.model_dump(mode="json", exclude=_OURS, exclude_none=True)
    for part in said.get("message", {}).get("parts", ()):
        for name in _NOT_SENT:
            part.pop(name, None)
    if "message" in said:
        said["message"].pop("extra", None)
    return said


def fitted(body: Json, inner: Callable[[Json], Json]) -> bytes:
    """Write a body as JSON of less than `MOST_BYTES`; `inner` gives the part of it that holds what was said.

    What is too long is cut, longest text first, and the part says so: `cut`. The whole event can be asked for by its
    id.
    """
    written = to_json(body)
    for most in _STEPS:
        if len(written) < MOST_BYTES:
            return written
        inner(body)["cut"] = True
        written = to_json(_shortened(body, most))
    if len(written) >= MOST_BYTES:
        part = inner(body)
        for name in [name for name, value in part.items() if not isinstance(value, str | bool)]:
            del part[name]
        written = to_json(_shortened(body, _STEPS[-1]))
    return written


def _shortened(value: JsonValue, most: int) -> JsonValue:
    """Cut every text that is longer than `most` characters, but for links: half a link is none."""
    if isinstance(value, str):
        return value if len(value) <= most or value.startswith(("https://", "http://")) else value[: most - 1] + "…"
    if isinstance(value, dict):
        return {name: _shortened(item, most) for name, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item, most) for item in value]
    return value
