"""Who asks, and what they may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.errors import Forbidden, InvalidMessage, NotFound

__all__ = ["ADMIN", "READ", "SEND", "Caller", "scopes_of"]

SEND = "send"
"""May send, react, and whatever else reaches a contact."""
READ = "read"
"""May read messages, events, chats and deliveries."""
ADMIN = "admin"
"""May do all of that, and change connections, keys and endpoints."""

_CONNECTIONS = "connections:"
"""With an id behind it: the key knows this connection only, and any others named so."""


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's tenant and rights, as its key gives them."""

    tenant: str
    key_id: str
    """Id of the key: who the audit says it was."""
    scopes: frozenset[str]

    @property
    def connections(self) -> frozenset[str] | None:
        """The connections that the key is bound to; None when it knows all of the tenant's."""
        named = frozenset(scope.removeprefix(_CONNECTIONS) for scope in self.scopes if scope.startswith(_CONNECTIONS))
        return named or None

    def may(self, scope: str, connection: str | None = None) -> bool:
        """Tell whether the caller may do something, on a connection where one is named.

        A key that is bound to connections may do nothing that concerns the tenant as a whole, whatever its scopes are:
        what is asked without a connection then has to be `read` or `send`, whose answers are bound as well.
        """
        bound = self.connections
        if connection is None:
            return scope in self._granted and (bound is None or scope != ADMIN)
        return scope in self._granted and (bound is None or connection in bound)

    def demand(self, scope: str, connection: str | None = None) -> None:
        """Raise `Forbidden` for a scope that is missing, `NotFound` for a connection that the key is not bound to."""
        bound = self.connections
        if connection is not None and bound is not None and connection not in bound:
            raise NotFound(f"there is no connection {connection}", hint="list the connections of this key")
        if not self.may(scope, connection):
            raise Forbidden(f"this needs a key with the scope {scope}", hint="use another key, or have one made")

    @property
    def _granted(self) -> frozenset[str]:
        return self.scopes | {READ, SEND} if ADMIN in self.scopes else self.scopes


def scopes_of(words: Iterable[str]) -> tuple[str, ...]:
    """Read scopes, sorted and each once; raises `InvalidMessage` for what is none, and for none at all."""
    found = sorted(set(words))
    for word in found:
        if word not in {ADMIN, READ, SEND} and not (word.startswith(_CONNECTIONS) and word != _CONNECTIONS):
            raise InvalidMessage(f"there is no scope {word[:40]!r}", hint=_HINT)
    if not {ADMIN, READ, SEND} & set(found):
        raise InvalidMessage("a key without a scope may do nothing", hint=_HINT)
    return tuple(found)


_HINT = "use send, read or admin, and connections:ID to bind the key to a connection"
