"""What was on the wire: the journal masks secrets and cuts what is long, and to do it once more takes all of it.

It stays in memory, is shown to nobody, and is forgotten after some thousand entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.simulator.twin import Webhook

__all__ = ["Original", "Originals"]

_MOST = 5_000
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Original:
    """One request or attempt."""

    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(default=b"", repr=False)
    secret: str = field(default="", repr=False)
    """What the application has to check an attempt with, whatever it was signed with; empty for a request."""


class Originals:
    """Requests, webhooks and attempts by the numbers of their journal entries."""

    def __init__(self) -> None:
        self._sent: dict[int, Original] = {}
        self._bytes = 0
        self._told: dict[int, Webhook] = {}

    def keep(self, seq: int, headers: Mapping[str, str], body: bytes, secret: str = "") -> None:
        """Keep a request or an attempt; the oldest makes room."""
        self._sent[seq] = Original({name.lower(): value for name, value in headers.items()}, body, secret)
        self._bytes += len(body)
        while len(self._sent) > _MOST or (self._bytes > _MOST_BYTES and len(self._sent) > 1):
            self._bytes -= len(self._sent.pop(next(iter(self._sent))).body)

    def keep_webhook(self, seq: int, webhook: Webhook) -> None:
        """Keep what was to be told; the oldest makes room."""
        self._told[seq] = webhook
        if len(self._told) > _MOST:
            del self._told[next(iter(self._told))]

    def find(self, seq: int) -> Original | None:
        """Give what was sent; None where it is forgotten."""
        return self._sent.get(seq)

    def webhook(self, seq: int) -> Webhook | None:
        """Give what was to be told; None where it is forgotten."""
        return self._told.get(seq)

    def clear(self) -> None:
        """Forget all."""
        self._sent.clear()
        self._bytes = 0
        self._told.clear()
