"""Sinks: streams that get every event, for platforms that would rather read a stream than serve an URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.errors import GatewayError

__all__ = ["Published", "Sink", "SinkFailed"]


class SinkFailed(GatewayError):
    """A stream did not take what it was given; it is given it again."""


@dataclass(frozen=True, slots=True)
class Published:
    """One event, ready for a stream."""

    id: str
    """The event's id: the stream drops what comes twice under it."""
    tenant: str
    connection: str
    type: str
    lane: str
    """Chat, or connection; what is in one lane stays in order."""
    media_type: str
    body: bytes = field(repr=False)
    trace: str | None = None
    """The trace in which the message was sent that it is about, as `traceparent` writes it."""


class Sink(Protocol):
    """A stream. Made by a plugin from its URL (`gateway_sinks`), used by one task at a time."""

    async def open(self) -> None:
        """Connect; raises `SinkFailed`, and may be called again then."""

    async def publish(self, events: Sequence[Published]) -> None:
        """Write events; returns when the stream has kept all of them, those of one lane in the order given.

        Raises `SinkFailed` when any was not kept: all of them are given again.
        """

    async def close(self) -> None:
        """Let go of everything."""
