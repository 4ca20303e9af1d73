"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from gateway.server.service import Service

__all__ = ["Check", "Patient"]


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at."""

    service: Service
    host: str
    """The name by which whoever asks reached the service; empty where nobody did."""
    probe: bool
    """Whether others may be asked: vendors, and the service itself from outside."""
    tenant: str | None = None
    """Whose is looked at; None is everybody's."""
    serves: bool = True
    """Whether the service runs in this process; False where only its configuration and its store are at hand."""

    async def tenants(self) -> list[str]:
        """Name those whose connections and endpoints are looked at."""
        if self.tenant is not None:
            return [self.tenant]
        found: list[str] = []
        while rows := await self.service.tenancy.tenants.page(found[-1] if found else ""):
            found += [row.id for row in rows]
        return found


@dataclass(frozen=True, slots=True)
class Check:
    """One answer."""

    name: str
    state: Literal["ok", "warn", "fail"]
    says: str
    hint: str | None = None

    @classmethod
    def ok(cls, name: str, says: str) -> Self:
        """All is well."""
        return cls(name, "ok", says)

    @classmethod
    def warn(cls, name: str, says: str, hint: str | None) -> Self:
        """It works, and should be looked at."""
        return cls(name, "warn", says, hint)

    @classmethod
    def fail(cls, name: str, says: str, hint: str | None) -> Self:
        """It does not work."""
        return cls(name, "fail", says, hint)
