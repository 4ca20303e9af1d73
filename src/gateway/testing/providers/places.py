"""The places of a capability table: each kind of chat that carries something, by each channel that differs."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.capabilities import Capabilities, CapabilityTable, Feature
from gateway.model import Channel, ChatKind

__all__ = ["KINDS", "Where", "wheres"]

KINDS = {ChatKind.DIRECT: Feature.DIRECT, ChatKind.GROUP: Feature.GROUP, ChatKind.SEVERAL: Feature.SEVERAL}
"""The feature that each kind of chat is."""


@dataclass(frozen=True, slots=True)
class Where:
    """A kind of chat and a channel, with what the table says of it."""

    kind: ChatKind
    channel: Channel | None
    capabilities: Capabilities

    @property
    def name(self) -> str:
        """For a failure's message."""
        return f"{self.kind.value} chat{f' by {self.channel.value}' if self.channel else ''}"


def wheres(table: CapabilityTable) -> list[Where]:
    """Every kind of chat that carries texts, by every channel with capabilities of its own."""
    found = []
    for kind in KINDS:
        plain = table.find(kind)
        channels = sorted(plain.limits.channels) if plain.has(Feature.CHANNEL) else []
        found.append(Where(kind, None, plain))
        found += [Where(kind, each, table.find(kind, each)) for each in channels if table.find(kind, each) != plain]
    return [each for each in found if each.capabilities.has(Feature.TEXT) and each.capabilities.has(KINDS[each.kind])]
