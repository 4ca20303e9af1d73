"""Bodies as far as they may go: size, time and shape are held before anything is made of a request.

Python's own parser raises `RecursionError` on deep input, takes NaN and keys that occur twice, and lets half a
surrogate pair through, which breaks later where text is kept. Here is the one place where all of that is refused.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from gateway.server.problems import Fault

__all__ = ["BodyLimits", "Message", "Receive", "Scope", "Send", "check_json", "read_body", "replayed", "timed"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_LONG_NUMBER = re.compile(r"\d")
_DIGITS = 18


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How much of a body is taken."""

    size: int
    """Bytes."""
    seconds: float
    depth: int
    keys: int
    text: int
    """Characters of one string."""


async def read_body(receive: Receive, headers: dict[str, str], limits: BodyLimits) -> bytes | None:
    """Read a whole body; None when the other side has left. Raises `Fault` for what is too much, and too slow."""
    if declared(headers) > limits.size:
        raise too_large(limits.size)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > limits.size:
                    raise too_large(limits.size)
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
    except TimeoutError:
        raise too_slow(limits.seconds) from None


def replayed(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read to whoever reads it now; what comes after it is the connection's own."""
    parts = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return parts.pop() if parts else await receive()

    return again


def timed(receive: Receive, *, size: int, seconds: float, headers: dict[str, str]) -> Receive:
    """Pass a long body on as it comes, and cut it where it is too long or too slow: `seconds` are for all of it."""
    if declared(headers) > size:
        raise too_large(size)
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    seen = 0
    done = False

    async def passed() -> Message:
        nonlocal seen, done
        if done:
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            raise too_slow(seconds) from None
        seen += len(message.get("body", b""))
        if seen > size:
            raise too_large(size)
        done = not message.get("more_body", False)
        return message

    return passed


def declared(headers: dict[str, str]) -> int:
    """Read how long a body says it is; what is no number, or one without end, is left to what arrives."""
    text = headers.get("content-length", "")
    if not (text.isascii() and text.isdigit()):
        return 0
    return int(text) if len(text) < 16 else 10**16


def too_large(size: int) -> Fault:
    """The body is too long."""
    return Fault(413, "content_too_large", f"the body has more than {size} bytes", hint="send less at once")


def too_slow(seconds: float) -> Fault:
    """The body took too long."""
    detail = f"the body did not arrive within {seconds:g} seconds"
    return Fault(408, "request_timeout", detail, retryable=True, headers={"connection": "close"})


def check_json(body: bytes, limits: BodyLimits) -> Any:
    """Parse JSON of a bounded shape; raises `Fault` that says what is wrong, without a value of it."""
    _check_depth(body, limits.depth)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        _refuse("the body is not UTF-8")
    try:
        value = json.loads(
            text,
            object_pairs_hook=lambda pairs: _object(pairs, limits),
            parse_constant=lambda _: _refuse("JSON has no NaN and no Infinity"),
            parse_int=_integer,
            parse_float=_float,
        )
    except ValueError:
        _refuse("the body is not JSON")
    _check_texts(value, limits.text)
    return value


def _refuse(detail: str) -> NoReturn:
    raise Fault(400, "bad_request", detail, hint="send JSON as RFC 8259 has it, in UTF-8")


def _check_depth(body: bytes, most: int) -> None:
    """Count brackets outside strings, before a parser runs into them."""
    depth = 0
    quoted = escaped = False
    for byte in body:
        if quoted:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                quoted = False
        elif byte == 0x22:
            quoted = True
        elif byte in b"[{":
            depth += 1
            if depth > most:
                _refuse(f"the body is nested deeper than {most} levels")
        elif byte in b"]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]], limits: BodyLimits) -> dict[str, Any]:
    if len(pairs) > limits.keys:
        _refuse(f"an object has more than {limits.keys} keys")
    made = dict(pairs)
    if len(made) < len(pairs):
        _refuse("an object has one key twice")
    return made


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > _DIGITS:
        _refuse(f"a number has more than {_DIGITS} digits")
    return int(digits)


def _float(digits: str) -> float:
    if len(_LONG_NUMBER.findall(digits)) > 2 * _DIGITS:
        _refuse("a number has too many digits")
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        _refuse("a number is too large")
    return number


def _check_texts(value: Any, most: int) -> None:
    match value:
        case str():
            if len(value) > most:
                raise Fault(413, "content_too_large", f"a string has more than {most} characters")
            try:
                value.encode()
            except UnicodeEncodeError:
                _refuse("a string holds half a surrogate pair")
        case dict():
            for key, item in value.items():
                _check_texts(key, most)
                _check_texts(item, most)
        case list():
            for item in value:
                _check_texts(item, most)
