"""The twin of Sendblue: its API and its webhooks, on the simulator's world."""

from __future__ import annotations

from gateway_sendblue.simulator.twin import SendblueTwin

__all__ = ["SendblueTwin"]
