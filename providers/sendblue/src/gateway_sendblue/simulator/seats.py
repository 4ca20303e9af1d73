"""Seats: the people who work with the account."""

from __future__ import annotations

from gateway.simulator import TwinReply, TwinRequest
from gateway_sendblue.simulator.account import EMAIL, Account
from gateway_sendblue.simulator.answers import Json, Refusal, cut, iso, reply

__all__ = ["Seats"]


class Seats:
    """`/api/v2/seats`: two people, made up."""

    def __init__(self, account: Account) -> None:
        made = iso(account.now())
        people = (("Sam", "Seat", EMAIL), ("Robin", "Reply", "robin@example.com"))
        self._seats: list[Json] = [
            {
                "seat_id": account.uuid(),
                "account": EMAIL,
                "email": email,
                "first_name": first,
                "last_name": last,
                "forwarding_number": None,
                "created_at": made,
            }
            for first, last, email in people
        ]

    def email_of(self, seat_id: str) -> str:
        """Name whose seat it is; raises `Refusal` (400) for an unknown one, as a send does."""
        found = next((seat for seat in self._seats if seat["seat_id"] == seat_id), None)
        if found is None:
            raise Refusal(400, "seat_id is not a seat of this account")
        return str(found["email"])

    def listed(self, request: TwinRequest) -> TwinReply:
        """`GET /api/v2/seats`: a bare array."""
        return reply(cut(request, self._found(request), dict)[0])

    def count(self, request: TwinRequest) -> TwinReply:
        """`GET /api/v2/seats/count`."""
        return reply({"count": len(self._found(request))})

    def one(self, request: TwinRequest) -> TwinReply:
        """`GET /api/v2/seats/{seat_id}`."""
        found = next((seat for seat in self._seats if seat["seat_id"] == request.params["seat"]), None)
        if found is None:
            raise Refusal(404, "There is no such seat")
        return reply({"status": "OK", "seat": found})

    def _found(self, request: TwinRequest) -> list[Json]:
        wanted = request.query.get("email")
        return [seat for seat in self._seats if wanted in (None, seat["email"])]
