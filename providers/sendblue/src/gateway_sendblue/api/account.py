"""The account: its stream of events, temporary tokens, seats, and what only the vendor's own tools use."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from gateway.provider import Call, Exchange, Repeat, path
from gateway_sendblue import wire
from gateway_sendblue.api.answers import acknowledged, ask, events, get, look_up

__all__ = [
    "count_seats",
    "create_token",
    "limits",
    "me",
    "revoke_token",
    "seat",
    "seats",
    "shared_contacts",
    "stream",
    "verify_on_shared_line",
]


def stream(*types: str) -> Exchange[Sequence[wire.AccountEvent]]:
    """GET `/api/v2/events`: what a stream of events told until the vendor closed it, after 15 minutes at most.

    It cannot be replayed. A connection's webhooks are the better way in; this is for a look at what goes on.
    """
    reply = yield get(path("/api/v2/events"), types=",".join(types) or None)
    return [wire.AccountEvent.model_validate(event) for event in events(reply)]


def create_token(
    *, expires_in_seconds: int | None = None, phone_numbers: Sequence[str] = ()
) -> Exchange[wire.TemporaryToken]:
    """POST `/v3/auth/tokens`: a bearer token, for 15 minutes unless said otherwise, for all lines or only some."""
    body: dict[str, JsonValue] = {}
    if expires_in_seconds is not None:
        body["expires_in_seconds"] = expires_in_seconds
    if phone_numbers:
        body["phone_numbers"] = list(phone_numbers)
    return ask(Call("POST", path("/v3/auth/tokens"), json=body), wire.TemporaryToken)


def revoke_token(token_id: str) -> Exchange[None]:
    """DELETE `/v3/auth/tokens/{token_id}`."""
    acknowledged((yield Call("DELETE", path("/v3/auth/tokens/{token}", token=token_id), repeat=Repeat.SAFE)))


# ── seats ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def seats(*, email: str | None = None, limit: int | None = None, offset: int | None = None) -> Exchange[wire.Seats]:
    """GET `/api/v2/seats`: the people who work with the account."""
    return look_up(path("/api/v2/seats"), wire.Seats, email=email, limit=limit, offset=offset)


def seat(seat_id: str) -> Exchange[wire.SeatAnswer]:
    """GET `/api/v2/seats/{seat_id}`."""
    return look_up(path("/api/v2/seats/{seat}", seat=seat_id), wire.SeatAnswer)


def count_seats(*, email: str | None = None) -> Exchange[wire.Count]:
    """GET `/api/v2/seats/count`."""
    return look_up(path("/api/v2/seats/count"), wire.Count, email=email)


# ── beside the documents ──────────────────────────────────────────────────────────────────────────────────────────


def me() -> Exchange[wire.Account]:
    """GET `/account`."""
    return look_up(path("/account"), wire.Account)


def limits() -> Exchange[wire.Account]:
    """GET `/accounts/limits`."""
    return look_up(path("/accounts/limits"), wire.Account)


def shared_contacts() -> Exchange[wire.Account]:
    """GET `/accounts/shared-contacts`."""
    return look_up(path("/accounts/shared-contacts"), wire.Account)


def verify_on_shared_line(number: str) -> Exchange[wire.Account]:
    """POST `/accounts/verify-contact-on-shared-account`."""
    where = path("/accounts/verify-contact-on-shared-account")
    return ask(Call("POST", where, json={"number": number}, repeat=Repeat.SAFE), wire.Account)
