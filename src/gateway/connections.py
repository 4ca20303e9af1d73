"""Connections: configured vendor accounts, and the registry of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from gateway.actions import ConnectionInfo, Policy
from gateway.capabilities import CapabilityTable
from gateway.clock import Clock
from gateway.drive import Send
from gateway.errors import ConfigurationError, NoRoute, Unauthorized
from gateway.pacing import Terms, by_recipient, looks_back
from gateway.plugins import Plugins
from gateway.provider import Pause, Provider, Rules
from gateway.retry import INLINE, persistent
from gateway.transport import Transport

__all__ = ["Connection", "Connections", "Former"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")


@dataclass(frozen=True, slots=True)
class Former:
    """A provider made from the settings before these, which still verifies webhooks for a while."""

    provider: Provider[Any]
    until: datetime


@dataclass(slots=True, eq=False)
class Connection:
    """One vendor account, with what is needed to use it."""

    name: str
    provider: Provider[Any]
    transport: Transport
    policy: Policy | None = None
    """Overrides the gateway's."""
    labels: Mapping[str, str] = field(default_factory=dict)
    catch_up: bool = False
    """Fetch what the vendor could not deliver, at the start and every while; see `Gateway.catch_up`."""
    terms: Terms = field(default_factory=Terms)
    """The user's limits, and how consent is kept."""
    former: tuple[Former, ...] = ()
    """What it was before its webhook secret was changed: what was signed by the old one still passes for a while."""
    suppressed: Callable[[str], datetime | None] | None = None
    """Says of the text of an address, or the id of its chat, since when it is suppressed: they had opted out and were
    erased."""
    stopped: Unauthorized | None = None
    """Why nothing is sent any more; `Gateway.check` clears it."""
    rules: Rules = field(init=False)
    """What the vendor asks of whoever sends."""
    pauses: tuple[Pause, ...] = field(init=False)
    """What its codes may stop for a while."""
    table: CapabilityTable = field(init=False)
    """What the provider can carry."""
    looks_back: bool = field(init=False)
    """Whether any of that asks what has happened in a chat before."""
    by_recipient: bool = field(init=False)
    """Whether any of that counts what one contact gets."""
    info: ConnectionInfo = field(init=False)
    """The connection as hooks see it."""

    def __post_init__(self) -> None:
        """Ask the provider once: it is immutable."""
        self.rules = self.provider.rules()
        self.table = self.provider.capabilities()
        self.pauses = tuple({row.pause: None for _, row in self.provider.codes if row.pause})
        self.looks_back = looks_back(self.rules, self.terms.paces, self.pauses)
        self.by_recipient = by_recipient(self.rules, self.terms.paces)
        self.info = ConnectionInfo(name=self.name, provider=self.provider.name, labels=dict(self.labels))

    def patient(self, clock: Clock, chance: Callable[[], float]) -> Send:
        """Give what carries the calls of somebody who waits: with repetition, as far as that is safe."""
        return persistent(
            self.transport.send, policy=INLINE, proof=self.provider.proof, sleep=clock.sleep, chance=chance
        )

    def __repr__(self) -> str:
        """Name and provider, no settings."""
        return f"Connection({self.name!r}, {self.provider.name})"


class Connections:
    """The connections of a gateway, by name."""

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins
        self._by_name: dict[str, Connection] = {}
        self.away: dict[str, str] = {}
        """Connections that are known and not in use, and why, in a word: what waits for them stays where it is."""

    def __iter__(self) -> Iterator[Connection]:
        """Go through all, in the order they were added."""
        return iter(self._by_name.values())

    def __len__(self) -> int:
        """Count them."""
        return len(self._by_name)

    def add(self, connection: Connection) -> Connection:
        """Use a new connection; raises `ConfigurationError` for a name that is taken."""
        if connection.name in self._by_name:
            raise ConfigurationError(
                f"there is a connection {connection.name} already", hint="give the new one another name"
            )
        self.put(connection)
        return connection

    def make(
        self,
        provider: str,
        name: str,
        settings: Mapping[str, Any],
        *,
        policy: Policy | None = None,
        labels: Mapping[str, str] | None = None,
        catch_up: bool = False,
        terms: Terms = Terms(),  # noqa: B008 - frozen
    ) -> Connection:
        """Make a connection that is not in use yet; raises `ConfigurationError` for anything that is wrong."""
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} cannot name a connection", hint="use letters, digits, dot, dash, underscore; it is in a URL"
            )
        made = self.provider(provider, name, settings)
        transport = Transport(made, connection=name)
        return Connection(name, made, transport, policy, labels or {}, catch_up=catch_up, terms=terms)

    def provider(self, provider: str, name: str, settings: Mapping[str, Any]) -> Provider[Any]:
        """Make the provider of a connection from its settings; raises `ConfigurationError`, without their values."""
        cls = self._plugins.provider(provider)
        return cls(_settings(cls, name, settings))

    def put(self, connection: Connection) -> Connection | None:
        """Use a connection, in the place of the one of its name; gives that one, whose calls may still be under way."""
        before = self._by_name.get(connection.name)
        self._by_name[connection.name] = connection
        self.away.pop(connection.name, None)
        return before

    def drop(self, name: str, why: str) -> Connection | None:
        """Use a connection no longer, and give it; what waits for it stays where it is."""
        self.away[name] = why
        return self._by_name.pop(name, None)

    def get(self, name: str) -> Connection:
        """Give a connection; raises `NoRoute` that names the nearest one."""
        if name in self._by_name:
            return self._by_name[name]
        if name in self.away:
            raise NoRoute(f"the connection {name} is {self.away[name]}", hint="look why, then mend or enable it")
        near = difflib.get_close_matches(name, self._by_name, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(self._by_name) or 'none'}"
        raise NoRoute(f"there is no connection {name!r}", hint=hint)

    def find(self, name: str) -> Connection | None:
        """Give a connection, or None."""
        return self._by_name.get(name)


def _settings(cls: type[Provider[Any]], name: str, given: Mapping[str, Any]) -> Any:
    """Validate settings, and say every problem without a value in it: values are secrets."""
    try:
        return cls.Settings.model_validate(dict(given))
    except ValidationError as error:
        problems = []
        for problem in error.errors(include_input=False, include_url=False):
            key = ".".join(str(part) for part in problem["loc"])
            near = difflib.get_close_matches(key, cls.Settings.model_fields, n=1)
            meant = f" (did you mean {near[0]}?)" if near and problem["type"] == "extra_forbidden" else ""
            problems.append(f"{key or 'settings'}: {problem['msg']}{meant}")
    known = ", ".join(cls.Settings.model_fields)
    raise ConfigurationError(
        f"the settings of connection {name} ({cls.name}) are wrong: {'; '.join(problems)}",
        hint=f"{cls.name} takes: {known}",
    )
