"""The numbers of the pool: their contact cards, and the forwarding of calls."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from gateway.provider import AddressKind
from gateway.simulator import TwinReply, TwinRequest
from gateway_blooio.simulator.account import LINES, Account
from gateway_blooio.simulator.answers import Json, Refusal, body_of, reply
from gateway_blooio.simulator.places import party_of

__all__ = ["Cards"]

_NAMES = ("first_name", "last_name")
_SHARING: Json = {"enabled": True, "audience": 0, "name_format": 0}
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


class Cards:
    """`/me/numbers/{number}/…`."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._cards: dict[str, Json] = {}

    def one(self, request: TwinRequest) -> TwinReply:
        """`GET …/contact-card`; a number without a card has an empty one."""
        line = self._line(request)
        card = self._card(line)
        names = [card[field] for field in _NAMES if card[field]]
        return reply({**card, "name": " ".join(names) or None, "has_wallpaper": False})

    def change(self, request: TwinRequest) -> TwinReply:
        """`PUT …/contact-card`; name and picture only with a plan that has them, who may see it with any."""
        line, body = self._line(request), body_of(request)
        change = _change(body)
        if not self._account.on("contact_card") and change.keys() & {*_NAMES, "avatar"}:
            raise Refusal(403, "Contact card editing requires a Dedicated Commercial or Dedicated Enterprise plan.")
        if not self._account.on("active"):
            raise Refusal(502, "The device could not be reached.")
        card = self._card(line)
        sharing = {**card["sharing"], **change.pop("sharing", {})}
        self._cards[line] = card = {**card, **change, "sharing": sharing}
        return reply({"success": True, "phone_number": line, **{field: card[field] for field in _NAMES}})

    def forward_calls(self, request: TwinRequest) -> TwinReply:
        """`POST …/call-forwarding`: opens a ticket, each time."""
        line, target = self._line(request), body_of(request).get("forward_to")
        if not isinstance(target, str) or party_of(target).kind is not AddressKind.PHONE:
            raise Refusal(400, "'forward_to' must be a phone number in E.164 format.")
        ticket = {"success": True, "ticket_id": f"tkt_{self._account.letters(12)}", "status": "open"}
        return reply({**ticket, "number": line, "forward_to": target}, 201)

    def _line(self, request: TwinRequest) -> str:
        number = request.params["number"]
        party_of(number)
        if number not in LINES:
            raise Refusal(403, "This number is not assigned to your API key.")
        return number

    def _card(self, line: str) -> Json:
        empty = {"phone_number": line, "first_name": None, "last_name": None, "avatar": None, "sharing": _SHARING}
        return self._cards.get(line, empty)


def _change(body: Json) -> Json:
    """Read what is to change; raises `Refusal` (400)."""
    change: Json = {}
    for field in _NAMES:
        if (name := body.get(field)) is not None:
            if not isinstance(name, str):
                raise Refusal(400, f"'{field}' must be a string.")
            change[field] = name
    if (avatar := body.get("avatar")) is not None:
        change["avatar"] = _avatar(avatar)
    if (sharing := body.get("sharing")) is not None:
        change["sharing"] = _sharing(sharing)
    return change


def _avatar(value: Any) -> str:
    try:
        picture = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except binascii.Error:
        picture = b""
    if not picture.startswith(_BEGINNINGS):
        raise Refusal(400, "'avatar' must be a base64-encoded JPEG or PNG.")
    return str(value)


def _sharing(value: Any) -> Json:
    if not isinstance(value, dict):
        raise Refusal(400, "'sharing' must be an object.")
    if not isinstance(value.get("enabled", True), bool):
        raise Refusal(400, "'sharing.enabled' must be a boolean.")
    for field in ("audience", "name_format"):
        number = value.get(field, 0)
        if isinstance(number, bool) or number not in (0, 1):
            raise Refusal(400, f"'sharing.{field}' must be 0 or 1.")
    return {field: value[field] for field in _SHARING if field in value}
