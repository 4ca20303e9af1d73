"""Blooio as a provider of the gateway: iMessage with fallback to RCS and SMS, API v2.

A plugin of the entry-point group `messaging_gateway`; the vendor's documents are at https://docs.blooio.com.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.provider import Provider, hookimpl
from gateway_blooio.provider import Blooio
from gateway_blooio.settings import BlooioSettings

__all__ = ["Blooio", "BlooioSettings", "gateway_providers"]


@hookimpl
def gateway_providers() -> Sequence[type[Provider[Any]]]:
    """Offer Blooio."""
    return (Blooio,)
