"""Campaigns: one text for many, or a text for each."""

from __future__ import annotations

from datetime import date, time

from pydantic import SecretStr

from gateway_loopmessage.wire.values import Answer, Wire

__all__ = ["Campaign", "CampaignMessage", "CampaignRequest", "Schedule"]


class CampaignMessage(Wire):
    """The message of one contact."""

    contact: str
    text: str
    attachments: list[str] | None = None
    effect: str | None = None
    subject: str | None = None


class Schedule(Wire):
    """When a campaign may send; what is None the vendor chooses: today, 10:00 to 22:00, New York."""

    from_date: date | None = None
    from_time: time | None = None
    """The clock is that of `timezone`; whole minutes."""
    to_time: time | None = None
    timezone: str | None = None
    """As in the IANA database: `America/New_York`."""


class CampaignRequest(Wire):
    """POST `/campaigns/new/`: `contacts` with `text`, or `messages`; dates and times in the vendor's spelling."""

    name: str
    contacts: list[str] | None = None
    text: str | None = None
    attachments: list[str] | None = None
    effect: str | None = None
    subject: str | None = None
    messages: list[CampaignMessage] | None = None
    from_date: str | None = None
    """`YYYY-MM-DD`."""
    from_time: str | None = None
    """`HH:mm`."""
    to_time: str | None = None
    """`HH:mm`."""
    timezone: str | None = None


class Campaign(Answer):
    """A campaign that was taken in; no call tells what became of it, only the webhooks of its messages."""

    id: str | None = None
    name: str | None = None
    api_key: SecretStr | None = None
    create_date: str | None = None
