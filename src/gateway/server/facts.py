"""Counts by the facts of the log: what the engine says happened, at any level, without a hook in the flow."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from gateway import log
from gateway.server.telemetry import Telemetry

__all__ = ["Facts"]

_REMEMBERED = 10_000
"""Messages whose beginning is remembered, for the time until their outcome."""

Fact = Mapping[str, Any]


class Facts:
    """Turns facts into metrics."""

    def __init__(self, telemetry: Telemetry, provider_of: Callable[[str], str | None]) -> None:
        self._metrics = telemetry
        self._provider_of = provider_of
        self._kept: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()
        self._stop: Callable[[], None] | None = None
        self._told: dict[str, Callable[[Fact], None]] = {
            "webhook_accepted": self._accepted,
            "webhook_refused": self._refused,
            "webhook_put_off": self._put_off,
            "webhook_quarantined": self._quarantined,
            "caught_up": self._caught_up,
            "message_kept": self._message_kept,
            "step_accepted": self._step_accepted,
            "step_failed": self._step_failed,
            "step_refused": lambda fact: self._sent(fact, "refused"),
            "step_expired": lambda fact: self._sent(fact, "expired"),
            "message_cancelled": lambda fact: self._sent(fact, "cancelled"),
            "delivery_tried": lambda fact: self._metrics.deliveries.labels(str(fact.get("outcome"))).inc(),
            "endpoint_disabled": lambda _: self._metrics.disabled.inc(),
            "egress_refused": lambda _: self._metrics.ssrf.inc(),
        }

    def listen(self) -> None:
        """Begin to count."""
        self._stop = log.listen(self)

    def stop_listening(self) -> None:
        """Count no longer."""
        if self._stop is not None:
            self._stop()
            self._stop = None

    def __call__(self, name: str, fact: Fact) -> None:
        """Count one fact; what is none of these is left alone."""
        if (count := self._told.get(name)) is not None:
            count(fact)

    def _accepted(self, fact: Fact) -> None:
        outcome = "quarantined" if fact.get("quarantined") else "accepted" if fact.get("events") else "repeated"
        self._metrics.ingress.labels(self._provider(fact), outcome).inc()

    def _refused(self, fact: Fact) -> None:
        self._metrics.ingress.labels(self._provider(fact), "refused").inc()
        self._metrics.signatures.labels(str(fact.get("error", "unknown"))).inc()

    def _put_off(self, fact: Fact) -> None:
        self._metrics.ingress.labels(self._provider(fact), "put_off").inc()

    def _quarantined(self, fact: Fact) -> None:
        self._metrics.quarantined.labels(self._provider(fact)).inc()

    def _caught_up(self, fact: Fact) -> None:
        found = fact.get("recovered", 0)
        self._metrics.recovered.labels(self._provider(fact)).inc(found if isinstance(found, int) else len(found))

    def _message_kept(self, fact: Fact) -> None:
        if not fact.get("repeated"):
            with self._lock:
                self._kept[str(fact["message_id"])] = monotonic()
                if len(self._kept) > _REMEMBERED:
                    self._kept.popitem(last=False)
            self._sent(fact, "kept")

    def _step_accepted(self, fact: Fact) -> None:
        self._sent(fact, "accepted")
        self._ended(fact)

    def _step_failed(self, fact: Fact) -> None:
        state = {"Again": "retried", "Park": "unknown"}.get(str(fact.get("decision")), "refused")
        self._sent(fact, state)
        if state == "refused":
            self._ended(fact)

    def _ended(self, fact: Fact) -> None:
        with self._lock:
            began = self._kept.pop(str(fact.get("message_id")), None)
        if began is not None:
            self._metrics.send_seconds.labels(self._provider(fact)).observe(monotonic() - began)

    def _sent(self, fact: Fact, state: str) -> None:
        self._metrics.sends.labels(self._provider(fact), state).inc()

    def _provider(self, fact: Fact) -> str:
        named = fact.get("provider") or self._provider_of(str(fact.get("connection", "")))
        return str(named or "unknown")
