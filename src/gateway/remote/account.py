"""Connections of a service, as its library knows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import JsonValue

__all__ = ["RemoteAccount", "Wish"]


@dataclass(slots=True)
class RemoteAccount:
    """A connection of the service; its settings stay there."""

    name: str
    """What `via` takes; the service's own `id` does too."""
    provider: str
    id: str | None = None
    """None until the service has it."""
    labels: Mapping[str, str] = field(default_factory=dict)
    state: str | None = None
    """`active`, `disabled`, `broken` or `stopped`, as it was when it was last told."""
    webhook_url: str | None = None
    """Where the vendor has to deliver to."""

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """Read what the service says of a connection."""
        return cls(
            name=told["name"],
            provider=told["provider"],
            id=told["id"],
            labels=told["options"].get("labels") or {},
            state=told["state"],
            webhook_url=told["webhook_url"],
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """A connection that was asked for and that the service does not have yet."""

    account: RemoteAccount
    settings: Mapping[str, JsonValue] = field(repr=False)
    options: Mapping[str, JsonValue]

    @property
    def body(self) -> dict[str, JsonValue]:
        """What is asked of the service beside its name."""
        return {"settings": dict(self.settings), "options": dict(self.options)}
