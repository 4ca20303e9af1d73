"""Which connection carries an action: the one that is named, the only one, or the one that a plugin chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.actions import Action
from gateway.clock import Clock
from gateway.connections import Connection, Connections
from gateway.errors import NoRoute, Refused
from gateway.plugins import Plugins

__all__ = ["guard", "route"]


def route(action: Callable[[], Action], via: str | None, connections: Connections, plugins: Plugins) -> Connection:
    """Choose a connection; raises `NoRoute` when there is none, or when several could and nobody chose.

    The action is made only where a plugin is asked.
    """
    if via is not None:
        return connections.get(via)
    candidates: Sequence[Connection] = list(connections)
    if not candidates:
        raise NoRoute("there is no connection", hint='add one: gateway.connect("PROVIDER", name="…", …)')
    if len(candidates) == 1:
        return candidates[0]
    chosen = plugins.choose_connection(action(), [candidate.info for candidate in candidates])
    if chosen is not None:
        return connections.get(chosen)
    names = ", ".join(candidate.name for candidate in candidates)
    raise NoRoute(f"several connections could carry this: {names}", hint='name one: via="…"')


def guard(action: Action, connection: Connection, plugins: Plugins, clock: Clock) -> None:
    """Ask the guards; raises `Refused` when one of them objects."""
    refusals = plugins.guard(action, connection.info, clock.now())
    if refusals:
        until = max((refusal.until for refusal in refusals if refusal.until), default=None)
        later = f"try again after {until.isoformat()}" if until else "the guard's plugin says what to change"
        raise Refused("; ".join(refusal.reason for refusal in refusals), hint=later).locate(
            connection=connection.name, provider=connection.provider.name
        )
