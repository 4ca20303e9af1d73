"""A stateful twin of LoopMessage's API and webhooks."""

from gateway_loopmessage.simulator.twin import LoopMessageTwin

__all__ = ["LoopMessageTwin"]
