"""Which sink an URL names: ours, or one of a plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from gateway.errors import ConfigurationError
from gateway.forward.pump import SinkPlan
from gateway.forward.sinks import Sink

__all__ = ["MakeSink", "open_sink", "planned_sinks"]

MakeSink = Callable[[str], Sink]
"""Takes the sink's URL; opens nothing yet."""


def open_sink(url: str, offered: Mapping[str, MakeSink]) -> Sink:
    """Make the sink of a URL by its scheme: ours, or one that a plugin offers.

    Raises `ConfigurationError`, without the URL, which may hold a password.
    """
    scheme = urlsplit(url).scheme
    if scheme in offered:
        return offered[scheme](url)
    if scheme in ("nats", "tls"):
        from gateway.forward.jetstream import JetStream  # noqa: PLC0415 - an extra: only who has such a sink needs it

        return JetStream(url)
    known = ", ".join(sorted({"nats", "tls", *offered}))
    raise ConfigurationError(f"there is no sink for {scheme or 'an URL without a scheme'}", hint=f"there are: {known}")


def planned_sinks(urls: Mapping[str, str], offered: Mapping[str, MakeSink]) -> tuple[SinkPlan, ...]:
    """Plan a sink for each name, by its URL, for `Forwarder`; raises `ConfigurationError`."""
    return tuple(SinkPlan(name, open_sink(url, offered)) for name, url in urls.items())
