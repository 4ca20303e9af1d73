"""The audience: contacts, their state and history, the openings of opt-in links; and the webhooks that were sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from pydantic import JsonValue

from gateway.provider import Address
from gateway.simulator import Bubble, TwinReply, TwinRequest
from gateway_loopmessage.simulator.account import Account, Opening, Rejected, iso
from gateway_loopmessage.simulator.hooks import message_type, said
from gateway_loopmessage.simulator.pages import page_of, within_days
from gateway_loopmessage.simulator.rules import normalised

__all__ = ["Audience"]


class Audience:
    """The endpoints that look up people, and what happened with them."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def contacts(self, request: TwinRequest) -> TwinReply:
        """GET `/audience/list/`, the newest first; the days are those on which a contact first wrote."""
        search = request.query.get("search", "").strip().lower()
        known = [address for address in self._account.contacts() if search in address.value]
        if {"from_date", "to_date"} & request.query.keys():
            known = [address for address in known if within_days(request, self._since(address))]
        items: list[JsonValue] = [{"id": self._account.contact_id(a), "value": a.value} for a in known]
        return TwinReply(200, page_of(request, items))

    def contact_status(self, request: TwinRequest) -> TwinReply:
        """GET `/audience/check-status/{contact}/`."""
        return TwinReply(200, {"status": self._account.contact_status(self._contact(request))})

    def unsubscribe(self, request: TwinRequest) -> TwinReply:
        """DELETE `/audience/delete/{contact}/`: the contact gets nothing more until a new opt-in."""
        address = self._contact(request)
        self._account.unsubscribed.add(address)
        self._account.opted_in.discard(address)
        # the answer is not documented: a client in the field takes either
        empty = self._account.number("delete_status") == 204
        return TwinReply(204) if empty else TwinReply(200, {"success": True})

    def messages(self, request: TwinRequest) -> TwinReply:
        """GET `/audience/messages/{contact}/`: both directions, all lines; fresh messages come in after a while."""
        address = self._contact(request)
        bubbles = [bubble for thread in self._account.direct_threads(address) for bubble in thread.bubbles]
        shown_until = self._account.context.now() - timedelta(seconds=self._account.number("history_delay"))
        old = [bubble for bubble in sorted(bubbles, key=_age) if bubble.created_at <= shown_until]
        page = page_of(request, [_history_item(bubble) for bubble in old if _is_wanted(request, bubble)])
        return TwinReply(200, {**page, "status": self._account.contact_status(address)})

    def tracker(self, request: TwinRequest) -> TwinReply:
        """GET `/audience/tracker/`: who opened an opt-in link; the people are made up, and always the same."""
        openings = enumerate(self._account.openings)
        shown = [self._opening(number, one) for number, one in openings if within_days(request, one.opened_at)]
        return TwinReply(200, page_of(request, shown))

    def hooks(self, request: TwinRequest) -> TwinReply:
        """GET `/webhooks/history/`: every webhook with its payload, and how often it was tried."""
        items: list[JsonValue] = [
            {
                "attempt": max(kept.attempt, 1),
                "create_date": iso(kept.made_at),
                "event_type": kept.webhook.event,
                "json": dict(kept.webhook.payload),
            }
            for kept in self._account.hooks.values()
        ]
        return TwinReply(200, page_of(request, items))

    def _contact(self, request: TwinRequest) -> Address:
        """Read the contact in the path: an email, or the international form with `+`."""
        text = request.params["contact"]
        if "@" not in text and not text.startswith("+"):
            raise Rejected(160)
        return normalised(text)

    def _since(self, address: Address) -> datetime:
        """Tell since when a contact is known: the first message, or for one who only followed a link, now."""
        times = [b.created_at for thread in self._account.direct_threads(address) for b in thread.bubbles if not b.ours]
        return min(times, default=self._account.context.now())

    def _opening(self, number: int, opening: Opening) -> JsonValue:
        return {
            "id": opening.id,
            # of the block that is kept for examples (RFC 5737)
            "ip_address": f"203.0.113.{number % 250 + 1}",
            "organization": self._account.organization_of(opening.link.sender).name,
            "origin": str(opening.link.parameters.get("origin", "https://example.com/")),
            "type": "opt_in",
            "create_date": iso(opening.opened_at),
            "geo": {
                "city": "Washington",
                "country": "US",
                "europe_union": False,
                "postal_code": "20001",
                "region": "DC",
                "time_zone": "America/New_York",
            },
            "user_agent": {
                "bot": False,
                "browser": "Mobile Safari",
                "device": "iPhone",
                "email_client": False,
                "mobile": True,
                "os": "iOS",
            },
        }


def _age(bubble: Bubble) -> datetime:
    return bubble.created_at


def _is_wanted(request: TwinRequest, bubble: Bubble) -> bool:
    query = request.query
    checks: Iterable[tuple[str, Callable[[str], bool]]] = (
        ("direction", lambda word: word == _direction(bubble)),
        ("type", lambda word: word == message_type(bubble)),
    )
    fits = all(check(query[name]) for name, check in checks if query.get(name))
    return within_days(request, bubble.created_at) and fits


def _direction(bubble: Bubble) -> str:
    return "outbound" if bubble.ours else "inbound"


def _history_item(bubble: Bubble) -> JsonValue:
    return {
        "id": bubble.vendor_id,
        "create_date": iso(bubble.created_at),
        "channel": bubble.channel.value,
        "direction": _direction(bubble),
        "language": "EN",
        "type": message_type(bubble),
        "text": said(bubble),
    }
