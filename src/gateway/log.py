"""Logs as facts with fields, and without secrets, addresses or text.

The library only makes loggers: their lines go to the application's structlog where it has configured one, else to the
standard library's loggers of the same name, which are silent until somebody asks. Either way they are redacted first,
here and not at each call. `configure` is for the command line and the server, which own their process.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from gateway.addresses import Address, redact
from gateway.errors import ConfigurationError

__all__ = ["configure", "listen", "logger", "no_leaks"]

_HIDDEN = "•••"

_SECRET_KEY = re.compile(
    r"authorization|api[-_]?key|(?:access|private|signing)[-_]key|secret|token|passw|cookie|credential|signature",
    re.IGNORECASE,
)
_TEXT_KEY = re.compile(r"(?:.*_)?(?:text|body|content|subject|payload|raw|json|query)", re.IGNORECASE)

_MASKED = re.compile(rf"{_HIDDEN}(?: \(\d+\))?")

# What may stand as it is: it has long runs of digits and is no number of a person.
_HARMLESS = re.compile(
    r"(?:msg|chat|evt|key|file|ep|dlv)_[0-9a-z]{26}"  # our ids
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # a UUID, which is how vendors name messages
    r"|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?",  # a time
    re.IGNORECASE,
)

# Secrets by their looks, for text that somebody else wrote, such as the message of a foreign exception.
_LOOKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(://)[^\s/@\"']+@"), rf"\1{_HIDDEN}@"),
    (re.compile(r"(://[^\s?#\"'<>]+[?#])[^\s\"'<>]+"), rf"\1{_HIDDEN}"),
    (re.compile(r"\b(bearer|basic|digest)\s+[^\s,;\"']+", re.IGNORECASE), rf"\1 {_HIDDEN}"),
    (
        re.compile(
            r"((?:authorization|api[-_]?key|secret|token|passw\w*|signature|cookie)[\"']?\s*[=:]\s*[\"']?)"
            r"[^\s\"'&,;}]+",
            re.IGNORECASE,
        ),
        rf"\1{_HIDDEN}",
    ),
    (
        re.compile(r"\b((?:whsec|sk|pk|api|key|secret|\w+_(?:live|test))[_-])[A-Za-z0-9+/=_-]{8,}", re.IGNORECASE),
        rf"\1{_HIDDEN}",
    ),
    # anything long, opaque and with digits in it: a key, a signature, a hash; its beginning is enough to compare
    (re.compile(r"(?<![\w/.+=-])(?=(?:[A-Za-z+=-]*\d){3})([A-Za-z0-9+=-]{6})[A-Za-z0-9+=-]{26,}"), rf"\1{_HIDDEN}"),
)

# Spellings of numbers and emails that `redact` would not see: unusual spaces and hyphens, and percent-encoding.
_SPACES = str.maketrans(
    dict.fromkeys("\u00a0\u2007\u2009\u202f\t", " ") | dict.fromkeys("\u2010\u2011\u2012\u2013", "-")
)
_ENCODED = re.compile(r"%(?:2B|40|20)", re.IGNORECASE)
_DECODED = {"%2b": "+", "%40": "@", "%20": " "}

_LONG_NUMBER = 10**9  # as many digits as a number without its country code
_MOST_ITEMS = 50
_MOST_DEPTH = 6
_MOST_TEXT = 500
_MOST_TRACE = 8000
_SHORT = 40
"""Characters of a string that is looked at once, and remembered for the next lines."""


def no_leaks(_logger: Any, _method: str, event_dict: EventDict) -> EventDict:
    """Mask addresses, secrets and text in a line; a structlog processor, before the one that renders.

    Decides by the names of fields, by the types of values and, in strings, by how things look. A value of a type that
    it does not know is shown as its type's name. An exception becomes text here, since whoever renders it later might
    print the variables of its frames.
    """
    line = dict(event_dict)
    trace = _trace(line.pop("exc_info", None))
    clean = {_string(str(key)): _field(str(key), value, 0) for key, value in line.items() if key != "exception"}
    if trace or "exception" in line:
        clean["exception"] = _string(trace or str(line["exception"]), limit=_MOST_TRACE)
    return clean


def _trace(exc_info: Any) -> str:
    """Write an exception as text, the end of it where it is long: that is what says what happened."""
    if exc_info is True:
        exc_info = sys.exc_info()[1]
    elif isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    if not isinstance(exc_info, BaseException):
        return ""
    return "".join(traceback.format_exception(exc_info))[-_MOST_TRACE:]


def _field(key: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    secret, text = _hides(key)
    if secret:
        return _HIDDEN
    if text and not isinstance(value, int | float):
        if isinstance(value, str) and _MASKED.fullmatch(value):  # by a logger of ours, before this pipeline
            return value
        return f"{_HIDDEN} ({len(value)})" if isinstance(value, str | bytes | Mapping | Sequence) else _HIDDEN
    return _value(value, depth)


@lru_cache(1024)  # the same few names are on every line
def _hides(key: str) -> tuple[bool, bool]:
    """Tell whether a field of that name holds a secret, and whether it holds text."""
    return _SECRET_KEY.search(key) is not None, _TEXT_KEY.fullmatch(key) is not None


def _value(value: Any, depth: int) -> Any:
    """Give a value as it may be seen: numbers, strings, lists and objects of JSON."""
    for kind, show in _SHOWN:
        if isinstance(value, kind):
            return show(value)
    if isinstance(value, Mapping | Sequence | AbstractSet):
        return _many(value, depth + 1)
    return f"<{type(value).__name__}>"


def _many(values: Mapping[Any, Any] | Sequence[Any] | AbstractSet[Any], depth: int) -> Any:
    if depth > _MOST_DEPTH:
        return "…"
    if isinstance(values, Mapping):
        some = list(values.items())[:_MOST_ITEMS]
        return {_string(str(_value(key, depth))): _field(str(key), value, depth) for key, value in some}
    shown = [_value(value, depth) for value in list(values)[:_MOST_ITEMS]]
    return [*shown, "…"] if len(values) > _MOST_ITEMS else shown


def _string(text: str, *, limit: int = _MOST_TEXT) -> str:
    """Mask in a string what looks like a secret, a phone number or an email, and cut it."""
    return _short(text) if len(text) <= _SHORT else _masked(text, limit)


@lru_cache(4096)  # names of fields, facts, connections, types: most of a line was on the one before
def _short(text: str) -> str:
    return _masked(text, _MOST_TEXT)


def _masked(text: str, limit: int) -> str:
    if _HARMLESS.fullmatch(text):
        return text
    plain = text[: limit + 1].translate(_SPACES)
    plain = _ENCODED.sub(lambda match: _DECODED[match[0].lower()], plain)
    for look, masked in _LOOKS:
        plain = look.sub(masked, plain)
    return redact(plain, limit=limit)


# The first kind that fits holds; what is in no row and is no collection is shown as its type's name.
_SHOWN: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((bool, type(None)), lambda value: value),
    (Enum, lambda value: _value(value.value, 0)),
    ((int, float), lambda value: value if abs(value) < _LONG_NUMBER else _HIDDEN),
    (str, _string),
    (timedelta, lambda value: value.total_seconds()),
    (date, lambda value: value.isoformat()),  # a datetime is a date
    (Address, lambda value: value.masked),
    (BaseException, lambda value: f"{type(value).__name__}: {_string(str(value))}"),
    ((bytes, bytearray, memoryview), lambda value: f"{_HIDDEN} ({len(value)} bytes)"),
)


# ── loggers of the library ────────────────────────────────────────────────────────────────────────────────────────


class _Outlet:
    """Where the lines of one logger go, decided line by line: the application may configure logging after import."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._standard = logging.getLogger(name)

    def wants(self, level: int) -> bool:
        """Tell whether anybody would see a line of that level; asked before it is redacted."""
        if structlog.is_configured():
            target = structlog.get_logger(self.name).bind()
            ask = getattr(target, "is_enabled_for", None) or getattr(target, "isEnabledFor", None)
            return bool(ask(level)) if callable(ask) else True
        return self._standard.isEnabledFor(level)

    def write(self, method: str, line: dict[str, Any]) -> None:
        """Hand a redacted line on."""
        event = line.pop("event", "")
        if structlog.is_configured():
            getattr(structlog.get_logger(self.name), method)(event, logger=self.name, **line)
            return
        trace = line.pop("exception", None)
        fields = "".join(f" {key}={value!r}" for key, value in line.items())
        text = f"{event}{fields}" + (f"\n{trace}" if trace else "")
        self._standard.log(_LEVELS[method], "%s", text)


