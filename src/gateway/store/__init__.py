"""The store: one port, and what keeps it.

`memory:` keeps everything for the life of the process. Other schemes come from plugins (`gateway_stores`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.errors import ConfigurationError
from gateway.store.memory import MemoryStore
from gateway.store.port import Store
from gateway.store.rows import (
    AttemptRow,
    Bucket,
    ConsentRow,
    EventOutcome,
    EventRow,
    FactRow,
    FileRow,
    InboundRow,
    Marked,
    MessageRow,
    MessageState,
    RunRow,
    Settlement,
    StepRow,
    StepState,
    WebhookRow,
    Work,
)

__all__ = [
    "AttemptRow",
    "Bucket",
    "ConsentRow",
    "EventOutcome",
    "EventRow",
    "FactRow",
    "FileRow",
    "InboundRow",
    "Marked",
    "MemoryStore",
    "MessageRow",
    "MessageState",
    "RunRow",
    "Settlement",
    "StepRow",
    "StepState",
    "Store",
    "WebhookRow",
    "Work",
    "open_store",
]


def open_store(url: str, offered: Mapping[str, Callable[[str], Store]]) -> Store:
    """Make the store that a URL names; raises `ConfigurationError` for a scheme that nobody offers."""
    scheme, colon, _ = url.partition(":")
    makers: dict[str, Callable[[str], Store]] = {**offered, "memory": MemoryStore}
    if not colon or scheme not in makers:
        known = ", ".join(f"{name}:" for name in sorted(makers))
        raise ConfigurationError(f"there is no store for {scheme!r} (there are {known})", hint='use "memory:"')
    return makers[scheme](url)
