"""Twenty questions to a service that does not do what it should; each answer says what to do next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.errors import GatewayError
from gateway.server.doctor import machine, running
from gateway.server.doctor.check import Check, Patient
from gateway.server.service import Service

__all__ = ["CHECKS", "Check", "examine"]

CHECKS: tuple[Callable[[Patient], Awaitable[Check]], ...] = (*machine.CHECKS, *running.CHECKS)


async def examine(service: Service, *, host: str = "", probe: bool = True) -> list[Check]:
    """Make all checks, one after the other; `probe` also asks vendors and the service's own public URL.

    `host` is the name by which the caller reached this service, where there is one. Never raises.
    """
    patient = Patient(service, host, probe=probe)
    return [await _one(check, patient) for check in CHECKS]


async def _one(check: Callable[[Patient], Awaitable[Check]], patient: Patient) -> Check:
    name = check.__name__.replace("_", " ").strip()
    try:
        return await check(patient)
    except GatewayError as error:
        return Check.fail(name, error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - a border: one check that breaks is no reason to skip the others
        return Check.fail(name, f"the check itself failed: {type(error).__name__}", "tell us: this is a defect")
