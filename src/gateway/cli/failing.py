"""How a command fails: one exit code, one problem, never a traceback.

    0 ok · 1 failed, or sent in part · 2 usage · 3 configuration · 4 key missing or refused · 5 refused for good
    6 network or vendor, for now · 7 not found · 8 a check found problems · 9 outcome unknown: may have been sent
    130 interrupted

A hint names the next command where there is one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import typer

from gateway.errors import (
    ConfigurationError,
    Conflict,
    Forbidden,
    GatewayError,
    InvalidMessage,
    NoRoute,
    NotFound,
    NotSettled,
    OutcomeUnknown,
    Overloaded,
    PartlySent,
    Refused,
    Retriable,
    SendError,
    StoreError,
    Unauthenticated,
    Unauthorized,
    Unsupported,
)

if TYPE_CHECKING:
    from pydantic import JsonValue  # at run time nothing here needs pydantic, which takes its time

__all__ = ["ExitCode", "Problem", "Usage", "code_of", "nearest", "problem_of"]


class ExitCode(IntEnum):
    """What a script can tell from `$?`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    UNAUTHORIZED = 4
    REFUSED = 5
    TEMPORARY = 6
    NOT_FOUND = 7
    PROBLEMS = 8
    """A check went through, and found something."""
    UNKNOWN = 9
    INTERRUPTED = 130


class Usage(Exception):
    """The command was called wrongly; `hint` says how to call it."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


# The first class that fits holds: those further down are the wider ones.
_CODES: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (Usage, ExitCode.USAGE),
    (ConfigurationError, ExitCode.CONFIGURATION),
    (InvalidMessage, ExitCode.USAGE),
    (Conflict, ExitCode.USAGE),
    (Unauthorized, ExitCode.UNAUTHORIZED),
    (Unauthenticated, ExitCode.UNAUTHORIZED),
    (Forbidden, ExitCode.UNAUTHORIZED),
    (NotFound, ExitCode.NOT_FOUND),
    (NoRoute, ExitCode.NOT_FOUND),
    (Unsupported, ExitCode.REFUSED),
    (Refused, ExitCode.REFUSED),
    (OutcomeUnknown, ExitCode.UNKNOWN),
    (NotSettled, ExitCode.UNKNOWN),
    (PartlySent, ExitCode.FAILED),
    (Retriable, ExitCode.TEMPORARY),
    (Overloaded, ExitCode.TEMPORARY),
)


def code_of(error: BaseException, *, reading: bool = False) -> ExitCode:
    """Choose the exit code; with `reading` nothing was to be sent, so that nothing may have been."""
    if isinstance(error, typer.TyperException):
        return ExitCode(error.exit_code) if error.exit_code in set(ExitCode) else ExitCode.FAILED
    code = next((code for cls, code in _CODES if isinstance(error, cls)), ExitCode.FAILED)
    if code is ExitCode.TEMPORARY and not reading and isinstance(error, SendError) and not error.certain:
        return ExitCode.UNKNOWN
    if isinstance(error, StoreError) and error.status in _UNAVAILABLE:
        return ExitCode.TEMPORARY
    return code


_UNAVAILABLE = frozenset({502, 503, 504})
"""What a service answers that starts, stops, or has no store for the moment, or what stands before it then."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, for people and for programs; holds no secret, no address and no text of a message."""

    code: str
    """A stable word, such as `not_opted_in`."""
    detail: str
    exit_code: ExitCode
    hint: str | None = None
    causes: tuple[str, ...] = ()
    where: str = ""
    """Connection, provider and the vendor's code, as far as they are known; part of the line for people."""
    provider: dict[str, JsonValue] | None = None
    retryable: bool = False
    retry_after: float | None = None
    message_id: str | None = None

    @property
    def line(self) -> str:
        """What failed, in one line."""
        return f"{self.where}: {self.detail}" if self.where else self.detail

    def json(self) -> dict[str, JsonValue]:
        """Give it as a problem document (RFC 9457) with our extensions; what is not known is left out."""
        document: dict[str, JsonValue] = {
            "type": "about:blank",
            "title": self.code.replace("_", " "),
            "detail": self.detail,
            "code": self.code,
            "exit_code": int(self.exit_code),
            "retryable": self.retryable,
        }
        more: dict[str, JsonValue] = {
            "hint": self.hint,
            "causes": list(self.causes) or None,
            "provider": self.provider,
            "retry_after": self.retry_after,
            "message_id": self.message_id,
        }
        return document | {name: value for name, value in more.items() if value is not None}


def problem_of(error: BaseException, *, reading: bool = False) -> Problem:  # noqa: PLR0911 - as in a table
    """Say what an error means to whoever called the command."""
    code = code_of(error, reading=reading)
    causes = tuple(_causes(error))
    match error:
        case GatewayError():
            return _of_gateway(error, code, causes)
        case ConfigurationError(message=message, hint=hint):
            return Problem("configuration", message, code, hint, causes)
        case Usage(message=message, hint=hint):
            return Problem("usage", message, code, hint, causes)
        case typer.TyperException():
            return _of_typer(error, code)
        case OSError(strerror=str(words)):
            return Problem("system", words, code, "the system says so; check the path, the port or the rights", causes)
        case BaseExceptionGroup(exceptions=several):
            return Problem("unexpected", f"{len(several)} things failed at once", code, _REPORT, _kinds(several))
    return Problem("unexpected", f"something that should not happen: {type(error).__name__}", code, _REPORT, causes)


