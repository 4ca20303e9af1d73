"""Where a contact is, a FaceTime call, and what a phone number is."""

from __future__ import annotations

from pydantic import Field

from gateway_blooio.wire.answers import Moment, Wire

__all__ = [
    "FaceTimeBody",
    "FaceTimeCall",
    "Friend",
    "Friends",
    "FriendsRefreshed",
    "NumberBatch",
    "NumberBody",
    "NumberInfo",
    "NumberInfos",
    "NumberPlace",
]


class Friend(Wire):
    """A contact who shares a location with us (Find My)."""

    handle: str | None = None
    coordinates: list[float] | None = Field(default=None, repr=False)
    """Latitude and longitude."""
    status: str | None = None
    """`live shallow legacy`, and perhaps others."""
    last_updated: Moment = None


class Friends(Wire):
    """All of them; there is no paging."""

    friends: list[Friend] = Field(default_factory=list)


class FriendsRefreshed(Friends):
    """As before the refresh, which takes 15 to 20 seconds."""

    success: bool | None = None


class FaceTimeBody(Wire):
    """Whom to call."""

    handle: str


class FaceTimeCall(Wire):
    """A call is ringing; the link lets others in."""

    success: bool | None = None
    link: str | None = Field(default=None, repr=False)
    handle: str | None = None


class NumberBody(Wire):
    """A number to look up, in any spelling."""

    number: str


class NumberBatch(Wire):
    """Numbers to look up, at most 100."""

    numbers: list[str]


class NumberPlace(Wire):
    """Where a North American number is from."""

    city: str | None = None
    region: str | None = None
    region_name: str | None = None


class NumberInfo(Wire):
    """What the numbering plans say of a number; area code, exchange and place are North American only."""

    input: str | None = None
    valid: bool | None = None
    possible: bool | None = None
    """Less strict than `valid`: the length is right."""
    e164: str | None = None
    national: str | None = None
    international: str | None = None
    country_calling_code: str | None = None
    """Without the plus."""
    country: str | None = None
    """ISO 3166-1 alpha-2."""
    national_number: str | None = None
    type: str | None = None
    """`FIXED_LINE MOBILE FIXED_LINE_OR_MOBILE TOLL_FREE PREMIUM_RATE SHARED_COST VOIP PERSONAL_NUMBER PAGER UAN
    VOICEMAIL`."""
    location: NumberPlace | None = None
    area_code: str | None = None
    exchange: str | None = None
    area_code_region: str | None = None


class NumberInfos(Wire):
    """One for each number, in order."""

    results: list[NumberInfo] = Field(default_factory=list)
