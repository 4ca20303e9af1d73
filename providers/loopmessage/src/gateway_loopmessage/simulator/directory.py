"""Who belongs to the account: organizations with their keys, sender names, pools."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

__all__ = ["ALIAS", "SENDERS", "Directory", "Line", "Organization", "Pool", "SenderName"]


class Line(NamedTuple):
    """A sender name that the account has from the start."""

    id: str
    name: str


SENDERS = (
    Line("5d1a61d4-3b3a-4bd5-9a64-4b6c3a3c7f10", "ahoy@imsg.tel"),
    Line("b0c9e1f2-7a58-4f0e-8a39-0f2d9d1f6e24", "hello@imsg.tel"),
)
"""The sender names of the made-up organization; the first one is used where none is asked for."""

ALIAS = "7c1e6f0a-51a7-4c39-9b3e-0f6f4a2d8b11"
"""The phone alias of the second one, which only an older edition of the vendor's page knows of."""


@dataclass(slots=True)
class Organization:
    """A part of the account with a key and webhooks of its own."""

    id: str
    name: str
    api_key: str | None = field(repr=False)
    created_at: datetime
    website: str | None = None
    support_url: str | None = None
    country: str | None = None
    webhook_url: str | None = None
    webhook_header: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class SenderName:
    """A line of the account."""

    id: str
    name: str
    organization: str
    created_at: datetime
    status: str = "active"
    """`active`, `pending`, `canceled` or `suspended`."""
    init: bool = True
    """It may write to contacts who never wrote."""
    alias: str | None = None

    @property
    def phone_number(self) -> str | None:
        """Its number, where it is no email."""
        return None if "@" in self.name else self.name


@dataclass(slots=True)
class Pool:
    """Senders over which new contacts are spread."""

    id: str
    name: str
    organization: str
    created_at: datetime
    senders: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Directory:
    """All of them by their ids, oldest first; the first organization is the default one, whose key is the admin's."""

    organizations: dict[str, Organization] = field(default_factory=dict)
    senders: dict[str, SenderName] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)

    @classmethod
    def of(cls, organization: Organization) -> Directory:
        """Begin with one organization, which has the two sender names."""
        made = cls({organization.id: organization})
        for line in SENDERS:
            made.add(SenderName(line.id, line.name, organization.id, organization.created_at))
        made.senders[SENDERS[1].id].alias = ALIAS
        return made

    @property
    def default(self) -> Organization:
        """The first organization."""
        return next(iter(self.organizations.values()))

    def add(self, sender: SenderName) -> SenderName:
        """Take in a sender."""
        self.senders[sender.id] = sender
        return sender

    def with_key(self, api_key: str) -> Organization | None:
        """Find whose key it is."""
        return next((one for one in self.organizations.values() if one.api_key == api_key), None)

    def senders_of(self, organization: str) -> Iterator[SenderName]:
        """Give the senders of an organization, whatever their status."""
        return (sender for sender in self.senders.values() if sender.organization == organization)
