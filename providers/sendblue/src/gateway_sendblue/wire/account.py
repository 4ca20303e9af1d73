"""The account: its stream of events, locations, tokens, seats, one-time codes, verifications."""

from __future__ import annotations

from typing import Any

from pydantic import Field, RootModel

from gateway_sendblue.wire.shape import Answer, Pagination, Wire

__all__ = [
    "Account",
    "AccountEvent",
    "DeliveryTarget",
    "HostedVerification",
    "LocationAnswer",
    "Locations",
    "PlacedLocation",
    "RequestedLocation",
    "Seat",
    "SeatAnswer",
    "Seats",
    "TemporaryToken",
    "TotpCode",
    "TotpEntry",
    "TotpSecret",
    "TotpSecrets",
    "Verification",
    "VerificationList",
]


class AccountEvent(Wire):
    """One event of the stream `/api/v2/events`; a message in `data` has the form of a webhook."""

    id: str | None = None
    type: str | None = None
    version: int | None = None
    occurred_at: str | None = None
    data: dict[str, Any] | None = None


class PlacedLocation(Wire):
    """A location that is shared with us."""

    latitude: float | None = None
    longitude: float | None = None
    accuracy: float | None = None
    altitude: float | None = None
    address: str | None = None
    expires_at: str | None = Field(default=None, alias="expiresAt")
    location_type: str | None = Field(default=None, alias="locationType")
    refresh_error: str | None = Field(default=None, alias="refreshError")
    timestamp: str | None = None


class LocationAnswer(Answer):
    """GET `/api/location/{number}`, and each event of its watch."""

    from_number: str | None = None
    number: str | None = None
    state: str | None = None
    """`not_shared`, `shared_no_fix_yet` or `shared_with_fix`."""
    location: PlacedLocation | None = None
    reason: str | None = None


class Locations(Answer):
    """GET `/api/location`."""

    from_number: str | None = None
    locations: list[LocationAnswer] = Field(default_factory=list)


class RequestedLocation(Answer):
    """POST `/api/request-location`."""

    message_handle: str | None = None
    uuid: str | None = None
    number: str | None = None


class TemporaryToken(Answer):
    """POST `/v3/auth/tokens`."""

    token: str | None = Field(default=None, repr=False)
    token_id: str | None = None
    token_type: str | None = None
    expires_at: str | None = None
    phone_numbers: list[str] = Field(default_factory=list)


class Seat(Wire):
    """A person who works with the account."""

    seat_id: str | None = None
    account: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    forwarding_number: str | None = None
    created_at: str | None = None


class Seats(RootModel[list[Seat]]):
    """GET `/api/v2/seats`: a bare array."""


class SeatAnswer(Answer):
    """One seat."""

    seat: Seat | None = None


class TotpEntry(Wire):
    """A secret of one-time codes; lists show all but the secret itself."""

    id: str | None = None
    secret: str | None = Field(default=None, repr=False)
    label: str | None = None
    issuer: str | None = None
    algorithm: str | None = None
    """`SHA1`, `SHA256` or `SHA512`."""
    digits: int | None = None
    period: int | None = None
    """Seconds."""
    created_at: str | None = None


class TotpSecret(Answer):
    """POST `/api/v2/totp/secrets`."""

    totp_secret: TotpEntry | None = None


class TotpSecrets(Answer):
    """GET `/api/v2/totp/secrets`."""

    totp_secrets: list[TotpEntry] = Field(default_factory=list)


class TotpCode(Answer):
    """GET `/api/v2/totp/code/{secret_id}`."""

    code: str | None = Field(default=None, repr=False)
    expires_in: int | None = None
    """Seconds."""


class DeliveryTarget(Wire):
    """What the person sends, and where to."""

    code: str | None = Field(default=None, repr=False)
    pool_number: str | None = None
    sms_deep_link: str | None = Field(default=None, repr=False)


class HostedVerification(Wire):
    """A page of the vendor's for it."""

    session_id: str | None = None
    url: str | None = None
    component_script: str | None = None
    expires_at: str | None = None


class Verification(Answer):
    """A check that a person has a number: the person sends a code to us."""

    sid: str | None = None
    account_sid: str | None = None
    service_sid: str | None = None
    to: str | None = None
    channel: str | None = None
    url: str | None = None
    date_created: str | None = None
    date_updated: str | None = None
    date_completed: str | None = None
    expires_at: str | None = None
    delivery_target: DeliveryTarget | None = None
    hosted: HostedVerification | None = None


class VerificationList(Answer):
    """GET `/api/v2/verify/verifications`."""

    data: list[Verification] = Field(default_factory=list)
    pagination: Pagination | None = None


class Account(Answer):
    """What `/account` and `/accounts/…` answer; the vendor's own tools use them, their form is not documented."""
