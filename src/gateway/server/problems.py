"""Every failure as a problem document (RFC 9457): what went wrong, whether to try again, and what to do.

No document holds a secret, an address or a text of a message: errors of ours are free of them, and what pydantic or
a client says is masked here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

from gateway import errors
from gateway.addresses import redact
from gateway.errors import ConfigurationError, GatewayError

__all__ = ["CODES", "MEDIA_TYPE", "Fault", "Pointed", "Problem", "Vendor", "fault_of", "invalid", "status_of"]

MEDIA_TYPE = "application/problem+json"


class Pointed(BaseModel):
    """One thing that is wrong with a request."""

    model_config: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True, frozen=True)

    pointer: str
    """Where, as a JSON pointer into the body (`#/to`), or as the name of a parameter."""
    detail: str
    """What is wrong with it."""


class Vendor(BaseModel):
    """The vendor's part in a failure."""

    model_config: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True, frozen=True)

    name: str | None = None
    """The provider."""
    connection: str | None = None
    """The connection that it happened on."""
    code: str | None = None
    """The vendor's own code."""
    status: int | None = None
    """HTTP status of the vendor's answer."""
    message: str | None = None
    """What the vendor answered, masked and cut."""


class Problem(BaseModel):
    """What went wrong (RFC 9457), with our extensions."""

    model_config: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True, frozen=True)

    type: str
    """The page that explains this kind of problem."""
    title: str
    """The kind of problem, in words."""
    status: int
    """The HTTP status, again."""
    detail: str
    """What happened this time."""
    instance: str
    """The path that was asked for, masked."""
    code: str
    """The kind of problem, as a stable word for programs."""
    request_id: str
    """This request, in the service's logs."""
    retryable: bool
    """Whether the same request may succeed later."""
    retry_after: int | None = None
    """Seconds to wait before that; the header `Retry-After` says the same."""
    hint: str | None = None
    """What to do about it."""
    errors: tuple[Pointed, ...] | None = None
    """Each thing that is wrong with the request."""
    provider: Vendor | None = None
    """The vendor's part in it."""
    message_id: str | None = None
    """The message that it is about, where one is kept."""


