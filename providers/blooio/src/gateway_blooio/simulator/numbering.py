"""What a phone number is: `/phone-numbers/…`.

The vendor asks Google's libphonenumber; the twin knows the calling codes and the North American plan. So numbers of
other countries are told by their length alone, and have no kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.simulator import TwinReply, TwinRequest
from gateway_blooio.simulator.account import Account
from gateway_blooio.simulator.answers import Json, Refusal, body_of, reply

__all__ = ["Numbering"]

_MOST = 100

_COUNTRIES: Mapping[str, str] = dict(
    pair.split(":")
    for pair in (
        "7:RU 20:EG 27:ZA 30:GR 31:NL 32:BE 33:FR 34:ES 36:HU 39:IT 40:RO 41:CH 43:AT 44:GB 45:DK 46:SE 47:NO 48:PL "
        "49:DE 51:PE 52:MX 54:AR 55:BR 56:CL 57:CO 58:VE 60:MY 61:AU 62:ID 63:PH 64:NZ 65:SG 66:TH 81:JP 82:KR 84:VN "
        "86:CN 90:TR 91:IN 92:PK 94:LK 98:IR 212:MA 213:DZ 216:TN 234:NG 254:KE 351:PT 352:LU 353:IE 354:IS 358:FI "
        "359:BG 370:LT 371:LV 372:EE 380:UA 385:HR 386:SI 420:CZ 421:SK 852:HK 880:BD 886:TW 961:LB 962:JO 965:KW "
        "966:SA 971:AE 972:IL 974:QA"
    ).split()
)

_AREAS: Mapping[str, tuple[str, str, str]] = {
    "202": ("Washington", "DC", "District of Columbia"),
    "206": ("Seattle", "WA", "Washington"),
    "212": ("New York", "NY", "New York"),
    "213": ("Los Angeles", "CA", "California"),
    "305": ("Miami", "FL", "Florida"),
    "312": ("Chicago", "IL", "Illinois"),
    "323": ("Los Angeles", "CA", "California"),
    "415": ("San Francisco", "CA", "California"),
    "510": ("Oakland", "CA", "California"),
    "617": ("Boston", "MA", "Massachusetts"),
}
_TOLL_FREE = frozenset({"800", "833", "844", "855", "866", "877", "888"})
_NORTH_AMERICAN = re.compile(r"[2-9][0-9]{2}[2-9][0-9]{6}")


class Numbering:
    """Look-ups of one number or of many; Dedicated Enterprise only."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def by_query(self, request: TwinRequest) -> TwinReply:
        """`GET /phone-numbers/lookup?number=`."""
        return self._one(request.query.get("number"))

    def by_body(self, request: TwinRequest) -> TwinReply:
        """`POST /phone-numbers/lookup`."""
        return self._one(body_of(request).get("number"))

    def many(self, request: TwinRequest) -> TwinReply:
        """`POST /phone-numbers/batch`."""
        self._allowed()
        numbers = body_of(request).get("numbers")
        if not isinstance(numbers, list) or not numbers or not all(isinstance(number, str) for number in numbers):
            raise Refusal(400, "'numbers' must be a non-empty array of strings.")
        if len(numbers) > _MOST:
            raise Refusal(400, "'numbers' has at most 100 entries.")
        return reply({"results": [_told(number) for number in numbers]})

    def _one(self, number: Any) -> TwinReply:
        self._allowed()
        if not isinstance(number, str) or not number:
            raise Refusal(400, "'number' is required.")
        return reply(_told(number))

    def _allowed(self) -> None:
        if not self._account.on("lookups"):
            raise Refusal(403, "Phone number lookup requires a Dedicated Enterprise plan.")


def _told(text: str) -> Json:
    """Tell what a number is, in any of its spellings; without a plus it is taken for North American."""
    digits = re.sub(r"[^0-9]", "", text)
    if not text.strip().startswith("+"):
        digits = f"1{digits}" if len(digits) == 10 else digits
    code = _calling_code(digits)
    national = digits[len(code) :]
    return _north_american(text, national) if code == "1" else _foreign(text, code, national)


def _calling_code(digits: str) -> str:
    if digits.startswith("1"):
        return "1"
    return next((digits[:length] for length in (3, 2, 1) if digits[:length] in _COUNTRIES), "")


def _north_american(text: str, national: str) -> Json:
    valid = _NORTH_AMERICAN.fullmatch(national) is not None
    area, exchange, line = national[:3], national[3:6], national[6:]
    city, region, name = _AREAS.get(area, (None, None, None))
    kind = "TOLL_FREE" if area in _TOLL_FREE else "FIXED_LINE_OR_MOBILE"
    return {
        **_spelt(text, "1", national, valid=valid, possible=len(national) == 10),
        "national": f"({area}) {exchange}-{line}",
        "international": f"+1 {area}-{exchange}-{line}",
        "country": "US" if valid else None,
        "type": kind if valid else None,
        "location": {"city": city, "region": region, "region_name": name} if city else None,
        "area_code": area,
        "exchange": exchange,
        "area_code_region": f"{city}, {region}" if city else None,
    }


def _foreign(text: str, code: str, national: str) -> Json:
    possible = bool(code) and 6 <= len(national) <= 12
    return {
        **_spelt(text, code, national, valid=possible, possible=possible),
        "national": national,
        "international": f"+{code} {national}",
        "country": _COUNTRIES.get(code),
        "type": None,
        "location": None,
        "area_code": None,
        "exchange": None,
        "area_code_region": None,
    }


def _spelt(text: str, code: str, national: str, *, valid: bool, possible: bool) -> Json:
    return {
        "input": text,
        "valid": valid,
        "possible": possible,
        "e164": f"+{code}{national}",
        "country_calling_code": code,
        "national_number": national,
    }
