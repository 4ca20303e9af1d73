"""A connection as its tenant sees it, and what a provider asks of whoever adds one: nothing secret is in either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import JsonValue
from pydantic_core import from_json

from gateway.provider import Provider
from gateway.store.instants import moment
from gateway.store.records.connections import ConnectionRow
from gateway.tenancy.options import Options
from gateway.tenancy.settings import secret_fields

__all__ = ["Account", "Offer", "account_of", "offer_of", "webhook_path"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A connection as its tenant sees it: nothing secret is in it."""

    id: str
    tenant: str
    name: str
    provider: str
    state: str
    """`active`, `disabled`, `broken` (it cannot be made), `stopped` (the vendor does not take its credentials)."""
    reason: str | None
    """Why it is not active, for people."""
    settings: Mapping[str, JsonValue] = field(repr=False)
    """What was given and is not secret."""
    secrets: tuple[str, ...]
    """Names of the secrets that are set."""
    overlap_until: datetime | None
    """Until when webhooks may still be signed by a secret that was replaced."""
    options: Options
    webhook_path: str
    """Where the vendor delivers to, below the public URL of the service."""
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What a provider asks of whoever adds an account of it."""

    provider: str
    title: str
    schema: Mapping[str, Any]
    """JSON Schema of its settings; what is secret has `"writeOnly": true`."""
    secrets: tuple[str, ...]
    registers: bool
    """Whether the gateway registers the webhook itself."""
    how_to_register: tuple[str, ...]
    """What a person does instead, step by step; `{url}` stands for the webhook's URL."""


def webhook_path(connection: str) -> str:
    """Give where the vendor delivers to, below the public URL."""
    return f"/webhooks/{connection}"


def account_of(row: ConnectionRow, state: str, reason: str | None) -> Account:
    """Show a row, of which the process knows how it is doing."""
    kept = from_json(row.settings) if row.settings else {"plain": {}, "sealed": {}, "old": []}
    until = max((moment(old["until"]) for old in kept["old"]), default=None)
    return Account(
        id=row.id,
        tenant=row.tenant,
        name=row.name,
        provider=row.provider,
        state=state,
        reason=reason,
        settings=kept["plain"],
        secrets=tuple(sorted(kept["sealed"])),
        overlap_until=until,
        options=Options.model_validate(from_json(row.options)),
        webhook_path=webhook_path(row.id),
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def offer_of(cls: type[Provider[Any]]) -> Offer:
    """Say what a provider asks."""
    secret = secret_fields(cls)
    schema = cls.Settings.model_json_schema()
    for name in secret:
        schema["properties"][name]["writeOnly"] = True
    return Offer(
        provider=cls.name,
        title=cls.title or cls.name,
        schema=schema,
        secrets=tuple(sorted(secret)),
        registers=cls.register is not Provider.register,
        how_to_register=cls.how_to_register,
    )
