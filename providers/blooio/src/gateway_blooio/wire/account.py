"""The account: who we are, the numbers of the pool, their contact cards."""

from __future__ import annotations

from pydantic import Field, JsonValue

from gateway_blooio.wire.answers import Moment, Wire

__all__ = [
    "CardBody",
    "CardSharing",
    "CardUpdated",
    "ContactCard",
    "Device",
    "ForwardingBody",
    "ForwardingTicket",
    "Me",
    "NumberItem",
    "Numbers",
    "Organization",
    "Usage",
]


class Organization(Wire):
    """Whose key it is."""

    organization_id: str | None = None
    name: str | None = None
    country_code: str | None = None
    created_at: Moment = None


class Device(Wire):
    """A number of the key, as `GET /me` shows it."""

    phone_number: str | None = None
    is_active: bool | None = None
    last_active: Moment = None
    plan_kind: str | None = None
    """As in `NumberItem`."""


class Usage(Wire):
    """What the key has sent and received."""

    inbound_messages: int | None = None
    outbound_messages: int | None = None
    last_message_sent: Moment = None


class Me(Wire):
    """Who is asking. The vendor echoes the key: it is read, never shown."""

    auth_type: str | None = None
    """`api_key dashboard`."""
    valid: bool | None = None
    user_id: str | None = None
    """Of a person at the dashboard only."""
    api_key: str | None = Field(default=None, repr=False)
    organization_id: str | None = None
    organization: Organization | None = None
    metadata: JsonValue = None
    integration_details: JsonValue = None
    devices: list[Device] = Field(default_factory=list)
    usage: Usage | None = None


# ── numbers ───────────────────────────────────────────────────────────────────────────────────────────────────────


class NumberItem(Wire):
    """A number of the key's pool."""

    phone_number: str | None = None
    is_active: bool | None = None
    last_active: Moment = None
    """ISO 8601 here, unlike everywhere else."""
    plan_kind: str | None = None
    """`shared dedicated inbound trial 2fa`; None counts as dedicated."""


class Numbers(Wire):
    """The key's pool."""

    numbers: list[NumberItem] = Field(default_factory=list)


class CardSharing(Wire):
    """Who gets the Name & Photo of a number."""

    enabled: bool | None = None
    audience: int | None = None
    """0 contacts only, 1 always ask."""
    name_format: int | None = None
    """0 first and last name, 1 first name only."""


class ContactCard(Wire):
    """The Name & Photo of a number of ours."""

    phone_number: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    avatar: str | None = Field(default=None, repr=False)
    """JPEG or PNG, base64."""
    has_wallpaper: bool | None = None
    sharing: CardSharing | None = None


class CardBody(Wire):
    """What is to change on a card; what is absent stays."""

    first_name: str | None = None
    last_name: str | None = None
    avatar: str | None = Field(default=None, repr=False)
    sharing: CardSharing | None = None


class CardUpdated(Wire):
    """The card after a change, without its picture."""

    success: bool | None = None
    phone_number: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class ForwardingBody(Wire):
    """Where calls to a number of ours go."""

    forward_to: str


class ForwardingTicket(Wire):
    """A person at the vendor will set it up."""

    success: bool | None = None
    ticket_id: str | None = None
    status: str | None = None
    number: str | None = None
    forward_to: str | None = None
