"""Rules for the typing dots before a message."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.capabilities import Capabilities, Feature, Limits
from gateway.fitting.findings import Fitting, adapted
from gateway.model import Message

__all__ = ["DEFAULT_SECONDS", "Dots", "fit_dots", "fit_seconds"]

DEFAULT_SECONDS = 2.0
"""How long the dots are shown before a message when the caller leaves that open and the vendor does not time them."""


@dataclass(frozen=True, slots=True)
class Dots:
    """Typing dots as a step of their own: how long to tell the vendor, how long to wait before the message."""

    seconds: float | None
    """For the vendor; None where it does not count."""
    pause: float


def fit_dots(message: Message, capabilities: Capabilities) -> Fitting[tuple[bool | float, Dots | None]]:
    """Say what stays with the message and what becomes a step before it.

    A flag stays where the vendor has one. A number of seconds is a step and a pause wherever there are typing dots:
    a vendor's flag does not say how long.
    """
    typing = message.typing
    if typing is False:
        return False, None
    limits = capabilities.limits
    if typing is True and capabilities.has(Feature.TYPING_FIRST):
        return True, None
    if capabilities.has(Feature.TYPING):
        asked = DEFAULT_SECONDS if typing is True else float(typing)
        seconds = yield from fit_seconds(Feature.TYPING_FIRST, asked, limits)
        return False, Dots(seconds if limits.typing_seconds is not None else None, seconds)
    if not capabilities.has(Feature.TYPING_FIRST):
        why = "there are no typing dots here"
        yield adapted(Feature.TYPING_FIRST, "sent without typing dots", why, "a message without typing")
        return False, None
    if limits.typing_seconds is None:
        why = "the vendor decides how long the dots are shown"
        yield adapted(Feature.TYPING_FIRST, "the length is left to the vendor", why, "typing=True")
        return True, None
    return (yield from fit_seconds(Feature.TYPING_FIRST, float(typing), limits)), None


def fit_seconds(feature: Feature, seconds: float, limits: Limits) -> Fitting[float]:
    """Dots that are asked for longer than the vendor shows them are shown as long as it can."""
    most = limits.typing_seconds
    if most is None or seconds <= most:
        return seconds
    yield adapted(
        feature, f"shown for {most:g} seconds", f"typing dots last at most {most:g} seconds", f"{most:g} seconds"
    )
    return most
