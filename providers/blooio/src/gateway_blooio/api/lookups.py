"""Where contacts are, FaceTime calls, and what a phone number is."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.provider import Exchange, Repeat, path
from gateway_blooio import wire
from gateway_blooio.api.answers import change, get

__all__ = [
    "batch_lookup_phone_numbers",
    "call_face_time",
    "get_location_contact",
    "list_location_contacts",
    "lookup_phone_number",
    "lookup_phone_number_post",
    "refresh_location_contacts",
]


def list_location_contacts() -> Exchange[wire.Friends]:
    """GET `/location/contacts`: who shares a location with us; `NotFound` (an empty 404) without an active number."""
    return get(path("/location/contacts"), wire.Friends)


def get_location_contact(handle: str) -> Exchange[wire.Friend]:
    """GET `/location/contacts/{handle}`: where one contact is; `NotFound` for one who does not share it."""
    return get(path("/location/contacts/{handle}", handle=handle), wire.Friend)


def refresh_location_contacts() -> Exchange[wire.FriendsRefreshed]:
    """POST `/location/contacts/refresh`: ask the phones anew; that takes 15 to 20 seconds, so look again after that.

    Repeat SAFE: asking twice tells the same.
    """
    return change("POST", path("/location/contacts/refresh"), wire.FriendsRefreshed)


def call_face_time(handle: str) -> Exchange[wire.FaceTimeCall]:
    """POST `/facetime/calls`: ring someone up; the vendor has it disabled for now.

    Repeat NEVER: the phone would ring twice.
    """
    body = wire.FaceTimeBody(handle=handle)
    return change("POST", path("/facetime/calls"), wire.FaceTimeCall, body, repeat=Repeat.NEVER)


def lookup_phone_number(number: str) -> Exchange[wire.NumberInfo]:
    """GET `/phone-numbers/lookup`: country, kind and spellings of a number; Dedicated Enterprise plans only (403).

    The number stands in the query, which others may log: `lookup_phone_number_post` keeps it in the body.
    """
    return get(path("/phone-numbers/lookup"), wire.NumberInfo, number=number)


def lookup_phone_number_post(number: str) -> Exchange[wire.NumberInfo]:
    """POST `/phone-numbers/lookup`: the same. Repeat SAFE: a look-up changes nothing, whatever its method."""
    return change("POST", path("/phone-numbers/lookup"), wire.NumberInfo, wire.NumberBody(number=number))


def batch_lookup_phone_numbers(numbers: Sequence[str]) -> Exchange[wire.NumberInfos]:
    """POST `/phone-numbers/batch`: at most 100 numbers. Repeat SAFE, as for one."""
    return change("POST", path("/phone-numbers/batch"), wire.NumberInfos, wire.NumberBatch(numbers=list(numbers)))
