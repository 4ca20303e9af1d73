"""The shell for vendors' twins: a shared world of phones, a clock, a webhook sender, faults and a journal.

A twin imports only this package and `gateway.provider`. Whoever runs twins uses `Simulation`, in a test, a demo or a
program of their own; `gateway simulate` runs `serve`.
"""

from gateway.simulator.clock import SimClock
from gateway.simulator.contact import Contact, Impossible
from gateway.simulator.fates import Latency
from gateway.simulator.faults import Fault, FaultKind, Stage
from gateway.simulator.journal import Entry, Journal
from gateway.simulator.listener import served
from gateway.simulator.scene import Scene
from gateway.simulator.server import Simulation, serve, twin_of
from gateway.simulator.twin import Context, Deliver, Fate, OptIn, Route, Tried, Twin, TwinReply, TwinRequest, Webhook
from gateway.simulator.world import Bubble, Phone, Thread, World

__all__ = [
    "Bubble",
    "Contact",
    "Context",
    "Deliver",
    "Entry",
    "Fate",
    "Fault",
    "FaultKind",
    "Impossible",
    "Journal",
    "Latency",
    "OptIn",
    "Phone",
    "Route",
    "Scene",
    "SimClock",
    "Simulation",
    "Stage",
    "Thread",
    "Tried",
    "Twin",
    "TwinReply",
    "TwinRequest",
    "Webhook",
    "World",
    "serve",
    "served",
    "twin_of",
]
