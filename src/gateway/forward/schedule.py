"""When a delivery is tried again, and what an answer means for it and its endpoint; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from gateway.egress import Answer
from gateway.errors import GatewayError
from gateway.store.records.deliveries import DeliveryRow, Standing, TryRow
from gateway.store.records.forwarding import Effect, Held, Patience, Settled

__all__ = ["SCHEDULE", "ForwardRules", "judged", "retry_after"]

SCHEDULE = (0.0, 5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
"""Seconds before each attempt, the first one included: ten over a little more than three days.

Source: the example in the specification of Standard Webhooks.
"""
_THROTTLED = frozenset({429, 502, 503, 504})
_THROTTLE = 30.0
"""Seconds that an endpoint is left alone which asks for less and does not say for how long."""
_MOST_WAIT = 86_400.0
"""Seconds that a receiver may ask us to wait."""


@dataclass(frozen=True, slots=True)
class ForwardRules:
    """How deliveries are made."""

    schedule: tuple[float, ...] = SCHEDULE
    jitter: float = 0.1
    """Share of each wait by which it is drawn out at random, so that what failed together does not come together."""
    connect: float = 5.0
    """Seconds for name and connection."""
    total: float = 15.0
    """Seconds for a whole attempt."""
    read: int = 64 * 1024
    """Bytes of an answer that are read."""
    kept: int = 4096
    """Bytes of an answer that are kept."""
    each: int = 4
    """Deliveries at a time to one endpoint."""
    limit: int = 64
    """Deliveries at a time by this process."""
    patience: Patience = field(default_factory=lambda: Patience(failures=5, interval=60.0, give_up=timedelta(days=5)))

    grace: float = 45.0
    """Seconds beyond an attempt's own after which a delivery is taken from a process that is silent."""

    @property
    def lease(self) -> float:
        """Seconds for which a delivery is held."""
        return self.total + self.grace


def judged(
    held: Held, outcome: Answer | GatewayError, began: datetime, now: datetime, rules: ForwardRules, chance: float
) -> Settled:
    """Say what an attempt came to; `chance` is from 0 to 1."""
    row = held.delivery
    row = replace(row, attempts=row.attempts + 1, tries=row.tries + 1, status=None, error=None)
    if isinstance(outcome, GatewayError):
        row = replace(row, error=f"{outcome.slug} ({outcome.code}): {outcome.message}")
        attempt = _attempt(row, began, now, None)
        return Settled(held, _again(row, now, rules, chance), attempt, Effect.FAILS)
    row = replace(row, status=outcome.status)
    attempt = _attempt(row, began, now, _said(outcome, rules.kept))
    wishes = _wishes(outcome.headers)
    disable = "its receiver asked for it (webhook-delivery: disable)" if "disable" in wishes else None
    if 200 <= outcome.status < 300:
        done = replace(row, state=Standing.DELIVERED, ended_at=now)
        return Settled(held, done, attempt, Effect.WORKS, disable=disable)
    if outcome.status == 410:
        gone = replace(row, state=Standing.DEAD, ended_at=now)
        return Settled(held, gone, attempt, Effect.FAILS, disable=disable or "its receiver answered 410 Gone")
    if "abort-message" in wishes:
        aborted = replace(row, state=Standing.ABORTED, ended_at=now)
        return Settled(held, aborted, attempt, Effect.NONE, disable=disable)
    wait = retry_after(outcome.headers, now)
    if outcome.status not in _THROTTLED and wait is None:
        return Settled(held, _again(row, now, rules, chance), attempt, Effect.FAILS, disable=disable)
    pause = now + timedelta(seconds=_THROTTLE if wait is None else wait)
    later = _again(row, now, rules, chance)
    later = replace(later, next_at=max(later.next_at, pause)) if later.state is Standing.PENDING else later
    # told when to come again, a receiver is alive; one that only fails with 502 is counted like any other
    effect = Effect.BUSY if wait is not None or outcome.status == 429 else Effect.FAILS
    return Settled(held, later, attempt, effect, closed_until=pause, disable=disable)


def _again(row: DeliveryRow, now: datetime, rules: ForwardRules, chance: float) -> DeliveryRow:
    """Put a delivery on for its next attempt, or among the dead."""
    if row.tries >= len(rules.schedule):
        return replace(row, state=Standing.DEAD, ended_at=now)
    seconds = rules.schedule[row.tries] * (1 + rules.jitter * chance)
    return replace(row, next_at=now + timedelta(seconds=seconds))


def _attempt(row: DeliveryRow, began: datetime, now: datetime, answer: str | None) -> TryRow:
    return TryRow(
        number=row.attempts, started_at=began, ended_at=now, status=row.status, error=row.error, answer=answer
    )


def _said(answer: Answer, most: int) -> str:
    """Give what the receiver said, for people: not more than `most` bytes, and nothing that no database keeps."""
    return answer.body[:most].decode("utf-8", "replace").replace("\x00", "\ufffd")


def _wishes(headers: Mapping[str, str]) -> frozenset[str]:
    """Read what a receiver asks for by `webhook-delivery` (a convention of Svix)."""
    return frozenset(word.strip().lower() for word in headers.get("webhook-delivery", "").split(","))


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read `Retry-After`, in seconds or as a date; gives seconds from now, at most a day, or None."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _MOST_WAIT)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max((when - now).total_seconds(), 0.0), _MOST_WAIT)
