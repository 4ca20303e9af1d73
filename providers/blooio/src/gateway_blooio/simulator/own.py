"""The account about itself: `GET /me`, `GET /me/numbers`."""

from __future__ import annotations

from gateway.simulator import TwinReply, TwinRequest
from gateway_blooio.simulator.account import Account
from gateway_blooio.simulator.answers import Json, milliseconds, reply

__all__ = ["Own"]


class Own:
    """Who we are."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._since = milliseconds(account.now())

    def me(self, _: TwinRequest) -> TwinReply:
        """`GET /me`; it echoes the API key."""
        organization: Json = {
            "organization_id": "org_simulated",
            "name": "Simulated organization",
            "country_code": "US",
            "created_at": self._since,
        }
        return reply(
            {
                "auth_type": "api_key",
                "valid": True,
                "user_id": None,
                "api_key": self._account.context.api_key,
                "organization_id": organization["organization_id"],
                "organization": organization,
                "metadata": {},
                "integration_details": None,
                "devices": [
                    {**number, "last_active": milliseconds(self._account.now())} for number in self._account.numbers()
                ],
                "usage": self._usage(),
            }
        )

    def numbers(self, _: TwinRequest) -> TwinReply:
        """`GET /me/numbers`."""
        return reply({"numbers": list(self._account.numbers())})

    def _usage(self) -> Json:
        bubbles = [bubble for thread in self._account.threads() for bubble in thread.bubbles]
        sent = [milliseconds(bubble.created_at) for bubble in bubbles if bubble.ours]
        return {
            "inbound_messages": len(bubbles) - len(sent),
            "outbound_messages": len(sent),
            "last_message_sent": max(sent, default=None),
        }
