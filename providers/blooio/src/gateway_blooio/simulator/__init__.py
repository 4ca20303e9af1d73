"""The twin of Blooio: its API v2 and its webhooks, on the simulator's world."""

from __future__ import annotations

from gateway_blooio.simulator.twin import BlooioTwin

__all__ = ["BlooioTwin"]
