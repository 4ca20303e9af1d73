"""Handlers of every kind are called, and waited for."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

from gateway.calling import call

WHERE: contextvars.ContextVar[str] = contextvars.ContextVar("WHERE")


class Bot:
    """A callable that is asynchronous only when it is called."""

    def __init__(self, heard: list[tuple[object, bool]]) -> None:
        self.heard = heard

    async def __call__(self, event: object) -> None:
        """Hear it, a little later."""
        await asyncio.sleep(0)
        self.heard.append((event, in_main()))


def in_main() -> bool:
    """Tell whether this is the thread of the loop."""
    return threading.current_thread() is threading.main_thread()


def asynchronous(heard: list[tuple[object, bool]]) -> Callable[[Any], Any]:
    """Give a coroutine function."""

    async def handler(event: object) -> None:
        heard.append((event, in_main()))

    return handler


def plain(heard: list[tuple[object, bool]]) -> Callable[[Any], Any]:
    """Give a function that may block."""
    return lambda event: heard.append((event, in_main()))


def wrapped(heard: list[tuple[object, bool]]) -> Callable[[Any], Any]:
    """Give a function that hands an awaitable back."""
    bot = Bot(heard)
    return lambda event: bot(event)  # noqa: PLW0108 - a plain function, which the bot is not


@pytest.mark.parametrize(("make", "in_loop"), [(Bot, True), (asynchronous, True), (plain, False), (wrapped, True)])
async def test_a_handler_is_waited_for(make: Callable[[list[tuple[object, bool]]], Any], *, in_loop: bool) -> None:
    """In the loop where it is asynchronous, in a thread where it may block."""
    heard: list[tuple[object, bool]] = []
    await call(make(heard), "event")
    assert [("event", in_loop)] == heard


async def test_a_thread_has_the_context_of_the_call() -> None:
    """So that logs and traces of a plain function belong to its event."""
    WHERE.set("here")
    seen: list[str] = []
    await call(lambda _: seen.append(WHERE.get()), "event")
    assert ["here"] == seen


async def test_what_a_handler_raises_is_raised() -> None:
    """It is the caller's to log and to try again."""
    with pytest.raises(ZeroDivisionError):
        await call(lambda event: 1 / event, 0)
