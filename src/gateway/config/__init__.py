"""The configuration: what a file, the environment and flags say, each value with its origin.

`load_config` reads what the library needs of a file: the gateway itself and its connections. `load_service` reads all
of it for `gateway serve`, with flags before the environment, before the file, before the defaults.
"""

from __future__ import annotations

from gateway.config.connections import Config, ConnectionConfig, load_config
from gateway.config.profile import insecure, is_public
from gateway.config.sections import (
    FilesSection,
    ForwardSection,
    GatewaySection,
    LimitsSection,
    RetentionSection,
    SecuritySection,
    ServerSection,
)
from gateway.config.service import ServiceConfig, Shown, load_service
from gateway.config.sources import Origin

__all__ = [
    "Config",
    "ConnectionConfig",
    "FilesSection",
    "ForwardSection",
    "GatewaySection",
    "LimitsSection",
    "Origin",
    "RetentionSection",
    "SecuritySection",
    "ServerSection",
    "ServiceConfig",
    "Shown",
    "insecure",
    "is_public",
    "load_config",
    "load_service",
]
