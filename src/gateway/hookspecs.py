"""The hooks: five, synchronous, called at start-up or for a choice; never on the way of a message through a vendor.

Entry-point group `messaging_gateway`. A plugin is a module or an object with functions marked `@hookimpl`; each is
loaded and called inside its own guard (`gateway.plugins`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pluggy

from gateway.actions import Action, ConnectionInfo, Refusal

__all__ = ["PROJECT", "hookimpl", "hookspec"]

PROJECT = "messaging_gateway"
"""The name of the entry-point group and of the hooks' project."""

hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker(PROJECT)
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as the implementation of the hook with its name."""


@hookspec
def gateway_providers() -> Sequence[type[Any]]:
    """Offer providers, subclasses of `gateway.provider.Provider`; called once at start-up, all answers are collected.

    Two plugins that offer one name are a problem that `gateway providers` shows; the first one found is used.
    """
    raise NotImplementedError


@hookspec
def gateway_stores() -> Mapping[str, Callable[[str], Any]]:
    """Offer stores by URL scheme; called once at start-up, all answers are collected.

    The callable takes the store's URL and returns an object of the store port (`gateway.store`).
    """
    raise NotImplementedError


@hookspec
def gateway_sinks() -> Mapping[str, Callable[[str], Any]]:
    """Offer streams that get every event, by URL scheme; called once at start-up, all answers are collected.

    The callable takes the sink's URL and returns an object of the sink port (`gateway.forward.Sink`); it opens nothing.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def gateway_choose_connection(action: Action, candidates: Sequence[ConnectionInfo]) -> str | None:
    """Choose the connection that carries an action, by name; called when the caller named none.

    Pure: the same arguments give the same answer. The first answer that is not None holds; a plugin that raises is
    logged and skipped. Not every action has a chat: `action.type` says what it is.
    """
    raise NotImplementedError


@hookspec
def gateway_guard(action: Action, connection: ConnectionInfo, now: datetime) -> Refusal | None:
    """Refuse an action before it is stored, for good or until a time; all answers are collected, one is enough.

    Asked for everything that people see, what is done to a group too; not for look-ups. A guard that raises refuses.
    """
    raise NotImplementedError
