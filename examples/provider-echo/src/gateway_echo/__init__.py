"""Echo as a provider of the gateway; the vendor is invented, the provider is complete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.provider import Provider, hookimpl
from gateway_echo.provider import Echo
from gateway_echo.settings import EchoSettings

__all__ = ["Echo", "EchoSettings", "gateway_providers"]


@hookimpl
def gateway_providers() -> Sequence[type[Provider[Any]]]:
    """Offer the one provider of this package."""
    return (Echo,)
