"""Times as a database keeps them: whole microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["maybe_micros", "maybe_moment", "micros", "moment", "span"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400


def micros(when: datetime) -> int:
    """Turn an aware time into microseconds."""
    since = when - _EPOCH
    return (since.days * _DAY + since.seconds) * 1_000_000 + since.microseconds


def moment(number: int) -> datetime:
    """Turn microseconds into an aware time, in UTC."""
    return _EPOCH + timedelta(microseconds=number)


def maybe_micros(when: datetime | None) -> int | None:
    """Turn a time that may be missing into microseconds."""
    return None if when is None else micros(when)


def maybe_moment(number: int | None) -> datetime | None:
    """Turn microseconds that may be missing into a time."""
    return None if number is None else moment(number)


def span(seconds: float) -> int:
    """Turn seconds into whole microseconds."""
    return round(seconds * 1_000_000)
