"""Sendblue as a provider of the gateway: iMessage with fallback to RCS and SMS.

A plugin of the entry-point group `messaging_gateway`; the vendor's documents are at https://docs.sendblue.com.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.provider import Provider, hookimpl
from gateway_sendblue.provider import Sendblue
from gateway_sendblue.settings import SendblueSettings

__all__ = ["Sendblue", "SendblueSettings", "gateway_providers"]


@hookimpl
def gateway_providers() -> Sequence[type[Provider[Any]]]:
    """Offer Sendblue."""
    return (Sendblue,)
