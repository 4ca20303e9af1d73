"""Where the application of the demo lives: what the conversation needs, and what the user may knock at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.capabilities import CapabilityTable
from gateway.cli.demo.heard import Heard
from gateway.cli.demo.trace import Seen
from gateway.interface import Interface
from gateway.simulator import Simulation

__all__ = ["Doors", "House", "Wanted"]


@dataclass(frozen=True, slots=True)
class Doors:
    """Where a gateway is reached; what only a service has is empty without one."""

    webhooks: str
    api: str = ""
    key: str = field(default="", repr=False)
    """The service's first key, which is shown this once."""
    console: str = field(default="", repr=False)
    """Opens the console, signed in."""
    secret: str = field(default="", repr=False)
    """What deliveries to the user's own bot are proven with."""


@dataclass(frozen=True, slots=True)
class House:
    """A gateway that runs, with a connection to each vendor and a bot."""

    gateway: Interface
    doors: Doors
    connections: Mapping[str, str]
    """What the gateway calls the connection to each vendor."""
    tables: Mapping[str, CapabilityTable]
    """What each vendor can."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a house is made of."""

    simulation: Simulation
    names: Mapping[str, str]
    """How the connection to each vendor is to be called."""
    heard: Heard
    """Gets every event."""
    show: Callable[[Seen], None]
    """Is told what nobody but the house sees."""
    trouble: Callable[[str], None]
    forward_to: str | None = None
    """Where the bot is, if it is not the demo's own."""
