"""The library against a running service: the same calls, over its API."""

from __future__ import annotations

from gateway.remote.gateway import RemoteGateway

__all__ = ["RemoteGateway"]
