"""A connection, and what turns the crank of an exchange by hand."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import pytest
from pydantic import JsonValue
from pydantic_core import to_json

from gateway.provider import Call, Exchange, Reply
from gateway_loopmessage import LoopMessage, LoopMessageSettings

T = TypeVar("T")
Feed: TypeAlias = Callable[..., tuple[Any, list[Call]]]


def answer(status: int, body: JsonValue | bytes = None, headers: Mapping[str, str] | None = None) -> Reply:
    """An answer of the vendor: JSON, or bytes as they are."""
    content = body if isinstance(body, bytes) else b"" if body is None else to_json(body)
    return Reply(status, headers or {}, content)


def feed(exchange: Exchange[T], *replies: Reply) -> tuple[T, list[Call]]:
    """Run an exchange with these replies; gives its result and the calls that it made."""
    calls, left = [], list(replies)
    try:
        calls.append(next(exchange))
        while True:
            calls.append(exchange.send(left.pop(0)))
    except StopIteration as done:
        assert not left
        result: T = done.value
        return result, calls


@pytest.fixture
def provider() -> LoopMessage:
    """A connection with a line and a webhook secret."""
    return LoopMessage(
        LoopMessageSettings.model_validate({"api_key": "key-1", "sender": "line-1", "webhook_secret": "Bearer hook-1"})
    )
