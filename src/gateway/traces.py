"""The trace that a send belongs to: kept with it, so that an attempt after a restart is part of it too.

The library follows nothing by itself. Whoever runs it gives the engine a `Traces`; the service's is made with
OpenTelemetry's API.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from pydantic import JsonValue
from pydantic_core import from_json

__all__ = ["UNTRACED", "Traces", "trace_of", "traced"]

KEY = "trace"
"""Where it is kept in what was asked; it is no part of what makes two calls the same."""


class Traces(Protocol):
    """Says which trace is current, and goes on with one."""

    def here(self) -> str | None:
        """Give the current trace as `traceparent` writes it (W3C Trace Context); None where there is none."""

    def attempt(
        self, trace: str | None, *, connection: str, provider: str, message: str
    ) -> AbstractContextManager[object]:
        """Do one attempt as a part of a trace; a new one where none is given."""


class _Untraced:
    """Follows nothing."""

    def here(self) -> str | None:
        return None

    def attempt(
        self, trace: str | None, *, connection: str, provider: str, message: str
    ) -> AbstractContextManager[object]:
        return nullcontext()


UNTRACED: Traces = _Untraced()


def traced(request: JsonValue, trace: str | None) -> JsonValue:
    """Note the trace in what was asked."""
    if trace is None or not isinstance(request, Mapping):
        return request
    return {**request, KEY: trace}


def trace_of(request: str) -> str | None:
    """Read it again."""
    if f'"{KEY}"' not in request:
        return None
    found = from_json(request).get(KEY)
    return found if isinstance(found, str) else None
