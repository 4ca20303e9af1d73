"""Which route a raw path belongs to: segments are compared after percent-decoding, so `%2B` and `+` are one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

__all__ = ["Found", "Router"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """Where a request goes; `target` None means that the path exists with other methods only."""

    target: T | None
    params: Mapping[str, str]
    allowed: tuple[str, ...] = ()


class Router(Generic[T]):
    """Routes by method and pattern, the first that matches holds.

    A slash at the end counts, as it does for the vendors; an encoded slash (`%2F`) stays inside its segment.
    """

    def __init__(self, routes: Iterable[tuple[str, str, T]]) -> None:
        self._routes = [(method.upper(), pattern.split("/"), target) for method, pattern, target in routes]

    def find(self, method: str, raw_path: str) -> Found[T] | None:
        """Look a path up; None when no route has it."""
        segments = [unquote(segment) for segment in raw_path.split("/")]
        allowed: dict[str, None] = {}
        for wanted, pattern, target in self._routes:
            params = _match(pattern, segments)
            if params is None:
                continue
            if wanted == method.upper():
                return Found(target, params)
            allowed[wanted] = None
        return Found(None, {}, tuple(allowed)) if allowed else None


def _match(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    params = {}
    for wanted, segment in zip(pattern, segments, strict=True):
        if wanted.startswith("{") and wanted.endswith("}"):
            if not segment:
                return None
            params[wanted[1:-1]] = segment
        elif wanted != segment:
            return None
    return params
