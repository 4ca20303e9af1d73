"""The audience: contacts, what was said with them, how they came; and the links by which they come."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gateway_loopmessage.wire.values import Answer, Wire

__all__ = ["Contact", "ContactStatus", "Geo", "HistoryItem", "OptInUrl", "Tracked", "UserAgent"]


class OptInUrl(Answer):
    """Links by which a person opts in."""

    id: str | None = None
    url: str | None = None
    imessage: str | None = None
    sms: str | None = None
    whatsapp: str | None = None


class ContactStatus(Answer):
    """Whether a contact may be written to."""

    status: str | None = None
    """`active`, `unsubscribed` or `unknown`."""


class Contact(Wire):
    """One contact of the organization."""

    id: str | None = None
    value: str | None = None
    """Phone or email."""


class HistoryItem(Wire):
    """One message of the history with a contact."""

    id: str | None = None
    create_date: str | None = None
    channel: str | None = None
    direction: str | None = None
    """`inbound` or `outbound`."""
    language: Any = None
    """An upper-case code here, an object in webhooks."""
    type: str | None = None
    text: str | None = None


class Geo(Wire):
    """Where an opt-in link was opened, by the address of the browser."""

    city: str | None = Field(default=None, repr=False)
    country: str | None = None
    europe_union: bool | None = None
    postal_code: str | None = Field(default=None, repr=False)
    region: str | None = None
    time_zone: str | None = None


class UserAgent(Wire):
    """What an opt-in link was opened with, as the vendor took the browser's own words apart."""

    bot: bool | str | None = None
    browser: str | None = None
    device: str | None = None
    email_client: bool | str | None = None
    mobile: bool | str | None = None
    os: str | None = None


class Tracked(Wire):
    """One opening of an opt-in link."""

    id: str | None = None
    ip_address: str | None = None
    organization: str | None = None
    origin: str | None = None
    """The page that the link was on."""
    type: str | None = None
    """`opt_in`."""
    create_date: str | None = None
    geo: Geo | None = None
    user_agent: UserAgent | None = None
