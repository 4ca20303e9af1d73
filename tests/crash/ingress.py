"""The webhooks that were answered with 2xx, and the events that they have to have become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from gateway.connections import Connections
from gateway.plugins import load
from gateway.provider import Provider, WebhookRequest
from gateway.simulator import Simulation


@dataclass(slots=True)
class Ingress:
    """Reads the vendors' journal as it grows, for what was acknowledged to them."""

    sim: Simulation
    connections: Mapping[str, str]
    """By vendor: the name that a connection goes by in its events."""
    accepted: set[str] = field(default_factory=set)
    """Ids of the events."""
    again: int = 0
    """How many webhooks were taken more than once."""
    _seen: int = 0
    _hooks: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    _taken: set[int] = field(default_factory=set)
    _providers: dict[str, Provider[Any]] = field(default_factory=dict)

    def read(self) -> None:
        """Read what is new in the vendors' journal."""
        for entry in self.sim.journal.entries("webhook", "attempt", since=self._seen):
            self._seen = entry.seq
            data: Any = entry.data
            if entry.kind == "webhook":
                self._hooks[entry.seq] = (str(entry.vendor), to_json(data["payload"]))
            elif data["accepted"]:
                self._take(data["webhook"])

    def _take(self, webhook: int) -> None:
        if webhook in self._taken:
            self.again += 1
            return
        self._taken.add(webhook)
        vendor, body = self._hooks.pop(webhook)
        connection = self.connections[vendor]
        hook = WebhookRequest((("content-type", "application/json"),), body, self.sim.clock.now())
        for event in self._provider(vendor).parse(hook):
            stamped = event.stamped(connection=connection, provider=vendor, received_at=hook.received_at)
            self.accepted.add(stamped.id)

    def _provider(self, vendor: str) -> Provider[Any]:
        if vendor not in self._providers:
            self._providers[vendor] = Connections(load()).provider(vendor, vendor, self.sim.settings(vendor))
        return self._providers[vendor]