class Fault(Exception):
    """A request that ends with a problem; the frame answers it."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        hint: str | None = None,
        errors: Sequence[Pointed] = (),
        retryable: bool = False,
        retry_after: float | None = None,
        provider: Vendor | None = None,
        message_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.errors: tuple[Pointed, ...] = tuple(errors)
        self.retryable: bool = retryable or retry_after is not None
        self.retry_after: int | None = None if retry_after is None else max(1, math.ceil(retry_after))
        self.provider = provider
        self.message_id = message_id
        self.headers: dict[str, str] = dict(headers or {})

    def problem(self, *, path: str, request_id: str) -> Problem:
        """Make the document for one request."""
        return Problem(
            type=f"/problems/{self.code}",
            title=self.code.replace("_", " "),
            status=self.status,
            detail=redact(self.detail, limit=1000),
            instance=redact(path, limit=200),
            code=self.code,
            request_id=request_id,
            retryable=self.retryable,
            retry_after=self.retry_after,
            hint=None if self.hint is None else redact(self.hint),
            errors=self.errors or None,
            provider=self.provider,
            message_id=self.message_id,
        )

    def answer(self, *, path: str, request_id: str) -> tuple[int, dict[str, str], bytes]:
        """Give status, headers and body of the answer."""
        headers = {"content-type": MEDIA_TYPE, **self.headers}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return self.status, headers, to_json(self.problem(path=path, request_id=request_id), exclude_none=True)


CODES: dict[str, tuple[int, str]] = {
    "bad_request": (400, "The request is not HTTP, or not JSON, as it has to be."),
    "unauthenticated": (401, "The request has no key, or one that is not valid (any more)."),
    "forbidden": (403, "The key is valid, and may not do this."),
    "not_found": (404, "There is no such thing, or it is not yours; the two look the same on purpose."),
    "method_not_allowed": (405, "There is something here, and it does not take this method."),
    "not_acceptable": (406, "Nothing can be given in the form that was asked for."),
    "request_timeout": (408, "The request did not arrive whole in the time that it has."),
    "conflict": (409, "What was asked does not fit how things stand now; look at it again."),
    "in_progress": (409, "The first request with this idempotency key is still under way."),
    "content_too_large": (413, "The body is longer than it may be."),
    "unsupported_media_type": (415, "The body is of a type that is not taken here."),
    "invalid_request": (422, "The request does not have the shape that it has to have; `errors` names every place."),
    "idempotency_mismatch": (422, "The idempotency key was used before with another request."),
    "invalid_settings": (422, "The settings of the connection are wrong."),
    "too_many_requests": (429, "The key makes more calls than it may."),
    "headers_too_large": (431, "The head of the request is longer than it may be."),
    "internal_error": (500, "Something went wrong in the service; the log says what, under the request's id."),
    "service_unavailable": (503, "The service cannot do it now: it is starting, ending, or without its store."),
}
"""Problems of the service itself, with status and meaning."""

_OF_ERRORS: tuple[tuple[type[GatewayError], int], ...] = (
    # the first class that fits holds: those further down are the wider ones
    (errors.InvalidMessage, 422),
    (errors.Unsupported, 422),
    (errors.NoRoute, 404),
    (errors.NotFound, 404),
    (errors.Cancelled, 409),
    (errors.Expired, 409),
    (errors.LimitReached, 429),
    (errors.Refused, 422),
    (errors.RateLimited, 429),
    (errors.Retriable, 502),
    # not 401: it is the vendor's key that is wrong, not the caller's
    (errors.Unauthorized, 502),
    (errors.OutcomeUnknown, 504),
    (errors.PartlySent, 409),
    (errors.NotSettled, 504),
    (errors.Conflict, 409),
    (errors.Overloaded, 429),
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.SecretsLocked, 503),
    (errors.BadSignature, 401),
    (errors.WebhookError, 400),
    (errors.StoreError, 503),
    (GatewayError, 500),
)


def fault_of(error: Exception) -> Fault:
    """Turn an error of ours into a fault; anything else becomes an `internal_error` that tells nothing."""
    match error:
        case Fault():
            return error
        case GatewayError():
            return _of_gateway(error)
        case ConfigurationError():
            return Fault(422, "invalid_settings", error.message, hint=error.hint)
    return Fault(500, "internal_error", "something went wrong in the service", hint="the log has it by its request_id")


def status_of(error: type[GatewayError]) -> int:
    """Give the status that a kind of error is answered with."""
    return next(status for cls, status in _OF_ERRORS if issubclass(error, cls))


def _hint(error: GatewayError) -> str | None:
    """Give the hint of an error; the engine's own lists names of connections, which may be another tenant's."""
    return "list them: GET /v1/connections" if isinstance(error, errors.NoRoute) else error.hint


def _of_gateway(error: GatewayError) -> Fault:
    status = status_of(type(error))
    features = getattr(error, "features", ())
    known = any((error.provider, error.code, error.status, error.raw))
    return Fault(
        status,
        error.slug,
        error.message,
        hint=_hint(error),
        errors=[Pointed(pointer="#/message", detail=str(feature)) for feature in features],
        retryable=isinstance(error, errors.Retriable | errors.StoreError | errors.Overloaded) or status == 429,
        retry_after=_wait(error),
        provider=_vendor(error) if known else None,
        message_id=getattr(error, "message_id", None) or getattr(error, "ticket", None) or None,
        headers={"www-authenticate": "Bearer"} if status == 401 else None,
    )


def _wait(error: GatewayError) -> float | None:
    if isinstance(error, errors.StoreError):
        return 5
    wait = getattr(error, "retry_after", None)
    return float(wait) if isinstance(wait, int | float) else None


def _vendor(error: GatewayError) -> Vendor:
    return Vendor(
        name=error.provider,
        connection=error.connection,
        code=error.code,
        status=error.status,
        message=None if error.raw is None else redact(error.raw),
    )


def invalid(problems: Sequence[Mapping[str, Any]]) -> Fault:
    """Turn what pydantic has against a request into a fault, without the values that it found."""
    named = [Pointed(pointer=_pointer(problem["loc"]), detail=_words(problem)) for problem in problems]
    told = tuple(dict.fromkeys(named))[:50]
    return Fault(
        422, "invalid_request", "the request does not have the right shape", errors=told, hint="see /openapi.json"
    )


def _pointer(loc: Sequence[Any]) -> str:
    where, *rest = [str(word).replace("~", "~0").replace("/", "~1") for word in loc] or ["body"]
    path = redact("/".join(rest), limit=200)
    return f"#/{path}" if where == "body" else f"{where}: {path}"


def _words(problem: Mapping[str, Any]) -> str:
    # these two kinds quote what they found
    if problem["type"] == "union_tag_invalid":
        return f"has to be one of {problem.get('ctx', {}).get('expected_tags', 'the known types')}"
    if problem["type"] == "json_invalid":
        return "is not JSON"
    return redact(str(problem["msg"]).removeprefix("Value error, "), limit=300)
