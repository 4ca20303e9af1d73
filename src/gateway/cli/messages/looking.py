"""Looking into a store, also into one that a running gateway has for itself."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from gateway import plugins
from gateway.cli.configured import lasting
from gateway.cli.screen import Screen
from gateway.config import load_config
from gateway.errors import NotFound, StoreError
from gateway.ids import MessageId
from gateway.store import MessageRow, StepRow, Store, beside, open_store

__all__ = ["found", "looking"]


@contextlib.asynccontextmanager
async def looking(screen: Screen, config: Path) -> AsyncIterator[Store]:
    """Open the store of a configuration, without anything that would work on it.

    SQLite belongs to one process: where that is a running gateway, this only reads, from beside.
    """
    url = load_config(config).store
    async with contextlib.AsyncExitStack() as stack:
        store = lasting(open_store(url, plugins.load().stores()), config)
        try:
            await store.open()
        except StoreError as error:
            if error.code != "in_use":
                raise
            await store.close()
            screen.note("the store is in use; this is what it has now")
            store = beside(url)
            stack.push_async_callback(store.close)
            await store.open()
        else:
            stack.push_async_callback(store.close)
        yield store


async def found(store: Store, message: str) -> tuple[MessageRow, tuple[StepRow, ...]]:
    """Look a message up; raises `NotFound`, also for one that was erased."""
    kept = await store.message(MessageId(message))
    if kept is None:
        raise NotFound("there is no such message", hint="see: gateway messages list")
    if not kept[1]:  # with what it said went its steps
        raise NotFound("this message was erased", hint="all that is kept of it is that it was there")
    return kept
