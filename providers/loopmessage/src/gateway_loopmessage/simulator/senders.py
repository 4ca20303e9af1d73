"""Sender names: looked up, ordered, moved, cancelled; each change of status is a webhook."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from pydantic import JsonValue

from gateway.simulator import TwinReply, TwinRequest
from gateway_loopmessage.simulator.account import Account, Rejected, iso
from gateway_loopmessage.simulator.directory import SenderName
from gateway_loopmessage.simulator.fields import body_of, flag, required, text_field
from gateway_loopmessage.simulator.hooks import Hooks
from gateway_loopmessage.simulator.pages import page_of

__all__ = ["PLANS", "Senders"]

#: Plans are made up; the vendor's page has the fields and no price.
PLANS: tuple[Mapping[str, JsonValue], ...] = (
    {
        "id": "2f5bd3a0-9b0c-4a51-8f1a-4f6c0a6d7e01",
        "name": "Starter",
        "daily_contacts": 50,
        "monthly_contacts": 500,
        "monthly_fee": 49.0,
        "currency": "USD",
    },
    {
        "id": "2f5bd3a0-9b0c-4a51-8f1a-4f6c0a6d7e02",
        "name": "Growth",
        "daily_contacts": 300,
        "monthly_contacts": 5000,
        "monthly_fee": 199.0,
        "currency": "USD",
    },
)

_BETWEEN_ORDERS = timedelta(seconds=30)
_TEST_SECONDS, _SECONDS = 300, 7200
_ZIP = re.compile(r"\d{5}")


class Senders:
    """The endpoints for sender names."""

    def __init__(self, account: Account, hooks: Hooks) -> None:
        self._account = account
        self._hooks = hooks

    def listed(self, request: TwinRequest) -> TwinReply:
        """GET `/sender/list/`."""
        return TwinReply(200, page_of(request, [_shown(sender) for sender in self._account.senders()]))

    def details(self, request: TwinRequest) -> TwinReply:
        """GET `/sender/{id}/`."""
        sender = self._find(request.params["id"])
        return self._account.not_found() if sender is None else TwinReply(200, _shown(sender))

    def move(self, request: TwinRequest) -> TwinReply:
        """PATCH `/sender/{id}/`: to another organization, by the key of the default one."""
        self._account.administer()
        sender = self._account.directory.senders.get(request.params["id"])
        if sender is None:
            return self._account.not_found()
        target = required(body_of(request), "organization_id")
        if target not in self._account.directory.organizations:
            raise Rejected(125, "organization_id names no organization")
        sender.organization = target
        return TwinReply(200, _shown(sender))

    def cancel(self, request: TwinRequest) -> TwinReply:
        """DELETE `/sender/{id}/cancel/`: at once."""
        sender = self._find(request.params["id"])
        if sender is None:
            return self._account.not_found()
        self._change(sender, "canceled")
        return TwinReply(200, {"success": True})

    def cancel_alias(self, request: TwinRequest) -> TwinReply:
        """DELETE `/sender/{alias_id}/alias/cancel/`."""
        asked = request.params["alias_id"]
        sender = next((one for one in self._account.senders() if one.alias == asked), None)
        if sender is None:
            return self._account.not_found()
        sender.alias = None
        return TwinReply(200, {"success": True})

    def plans(self, request: TwinRequest) -> TwinReply:
        """GET `/sender/plans/`."""
        return TwinReply(200, {"count": len(PLANS), "items": [dict(plan) for plan in PLANS]})

    def order(self, request: TwinRequest) -> TwinReply:
        """POST `/sender/new/`: one or several, of which each is checked before any is taken."""
        self._account.leave_the_sandbox()
        body = body_of(request)
        orders = body.get("senders", [body])
        if not isinstance(orders, list) or not orders or not all(isinstance(one, dict) for one in orders):
            raise Rejected(125, "senders has to be a list of orders")
        names = [_checked(one) for one in orders if isinstance(one, dict)]
        test, now = flag(body, "test") or False, self._account.context.now()
        last = self._account.last_order
        if last is not None and now - last < _BETWEEN_ORDERS:
            raise Rejected(100, "one order in 30 seconds")
        self._account.last_order = now
        items: list[JsonValue] = []
        for one, name in zip(orders, names, strict=True):
            if isinstance(one, dict):
                items.append(self._ordered(one, name or self._number(one), test=test))
        # the page shows one email sender without the list around it
        alone = len(items) == 1 and names[0] is not None and "senders" not in body
        return TwinReply(200, items[0] if alone else {"count": len(items), "items": items})

    def _ordered(self, order: Mapping[str, JsonValue], name: str, *, test: bool) -> JsonValue:
        account = self._account
        init = order.get("init_conversations") is True
        sender = SenderName(account.new_uuid(), name, account.caller.id, account.context.now(), "pending", init)
        account.directory.add(sender)

        def activate() -> None:
            if sender.status == "pending":
                self._change(sender, "active")

        account.context.later(_TEST_SECONDS if test else _SECONDS, activate)
        if sender.phone_number is None:
            return {"id": sender.id, "name": sender.name}
        # what was asked for comes back, but for the secrets of a port
        echo = {key: value for key, value in order.items() if key not in {"port", "test", "senders"}}
        return {**echo, "id": sender.id}

    def _number(self, order: Mapping[str, JsonValue]) -> str:
        """Make up a number of the block that is kept for fiction."""
        dice = self._account.context.random
        if order["phone_region"] == "GB":
            return f"+447700900{dice.randrange(1000):03d}"
        return f"+1202555{dice.randrange(100, 200):04d}"

    def _change(self, sender: SenderName, status: str) -> None:
        sender.status = status
        for webhook in self._hooks.sender(sender):
            self._account.context.emit(webhook)

    def _find(self, sender_id: str) -> SenderName | None:
        sender = self._account.directory.senders.get(sender_id)
        return sender if sender is not None and sender.organization == self._account.caller.id else None


def _shown(sender: SenderName) -> JsonValue:
    return {
        "id": sender.id,
        "name": sender.name,
        "status": sender.status,
        "create_date": iso(sender.created_at),
        "imessage_link": f"imessage://{sender.name}",
    }


def _checked(order: Mapping[str, JsonValue]) -> str | None:
    """Check one order; gives the name of an email sender, None for a phone."""
    if required(order, "plan_id") not in [plan["id"] for plan in PLANS]:
        raise Rejected(115, "plan_id names no plan")
    if "domain" in order or "name" in order:
        return f"{required(order, 'name')}@{required(order, 'domain')}".lower()
    region = required(order, "phone_region")
    if region not in {"US", "GB"}:
        raise Rejected(115, "phone_region is US or GB")
    zip_code = text_field(order, "zip_code")
    if zip_code is not None and (region != "US" or not _ZIP.fullmatch(zip_code)):
        raise Rejected(125, "zip_code is five digits, in the US")
    if text_field(order, "forwarding_to_phone_number") is not None and not flag(order, "sms_and_call"):
        raise Rejected(125, "forwarding_to_phone_number needs sms_and_call")
    for name in ("rcs", "whatsapp", "init_conversations"):
        flag(order, name)
    _nested(order, "contact", "first_name")
    _nested(order, "port", "phone_number", "account_number", "pin", "carrier")
    return None


def _nested(order: Mapping[str, JsonValue], name: str, *needed: str) -> None:
    inner = order.get(name)
    if inner is None:
        return
    if not isinstance(inner, dict):
        raise Rejected(125, f"{name} has to be an object")
    for field in needed:
        required(inner, field)