_REPORT = "run the same with --debug to see where, and report it"


def _of_gateway(error: GatewayError, code: ExitCode, causes: tuple[str, ...]) -> Problem:
    provider = {"connection": error.connection, "name": error.provider, "code": error.code, "status": error.status}
    # where no vendor had a part in it, there is none to name
    vendors = error.connection or error.provider or error.code
    known: dict[str, JsonValue] = {name: value for name, value in provider.items() if vendors and value is not None}
    vendor_code = f" (code {error.code})" if error.code is not None else ""
    return Problem(
        code=error.slug,
        detail=f"{error.message}{vendor_code}",
        exit_code=code,
        hint=_hint(error),
        causes=causes,
        where="/".join(part for part in (error.connection, error.provider) if part),
        provider=known or None,
        retryable=code is ExitCode.TEMPORARY,
        retry_after=getattr(error, "retry_after", None),
        message_id=getattr(error, "message_id", None) or getattr(error, "ticket", None),
    )


def _hint(error: GatewayError) -> str | None:  # noqa: C901, PLR0911 - one for each kind of error, as a table
    """Say the next command; the library's own hints speak Python."""
    match error:
        case NoRoute() | NotFound() | InvalidMessage() if "GET /v1/connections" in (error.hint or ""):
            return "see: gateway connections list; name one: --via NAME"
        case NoRoute() if "/enable" in (error.hint or ""):
            return f"enable it: gateway connections enable NAME{_without(error)}"
        case NoRoute() if "to use again" in (error.hint or ""):
            return f"put its [connections.NAME] back into the configuration{_without(error)}"
        case NoRoute() if "several" in error.message:
            return "name one: --via NAME"
        case NoRoute() if error.hint is None or "gateway.connect" in error.hint:
            return "add a [connections.NAME] to the configuration; `gateway providers` shows what can be used"
        case OutcomeUnknown() if "gateway messages" not in (error.hint or ""):
            return "look at the phone or at the vendor's dashboard before you send it again"
        case NotSettled():
            return f"a running gateway or `gateway worker` goes on with it; see: gateway messages show {error.ticket}"
        case Conflict() if "gateway.status" in (error.hint or ""):
            return "ask again later, or give it longer with --wait SECONDS"
        case NotFound() if "message_id" in (error.hint or ""):
            return "see: gateway messages list"
        case Unauthenticated() if "GATEWAY_API_KEY" not in (error.hint or ""):
            return "give a key that counts in GATEWAY_API_KEY or --key-file; `gateway keys create` makes one"
        case Unauthorized():
            return f"mend the key, then: gateway connections test {error.connection or ''}".rstrip()
        case Unsupported() if error.hint is not None:
            return error.hint.replace("policy graceful", "--policy graceful")
    return error.hint


def _without(error: NoRoute) -> str:
    """Say what else can be done about a message whose connection is not in use."""
    settled = "mark_sent" in (error.hint or "")
    return f", or: gateway {'messages resolve ID mark_sent|drop' if settled else 'send TO TEXT --via NAME'}"


def _of_typer(error: typer.TyperException, code: ExitCode) -> Problem:
    """Turn a complaint of the command line parser into ours; it may have quoted what stood in place of a text."""
    from gateway.addresses import redact

    ctx = getattr(error, "ctx", None)
    hint = f"see: {ctx.command_path} --help" if ctx is not None else "see: gateway --help"
    words = " ".join(error.format_message().split()).rstrip(".")
    if words.startswith("Got unexpected extra argument"):
        return Problem("usage", "there are more arguments than this command takes", code, f"{_QUOTES}; {hint}")
    near = list(getattr(error, "possibilities", None) or ())
    if near:
        words = getattr(error, "message", words).rstrip(".")
        hint = nearest(getattr(error, "option_name", ""), near, f"did you mean {near[0]}?")
    return Problem("usage", redact(words[:1].lower() + words[1:]), code, hint)


_QUOTES = "put a text with spaces into quotes"


def _causes(error: BaseException) -> Iterator[str]:
    """Go down the chain; of an error that is not ours only the kind is told, for its words may hold anything."""
    seen = {id(error)}
    cause = error.__cause__
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield str(cause) if isinstance(cause, GatewayError | ConfigurationError) else type(cause).__name__
        cause = cause.__cause__


def _kinds(errors: Iterable[BaseException]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(type(error).__name__ for error in errors))


def nearest(word: str, known: Iterable[str], otherwise: str) -> str:
    """Suggest the word that was meant, or else say `otherwise`."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]}?" if near else otherwise
