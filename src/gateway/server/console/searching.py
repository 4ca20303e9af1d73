"""What somebody looks for among events, in one line: `type:message.* -type:typing.* status:parked chat:chat_…`."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.actions import DeliveryState
from gateway.errors import InvalidRequest
from gateway.forward.endpoints import check_types
from gateway.server.schemas import event_types
from gateway.store.records.endpoints import is_of
from gateway.store.rows import EventOutcome
from gateway.tenancy import Account

__all__ = ["STATUSES", "Search", "searched"]

STATUSES = (*(outcome.value for outcome in EventOutcome), *(state.value for state in DeliveryState))
"""How far an event was handed over, and how far the message came that it is about."""

_WORDS = "type, status, connection, chat and message"
_BY_ID = {"pc": "connection", "chat": "chat", "msg": "message"}
"""An id says by itself what it is of."""


@dataclass(frozen=True, slots=True)
class Search:
    """Which events somebody wants; None is all of them."""

    connection: str | None = None
    chat: str | None = None
    message: str | None = None
    types: tuple[str, ...] = ()
    status: str | None = None

    @property
    def wanted(self) -> dict[str, Any]:
        """Say it as lists of events are asked."""
        outcome = EventOutcome(self.status) if self.status in set(EventOutcome) else None
        return {
            "connection": self.connection,
            "chat": self.chat,
            "message": self.message,
            "types": self.types,
            "outcome": outcome,
            "state": self.status if outcome is None else None,
        }


def searched(query: Mapping[str, str], accounts: Iterable[Account]) -> Search:
    """Read the fields of the form, and the line above them, which goes before; raises `InvalidRequest`."""
    given: dict[str, Any] = {name: query.get(name) or None for name in ("connection", "chat", "message", "status")}
    types = [("", query["type"])] if query.get("type") else []
    ids = {account.name: account.id for account in accounts}
    of_line: list[tuple[str, str]] = []
    for minus, name, value in _read(query.get("q", "")):
        if name == "type":
            of_line.append((minus, value))
        elif minus:
            raise InvalidRequest(f"only types are left out, not a {name}", hint="write -type:typing.*")
        else:
            given[name] = ids.get(value, value) if name == "connection" else value
    status = given["status"]
    if status is not None and status not in STATUSES:
        raise InvalidRequest(f"there is no status {status}", hint=f"use one of {', '.join(STATUSES)}")
    return replace(Search(**given), types=_types(of_line or types, event_types()))


def _read(line: str) -> Iterator[tuple[str, str, str]]:
    """Take a line apart: a minus or nothing, what is asked for, and the value; a value with spaces is in quotes."""
    try:
        words = shlex.split(line)
    except ValueError:
        raise InvalidRequest("a quote is not closed", hint='write connection:"my line"') from None
    for word in words:
        minus = "-" if word.startswith("-") else ""
        name, colon, value = word[len(minus) :].partition(":")
        if not colon:
            # what stands alone is an id, or else a type
            name, value = _BY_ID.get(name.partition("_")[0], "type"), name
        if name not in {"type", *_BY_ID.values(), "status"}:
            raise InvalidRequest(f"nothing is called {name} here", hint=f"look for {_WORDS}")
        if not value:
            raise InvalidRequest(f"{name}: says nothing", hint="write what to look for right behind the colon")
        yield minus, name, value


def _types(asked: Collection[tuple[str, str]], known: Collection[str]) -> tuple[str, ...]:
    """Name the types that are meant: some, a family (`message.*`), or all but some."""
    if not asked:
        return ()
    check_types(name for _, name in asked)
    wanted = [name for minus, name in asked if not minus] or list(known)
    unwanted = [name for minus, name in asked if minus]
    chosen = (kind for kind in known if any(is_of(kind, name) for name in wanted))
    left = tuple(kind for kind in chosen if not any(is_of(kind, name) for name in unwanted))
    if not left:
        raise InvalidRequest("no type of event is left", hint="leave out less")
    return left
