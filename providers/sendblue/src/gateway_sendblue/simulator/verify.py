"""Verify: somebody proves a number by sending a code to a line (an inverted one-time password)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gateway.provider import Address
from gateway.simulator import TwinReply, TwinRequest
from gateway_sendblue.simulator.account import EMAIL, Account
from gateway_sendblue.simulator.answers import Json, Refusal, body_of, cut, iso, moment, phone_of, reply, string

__all__ = ["Verifications"]

_VALID = timedelta(minutes=10)


@dataclass(slots=True)
class _Verification:
    """One check."""

    sid: str
    service: str
    to: Address
    code: str
    created_at: datetime
    updated_at: datetime
    approved: bool = False


class Verifications:
    """`/api/v2/verify/…`; a contact who writes the code to a line is approved."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._made: list[_Verification] = []

    def create(self, request: TwinRequest) -> TwinReply:
        """`POST /api/v2/verify/services/{service_sid}/verifications`."""
        body = body_of(request)
        to, now = phone_of(string(body, "to", required=True), "to"), self._account.now()
        hosted = body.get("hosted")
        if hosted is not None and not (isinstance(hosted, dict) and hosted.get("parent_origin")):
            raise Refusal(400, "hosted.parent_origin is required")
        sid = f"VE{self._account.uuid().replace('-', '')}"
        code = f"{self._account.context.random.randrange(1_000_000):06d}"
        made = _Verification(sid, request.params["service"], to, code, now, now)
        self._made.append(made)
        shown = self._shown(made)
        if hosted is not None:
            shown["hosted"] = self._hosted(made)
        return reply(shown, 201)

    def one(self, request: TwinRequest) -> TwinReply:
        """`GET …/verifications/{verification_sid}`."""
        wanted = (request.params["service"], request.params["verification"])
        found = next((each for each in self._made if (each.service, each.sid) == wanted), None)
        if found is None:
            raise Refusal(404, "There is no such verification")
        return reply(self._shown(found))

    def listed(self, request: TwinRequest) -> TwinReply:
        """`GET /api/v2/verify/verifications`."""
        since = moment(request, "updated_at_gte")
        found = [each for each in self._made if since is None or each.updated_at >= since]
        data, page = cut(request, found[::-1], self._row)
        shown = {"limit": page["limit"], "offset": page["offset"], "count": len(data), "has_more": page["hasMore"]}
        return reply({"status": "OK", "data": data, "pagination": shown})

    def heard(self, sender: Address, text: str) -> None:
        """Approve the check whose code a contact wrote."""
        for made in self._made:
            if made.to == sender and made.code in text and self._status(made) == "pending":
                made.approved, made.updated_at = True, self._account.now()

    def _status(self, made: _Verification) -> str:
        if made.approved:
            return "approved"
        return "expired" if self._account.now() - made.created_at >= _VALID else "pending"

    def _state(self, made: _Verification) -> Json:
        return {
            "sid": made.sid,
            "service_sid": made.service,
            "to": made.to.value,
            "channel": "imessage",
            "status": self._status(made),
            "date_created": iso(made.created_at),
            "date_updated": iso(made.updated_at),
        }

    def _row(self, made: _Verification) -> Json:
        return {**self._state(made), "date_completed": iso(made.updated_at) if made.approved else None}

    def _shown(self, made: _Verification) -> Json:
        line = self._account.lines[0]
        url = f"https://api.sendblue.co/api/v2/verify/services/{made.service}/verifications/{made.sid}"
        link: Any = {"code": made.code, "pool_number": line, "sms_deep_link": f"sms:{line}&body={made.code}"}
        return {
            **self._state(made),
            "account_sid": f"AC{EMAIL}",
            "expires_at": iso(made.created_at + _VALID),
            "url": url,
            "delivery_target": link,
        }

    def _hosted(self, made: _Verification) -> Json:
        return {
            "session_id": made.sid,
            "url": f"https://verify.sendblue.com/{made.sid}",
            "component_script": "https://verify.sendblue.com/component.js",
            "expires_at": iso(made.created_at + _VALID),
        }
