"""Errors as callers see them: the problem document of REST under `extensions.problem`, and no value of the query."""

from __future__ import annotations

import re
from typing import Any

from graphql import GraphQLError

from gateway.errors import ConfigurationError, GatewayError
from gateway.log import logger
from gateway.server.problems import Fault, fault_of
from gateway.server.requests import current_request

__all__ = ["PATH", "shown_errors"]

_log = logger(__name__)

PATH = "/graphql"

_KNOWN = (
    # what the library says of names, which are those of the schema or of the caller's own words for them
    re.compile(r"(Cannot query field|Unknown (argument|type|fragment|directive|operation named)|Field) '[\w.]{1,80}'"),
    re.compile(r"Variable '\$\w{1,80}' (is not defined|is never used|of type|got invalid value)"),
    re.compile(r"Must provide|Fragment '\w{1,80}'|There can be only one|This anonymous operation|Fields '\w{1,80}'"),
)
_VALUE = re.compile(r"( got invalid value|, found | cannot represent | value: ).*", re.DOTALL)
_SUGGESTED = re.compile(r"'([\w.$!\[\]]{1,80})'")


def shown_errors(errors: list[GraphQLError]) -> list[dict[str, Any]]:
    """Turn what went wrong into what is told of it."""
    return [_shown(error) for error in errors]


def _shown(error: GraphQLError) -> dict[str, Any]:
    fault = _fault(error)
    problem = fault.problem(path=PATH, request_id=current_request.get()).model_dump(mode="json", exclude_none=True)
    shown: dict[str, Any] = {"message": problem["detail"], "extensions": {"problem": problem}}
    if error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        shown["path"] = list(error.path)
    return shown


def _fault(error: GraphQLError) -> Fault:
    cause = _cause(error)
    if cause is None:
        return Fault(422, "invalid_request", _words(error.message), hint="the schema is in the docs: schema.graphql")
    if not isinstance(cause, Fault | GatewayError | ConfigurationError):
        _log.error("request_failed", request_id=current_request.get(), exc_info=cause)
    return fault_of(cause)


def _cause(error: GraphQLError) -> Exception | None:
    """Give what was raised in our own code; None for what the library itself has against the query."""
    cause: Exception | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _words(message: str) -> str:
    """Keep what the library says about names, and leave out what it quotes: a value may be a text, a number, a key."""
    plain = _VALUE.sub(lambda found: found[1].rstrip(", ").replace(" value:", "") + " another value", message)
    if any(pattern.match(plain) for pattern in _KNOWN) and '"' not in plain:
        return plain
    names = ", ".join(dict.fromkeys(_SUGGESTED.findall(plain.partition('"')[0])))
    return f"the query does not fit the schema{f': see {names}' if names else ''}"
