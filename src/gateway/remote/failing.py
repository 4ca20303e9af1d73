"""What the service says went wrong, as the error that the library raises for it: problem document → class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.errors import (
    ConfigurationError,
    Conflict,
    Forbidden,
    GatewayError,
    InvalidMessage,
    Overloaded,
    StoreError,
    Unauthenticated,
)

__all__ = ["error_of"]

_OWN: dict[str, type[GatewayError]] = {
    # what the service has a word for and the library, where it is not asked over HTTP, has none
    "bad_request": InvalidMessage,
    "content_too_large": InvalidMessage,
    "forbidden": Forbidden,
    "idempotency_mismatch": Conflict,
    "in_progress": Conflict,
    "internal_error": StoreError,
    "invalid_request": InvalidMessage,
    "too_many_requests": Overloaded,
    "unauthenticated": Unauthenticated,
    "unavailable": StoreError,
}
_MOST_ERRORS = 5


def error_of(problem: Mapping[str, Any], *, receipt: str = "") -> GatewayError | ConfigurationError:
    """Make the error that a problem document tells of; one of an unknown kind is a `GatewayError` with its words.

    `receipt` is the JSON text of what was accepted before a later step was refused.
    """
    code = str(problem.get("code", ""))
    words, hint = _words(problem), problem.get("hint")
    if code == "invalid_settings":
        return ConfigurationError(words, hint=hint)
    vendor = problem.get("provider") or {}
    # a vendor has a word for a malformed request, too: then its name is there
    ours = code in _OWN and not vendor
    told = {
        "error": _OWN[code].slug if ours else code,
        "message": words,
        "hint": hint,
        "provider": vendor.get("name"),
        "connection": vendor.get("connection"),
        "code": vendor.get("code"),
        # of what the vendor has no part in, it is the service's own
        "status": problem.get("status") if ours else vendor.get("status"),
        "raw": vendor.get("message"),
    }
    made = GatewayError.revive({name: value for name, value in told.items() if value is not None})
    return _completed(made, problem, receipt)


def _completed(error: GatewayError, problem: Mapping[str, Any], receipt: str) -> GatewayError:
    """Fill in what only some errors have."""
    known = {
        "retry_after": problem.get("retry_after"),
        "ticket": problem.get("message_id"),
        "message_id": problem.get("message_id"),
        "receipt": receipt or None,
        "features": tuple(item["detail"] for item in problem.get("errors") or ()) or None,
    }
    for name, value in known.items():
        if value is not None and hasattr(error, name):
            setattr(error, name, value)
    return error


def _words(problem: Mapping[str, Any]) -> str:
    """Say what is wrong with a request, each place by its name."""
    words = str(problem.get("detail") or problem.get("title") or "the service refused")
    if problem.get("code") != "invalid_request":
        return words
    places = [f"{item['pointer']}: {item['detail']}" for item in (problem.get("errors") or ())[:_MOST_ERRORS]]
    return "; ".join([words, *places])
