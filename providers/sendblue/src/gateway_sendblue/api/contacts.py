"""Contacts: the address book, opt-outs, and who may be written to on a shared line."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from gateway.provider import Call, Exchange, Repeat, path
from gateway_sendblue import wire
from gateway_sendblue.api.answers import ask, look_up

__all__ = [
    "count",
    "create",
    "create_many",
    "delete",
    "delete_many",
    "get",
    "get_verified",
    "list_verified",
    "listed",
    "opt_out",
    "request_verification",
    "update",
    "verify",
]


def listed(*, limit: int = 100, offset: int = 0, **filters: str | None) -> Exchange[wire.Contacts]:
    """GET `/api/v2/contacts`: at most 1000 at once, and none beyond the ten thousandth.

    Filters: `cid`, `phone_number`, `created_at_gte`, `order_by`, `order_direction`.
    """
    return look_up(path("/api/v2/contacts"), wire.Contacts, limit=limit, offset=offset, **filters)


def create(body: wire.ContactBody) -> Exchange[wire.ContactAnswer]:
    """POST `/api/v2/contacts`; `number` is required."""
    return ask(Call("POST", path("/api/v2/contacts"), json=body.body()), wire.ContactAnswer)


def get(number: str) -> Exchange[wire.ContactAnswer]:
    """GET `/api/v2/contacts/{phone_number}`."""
    return look_up(path("/api/v2/contacts/{number}", number=number), wire.ContactAnswer)


def update(number: str, body: wire.ContactBody) -> Exchange[wire.ContactAnswer]:
    """PUT `/api/v2/contacts/{phone_number}`; custom variables are merged."""
    where = path("/api/v2/contacts/{number}", number=number)
    return ask(Call("PUT", where, json=body.body(), repeat=Repeat.SAFE), wire.ContactAnswer)


def delete(number: str) -> Exchange[wire.Answer]:
    """DELETE `/api/v2/contacts/{phone_number}`."""
    where = path("/api/v2/contacts/{number}", number=number)
    return ask(Call("DELETE", where, repeat=Repeat.SAFE), wire.Answer)


def count() -> Exchange[wire.Count]:
    """GET `/api/v2/contacts/count`."""
    return look_up(path("/api/v2/contacts/count"), wire.Count)


def create_many(contacts: Sequence[wire.Contact]) -> Exchange[wire.BulkContacts]:
    """POST `/api/v2/contacts/bulk`; each needs `phone`."""
    body: dict[str, JsonValue] = {"contacts": [contact.body() for contact in contacts]}
    return ask(Call("POST", path("/api/v2/contacts/bulk"), json=body), wire.BulkContacts)


def delete_many(numbers: Sequence[str]) -> Exchange[wire.Deleted]:
    """DELETE `/api/v2/contacts` with a body: `contact_ids` are phones."""
    body: dict[str, JsonValue] = {"contact_ids": list(numbers)}
    return ask(Call("DELETE", path("/api/v2/contacts"), json=body, repeat=Repeat.SAFE), wire.Deleted)


def opt_out(number: str, *, opted_out: bool = True) -> Exchange[wire.OptOut]:
    """POST `/api/v2/contacts/opt-out`: nothing more is sent to this contact, or, with False, again."""
    body: dict[str, JsonValue] = {"number": number, "opted_out": opted_out}
    return ask(Call("POST", path("/api/v2/contacts/opt-out"), json=body, repeat=Repeat.SAFE), wire.OptOut)


def verify(number: str) -> Exchange[wire.Answer]:
    """POST `/api/v2/contacts/verify`: begin to verify a contact of the free plan."""
    return ask(Call("POST", path("/api/v2/contacts/verify"), json={"number": number}), wire.Answer)


# ── shared lines ──────────────────────────────────────────────────────────────────────────────────────────────────


def request_verification(number: str) -> Exchange[wire.VerifiedContact]:
    """POST `/v3/verified-contacts`: the contact has to text the shared line first; until then a send fails."""
    call = Call("POST", path("/v3/verified-contacts"), json={"phone_number": number}, repeat=Repeat.SAFE)
    return ask(call, wire.VerifiedContact)


def list_verified() -> Exchange[wire.VerifiedContacts]:
    """GET `/v3/verified-contacts`."""
    return look_up(path("/v3/verified-contacts"), wire.VerifiedContacts)


def get_verified(number: str) -> Exchange[wire.VerifiedContact]:
    """GET `/v3/verified-contacts/{phone_number}`."""
    return look_up(path("/v3/verified-contacts/{number}", number=number), wire.VerifiedContact)
