"""LoopMessage as a provider of the gateway: the plugin that the entry point names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.provider import Provider, hookimpl
from gateway_loopmessage.provider import LoopMessage
from gateway_loopmessage.settings import LoopMessageSettings

__all__ = ["LoopMessage", "LoopMessageSettings", "gateway_providers"]


@hookimpl
def gateway_providers() -> Sequence[type[Provider[Any]]]:
    """Offer the one provider of this package."""
    return (LoopMessage,)
