"""Where contacts are, and FaceTime calls to them."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import partial

from gateway.provider import Address
from gateway.simulator import TwinReply, TwinRequest
from gateway_blooio.simulator.account import Account
from gateway_blooio.simulator.answers import Json, Refusal, body_of, milliseconds, reply
from gateway_blooio.simulator.places import party_of

__all__ = ["Presence"]

_REFRESH_SECONDS = 18.0
"""By the documents the phones take 15 to 20 seconds to tell."""


class Presence:
    """`/location/contacts` and `/facetime/calls`. Contacts with iMessage whom we talk to share where they are."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._since = account.now()
        self._seen: dict[Address, datetime] = {}

    def listed(self, _: TwinRequest) -> TwinReply:
        """`GET /location/contacts`; without an active number the 404 has no body."""
        if not self._account.on("active"):
            return TwinReply(404)
        return reply({"friends": self._friends()})

    def one(self, request: TwinRequest) -> TwinReply:
        """`GET /location/contacts/{handle}`."""
        handle = party_of(request.params["handle"])
        if not self._account.on("active") or handle not in self._sharing():
            return TwinReply(404)
        return reply(self._friend(handle))

    def refresh(self, _: TwinRequest) -> TwinReply:
        """`POST /location/contacts/refresh`: answers what is known already; news come after a while."""
        for address in self._sharing():
            self._account.context.later(_REFRESH_SECONDS, partial(self._see, address))
        return reply({"success": True, "friends": self._friends()})

    def call(self, request: TwinRequest) -> TwinReply:
        """`POST /facetime/calls`: disabled by the vendor for now; its answer then is not documented."""
        handle = body_of(request).get("handle")
        if not isinstance(handle, str):
            raise Refusal(400, "'handle' is required.")
        address = party_of(handle)
        if not self._account.on("facetime"):
            return reply({"error": "Coming soon", "message": "FaceTime calls are coming soon"}, 501)
        self._account.need_number()
        if not self._account.world.phone(address).imessage:
            raise Refusal(400, "FaceTime is not available for this handle.")
        link = f"https://facetime.apple.com/join#v=1&p={self._account.letters(22)}"
        return reply({"success": True, "link": link, "handle": address.value})

    # ── who and where ─────────────────────────────────────────────────────────────────────────────────────────────

    def _sharing(self) -> list[Address]:
        if not self._account.on("locations"):
            return []
        met = {thread.members[0]: None for thread in self._account.threads() if not thread.group and thread.bubbles}
        return [address for address in met if self._account.world.phone(address).imessage]

    def _see(self, address: Address) -> None:
        self._seen[address] = self._account.now()

    def _friends(self) -> list[Json]:
        return [self._friend(address) for address in self._sharing()]

    def _friend(self, address: Address) -> Json:
        seen = self._seen.get(address)
        return {
            "handle": address.value,
            "coordinates": _whereabouts(address),
            "status": "shallow" if seen is None else "live",
            "last_updated": milliseconds(seen or self._since),
        }


def _whereabouts(address: Address) -> list[float]:
    """Make up a place that stays the same for an address."""
    digest = hashlib.sha256(address.text.encode()).digest()
    north, east = (int.from_bytes(digest[i : i + 4]) / 2**32 for i in (0, 4))
    return [round(north * 120 - 60, 6), round(east * 360 - 180, 6)]
