"""Find My: nobody shares until asked; who is asked shares a made-up place after a minute."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.provider import Address
from gateway.simulator import TwinReply, TwinRequest
from gateway_sendblue.simulator.account import Account
from gateway_sendblue.simulator.answers import Json, Refusal, body_of, iso, phone_of, reply, stream, string

__all__ = ["Locations"]

_SHARES_AFTER = timedelta(minutes=1)
_SHARES_FOR = timedelta(hours=1)


class Locations:
    """`/api/location…` and `/api/request-location`."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._asked: dict[tuple[str, Address], datetime] = {}

    def request(self, request: TwinRequest) -> TwinReply:
        """`POST /api/request-location`."""
        body = body_of(request)
        address = phone_of(string(body, "number", required=True), "number")
        line = self._line(string(body, "from_number", required=True))
        self._asked[line, address] = self._account.now()
        told = {"uuid": self._account.uuid(), "number": address.value, "message": "Location request queued"}
        return reply({"status": "QUEUED", "message_handle": self._account.handle(), **told})

    def listed(self, request: TwinRequest) -> TwinReply:
        """`GET /api/location`."""
        line = self._line(request.query.get("from_number"))
        found = [address for by, address in self._asked if by == line]
        locations = [{"number": each.value, **self._where(line, each)} for each in found]
        return reply({"status": "OK", "from_number": line, "locations": locations})

    def one(self, request: TwinRequest) -> TwinReply:
        """`GET /api/location/{number}`."""
        return reply(self._told(request))

    def watch(self, request: TwinRequest) -> TwinReply:
        """`GET /api/location/{number}/watch`: what is known now, and the end at once, where the vendor waits."""
        told = self._told(request)
        done = {**told, "reason": "location" if told["location"] else "timeout"}
        seen = [("location", told)] if told["location"] else []
        return stream(("ready", told), *seen, ("complete", done))

    def _told(self, request: TwinRequest) -> Json:
        line = self._line(request.query.get("from_number"))
        address = phone_of(request.params["number"], "number")
        return {"status": "OK", "from_number": line, "number": address.value, **self._where(line, address)}

    def _where(self, line: str, address: Address) -> Json:
        asked, now = self._asked.get((line, address)), self._account.now()
        if asked is None or now - asked > _SHARES_AFTER + _SHARES_FOR:
            return {"state": "not_shared", "location": None}
        if now - asked < _SHARES_AFTER:
            return {"state": "shared_no_fix_yet", "location": None}
        place = {"latitude": 30.2672, "longitude": -97.7431, "accuracy": 12.0, "altitude": 149.0}
        ends = iso(asked + _SHARES_AFTER + _SHARES_FOR)
        more = {"address": None, "expiresAt": ends, "locationType": "live", "refreshError": None, "timestamp": iso(now)}
        return {"state": "shared_with_fix", "location": {**place, **more}}

    def _line(self, line: str | None) -> str:
        if line is None or line not in self._account.lines:
            raise Refusal(400, "from_number is not a line of this account")
        return line
