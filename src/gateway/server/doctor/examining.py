"""Asks the questions, one after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.errors import GatewayError
from gateway.server.doctor import machine, running
from gateway.server.doctor.check import Check, Patient
from gateway.server.service import Service
from gateway.store.records.tenants import DEFAULT_TENANT

__all__ = ["CHECKS", "examine"]

CHECKS: tuple[Callable[[Patient], Awaitable[Check]], ...] = (*machine.CHECKS, *running.CHECKS)


async def examine(
    service: Service, *, tenant: str | None = None, host: str = "", probe: bool = True, serves: bool = True
) -> list[Check]:
    """Make all checks, one after the other; `probe` also asks vendors and the service's own public URL.

    `tenant` is who asks; the default one runs the service, and so does who asks without one: they hear of everybody's,
    another hears what is theirs. `host` is the name by which they reached this service, where there is one. `serves`
    is False where the service is looked at without being started. Never raises.
    """
    whole = tenant in {None, DEFAULT_TENANT}
    patient = Patient(service, host, probe=probe, tenant=None if whole else tenant, serves=serves)
    return [await _one(check, patient) for check in (CHECKS if whole else running.THEIRS)]


async def _one(check: Callable[[Patient], Awaitable[Check]], patient: Patient) -> Check:
    name = check.__name__.replace("_", " ").strip()
    try:
        return await check(patient)
    except GatewayError as error:
        return Check.fail(name, error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - a border: one check that breaks is no reason to skip the others
        return Check.fail(name, f"the check itself failed: {type(error).__name__}", "tell us: this is a defect")
