"""Find My: where contacts are who share it with a line."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from gateway.provider import Call, Exchange, path
from gateway_sendblue import wire
from gateway_sendblue.api.answers import ask, events, get, look_up

__all__ = ["listed", "one", "request", "watch"]


def listed(from_number: str) -> Exchange[wire.Locations]:
    """GET `/api/location`: everybody who shares with this line."""
    return look_up(path("/api/location"), wire.Locations, from_number=from_number)


def one(number: str, from_number: str) -> Exchange[wire.LocationAnswer]:
    """GET `/api/location/{number}`."""
    return look_up(path("/api/location/{number}", number=number), wire.LocationAnswer, from_number=from_number)


def watch(number: str, from_number: str) -> Exchange[Sequence[wire.LocationAnswer]]:
    """GET `/api/location/{number}/watch`: what a stream of events told until the vendor closed it."""
    reply = yield get(path("/api/location/{number}/watch", number=number), from_number=from_number)
    return [wire.LocationAnswer.model_validate(event) for event in events(reply)]


def request(number: str, from_number: str) -> Exchange[wire.RequestedLocation]:
    """POST `/api/request-location`: ask a contact to share; the contact sees it."""
    body: dict[str, JsonValue] = {"number": number, "from_number": from_number}
    return ask(Call("POST", path("/api/request-location"), json=body), wire.RequestedLocation)
