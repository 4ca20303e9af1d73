"""What every field of a query may look at: the service, and who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import strawberry
from fastapi import Request

from gateway.errors import NotFound
from gateway.server.service import Service
from gateway.tenancy import Caller

__all__ = ["Context", "Info"]


@dataclass(frozen=True, slots=True)
class Context:
    """One request."""

    service: Service
    caller: Caller
    request: Request

    def provider_of(self, platform: str) -> str:
        """Tell which provider serves a platform; raises `NotFound` for one that nobody serves.

        The configuration says it (`[platforms]`); a provider that is called so is one, too, and so is the only one.
        """
        chosen = self.platforms.get(platform)
        if chosen is None:
            known = ", ".join(sorted(name.upper() for name in self.platforms)) or "none"
            raise NotFound(f"nobody serves the platform {platform.upper()}", hint=f"there are: {known}")
        return chosen

    @property
    def platforms(self) -> dict[str, str]:
        """Every platform, and who serves it."""
        offered = [offer.provider for offer in self.service.tenancy.accounts.offers()]
        configured = {name.lower(): provider for name, provider in self.service.config.platforms.items()}
        return {**{name.lower(): name for name in offered}, **configured}

    def platform_of(self, provider: str) -> str | None:
        """Tell as which platform a provider is known: by the configuration before its own name."""
        configured = self.service.config.platforms.items()
        return next((name.lower() for name, serving in configured if serving == provider), provider.lower())


Info: TypeAlias = strawberry.Info[Context, Any]
