"""Sender names: the lines of the account, what they cost, and ordering them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from gateway.provider import Call, Exchange, Page, Repeat, path
from gateway_loopmessage import wire
from gateway_loopmessage.api.answers import accepted, acknowledged, fetch, listing

__all__ = ["cancel", "cancel_alias", "details", "move", "order", "plans", "senders"]


def senders(*, page: int = 1, per_page: int = 20, sort_by: str = "desc") -> Exchange[Page[wire.Sender]]:
    """GET `/sender/list/`: sender names by page, at most 1000 on one."""
    params = {"per_page": str(per_page), "sort_by": sort_by}
    return listing(path("/sender/list/"), wire.Sender, params, page)


def details(sender_id: str) -> Exchange[wire.Sender]:
    """GET `/sender/{id}/`: one sender name; raises `NotFound` for an unknown id."""
    return fetch(Call("GET", path("/sender/{id}/", id=sender_id), repeat=Repeat.SAFE), wire.Sender)


def move(sender_id: str, organization_id: str) -> Exchange[wire.Sender]:
    """PATCH `/sender/{id}/`: give a sender to another organization; needs the default organization's key.

    Safe to repeat: it is where it was moved to.
    """
    url = path("/sender/{id}/", id=sender_id)
    return fetch(Call("PATCH", url, json={"organization_id": organization_id}, repeat=Repeat.SAFE), wire.Sender)


def cancel(sender_id: str) -> Exchange[wire.Answer]:
    """DELETE `/sender/{id}/cancel/`: give a sender up, at once and for good.

    Safe to repeat: one that is cancelled cannot be cancelled more.
    """
    reply = yield Call("DELETE", path("/sender/{id}/cancel/", id=sender_id), repeat=Repeat.SAFE)
    return acknowledged(reply)


def cancel_alias(alias_id: str) -> Exchange[wire.Answer]:
    """DELETE `/sender/{alias_id}/alias/cancel/`: give up a phone alias; only an older edition of the page has it.

    Safe to repeat, as `cancel` is.
    """
    reply = yield Call("DELETE", path("/sender/{alias_id}/alias/cancel/", alias_id=alias_id), repeat=Repeat.SAFE)
    return acknowledged(reply)


def plans() -> Exchange[wire.Plans]:
    """GET `/sender/plans/`: all plans, in one answer without pages."""
    return fetch(Call("GET", path("/sender/plans/"), repeat=Repeat.SAFE), wire.Plans)


def order(*orders: wire.SenderOrder, test: bool = False) -> Exchange[Sequence[wire.OrderedSender]]:
    """POST `/sender/new/`: order a sender, or several at once; `test` simulates the purchase.

    At most one such request in 30 seconds. Each is active when the webhook `sender_name_updated` says so, which takes
    hours. Never repeated: a second copy is a second purchase. Raises `ValueError` without an order.
    """
    if not orders:
        raise ValueError("an order names at least one sender")
    body: dict[str, JsonValue] = orders[0].body() if len(orders) == 1 else {"senders": [one.body() for one in orders]}
    if test:
        body["test"] = True
    reply = yield Call("POST", path("/sender/new/"), json=body, repeat=Repeat.NEVER)
    return accepted(reply, wire.Ordered).senders
