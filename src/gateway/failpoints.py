"""Places where a crash is told apart by what was written before it: the crash tests kill the process right there.

Nothing happens at them unless the environment variable `GATEWAY_FAILPOINT` names one, as `marked` or `marked:3` for the
third pass: then the process ends itself with SIGKILL, as a power cut would. `marked:3:freeze` stops it with SIGSTOP
instead, until somebody continues it.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import ConfigurationError

__all__ = ["VARIABLE", "Point", "arm", "reach"]

VARIABLE = "GATEWAY_FAILPOINT"
"""The environment variable that is read once, when the gateway is imported."""


class Point(StrEnum):
    """What was done last; the commit that follows or precedes it is what a crash there is about."""

    ASKED = "asked"
    """A message is to be kept; nothing of it is written."""
    KEPT = "kept"
    """It is kept, and the caller does not know yet."""
    CLAIMED = "claimed"
    """A lane is held; its step has no marker."""
    MARKED = "marked"
    """The marker of an attempt is written; no byte of the call has left."""
    SENT = "sent"
    """The vendor answers; nothing of the answer is read."""
    ANSWERED = "answered"
    """The answer is read; what the step came to is not written."""
    SETTLED = "settled"
    """What the step came to is written; the next step has not begun."""
    ARRIVED = "arrived"
    """A webhook is verified and parsed; nothing of it is written."""
    INGESTED = "ingested"
    """It is written with its events; the vendor has no answer, and what it proves is not settled."""
    PROVEN = "proven"
    """The send that a webhook proves is settled; the vendor has no answer."""
    FETCHED = "fetched"
    """A page of what the vendor could not deliver is kept; that it was read is not written."""
    READ = "read"
    """That it was read is written; the next page is not asked for."""
    TAKEN = "taken"
    """An event is held for its handlers; none was called."""
    HANDLED = "handled"
    """Its handlers have returned; that is not written."""
    NOTED = "noted"
    """That they have returned is written."""
    SPREADING = "spreading"
    """Events are read that endpoints want; no delivery of them is written."""
    SPREAD = "spread"
    """Their deliveries are written; none is under way."""
    HELD = "held"
    """A delivery is held; nothing of it has left."""
    POSTED = "posted"
    """Its receiver has answered; that is not written."""
    DELIVERED = "delivered"
    """What the receiver answered is written."""


@dataclass(slots=True)
class _Armed:
    point: Point
    passes: int
    signal: int


_armed: _Armed | None = None


def arm(text: str | None) -> None:
    """Set the one point where this process ends, `point`, `point:n` or `point:n:freeze`; None or nothing sets none.

    Raises `ConfigurationError` for a point that does not exist: a proof must not pass because of a misspelt name.
    """
    global _armed  # noqa: PLW0603 - one process has one end
    _armed = _read(text) if text else None


def reach(point: Point) -> None:
    """Pass a point; the process ends or stops here if it was told to."""
    if _armed is None or _armed.point is not point:
        return
    _armed.passes -= 1
    if _armed.passes == 0:
        os.kill(os.getpid(), _armed.signal)


def _read(text: str) -> _Armed:
    name, _, rest = text.partition(":")
    number, _, how = rest.partition(":")
    if name not in list(Point) or how not in {"", "freeze"} or not (number or "1").isdecimal():
        raise ConfigurationError(
            f"{VARIABLE} names no failpoint: {text!r}",
            hint=f"use one of {', '.join(Point)}, with :2 for its second pass and :2:freeze to stop there",
        )
    # by name: Windows has neither signal, and nothing is killed there
    return _Armed(Point(name), int(number or "1"), getattr(signal, "SIGSTOP" if how else "SIGKILL"))


arm(os.environ.get(VARIABLE))
