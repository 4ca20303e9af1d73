"""Events to those who want them: signed deliveries to endpoints, and streams.

An event becomes deliveries in the commit after the one that kept it; each is posted, signed as Standard Webhooks has
it, until its receiver takes it, in order per endpoint and chat. What a tenant gives as a URL is only ever asked through
`gateway.egress`.
"""

from __future__ import annotations

from gateway.forward.deliveries import Deliveries, DeliveryStory, Progress
from gateway.forward.endpoints import Endpoint, Endpoints, EndpointSecrets, KeyShown
from gateway.forward.formats import Format
from gateway.forward.forwarder import Forwarder
from gateway.forward.notices import EVENT_TYPES, EndpointDisabled
from gateway.forward.pump import SinkPlan
from gateway.forward.schedule import SCHEDULE, ForwardRules
from gateway.forward.signing import KeyKind, Verdict, read_key, verify
from gateway.forward.sinks import Published, Sink, SinkFailed
from gateway.forward.streams import open_sink, planned_sinks

__all__ = [
    "EVENT_TYPES",
    "SCHEDULE",
    "Deliveries",
    "DeliveryStory",
    "Endpoint",
    "EndpointDisabled",
    "EndpointSecrets",
    "Endpoints",
    "Format",
    "ForwardRules",
    "Forwarder",
    "KeyKind",
    "KeyShown",
    "Progress",
    "Published",
    "Sink",
    "SinkFailed",
    "SinkPlan",
    "Verdict",
    "open_sink",
    "planned_sinks",
    "read_key",
    "verify",
]