_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "exception": logging.ERROR,
    "critical": logging.CRITICAL,
}


_listeners: list[Callable[[str, Mapping[str, Any]], None]] = []


def listen(listener: Callable[[str, Mapping[str, Any]], None]) -> Callable[[], None]:
    """Tell somebody every fact of the library as it is logged, whatever the level; for counting, not for keeping.

    A listener gets name and fields before they are redacted, so it must hand none of them on. Gives what ends it.
    """
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def _told(_outlet: Any, _method: str, event_dict: EventDict) -> EventDict:
    for listener in _listeners:
        listener(str(event_dict.get("event", "")), event_dict)
    return event_dict


def _wanted(outlet: Any, method: str, event_dict: EventDict) -> EventDict:
    if not outlet.wants(_LEVELS[method]):
        raise structlog.DropEvent
    return event_dict


def _redacted(outlet: Any, method: str, event_dict: EventDict) -> EventDict:
    """Redact, unless the pipeline behind does it anyway."""
    if structlog.is_configured() and no_leaks in structlog.get_config()["processors"]:
        return event_dict
    return no_leaks(outlet, method, event_dict)


def _deliver(outlet: Any, method: str, event_dict: EventDict) -> EventDict:
    outlet.write(method, dict(event_dict))
    raise structlog.DropEvent


