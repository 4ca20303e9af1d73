"""The account: who we are, the numbers of the pool, their contact cards, call forwarding."""

from __future__ import annotations

from gateway.provider import Exchange, Repeat, path
from gateway_blooio import wire
from gateway_blooio.api.answers import change, get

__all__ = ["get_me", "get_my_contact_card", "list_numbers", "request_call_forwarding", "update_my_contact_card"]


def get_me() -> Exchange[wire.Me]:
    """GET `/me`: the organization, its numbers and what the key has sent; the answer echoes the key."""
    return get(path("/me"), wire.Me)


def list_numbers() -> Exchange[wire.Numbers]:
    """GET `/me/numbers`: the numbers of the key's pool, which is what `from_number` may be."""
    return get(path("/me/numbers"), wire.Numbers)


def get_my_contact_card(number: str) -> Exchange[wire.ContactCard]:
    """GET `/me/numbers/{number}/contact-card`: the Name & Photo of a number of ours, with its picture (base64)."""
    return get(path("/me/numbers/{number}/contact-card", number=number), wire.ContactCard)


def update_my_contact_card(number: str, card: wire.CardBody) -> Exchange[wire.CardUpdated]:
    """PUT `/me/numbers/{number}/contact-card`: change what `card` names, and leave the rest as it is.

    Name and picture need a Dedicated Commercial or Enterprise plan; `Refused` (403) otherwise. Repeat SAFE: the same
    card again is the same card.
    """
    return change("PUT", path("/me/numbers/{number}/contact-card", number=number), wire.CardUpdated, card)


def request_call_forwarding(number: str, forward_to: str) -> Exchange[wire.ForwardingTicket]:
    """POST `/me/numbers/{number}/call-forwarding`: ask the vendor's people to forward calls; gives a ticket.

    Only one client of others names this operation. Repeat NEVER: each call opens a ticket.
    """
    where = path("/me/numbers/{number}/call-forwarding", number=number)
    return change("POST", where, wire.ForwardingTicket, wire.ForwardingBody(forward_to=forward_to), repeat=Repeat.NEVER)
