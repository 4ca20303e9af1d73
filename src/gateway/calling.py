"""How a handler of the application is called, whichever gateway has the event."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any

__all__ = ["call"]


async def call(handler: Callable[[Any], Any], event: object, threads: Executor | None = None) -> None:
    """Call a handler, and wait until it is done; raises what it raises.

    A plain function may block, and the loop serves every chat: it runs in one of `threads`, with the context of here.
    """
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__):
        result: Any = handler(event)
    else:
        there = partial(contextvars.copy_context().run, handler, event)
        result = await asyncio.get_running_loop().run_in_executor(threads, there)
    if inspect.isawaitable(result):
        await result