_TO_OUTLET: tuple[Processor, ...] = (_told, _wanted, _redacted, _deliver)


class _Asking(structlog.make_filtering_bound_logger(logging.NOTSET)):  # type: ignore[misc]  # its type says too little
    """Asks first whether anybody sees a line: of most lines of a library nobody does, and each send has several."""

    def _proxy_to_logger(self, method_name: str, event: str | None = None, *args: Any, **fields: Any) -> Any:
        if _listeners or self._logger.wants(_LEVELS[method_name]):
            return super()._proxy_to_logger(method_name, event, *args, **fields)
        return None

    def debug(self, event: str, *args: Any, **fields: Any) -> Any:
        """Log at the lowest level, as below."""
        if _listeners or self._logger.wants(logging.DEBUG):
            return super().debug(event, *args, **fields)
        return None

    def info(self, event: str, *args: Any, **fields: Any) -> Any:
        """Log at the level of most lines, which is asked about before anything else is done."""
        if _listeners or self._logger.wants(logging.INFO):
            return super().info(event, *args, **fields)
        return None


def logger(name: str) -> FilteringBoundLogger:
    """Make the logger of a module; nothing is configured by it, and every line of it is redacted.

    Lines are facts, past tense in snake case, with fields: `_log.info("webhook_stored", connection=…, events=2)`.
    """
    made = structlog.wrap_logger(
        _Outlet(name),
        processors=_TO_OUTLET,
        wrapper_class=_Asking,
        context_class=dict,
    )
    # bound here, not anew for each line: where lines go is decided in the outlet, line by line
    return cast("FilteringBoundLogger", made.bind())


# ── for the command line and the server ───────────────────────────────────────────────────────────────────────────


class _Bridge(logging.Handler):
    """Takes the lines of the standard library's loggers, such as the web server's, through the same pipeline."""

    def emit(self, record: logging.LogRecord) -> None:
        method = next((name for name, level in reversed(_LEVELS.items()) if record.levelno >= level), "debug")
        target = structlog.get_logger(record.name)
        exc_info = record.exc_info[1] if record.exc_info else None
        # a record's text may hold `%`, so it must not be taken for a template
        getattr(target, "error" if method == "exception" else method)(
            record.getMessage(), logger=record.name, **({"exc_info": exc_info} if exc_info else {})
        )


def configure(*, json: bool, level: str, stream: TextIO | None = None) -> None:
    """Send every line of this process to `stream` (standard error by default), redacted, from `level` upwards.

    One JSON object a line, or lines for people, in colour on a terminal. Raises `ConfigurationError` for a level that
    is none of debug, info, warning, error, critical. Not for the library: an application owns its logging.
    """
    lowest = _LEVELS.get(level.lower()) if level.lower() != "exception" else None
    if lowest is None:
        raise ConfigurationError(f"no log level {level!r}", hint="debug, info, warning, error or critical")
    out = stream or sys.stderr
    renderer: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if not json:
        renderer = structlog.dev.ConsoleRenderer(colors=out.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            no_leaks,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        context_class=dict,
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Bridge()], level=lowest, force=True)
