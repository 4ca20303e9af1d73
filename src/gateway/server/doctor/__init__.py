"""Twenty questions to a service that does not do what it should; each answer says what to do next."""

from __future__ import annotations

from gateway.server.doctor.check import Check
from gateway.server.doctor.examining import CHECKS, examine
from gateway.server.doctor.here import examine_here

__all__ = ["CHECKS", "Check", "examine", "examine_here"]
